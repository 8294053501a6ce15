import { A, Type } from '../../modules/kit/arguments.ts';
import { defineControl } from '../../modules/kit/define.ts';

/**
 * Modules that the runner carries out itself, without contacting the host: their schemas. What they do is in
 * lib/engine/control/.
 */

export const debug = defineControl({
  name: 'debug',
  summary: 'Prints a message or a variable.',
  args: Type.Object({
    msg: A.opt(A.raw('What to print; any type.')),
    var: A.opt(A.str('Name of a variable, or an expression, to print.')),
    verbosity: A.int('Prints only from this many -v on.', { default: 0 }),
  }),
  rules: { mutuallyExclusive: [['msg', 'var']] },
});

export const assert = defineControl({
  name: 'assert',
  summary: 'Fails unless all conditions hold.',
  args: Type.Object({
    that: A.rawList('Conditions, as in `when`.'),
    fail_msg: A.opt(A.raw('What to say when one does not hold.', { aliases: ['msg'] })),
    success_msg: A.opt(A.raw('What to say when all hold.')),
    quiet: A.bool('Says nothing about single conditions.', { default: false }),
  }),
  returns: { assertion: 'the condition that did not hold', evaluated_to: 'its value' },
});

export const fail = defineControl({
  name: 'fail',
  summary: 'Fails with a message of your own.',
  args: Type.Object({ msg: A.raw('What to say.', { default: 'Failed as requested from task' }) }),
});

export const setFact = defineControl({
  name: 'set_fact',
  summary: 'Sets variables for the host for the rest of the run.',
  args: Type.Object({ cacheable: A.bool('Stores them as facts as well.', { default: false }) }),
  open: true,
  returns: { ansible_facts: 'the variables that were set' },
});

export const setStats = defineControl({
  name: 'set_stats',
  summary: 'Sets custom figures for the report of the run.',
  args: Type.Object({
    data: A.dict('Figures by name.'),
    per_host: A.bool('Keeps them per host.', { default: false }),
    aggregate: A.bool('Adds to what is there instead of replacing it.', { default: true }),
  }),
});

export const includeVars = defineControl({
  name: 'include_vars',
  summary: 'Loads variables from a file or a directory.',
  freeForm: 'file',
  args: Type.Object({
    file: A.opt(A.path('File to load, searched in the vars directories.', { aliases: ['_raw_params'] })),
    dir: A.opt(A.path('Directory whose files are loaded in order of their names.')),
    name: A.opt(A.str('Puts the variables below this name.')),
    depth: A.int('How deep to go in `dir`; 0 is without limit.', { default: 0 }),
    files_matching: A.opt(A.str('Regular expression for names in `dir`.')),
    ignore_files: A.opt(A.list('Names in `dir` to leave out.')),
    extensions: A.list('Endings of names in `dir` to load.', { default: ['yaml', 'yml', 'json'] }),
    ignore_unknown_extensions: A.bool('Passes over other endings instead of failing.', { default: false }),
    hash_behaviour: A.opt(A.choice(['replace', 'merge'], 'Whether mappings replace or merge what is there.')),
  }),
  returns: { ansible_facts: 'the variables loaded', ansible_included_var_files: 'the files loaded' },
});

const taskFile = {
  file: A.opt(A.path('Task file, searched in the tasks directories.', { aliases: ['_raw_params'] })),
};

export const includeTasks = defineControl({
  name: 'include_tasks',
  summary: 'Runs the tasks of another file, chosen when the task runs.',
  aliases: ['include'],
  freeForm: 'file',
  args: Type.Object({ ...taskFile, apply: A.opt(A.dict('Keywords for every task of the file.')) }),
  open: true,
});

export const importTasks = defineControl({
  name: 'import_tasks',
  summary: 'Puts the tasks of another file in this place when the playbook is read.',
  freeForm: 'file',
  args: Type.Object(taskFile),
  open: true,
});

const roleArgs = {
  name: A.str('Role to run.', { aliases: ['role'] }),
  tasks_from: A.str('Task file of the role.', { default: 'main' }),
  vars_from: A.str('Variable file of the role.', { default: 'main' }),
  defaults_from: A.str('Defaults file of the role.', { default: 'main' }),
  handlers_from: A.str('Handler file of the role.', { default: 'main' }),
  allow_duplicates: A.bool('Runs the role again when it has run already.', { default: true }),
  rolespec_validate: A.bool('Checks the arguments against the role’s argument_specs.', { default: true }),
};

export const includeRole = defineControl({
  name: 'include_role',
  summary: 'Runs a role, chosen when the task runs.',
  args: Type.Object({
    ...roleArgs,
    public: A.bool('Shows the role’s defaults and vars to the rest of the play.', { default: false }),
    apply: A.opt(A.dict('Keywords for every task of the role.')),
  }),
});

export const importRole = defineControl({
  name: 'import_role',
  summary: 'Puts the tasks of a role in this place when the playbook is read.',
  args: Type.Object({
    ...roleArgs,
    public: A.bool('Shows the role’s defaults and vars to the rest of the play.', { default: true }),
  }),
});

export const importPlaybook = defineControl({
  name: 'import_playbook',
  summary: 'Puts the plays of another playbook in this place.',
  freeForm: 'file',
  args: Type.Object({ file: A.path('Playbook file.', { aliases: ['_raw_params'] }) }),
});

export const addHost = defineControl({
  name: 'add_host',
  summary: 'Adds a host to the inventory of this run.',
  args: Type.Object({
    name: A.str('Name of the host, with `:port` if need be.', { aliases: ['hostname', 'host'] }),
    groups: A.list('Groups to put it in.', { default: [], aliases: ['group', 'groupname'] }),
  }),
  open: true,
});

export const groupBy = defineControl({
  name: 'group_by',
  summary: 'Puts the host in a group named after a fact.',
  args: Type.Object({
    key: A.str('Name of the group.'),
    parents: A.list('Groups that contain it.', { default: ['all'] }),
  }),
});

export const META_ACTIONS = [
  'flush_handlers',
  'refresh_inventory',
  'noop',
  'clear_facts',
  'clear_host_errors',
  'end_play',
  'end_host',
  'end_batch',
  'end_role',
  'reset_connection',
] as const;

export const meta = defineControl({
  name: 'meta',
  summary: 'Tells the runner to do something: flush handlers, end the play, reset the connection.',
  freeForm: 'action',
  args: Type.Object({
    action: A.choice(META_ACTIONS, 'What to do.', { aliases: ['_raw_params', 'free_form'] }),
  }),
});

export const pause = defineControl({
  name: 'pause',
  summary: 'Waits for a time, or for the operator to press Enter.',
  args: Type.Object({
    seconds: A.opt(A.float('How many seconds to wait.')),
    minutes: A.opt(A.float('How many minutes to wait.')),
    prompt: A.opt(A.str('What to ask.')),
    echo: A.bool('Shows what is typed.', { default: true }),
  }),
  rules: { mutuallyExclusive: [['seconds', 'minutes']] },
  returns: { user_input: 'what was typed', delta: 'seconds waited' },
});

export const validateArgumentSpec = defineControl({
  name: 'validate_argument_spec',
  summary: 'Checks variables against an argument specification.',
  args: Type.Object({
    argument_spec: A.dict('Options by name: type, required, choices, default, elements, options.'),
    provided_arguments: A.dict('Values to check instead of the variables.', { default: {} }),
    validate_args_context: A.dict('Where the specification comes from, for messages.', { default: {} }),
  }),
  returns: { argument_errors: 'what is wrong, a sentence each' },
});

export const asyncStatus = defineControl({
  name: 'async_status',
  summary: 'Tells how a task started with `async` is doing.',
  args: Type.Object({
    jid: A.str('The `ansible_job_id` of the task.'),
    mode: A.choice(['status', 'cleanup'], 'Whether to ask or to remove the job’s record.', {
      default: 'status',
    }),
  }),
  returns: {
    started: '1 when the job runs or ran',
    finished: '1 when it ended',
    erased: 'the record removed',
  },
});

/** All of them, for the list of modules. */
export const CONTROL_MODULES = [
  addHost,
  assert,
  asyncStatus,
  debug,
  fail,
  groupBy,
  importPlaybook,
  importRole,
  importTasks,
  includeRole,
  includeTasks,
  includeVars,
  meta,
  pause,
  setFact,
  setStats,
  validateArgumentSpec,
];
