import type { Result } from '../modules/kit/define.ts';
import type { Connection } from '../transport/connection.ts';
import type { HostOutcome, RunEvent } from './events.ts';

/** An event of a journal, with the time it happened. */
type Noted = RunEvent & { readonly at: number };

/** What a journal says of one task on one host. */
interface Note {
  readonly id: string;
  /** Results of its calls by digest; each is used once. */
  readonly results: Map<string, Result[]>;
  /** Handlers it notified. */
  readonly notified: Set<string>;
  outcome: HostOutcome | undefined;
  /** The handlers among them that have not run since. */
  owed: ReadonlySet<string>;
  /** When the host last answered in that run. */
  lastAnswer: number;
}

/** What the journal says of a task that a later run reaches. */
export interface Earlier {
  /** It ended well on this host, or its failure was ignored. */
  readonly finished: boolean;
  /** It changed something, or may have: it was interrupted, or failed half-way. */
  readonly changed: boolean;
  /** Handlers that wait for it; `all` where the run ended before it could notify them. */
  readonly owed: ReadonlySet<string> | 'all';
  /** When the host last answered in that run. */
  readonly lastAnswer: number;
  /** The result of a finished call of this digest. */
  take(digest: string): Result | undefined;
  /** The result and its digest, where the finished task made one call. */
  takeOnly(): readonly [string, Result] | undefined;
}

/**
 * The run that this one continues, read from its journal. A host takes the same way again: the n-th time it reaches
 * a task in its m-th play is the n-th time of the earlier run.
 */
export class EarlierRun {
  /** How many results were taken over. */
  taken = 0;
  /** By host, play of the host, task, and how often it came there. */
  readonly #notes = new Map<string, Note>();
  readonly #plays = new Counter();
  readonly #seen = new Counter();
  /** Hosts with no further results to take over. */
  readonly #left = new Set<string>();
  readonly #starts = new WeakMap<Connection, Promise<number | undefined>>();
  readonly #emit: (event: RunEvent) => void;

  /** `journals`: oldest first; several when that run itself continued another. */
  constructor(journals: readonly (readonly Noted[])[], emit: (event: RunEvent) => void) {
    this.#emit = emit;
    // The later run repeated what it reached; the earlier one covers the rest.
    for (const journal of journals) for (const [key, note] of notesOf(journal)) this.#notes.set(key, note);
  }

  enterPlay(hosts: readonly string[]): void {
    for (const host of hosts) this.#plays.next(host);
  }

  /** What the journal says of the task that the host has reached. */
  of(host: string, id: string, isControl: boolean): Earlier | undefined {
    const place = placeOf(host, this.#plays.of(host), id);
    const note = this.#notes.get(`${place}\0${this.#seen.next(place)}`);
    if (!note) return undefined;
    const { outcome, results, owed, lastAnswer } = note;
    // Work of the runner itself, such as an include, has an outcome only when it failed.
    const finished = outcome === undefined ? isControl : endedWell(outcome);
    // Later entries, such as the tasks of a rescue, followed from the work that is repeated now.
    if (!finished) this.leave(host);
    return {
      finished,
      changed: !finished || outcome?.result.changed === true,
      owed: finished ? owed : 'all',
      lastAnswer,
      take: digest => (finished && !this.#left.has(host) ? results.get(digest)?.shift() : undefined),
      takeOnly: () => {
        const [only, ...more] = [...results].map(([digest, [result]]) => [digest, result!] as const);
        return finished && !this.#left.has(host) && more.length === 0 ? only : undefined;
      },
    };
  }

  /** A notified handler runs, whatever it did before; handlers that it notified may still wait. */
  ofHandler(host: string, id: string): Earlier | undefined {
    const place = `${placeOf(host, this.#plays.of(host), id)}\0`;
    const notes = [...this.#notes].filter(([key]) => key.startsWith(place)).map(([, note]) => note);
    if (notes.length === 0) return undefined;
    const owed = new Set(notes.flatMap(note => [...note.owed]));
    return {
      finished: false,
      changed: false,
      owed,
      lastAnswer: 0,
      take: () => undefined,
      takeOnly: () => undefined,
    };
  }

  /** True when the host has not started anew since it last answered; asked once for each connection. */
  async isAsLeft(host: string, connection: Connection, lastAnswer: number): Promise<boolean> {
    const started = this.#starts.get(connection) ?? startOf(connection);
    this.#starts.set(connection, started);
    const at = await started;
    if (at !== undefined && at < lastAnswer) {
      this.taken++;
      return true;
    }
    this.leave(host, at === undefined ? 'it does not say when it was started' : 'it was restarted since');
    return false;
  }

  /** From now on all tasks of the host run again, whatever the journal says; `why` is reported once. */
  leave(host: string, why?: string): void {
    if (this.#left.has(host)) return;
    this.#left.add(host);
    if (why !== undefined)
      this.#emit({ type: 'warning', message: `${host}: ${why}; its tasks are run again from here on` });
  }
}

/** When the host's first process was started, by our clock: of a container that is its own start. */
async function startOf(connection: Connection): Promise<number | undefined> {
  const script = [
    'read -r up rest </proc/uptime && stat=$(cat /proc/1/stat) || exit 1',
    'set -- $(printf %s "$stat" | sed "s/.*) //")',
    // The ticks of the kernel's interface are hundredths of a second on every Linux.
    'echo "$up ${20}"',
  ].join('\n');
  const { rc, stdout } = await connection.run({ script });
  const [, up, ticks] = /^([\d.]+) (\d+)$/.exec(stdout.toString('utf8').trim()) ?? [];
  return rc === 0 && up !== undefined ? Date.now() - (Number(up) - Number(ticks) / 100) * 1000 : undefined;
}

class Counter {
  readonly #counts = new Map<string, number>();

  of(key: string): number {
    return this.#counts.get(key) ?? 0;
  }

  next(key: string): number {
    const count = this.of(key) + 1;
    this.#counts.set(key, count);
    return count;
  }
}

const placeOf = (host: string, play: number, id: string): string => `${host}\0${play}\0${id}`;

const endedWell = ({ status, ignored }: HostOutcome): boolean =>
  status !== 'unreachable' && (status !== 'failed' || ignored);

/** The notes of a journal by their places, in the order the tasks began. */
function notesOf(entries: readonly Noted[]): Map<string, Note> {
  const notes = new Map<string, Note>();
  const plays = new Counter();
  const seen = new Counter();
  /** The newest note of each host. */
  const newest = new Map<string, Note>();
  const answers = new Map<string, number>();
  const noteResult = ({ digest, host, result }: HostOutcome) => {
    const { results } = newest.get(host)!;
    if (digest !== undefined) results.set(digest, [...(results.get(digest) ?? []), result]);
  };
  for (const entry of entries) {
    if (entry.type === 'play-start') for (const host of entry.hosts) plays.next(host);
    else if (entry.type === 'host-start') {
      const place = placeOf(entry.host, plays.of(entry.host), entry.task.id);
      const note: Note = {
        id: entry.task.id,
        results: new Map(),
        notified: new Set(),
        outcome: undefined,
        owed: new Set(),
        lastAnswer: 0,
      };
      notes.set(`${place}\0${seen.next(place)}`, note);
      newest.set(entry.host, note);
    } else if (entry.type === 'item') noteResult(entry);
    else if (entry.type === 'outcome') {
      noteResult(entry);
      newest.get(entry.host)!.outcome = entry;
      if (entry.status !== 'unreachable') answers.set(entry.host, entry.at);
    } else if (entry.type === 'notified')
      for (const id of entry.handlers) newest.get(entry.host)?.notified.add(id);
  }
  settleDebts([...notes]);
  for (const [key, note] of notes) note.lastAnswer = answers.get(hostOf(key)) ?? 0;
  return notes;
}

const hostOf = (key: string): string => key.slice(0, key.indexOf('\0'));
/** Host and play. */
const scopeOf = (key: string): string => key.split('\0', 2).join('\0');

/** A handler is owed until it has run after its notice, and what it notified itself has run too. */
function settleDebts(notes: readonly (readonly [string, Note])[]): void {
  for (const [index, [key, note]] of [...notes.entries()].reverse()) {
    const hasRun = (handler: string) =>
      notes.some(
        ([other, { id, outcome, owed }], at) =>
          at > index &&
          id === handler &&
          scopeOf(other) === scopeOf(key) &&
          outcome &&
          endedWell(outcome) &&
          owed.size === 0,
      );
    note.owed = new Set([...note.notified].filter(handler => !hasRun(handler)));
  }
}
