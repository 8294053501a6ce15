import type { Inventory, VarLayer } from '../inventory/types.ts';
import type { PlaybookLoader } from '../playbook/loader.ts';
import type { Play, RoleInstance, TaskNode } from '../playbook/types.ts';
import type { Dict, Json } from '../source/value.ts';
import type { FileReader } from '../source/yaml/read-yaml.ts';
import type { Templar } from '../templating/templar.ts';
import type { Connection } from '../transport/connection.ts';
import { COMPATIBLE_WITH } from './compatibility.ts';
import type { EarlierRun } from './earlier-run.ts';
import type { Emit } from './events.ts';
import type { FactCache } from './fact-cache.ts';
import { HostState } from './host-state.ts';
import type { Jobs } from './module-call/async.ts';
import type { Turnstile } from './play/limiter.ts';
import { PlayHandlers } from './play-handlers.ts';
import { PublicRoles } from './public-roles.ts';

/** What the operator asked for on the command line. */
export interface RunOptions {
  readonly checkMode: boolean;
  readonly diffMode: boolean;
  readonly forks: number;
  readonly tags: readonly string[];
  readonly skipTags: readonly string[];
  /** Runs only tasks of these roles. */
  readonly roles: readonly string[];
  readonly limit: string | undefined;
  readonly startAtTask: string | undefined;
  readonly forceHandlers: boolean;
  readonly flushCache: boolean;
  readonly verbosity: number;
  /** Bytes kept of each stream of a command, and the directory that gets all of them. */
  readonly output?: { readonly limit: number; readonly directory: string | undefined };
  readonly become: BecomeOptions;
  readonly defaults: PlayDefaults;
}

/** Defaults of the project's settings for plays. */
export interface PlayDefaults {
  readonly gathering: 'implicit' | 'explicit' | 'smart';
  readonly gatherSubset: readonly string[] | undefined;
  readonly gatherTimeout: number | undefined;
  readonly strategy: string;
  readonly pollInterval: number;
  /** Mappings of the same name from several places are merged. */
  readonly mergeHashes: boolean;
  /** A notified handler that does not exist ends the run; otherwise it is a warning. */
  readonly needsHandlers: boolean;
  /** The variable `ansible_managed`. */
  readonly managed: string | undefined;
  /** The release in the variable `ansible_version`. */
  readonly version: string;
  /** The variable `ansible_config_file`. */
  readonly configFile: string | undefined;
}

export const PLAY_DEFAULTS: PlayDefaults = {
  gathering: 'implicit',
  gatherSubset: undefined,
  gatherTimeout: undefined,
  strategy: 'linear',
  pollInterval: 15,
  mergeHashes: false,
  needsHandlers: true,
  managed: undefined,
  version: COMPATIBLE_WITH,
  configFile: undefined,
};

export interface BecomeOptions {
  readonly enabled: boolean;
  readonly user: string | undefined;
  readonly method: string | undefined;
  readonly password: string | undefined;
}

/** Opens and keeps connections; made by the command line from transport. */
export interface Connections {
  /** The connection for a host, from its `ansible_*` connection variables. Throws ConnectionError or UsageError. */
  open(host: string, variables: Readonly<Record<string, Json>>): Promise<Connection>;
}

/** Questions to the operator; in a run without a terminal they are answered by their default or fail. */
export interface Operator {
  ask(prompt: string, options: { readonly secret: boolean; readonly default?: string }): Promise<string>;
  readonly interactive: boolean;
}

/** Everything that is the same for the whole run. */
export interface Run {
  readonly options: RunOptions;
  readonly templar: Templar;
  readonly loader: PlaybookLoader;
  readonly inventory: Inventory;
  readonly connections: Connections;
  readonly operator: Operator;
  readonly emit: Emit;
  /** The sum of a text that only this person can make; undefined where no journal is kept. */
  readonly sum?: ((text: string) => string) | undefined;
  /** The earlier run that this one continues. */
  earlier?: EarlierRun;
  /** Groups that may be missing: a play of such a group only reports that no host matched. */
  optionalGroups?: ReadonlySet<string>;
  /** Aborted when the operator interrupts: no new task starts, running ones are told to stop. */
  readonly signal: AbortSignal;
  readonly extraVars: VarLayer;
  /** Level 1: what flags say about the connection. */
  readonly flagVars: VarLayer;
  readonly hosts: Map<string, HostState>;
  /** Names of hosts and groups that a host chose, through add_host or group_by. */
  readonly foreignNames: Set<string>;
  /** What set_stats collected. */
  readonly customStats: Map<string, Json>;
  /** Where facts are kept between runs. */
  readonly factCache?: FactCache | undefined;
  readonly files: FileReader;
  /** Reads the inventory again; `inventory` is the new one from then on. */
  readonly refreshInventory: () => void;
  readonly now: () => number;
  /** Background work started with `async`. */
  readonly jobs: Jobs;
  /** Work for hosts at the end of the run, whatever the outcome. */
  readonly atEnd: (() => Promise<unknown>)[];
  /** --step, until the operator says "continue". */
  readonly stepping: { on: boolean };
}

/** State of a host, made at first use: delegates and added hosts have one as well. */
export function hostState(run: Run, host: string): HostState {
  const known = run.hosts.get(host);
  if (known) return known;
  const state = new HostState(host);
  run.hosts.set(host, state);
  const kept = run.factCache?.read(host);
  if (kept) state.recallFacts(kept);
  return state;
}

/** Writes the facts of a host for later runs, if there are new ones. Check mode leaves the cache as it is. */
export function keepFacts({ factCache, hosts, options }: Run, host: string): void {
  const facts = factCache && !options.checkMode ? hosts.get(host)?.factsToKeep() : undefined;
  if (facts) factCache?.write(host, facts);
}

/** One play being run: what its tasks share. */
export interface PlayRun {
  readonly run: Run;
  readonly play: Play;
  /** All hosts of the play, then those of the batch; the live ones are those not failed. */
  readonly allHosts: readonly string[];
  batch: readonly string[];
  /** Roles seen so far in this play, include_role ones included, for variables and handlers. */
  readonly roles: RoleInstance[];
  readonly publicRoles: PublicRoles;
  /** The play's handlers, then those of its roles, in definition order; include_role adds to them. */
  readonly handlers: PlayHandlers;
  /** Task lists that dynamic includes have loaded, by task and file. */
  readonly includes: Map<string, readonly TaskNode[]>;
  /** Notified handlers by host: ids of handler tasks. */
  readonly notified: Map<string, Set<string>>;
  /** Tasks with `throttle`, by id: with the strategy free, hosts reach them one by one. */
  readonly turnstiles: Map<string, Turnstile>;
  readonly promptVars: Dict;
  /** Rendered vars_files per host. */
  readonly filesVars: Map<string, readonly VarLayer[]>;
  readonly inventoryLayers: Map<string, readonly VarLayer[]>;
  /** Set when a host or task ended the play for all. */
  ended: 'no' | 'play' | 'batch' | 'fatal';
  readonly endedHosts: Set<string>;
  /** `host NUL role path` of roles that `meta: end_role` ended. */
  readonly endedRoles: Set<string>;
  /** Roles that ran a task on a host, by host and key: the first instance is the one that counts. */
  readonly rolesDone: Map<string, Map<string, RoleInstance>>;
  readonly forceHandlers: boolean;
  readonly maxFailPercentage: number | undefined;
  readonly name: string;
}

/** A play at its beginning: nothing is loaded, notified or ended. */
export function newPlayRun(
  start: Pick<
    PlayRun,
    'run' | 'play' | 'name' | 'allHosts' | 'batch' | 'promptVars' | 'forceHandlers' | 'maxFailPercentage'
  >,
): PlayRun {
  return {
    ...start,
    roles: [...start.play.roles],
    publicRoles: new PublicRoles(),
    handlers: new PlayHandlers(start.play.handlers),
    includes: new Map(),
    notified: new Map(),
    turnstiles: new Map(),
    filesVars: new Map(),
    inventoryLayers: new Map(),
    ended: 'no',
    endedHosts: new Set(),
    endedRoles: new Set(),
    rolesDone: new Map(),
  };
}
