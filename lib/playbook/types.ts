import type { VarLayer } from '../inventory/types.ts';
import type { Module } from '../modules/kit/define.ts';
import type { Position } from '../source/errors.ts';
import type { Dict, Value } from '../source/value.ts';

/** A value as the author wrote it, not rendered yet, with its place. */
export interface Authored {
  readonly value: Value;
  readonly at: Position;
  /** Of a keyword what holds around it: that counts where the value comes to `omit`. */
  readonly outer?: Authored;
}

/** Plays of one run, `import_playbook` already resolved. */
export interface Playbook {
  readonly file: string;
  /** Directory of the playbook given on the command line. */
  readonly dir: string;
  readonly plays: readonly Play[];
  /** The last play of each file given: a run that has failed by then goes no further. */
  readonly lastOfFile: ReadonlySet<Play>;
}

export interface Play {
  readonly name: string;
  readonly isTextName: boolean;
  readonly at: Position;
  /** Directory of the file the play stands in: `playbook_dir` while it runs, as in Ansible. */
  readonly dir: string;
  readonly hosts: Authored;
  readonly gatherFacts: Authored | undefined;
  readonly gatherSubset: Authored | undefined;
  readonly gatherTimeout: Authored | undefined;
  readonly vars: readonly VarLayer[];
  readonly varsFiles: readonly Authored[];
  readonly varsPrompt: readonly VarsPrompt[];
  readonly serial: Authored | undefined;
  readonly strategy: Authored | undefined;
  readonly order: Authored | undefined;
  readonly maxFailPercentage: Authored | undefined;
  readonly forceHandlers: Authored | undefined;
  /** Roles of `roles:` and their dependencies in execution order, then imported ones: their variables are for the whole play. */
  readonly roles: readonly RoleInstance[];
  readonly preTasks: readonly TaskNode[];
  /** Tasks of `roles:`, already expanded. */
  readonly roleTasks: readonly TaskNode[];
  readonly tasks: readonly TaskNode[];
  readonly postTasks: readonly TaskNode[];
  /** Handlers of roles, then the play's, then those of imported roles; of two with one name the last one counts. */
  readonly handlers: readonly TaskNode[];
  /** Keywords of the play that its tasks inherit (needed again for dynamic includes). */
  readonly keywords: Keywords;
}

export interface VarsPrompt {
  readonly name: string;
  readonly prompt: string;
  readonly private: boolean;
  readonly default: Value | undefined;
  readonly confirm: boolean;
  readonly encrypt: string | undefined;
  readonly unsafe: boolean;
}

/** One use of a role: the same role with other parameters is another instance. */
export interface RoleInstance {
  readonly name: string;
  /** `namespace.collection.role` when it was found in a collection, else the same as `name`. */
  readonly fullName: string;
  readonly path: string;
  /** Defaults of its dependencies, of the roles above it, and its own, lowest first. */
  readonly defaults: readonly VarLayer[];
  /** The same for `vars/main.yml` and `vars` of the role entry. */
  readonly vars: readonly VarLayer[];
  /** Parameters given in `roles:` beside keywords, those of the roles above it included. */
  readonly params: VarLayer | undefined;
  /** What its own files say, without the roles around it. */
  readonly own: { readonly defaults: readonly VarLayer[]; readonly vars: readonly VarLayer[] };
  /** The role that depends on this one, or whose tasks include it. */
  readonly parent: RoleInstance | undefined;
  /** Variables visible to the rest of the play (all but a private include_role). */
  readonly public: boolean;
  /**
   * Name and parameters as one text. On a host where a role of `roles:` (or a dependency) with this key has run
   * to its end, later tasks of another instance with the same key are skipped, unless duplicates are allowed.
   */
  readonly key: string;
  readonly allowDuplicates: boolean;
  readonly argumentSpecs: Dict | undefined;
}

export type TaskNode = Task | Block;

/**
 * Keywords with inheritance already worked out: a task holds the values in force for it, those of its blocks, role
 * and play included. Lists are outermost first.
 */
export interface Keywords {
  /** All must hold; each evaluated when the task runs. */
  readonly when: readonly Authored[];
  readonly tags: readonly string[];
  /** Block, role-entry and task vars, outermost first (levels 17 and 18). */
  readonly vars: readonly VarLayer[];
  /**
   * `vars` of the dynamic includes the task was reached through, outermost first: they beat set_fact (level 21). The
   * loader hands on what the context holds; whoever runs an include adds its `vars` here.
   */
  readonly includeVars: readonly VarLayer[];
  /** Merged when the task runs, later wins. */
  readonly environment: readonly Authored[];
  readonly become: Authored | undefined;
  readonly becomeUser: Authored | undefined;
  readonly becomeMethod: Authored | undefined;
  readonly becomeFlags: Authored | undefined;
  readonly becomeExe: Authored | undefined;
  readonly connection: Authored | undefined;
  readonly remoteUser: Authored | undefined;
  readonly port: Authored | undefined;
  readonly delegateTo: Authored | undefined;
  readonly delegateFacts: Authored | undefined;
  readonly runOnce: Authored | undefined;
  readonly ignoreErrors: Authored | undefined;
  readonly ignoreUnreachable: Authored | undefined;
  readonly anyErrorsFatal: Authored | undefined;
  readonly noLog: Authored | undefined;
  readonly checkMode: Authored | undefined;
  readonly diff: Authored | undefined;
  readonly throttle: Authored | undefined;
  readonly timeout: Authored | undefined;
  readonly debugger: Authored | undefined;
  /** Names or topics, notified when a task changed something. */
  readonly notify: readonly Authored[];
  /** Outermost first: module name or `group/NAME` → default arguments. */
  readonly moduleDefaults: readonly Authored[];
  readonly collections: readonly string[];
}

export interface Task extends Keywords {
  readonly kind: 'task';
  /** Unique within a run's static tree and stable between runs: for the journal and --start-at-task. */
  readonly id: string;
  readonly name: string | undefined;
  /** The name was written as `!unsafe`: it is not a template. */
  readonly isTextName: boolean;
  /** Position of the task; `argsAt` of the module's arguments. */
  readonly at: Position;
  readonly argsAt: Position;
  /** As written, for messages (`ansible.builtin.copy`). `module.name` is ours. */
  readonly moduleName: string;
  readonly module: Module;
  /** `action: "{{ name }}"`: names the module when the task runs; `module` stands in until then. */
  readonly moduleTemplate?: Authored;
  /** Arguments as authored: free-form text already split into its k=v parts, `args:` merged in. */
  readonly args: Dict;
  /** `args: "{{ mapping }}"`: rendered and merged below `args` when the task runs. */
  readonly argsTemplate: Authored | undefined;
  readonly register: string | undefined;
  readonly loop: Loop | undefined;
  readonly changedWhen: Authored | undefined;
  readonly failedWhen: Authored | undefined;
  readonly until: Authored | undefined;
  readonly retries: Authored | undefined;
  readonly delay: Authored | undefined;
  readonly async: Authored | undefined;
  readonly poll: Authored | undefined;
  /** Handlers only. */
  readonly listen: readonly string[];
  readonly role: RoleInstance | undefined;
  /** Files the task was reached through, outermost first: the directories for relative paths. */
  readonly includedFrom: readonly string[];
  readonly implicit?: 'facts' | 'argument_spec';
  /**
   * Keywords in force around the task, without the task's own: what tasks loaded by a dynamic include inherit
   * (Ansible: a dynamic include hands on its block's keywords and its own `vars`, nothing else of its own).
   */
  readonly outer: Keywords;
}

export interface Loop {
  /** `loop`, or the name behind `with_`. */
  readonly kind: string;
  readonly items: Authored;
  readonly loopVar: string;
  readonly indexVar: string | undefined;
  readonly label: Authored | undefined;
  readonly pause: Authored | undefined;
  readonly extended: Authored | undefined;
  readonly extendedAllitems: boolean;
  readonly breakWhen: Authored | undefined;
}

export interface Block {
  readonly kind: 'block';
  readonly id: string;
  readonly name: string | undefined;
  readonly isTextName: boolean;
  readonly at: Position;
  readonly block: readonly TaskNode[];
  readonly rescue: readonly TaskNode[];
  readonly always: readonly TaskNode[];
  /** Handlers only. */
  readonly listen: readonly string[];
  readonly role: RoleInstance | undefined;
}

/** What tasks loaded later (include_tasks, include_role) inherit from the place that includes them. */
export interface TaskContext {
  readonly keywords: Keywords;
  readonly role: RoleInstance | undefined;
  readonly includedFrom: readonly string[];
  readonly playDir: string;
  /** True while loading handlers: `listen` is allowed then. */
  readonly handlers: boolean;
  /** True within a block that has a rescue. */
  readonly rescued?: boolean;
  /** True within a rescue: a run comes there only after a failure. */
  readonly rescuing?: boolean;
  /** `apply` of a dynamic include: keywords for every task loaded, as if a block with them stood around. */
  readonly apply?: Dict;
  /** Variables of the play that are known before any host is: names of imported files may use them. */
  readonly playVars?: readonly VarLayer[];
  /** Begins the ids of tasks loaded here, best the include's id and ">". */
  readonly idPrefix?: string;
}

/** An include_role or import_role, its arguments rendered. */
export interface RoleRequest {
  readonly name: string;
  readonly tasksFrom?: string;
  readonly varsFrom?: string;
  readonly defaultsFrom?: string;
  readonly handlersFrom?: string;
  readonly public?: boolean;
  readonly allowDuplicates?: boolean;
  readonly rolespecValidate?: boolean;
  readonly vars?: VarLayer;
}

export interface LoadedRole {
  readonly role: RoleInstance;
  readonly dependencies: readonly RoleInstance[];
  /** Dependencies' tasks first, then the argument validation if any, then the role's own. */
  readonly tasks: readonly TaskNode[];
  readonly handlers: readonly TaskNode[];
}

/** Tasks that an include brings while the play runs, and the roles and handlers that come with them, whoever imports these. */
export interface LoadedTasks {
  readonly tasks: readonly TaskNode[];
  readonly roles: readonly RoleInstance[];
  readonly handlers: readonly TaskNode[];
}

/** What a task does: its module and arguments, whatever of the many forms they were written in. */
export interface Action {
  readonly moduleName: string;
  readonly module: Module;
  /** `action: "{{ name }} …"`: the module is known when the task runs, and `module` only holds its arguments. */
  readonly moduleTemplate: Authored | undefined;
  readonly args: Dict;
  readonly argsTemplate: Authored | undefined;
  readonly argsAt: Position;
  /** `local_action`. */
  readonly local: boolean;
}
