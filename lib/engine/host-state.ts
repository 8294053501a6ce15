import { emptyRecord } from '../source/record.ts';
import { fromHost, withForeignKeys } from '../source/unsafe.ts';
import { type Dict, type Json, toJson, toPlain, type Value } from '../source/value.ts';
import type { HostStats, Status } from './events.ts';

/**
 * Names of variables that say how a host is reached and whom we become there. A host chooses names of facts, such as
 * those of its network interfaces: these stay in `ansible_facts` and never become variables.
 */
const CONNECTION_VARIABLE =
  /^ansible_(connection|host|port|user|pass(word)?|private_key_file|host_key_checking|timeout|pipelining|transport|executable|(remote|become|ssh|sftp|scp|paramiko|su|sudo|doas|shell)(_(?!host_key_).+)?|.+_(args|interpreter|pass|password))$/;

/** How Ansible's fact cache says that the facts were gathered. */
const GATHERED = '_ansible_facts_gathered';

/** The outcomes that the recap counts. */
interface Counted {
  readonly status: Status;
  readonly ignored: boolean;
  readonly changed: boolean;
}

/** Everything the run has learned about one host. Owned by the engine; lives as long as the run. */
export class HostState {
  readonly name: string;
  /** Level 12, names without the `ansible_` prefix: the mapping `ansible_facts`. */
  facts: Dict = new Map();
  /** Facts as plain JSON, for modules. */
  readonly plainFacts = new Map<string, Json>();
  /** Level 12: the same facts as variables (`ansible_hostname`), and cacheable set_facts. */
  readonly factVars: Dict = new Map();
  /** Level 19. */
  readonly includedVars: Dict = new Map();
  /** Level 20: set_fact and register. */
  readonly setVars: Dict = new Map();
  /** The names among them with a text from a template. */
  readonly texts = new Set<string>();
  /** Registered names with a value unknown in check mode → the task that would have set it. */
  readonly unknown = new Map<string, string>();
  readonly #stats: HostStats = {
    ok: 0,
    changed: 0,
    unreachable: 0,
    failed: 0,
    skipped: 0,
    rescued: 0,
    ignored: 0,
    unknown: 0,
  };
  #status: 'active' | 'failed' | 'unreachable' = 'active';
  /** Check mode: true once a change was predicted and not made. */
  predictedChange = false;
  factsGathered = false;
  /** Facts under the names of the fact cache. */
  readonly #kept: Record<string, Json> = emptyRecord();
  #keptChanged = false;
  /** How often `meta: clear_host_errors` ran. */
  cleared = 0;
  /** True once --start-at-task has found its task. */
  started = false;

  constructor(name: string) {
    this.name = name;
  }

  /** Failed or unreachable hosts skip later plays. */
  get status(): 'active' | 'failed' | 'unreachable' {
    return this.#status;
  }

  get stats(): Readonly<HostStats> {
    return this.#stats;
  }

  fail(): void {
    this.#status = 'failed';
  }

  /** Takes part again: its failure goes to a rescue. */
  resume(): void {
    this.#status = 'active';
  }

  /** Counts a task for the recap, and a host that can't be reached is lost for the run. */
  count({ status, ignored, changed }: Counted): void {
    const stats = this.#stats;
    if (status === 'skipped' || status === 'unknown') {
      stats.skipped++;
      if (status === 'unknown') stats.unknown++;
    } else if (status === 'ok' || status === 'changed' || ignored) {
      stats.ok++;
      if (ignored && status !== 'ok' && status !== 'changed') stats.ignored++;
      if (status === 'changed' || (status === 'failed' && changed)) stats.changed++;
    } else if (status === 'unreachable') {
      stats.unreachable++;
      this.#status = 'unreachable';
    }
    // A failure is counted only once it is clear that no block rescues it.
  }

  /** As in Ansible's recap, each file included counts. */
  countIncluded(files: number): void {
    this.#stats.ok += files;
  }

  countFailure(rescued: boolean): void {
    if (rescued) this.#stats.rescued++;
    else this.#stats.failed++;
  }

  /** Stores facts that a module returned, as `ansible_facts.x` and as the variable `ansible_x`. */
  addFacts(facts: Readonly<Record<string, Json>>, fromSetup = false): void {
    const all: Dict = new Map(this.facts);
    for (const [name, json] of Object.entries(facts)) {
      const bare = name.startsWith('ansible_') ? name.slice('ansible_'.length) : name;
      const value = fromHost(json);
      all.set(bare, value);
      this.plainFacts.set(bare, json);
      this.keep(fromSetup ? `ansible_${bare}` : name, json);
      this.setFactVar(`ansible_${bare}`, value);
      // Facts of other modules also keep their own names: `packages`, `services`, `getent_passwd`.
      if (!fromSetup) this.setFactVar(name, value);
    }
    // A new mapping instead of a change: templates keep the one that they have read.
    this.facts = withForeignKeys(all);
  }

  private setFactVar(name: string, value: Value): void {
    if (!CONNECTION_VARIABLE.test(name)) this.factVars.set(name, value);
  }

  /** A fact under its own name, as a cacheable set_fact makes it; encrypted ones are not `kept` for later runs. */
  addFact(name: string, value: Value, kept = true): void {
    this.facts = withForeignKeys(new Map(this.facts).set(name, value));
    this.plainFacts.set(name, toPlain(value));
    if (kept) this.keep(name, toJson(value));
    this.factVars.set(name, value);
  }

  private keep(name: string, json: Json): void {
    this.#kept[name] = json;
    this.#keptChanged = true;
  }

  /** Facts of an earlier run: text of the host, as it was then. */
  recallFacts(kept: Readonly<Record<string, Json>>): void {
    for (const [name, json] of Object.entries(kept)) {
      if (name === GATHERED) this.factsGathered = json === true;
      else if (name.startsWith('ansible_')) this.addFacts({ [name]: json });
      else this.addFact(name, fromHost(json));
    }
    this.#keptChanged = false;
  }

  /** The facts to write to the cache; undefined when nothing is new. */
  factsToKeep(): Readonly<Record<string, Json>> | undefined {
    if (!this.#keptChanged) return undefined;
    this.#keptChanged = false;
    return { ...this.#kept, ...(this.factsGathered && { [GATHERED]: true }) };
  }

  set(name: string, value: Value, fromTemplate = false): void {
    this.setVars.set(name, value);
    if (fromTemplate && typeof value === 'string') this.texts.add(name);
    else this.texts.delete(name);
    this.unknown.delete(name);
  }

  clearError(): void {
    this.resume();
    this.cleared++;
  }

  clearFacts(): void {
    this.facts = new Map();
    this.plainFacts.clear();
    this.factVars.clear();
    this.factsGathered = false;
    for (const name of Object.keys(this.#kept)) delete this.#kept[name];
    this.#keptChanged = true;
  }
}
