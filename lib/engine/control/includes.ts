import { A, Type } from '../../modules/kit/arguments.ts';
import { ModuleError } from '../../modules/kit/define.ts';
import type { LoadedTasks, RoleRequest, TaskContext, TaskNode } from '../../playbook/types.ts';
import { type SourceErrorCode, SourceErrors } from '../../source/errors.ts';
import { jsonText } from '../../source/json.ts';
import type { Json } from '../../source/value.ts';
import { displayPath } from '../../source/yaml/read-yaml.ts';
import { findOrFail } from '../module-call/find.ts';
import type { PlayRun } from '../run.ts';
import { hintOf } from '../task/task-context.ts';
import { type ControlCall, defineControl } from './control.ts';

export const taskFile = {
  file: A.opt(A.path('Task file, searched in the tasks directories.', { aliases: ['_raw_params'] })),
};

export const roleArgs = {
  name: A.str('Role to run.', { aliases: ['role'] }),
  tasks_from: A.str('Task file of the role.', { default: 'main' }),
  vars_from: A.str('Variable file of the role.', { default: 'main' }),
  defaults_from: A.str('Defaults file of the role.', { default: 'main' }),
  handlers_from: A.str('Handler file of the role.', { default: 'main' }),
  allow_duplicates: A.bool('Runs the role again when it has run already.', { default: true }),
  rolespec_validate: A.bool('Checks the arguments against the role’s argument_specs.', { default: true }),
};

/** include_tasks: each file is read once for a task, so hosts that include the same one stay in step. */
export const includeTasks = defineControl({
  name: 'include_tasks',
  summary: 'Runs the tasks of another file, chosen when the task runs.',
  examples: `
- name: Create each database with its owner
  include_tasks: database.yml
  loop: [app, reports]
  loop_control: {loop_var: database}
`,
  aliases: ['include'],
  freeForm: 'file',
  args: Type.Object({ ...taskFile, apply: A.opt(A.dict('Keywords for every task of the file.')) }),
  open: true,
  returns: { include: 'The file.', include_args: 'Always empty.' },
  traits: { brings: 'tasks', reads: { kind: 'tasks', argument: 'file' } },
  run: call => {
    const { plain, task, playRun, vars } = call;
    const name = String(plain['file'] ?? '');
    if (name === '') throw new ModuleError('include_tasks needs a file', { control: true });
    const file = findOrFail(task, playRun, 'tasks', name);
    refuseEndless(task.id, file);
    const nodes = once(playRun, `${task.id}\0${file}`, () =>
      orFail('NO_TASK_LIST', () => playRun.run.loader.loadTaskFile(file, contextOf(call))),
    );
    return {
      result: { changed: false, include: file, include_args: {} },
      // An empty file is silently skipped.
      included: nodes.length > 0 ? [{ nodes, frame: vars, what: file }] : [],
    };
  },
});

/** No playbook nests this deep on purpose; each level costs memory and stack. */
const DEEPEST = 200;

/** The id of a task names the includes that it was reached through. */
function refuseEndless(id: string, file: string): void {
  if (id.split('>').length <= DEEPEST) return;
  throw new ModuleError(`${DEEPEST} files deep, and "${displayPath(file)}" is included again`, {
    control: true,
    hint: 'a file that includes itself needs a "when" that ends it',
  });
}

/** include_role: its handlers join the play's, its variables too when `public`. */
export const includeRole = defineControl({
  name: 'include_role',
  summary: 'Runs a role, chosen when the task runs.',
  examples: `
- name: Set up only the nodes that need it
  include_role: {name: polardb_server, tasks_from: streams}
  when: inventory_hostname in groups['replicas']
`,
  args: Type.Object({
    ...roleArgs,
    public: A.bool('Shows the role’s defaults and vars to the rest of the play.', { default: false }),
    apply: A.opt(A.dict('Keywords for every task of the role.')),
  }),
  returns: { include: 'The role.', include_args: 'The arguments.' },
  traits: { brings: 'role' },
  run: call => {
    const { plain, task, playRun, vars } = call;
    const request = roleRequest(plain);
    const nodes = once(playRun, `${task.id}\0${jsonText(request)}`, () =>
      orFail('UNKNOWN_ROLE', () => playRun.run.loader.loadRole(request, contextOf(call), task.at)),
    );
    return {
      result: { changed: false, include: request.name, include_args: { ...plain } },
      included: [{ nodes, frame: vars, what: request.name }],
    };
  },
});

/** A missing role and a file without tasks fail the task; mistakes in tasks end the run, as in Ansible. */
function orFail(code: SourceErrorCode, load: () => LoadedTasks): LoadedTasks {
  try {
    return load();
  } catch (error) {
    const [first] = error instanceof SourceErrors ? error.errors : [];
    if (first?.code !== code) throw error;
    const { position: at } = first;
    const place = code === 'NO_TASK_LIST' && at ? `${at.file}:${at.line}:${at.col} ` : '';
    throw new ModuleError(`${place}${first.message}`, { control: true, ...hintOf(first) });
  }
}

function roleRequest(plain: Readonly<Record<string, Json>>): RoleRequest {
  return {
    name: String(plain['name']),
    tasksFrom: String(plain['tasks_from']),
    varsFrom: String(plain['vars_from']),
    defaultsFrom: String(plain['defaults_from']),
    handlersFrom: String(plain['handlers_from']),
    allowDuplicates: plain['allow_duplicates'] === true,
    rolespecValidate: plain['rolespec_validate'] === true,
    public: plain['public'] === true,
  };
}

function contextOf({ task, args, playRun }: ControlCall): TaskContext {
  const apply = args.get('apply');
  const own = task.vars.slice(task.outer.vars.length);
  return {
    keywords: { ...task.outer, includeVars: [...task.outer.includeVars, ...own] },
    role: task.role,
    includedFrom: task.includedFrom,
    playDir: playRun.play.dir,
    playVars: playRun.play.vars,
    handlers: false,
    idPrefix: `${task.id}>`,
    ...(apply instanceof Map && { apply }),
  };
}

function once(playRun: PlayRun, key: string, load: () => LoadedTasks): readonly TaskNode[] {
  const known = playRun.includes.get(key);
  if (known) return known;
  const { tasks, roles, handlers } = load();
  playRun.roles.push(...roles);
  playRun.handlers.add(handlers);
  playRun.includes.set(key, tasks);
  return tasks;
}
