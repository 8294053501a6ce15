import { dirname } from 'node:path';
import type { VarLayer } from '../inventory/types.ts';
import { rolesUp } from '../playbook/search.ts';
import type { Task } from '../playbook/types.ts';
import { type Dict, OMIT, type Value } from '../source/value.ts';
import { COMPATIBLE_WITH } from './compatibility.ts';
import { hostState, type PlayRun, type Run } from './run.ts';
import { authored, finished, type LazyVariables, Scope, type ScopeLayer } from './scope.ts';

/**
 * The variables one task sees on one host, by Ansible's 22 levels of precedence
 * (docs.ansible.com, "Variable precedence"; ansible-core vars/manager.py).
 */
export function taskScope(
  playRun: PlayRun,
  host: string,
  task: TaskVariables | undefined,
  options: { readonly loop?: Dict; readonly used?: Set<string> } = {},
): Scope {
  const { run } = playRun;
  const state = hostState(run, host);
  const role = task?.role;
  const publicRoles = playRun.roles.filter(role => role.public);
  const magic = magicVariables(playRun, host, task, () => scope);
  const layers: ScopeLayer[] = [
    authored(run.extraVars), // 22
    ...(options.loop ? [finished(options.loop)] : []),
    ...highestFirst(task?.includeVars ?? []), // 21
    ...(role?.params ? [authored(role.params)] : []),
    finished(state.setVars, state.texts), // 20
    { vars: state.includedVars, final: false }, // 19
    ...highestFirst(task?.vars ?? []), // 17, 18
    ...highestFirst(role?.vars ?? []), // 16, the task's own role first
    ...[...publicRoles].reverse().flatMap(other => highestFirst(other.own.vars)),
    ...highestFirst(playRun.filesVars.get(host) ?? []), // 15
    finished(playRun.promptVars), // 14
    ...highestFirst(playRun.play.vars), // 13
    finished(state.factVars), // 12
    ...highestFirst(inventoryLayers(playRun, host)), // 3 to 11
    ...highestFirst(role?.defaults ?? []), // 2
    ...[...publicRoles].reverse().flatMap(other => highestFirst(other.own.defaults)),
    authored(run.flagVars), // 1
  ];
  const { mergeHashes: merges } = run.options.defaults;
  const scope = new Scope(run.templar, layers, magic, { used: options.used, merges });
  return scope;
}

/** The parts of a task that bring variables. */
type TaskVariables = Pick<Task, 'vars' | 'includeVars' | 'role' | 'includedFrom'>;

/** What `hostvars[host]` shows: inventory, facts and set variables, without those of the play or the task. */
export function hostScope(playRun: PlayRun, host: string): Scope {
  const { run } = playRun;
  const state = hostState(run, host);
  const magic = magicVariables(playRun, host, undefined, () => scope);
  const scope = new Scope(
    run.templar,
    [
      authored(run.extraVars),
      finished(state.setVars, state.texts),
      { vars: state.includedVars, final: false },
      finished(state.factVars),
      ...highestFirst(inventoryLayers(playRun, host)),
      authored(run.flagVars),
    ],
    magic,
    { merges: run.options.defaults.mergeHashes },
  );
  return scope;
}

const highestFirst = (layers: readonly VarLayer[]): ScopeLayer[] => [...layers].reverse().map(authored);

function inventoryLayers(playRun: PlayRun, host: string): readonly VarLayer[] {
  const layers = playRun.inventoryLayers.get(host) ?? playRun.run.inventory.layers(host, [playRun.play.dir]);
  playRun.inventoryLayers.set(host, layers);
  return layers;
}

function magicVariables(
  playRun: PlayRun,
  host: string,
  task: TaskVariables | undefined,
  scope: () => Scope,
): LazyVariables {
  const { run, play } = playRun;
  const { inventory, options } = run;
  const isLive = (name: string) => hostState(run, name).status === 'active' && !playRun.endedHosts.has(name);
  const live = () => playRun.batch.filter(isLive);
  const liveAll = () => playRun.allHosts.filter(isLive);
  const role = task?.role;
  const entries: [string, () => Value][] = [
    ['inventory_hostname', () => host],
    ['inventory_hostname_short', () => host.split('.')[0]!],
    ['inventory_dir', () => inventory.dir ?? null],
    ['inventory_file', () => inventory.files[0] ?? null],
    ['group_names', () => groupNames(run, host)],
    ['groups', () => groupMembers(run)],
    ['hostvars', () => hostVars(playRun)],
    ['play_hosts', live],
    ['ansible_play_batch', live],
    ['ansible_play_hosts', liveAll],
    ['ansible_play_hosts_all', () => [...playRun.allHosts]],
    ['ansible_play_name', () => playRun.name],
    ['ansible_play_role_names', () => [...new Set(play.roles.map(r => r.name))]],
    ['ansible_role_names', () => [...new Set(playRun.roles.map(r => r.name))]],
    ['playbook_dir', () => playRun.play.dir],
    ['ansible_check_mode', () => options.checkMode],
    ['ansible_diff_mode', () => options.diffMode],
    ['ansible_forks', () => options.forks],
    ['ansible_verbosity', () => options.verbosity],
    ['ansible_run_tags', () => [...options.tags]],
    ['ansible_skip_tags', () => [...options.skipTags]],
    ['ansible_version', () => new Map<Value, Value>(COMPATIBLE_WITH)],
    ['ansible_facts', () => hostState(run, host).facts],
    ['omit', () => OMIT],
    ['ansible_search_path', () => searchDirs(playRun, task)],
    ['vars', () => scope().rawAll()],
    ['environment', () => []],
  ];
  if (options.limit !== undefined) entries.push(['ansible_limit', () => options.limit!]);
  if (role) {
    entries.push(
      ['role_name', () => role.name],
      ['ansible_role_name', () => role.fullName],
      ['role_path', () => role.path],
      [
        'ansible_parent_role_names',
        () =>
          rolesUp(role)
            .slice(1)
            .map(r => r.name),
      ],
      [
        'ansible_parent_role_paths',
        () =>
          rolesUp(role)
            .slice(1)
            .map(r => r.path),
      ],
    );
  }
  return new Map(entries);
}

/** Directories that relative names in lookups start from, nearest first. */
function searchDirs(playRun: PlayRun, task: TaskVariables | undefined): string[] {
  const including = [...(task?.includedFrom ?? [])].reverse().map(file => dirname(file));
  return [...new Set([...rolesUp(task?.role).map(role => role.path), ...including, playRun.play.dir])];
}

function groupNames(run: Run, host: string): Value[] {
  const groups = run.inventory.hosts.get(host)?.groups ?? [];
  return groups.filter(name => name !== 'all').sort();
}

function groupMembers(run: Run): Dict {
  return new Map([...run.inventory.groups.keys()].map(name => [name, [...run.inventory.hostsOf(name)]]));
}

/** A mapping that makes each host's variables when they are asked for. */
function hostVars(playRun: PlayRun): Dict {
  const { inventory } = playRun.run;
  const names = () => new Set<string>(inventory.hosts.keys());
  const one = (name: Value) =>
    typeof name === 'string' && (inventory.hosts.has(name) || name === 'localhost' || name === '127.0.0.1')
      ? lazyDict(() => hostScope(playRun, name))
      : undefined;
  return new LazyDict(names, one);
}

function lazyDict(make: () => Scope): Dict {
  let scope: Scope | undefined;
  const get = () => (scope ??= make());
  return new LazyDict(
    () => new Set(get().names()),
    name => (typeof name === 'string' && get().has(name) ? get().get(name) : undefined),
  );
}

/** A read-only mapping whose values are made on demand. */
class LazyDict extends Map<Value, Value> {
  readonly #names: () => ReadonlySet<string>;
  readonly #value: (name: Value) => Value | undefined;

  constructor(names: () => ReadonlySet<string>, value: (name: Value) => Value | undefined) {
    super();
    this.#names = names;
    this.#value = value;
  }
  override get(key: Value): Value | undefined {
    return this.#value(key);
  }
  override has(key: Value): boolean {
    return this.#value(key) !== undefined;
  }
  override get size(): number {
    return this.#names().size;
  }
  override *keys(): MapIterator<Value> {
    yield* this.#names();
  }
  override *entries(): MapIterator<[Value, Value]> {
    for (const name of this.#names()) yield [name, this.#value(name)!];
  }
  override *values(): MapIterator<Value> {
    for (const [, value] of this.entries()) yield value;
  }
  override forEach(visit: (value: Value, key: Value, map: Map<Value, Value>) => void): void {
    for (const [key, value] of this.entries()) visit(value, key, this);
  }
  override [Symbol.iterator](): MapIterator<[Value, Value]> {
    return this.entries();
  }
}
