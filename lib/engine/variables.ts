import { dirname } from 'node:path';
import type { VarLayer } from '../inventory/types.ts';
import { rolesUp } from '../playbook/search.ts';
import type { Authored, RoleInstance, Task } from '../playbook/types.ts';
import { SourceError } from '../source/errors.ts';
import { LazyMapping, opened, withForeignKeys } from '../source/unsafe.ts';
import { type Dict, OMIT, Unsafe, type Value } from '../source/value.ts';
import { versionValue } from './compatibility.ts';
import { hostState, type PlayRun, type Run } from './run.ts';
import { authored, finished, type LazyVariables, Scope, type ScopeLayer } from './scope.ts';
import { keywordValue } from './task/keyword.ts';

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
  const { mergeHashes: merges } = run.options.defaults;
  const shared = sharedByRoles(playRun, merges);
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
    ...highestFirst(shared.vars),
    ...highestFirst(playRun.filesVars.get(host) ?? []), // 15
    finished(playRun.promptVars), // 14
    ...highestFirst(playRun.play.vars), // 13
    finished(state.factVars), // 12
    ...highestFirst(inventoryLayers(playRun, host)), // 3 to 11
    ...highestFirst(role?.defaults ?? []), // 2
    ...highestFirst(shared.defaults),
    authored(run.flagVars), // 1
  ];
  const fallbacks = connectionDefaults(playRun, host, task, () => scope);
  const scope = new Scope(run.templar, layers, magic, { used: options.used, merges, fallbacks });
  return scope;
}

/** Variables of public roles, for all tasks. If mappings are merged each layer counts, else the strongest value of a name is enough. */
function sharedByRoles(
  playRun: PlayRun,
  merges: boolean,
): { readonly vars: readonly VarLayer[]; readonly defaults: readonly VarLayer[] } {
  if (!merges) {
    const { vars, defaults } = playRun.publicRoles.from(playRun.roles);
    return { vars: [vars], defaults: [defaults] };
  }
  const roles = playRun.roles.filter(role => role.public);
  return { vars: roles.flatMap(({ own }) => own.vars), defaults: roles.flatMap(({ own }) => own.defaults) };
}

/** The parts of a task that bring variables. */
type TaskVariables = Pick<Task, 'vars' | 'includeVars' | 'role' | 'includedFrom'> &
  Partial<Pick<Task, 'connection' | 'remoteUser'>>;

/** What `hostvars[host]` shows: inventory, facts and set variables, without those of the play or the task. */
export function hostScope(playRun: PlayRun, host: string, all: Dict = hostVars(playRun)): Scope {
  const { run } = playRun;
  const state = hostState(run, host);
  return new Scope(
    run.templar,
    [
      authored(run.extraVars),
      finished(state.setVars, state.texts),
      { vars: state.includedVars, final: false },
      finished(state.factVars),
      ...highestFirst(inventoryLayers(playRun, host)),
      authored(run.flagVars),
      ...(run.inventory.hosts.has(host) ? [] : [finished(IMPLICIT)]),
    ],
    // A variable of the host may use `hostvars`; listing the host's variables must not recurse.
    new Map([...hostMagic(playRun, host), ['hostvars', () => all]]),
    { merges: run.options.defaults.mergeHashes },
  );
}

/** This program never runs it; playbooks hand it to commands on the control machine. */
const CONTROL_PYTHON = '/usr/bin/python3';

/** Variables of the control machine when no inventory names it. */
const IMPLICIT: Dict = new Map<Value, Value>([
  ['ansible_connection', 'local'],
  ['ansible_python_interpreter', CONTROL_PYTHON],
]);

const highestFirst = (layers: readonly VarLayer[]): ScopeLayer[] => [...layers].reverse().map(authored);

function inventoryLayers(playRun: PlayRun, host: string): readonly VarLayer[] {
  const layers = playRun.inventoryLayers.get(host) ?? playRun.run.inventory.layers(host, [playRun.play.dir]);
  playRun.inventoryLayers.set(host, layers);
  return layers;
}

/** Magic variables that say what a host is and how the run was started: `hostvars[host]` shows them too. */
function hostMagic(playRun: PlayRun, host: string): [string, () => Value][] {
  const { run } = playRun;
  const { inventory, options } = run;
  const entries: [string, () => Value][] = [
    ['inventory_hostname', () => named(run, host)],
    ['inventory_hostname_short', () => named(run, host, host.split('.')[0])],
    ['inventory_dir', () => inventory.dir ?? null],
    ['inventory_file', () => inventory.files[0] ?? null],
    ['group_names', () => groupNames(run, host)],
    ['groups', () => groupMembers(run)],
    ['playbook_dir', () => playRun.play.dir],
    ['ansible_check_mode', () => options.checkMode],
    ['ansible_diff_mode', () => options.diffMode],
    ['ansible_forks', () => options.forks],
    ['ansible_verbosity', () => options.verbosity],
    ['ansible_run_tags', () => [...options.tags]],
    ['ansible_skip_tags', () => [...options.skipTags]],
    ['ansible_version', () => versionValue(options.defaults.version)],
    ['ansible_config_file', () => options.defaults.configFile ?? null],
    ['ansible_inventory_sources', () => [...inventory.files]],
    ['ansible_playbook_python', () => CONTROL_PYTHON],
    ['ansible_facts', () => hostState(run, host).facts],
    ['omit', () => OMIT],
  ];
  if (options.limit !== undefined) entries.push(['ansible_limit', () => options.limit!]);
  return entries;
}

function magicVariables(
  playRun: PlayRun,
  host: string,
  task: TaskVariables | undefined,
  scope: () => Scope,
): LazyVariables {
  const { run } = playRun;
  const isLive = (name: string) => hostState(run, name).status === 'active' && !playRun.endedHosts.has(name);
  const live = () => playRun.batch.filter(isLive).map(name => named(run, name));
  const liveAll = () => playRun.allHosts.filter(isLive).map(name => named(run, name));
  const role = task?.role;
  const ofPlay = () => namesOf(playRun.roles.filter(r => r.parent === undefined));
  return new Map<string, () => Value>([
    ...hostMagic(playRun, host),
    ['hostvars', () => hostVars(playRun)],
    ['play_hosts', live],
    ['ansible_play_batch', live],
    ['ansible_play_hosts', liveAll],
    ['ansible_play_hosts_all', () => playRun.allHosts.map(name => named(run, name))],
    ['ansible_play_name', () => playRun.name],
    ['ansible_play_role_names', ofPlay],
    ['role_names', ofPlay],
    [
      'ansible_dependent_role_names',
      () => namesOf(playRun.roles.filter(({ parent }) => parent !== undefined)),
    ],
    ['ansible_role_names', () => namesOf(playRun.roles)],
    ['ansible_search_path', () => searchDirs(playRun, task)],
    ['vars', () => rawVariables(scope())],
    ['environment', () => []],
    ...(role ? roleMagic(role) : []),
  ]);
}

const parentMagic = (parents: readonly RoleInstance[]): [string, () => Value][] => [
  ['ansible_parent_role_names', () => parents.map(({ name }) => name)],
  ['ansible_parent_role_paths', () => parents.map(({ path }) => path)],
];

function roleMagic(role: RoleInstance): [string, () => Value][] {
  const parents = rolesUp(role).slice(1);
  const collection = /^(\w+\.\w+)\./.exec(role.fullName)?.[1];
  return [
    ['role_name', () => role.name],
    ['ansible_role_name', () => role.fullName],
    ['ansible_collection_name', () => collection ?? null],
    ['role_path', () => role.path],
    ...(parents.length > 0 ? parentMagic(parents) : []),
  ];
}

const namesOf = (roles: readonly RoleInstance[]): string[] => [...new Set(roles.map(({ name }) => name))];

/** How the host is reached, if no variable says so. Every other variable wins over these. */
function connectionDefaults(
  playRun: PlayRun,
  host: string,
  task: TaskVariables | undefined,
  scope: () => Scope,
): LazyVariables {
  const { templar, inventory } = playRun.run;
  const keyword = (written: Authored | undefined) => keywordValue(templar, written, scope());
  const implicit = inventory.hosts.has(host) ? 'ssh' : 'local';
  const address = () => (scope().isGiven('ansible_ssh_host') ? scope().get('ansible_ssh_host') : host);
  return new Map<string, () => Value>([
    ['ansible_host', address],
    ['ansible_connection', () => String(keyword(task?.connection) ?? implicit)],
    ...(implicit === 'local'
      ? [['ansible_python_interpreter', () => CONTROL_PYTHON] as [string, () => Value]]
      : []),
    ...(task?.remoteUser
      ? [['ansible_user', () => String(keyword(task.remoteUser))] as [string, () => Value]]
      : []),
  ]);
}

/** Directories that relative names in lookups start from, nearest first. */
function searchDirs(playRun: PlayRun, task: TaskVariables | undefined): string[] {
  const including = [...(task?.includedFrom ?? [])].reverse().map(file => dirname(file));
  return [...new Set([...rolesUp(task?.role).map(role => role.path), ...including, playRun.play.dir])];
}

/** A name of a host or group, or a part of it. A name that a host chose is unsafe, like all its text. */
const named = (run: Run, name: string, part = name): Value =>
  run.foreignNames.has(name) ? new Unsafe(part) : part;

function groupNames(run: Run, host: string): Value[] {
  const groups = run.inventory.hosts.get(host)?.groups ?? [];
  return groups
    .filter(name => name !== 'all')
    .sort()
    .map(name => named(run, name));
}

function groupMembers(run: Run): Dict {
  const members = (name: string) => run.inventory.hostsOf(name).map(host => named(run, host));
  const groups: Dict = new Map([...run.inventory.groups.keys()].map(name => [name, members(name)]));
  return run.foreignNames.size > 0 ? withForeignKeys(groups) : groups;
}

/** A mapping that makes each host's variables when they are asked for. */
function hostVars(playRun: PlayRun): Dict {
  const { inventory } = playRun.run;
  const made = new Map<string, Dict>();
  const all = new LazyDict(
    () => new Set<string>(inventory.hosts.keys()),
    name => {
      if (typeof name !== 'string') return undefined;
      if (!inventory.hosts.has(name) && name !== 'localhost' && name !== '127.0.0.1') return undefined;
      const vars = made.get(name) ?? variablesOf(() => hostScope(playRun, name, all));
      made.set(name, vars);
      return vars;
    },
  );
  return all;
}

/** `ansible_delegated_vars`: the variables of the host that a task is delegated to, under its name. */
export function delegatedVars(playRun: PlayRun, host: string, delegate: string): Dict {
  const own: Dict = new Map([['inventory_hostname', named(playRun.run, host)]]);
  const vars = variablesOf(() => hostScope(playRun, delegate), own);
  return new LazyDict(
    () => new Set([delegate]),
    name => (name === delegate ? vars : undefined),
  );
}

/** The variables of a host; without `hostvars`, which would hold them again. */
function variablesOf(make: () => Scope, own: Dict = new Map()): Dict {
  let scope: Scope | undefined;
  const get = () => (scope ??= make());
  return new LazyDict(
    () => new Set([...get().names()].filter(name => name !== 'hostvars')),
    name => own.get(name) ?? (typeof name === 'string' && get().has(name) ? get().get(name) : undefined),
    {
      listed: name => own.get(name) ?? getOrRaw(get(), String(name)),
      written: name => (typeof name === 'string' ? get().written(name) : undefined),
    },
  );
}

/** A variable that can't be rendered is listed as it is written, as in Ansible: one of them must not hide the others. */
function getOrRaw(scope: Scope, name: string): Value {
  try {
    return scope.get(name);
  } catch (error) {
    if (!(error instanceof SourceError)) throw error;
    return scope.rawAll().get(name) ?? null;
  }
}

/** The variable `vars`: each name with its value as authored. */
function rawVariables(scope: Scope): Dict {
  let raw: Dict | undefined;
  const names = () => new Set([...scope.givenNames()].filter(name => name !== 'vars'));
  return new LazyDict(names, name => {
    if (typeof name !== 'string' || name === 'vars' || !scope.isGiven(name)) return undefined;
    if (scope.isMagic(name)) return scope.get(name);
    raw ??= scope.rawAll();
    return raw.get(name);
  });
}

/** A read-only mapping whose values are made on demand. */
class LazyDict extends LazyMapping {
  readonly #names: () => ReadonlySet<string>;
  readonly #value: (name: Value) => Value | undefined;
  readonly #listed: (name: Value) => Value | undefined;
  readonly #written: (name: Value) => Value | undefined;

  /** `listed` gives the values when all of them are read, `written` what their author wrote. */
  constructor(
    names: () => ReadonlySet<string>,
    value: (name: Value) => Value | undefined,
    {
      listed = value,
      written = value,
    }: Partial<Record<'listed' | 'written', (name: Value) => Value | undefined>> = {},
  ) {
    super();
    this.#names = names;
    this.#value = value;
    this.#listed = listed;
    this.#written = written;
  }
  opened(onUnsafe: () => void): Dict {
    const open = (value: Value | undefined) => value && opened(value, onUnsafe);
    // Names of facts and hosts may come from outside, too.
    const names = () => {
      onUnsafe();
      return this.#names();
    };
    return new LazyDict(names, key => open(this.#value(key)), {
      listed: key => open(this.#listed(key)),
      written: this.#written,
    });
  }
  written(key: Value): Value | undefined {
    return this.#written(key);
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
    for (const name of this.#names()) yield [name, this.#listed(name)!];
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
