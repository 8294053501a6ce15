import { didYouMean } from '../source/suggest.ts';
import { Unsafe, type Value } from '../source/value.ts';
import { isTemplate } from '../templating/templar.ts';
import { becomeMethod, noBecomeMethod } from '../transport/shell/become.ts';

/** Places where keywords are written. */
export type Level = 'play' | 'import_playbook' | 'role' | 'block' | 'task' | 'handler';

/** What may stand behind a keyword: the schema for editors and the reference page, and the test for the loader. */
interface Kind {
  readonly schema: object;
  /** "true or false": what the error says was expected. */
  readonly expected: string;
  accepts(value: Value): boolean;
  /** What was meant, where that can be said. */
  hint?(value: Value): string;
}

const isText = (value: Value): boolean => typeof value === 'string' || value instanceof Unsafe;
const isScalar = (value: Value): boolean =>
  isText(value) || ['number', 'bigint', 'boolean'].includes(typeof value);
const words = new Set(['yes', 'no', 'on', 'off', 'true', 'false', 'y', 'n', 't', 'f', '1', '0']);
const isListOf = (item: (value: Value) => boolean) => (value: Value) =>
  Array.isArray(value) && value.every(item);

const KINDS = {
  bool: {
    schema: { type: ['boolean', 'string'] },
    expected: 'true or false',
    accepts: value =>
      typeof value === 'boolean' ||
      value === 0 ||
      value === 1 ||
      (isText(value) && words.has(String(value).toLowerCase())),
  },
  int: {
    schema: { type: ['integer', 'string'] },
    expected: 'a whole number',
    accepts: value =>
      typeof value === 'number'
        ? Number.isInteger(value)
        : isText(value) && /^\s*[-+]?\d+\s*$/.test(String(value)),
  },
  number: {
    schema: { type: ['number', 'string'] },
    expected: 'a number',
    accepts: value =>
      !Number.isNaN(Number(value)) && value !== '' && !Array.isArray(value) && typeof value !== 'boolean',
  },
  text: { schema: { type: ['string', 'number'] }, expected: 'text', accepts: isScalar },
  becomeMethod: {
    schema: { type: 'string' },
    expected: 'sudo, su or doas',
    accepts: value => isText(value) && becomeMethod(String(value)) !== undefined,
    hint: value => noBecomeMethod(String(value)).hint,
  },
  texts: {
    schema: { type: ['string', 'array'], items: { type: 'string' } },
    expected: 'text or a list of texts',
    accepts: value => isScalar(value) || isListOf(isScalar)(value),
  },
  condition: {
    schema: { type: ['string', 'boolean', 'array', 'number'], items: { type: ['string', 'boolean'] } },
    expected: 'an expression or a list of expressions',
    accepts: value => isScalar(value) || isListOf(isScalar)(value),
  },
  mapping: { schema: { type: 'object' }, expected: 'a mapping', accepts: value => value instanceof Map },
  mappings: {
    schema: { type: ['object', 'array', 'string'] },
    expected: 'a mapping or a list of mappings',
    accepts: value =>
      value instanceof Map ||
      (Array.isArray(value) && value.every(item => item instanceof Map || isTemplate(item))),
  },
  tasks: {
    schema: { type: ['array', 'null'], items: { $ref: '#/$defs/task' } },
    expected: 'a list of tasks',
    accepts: value => Array.isArray(value),
  },
  list: { schema: { type: 'array' }, expected: 'a list', accepts: value => Array.isArray(value) },
  any: { schema: {}, expected: 'a value', accepts: () => true },
} satisfies Readonly<Record<string, Kind>>;

export interface Keyword {
  readonly name: string;
  readonly kind: keyof typeof KINDS;
  readonly levels: readonly Level[];
  readonly description: string;
  /** `no` when it is read before any variable is known. */
  readonly template?: 'no';
}

const EVERYWHERE: readonly Level[] = ['play', 'import_playbook', 'role', 'block', 'task', 'handler'];
const BELOW_PLAY: readonly Level[] = ['role', 'block', 'task', 'handler'];
const TASKS: readonly Level[] = ['task', 'handler'];
const PLAY: readonly Level[] = ['play'];

const keyword = (
  name: string,
  kind: Keyword['kind'],
  levels: readonly Level[],
  description: string,
  template?: 'no',
): Keyword => ({ name, kind, levels, description, ...(template && { template }) });

/** Every keyword of the playbook language, once: the loader, the reference page and the editor schema read it. */
export const KEYWORDS: readonly Keyword[] = [
  keyword('name', 'text', EVERYWHERE, 'A title for people; handlers are notified by it.'),
  keyword('hosts', 'texts', PLAY, 'Pattern of the hosts the play is for.'),
  keyword('import_playbook', 'text', ['import_playbook'], 'Playbook whose plays take this place.'),
  keyword('gather_facts', 'bool', PLAY, 'Whether facts are gathered before the first task.'),
  keyword('gather_subset', 'texts', PLAY, 'Groups of facts to gather, `!` before those to leave out.'),
  keyword('gather_timeout', 'int', PLAY, 'Seconds that gathering facts may take.'),
  keyword('fact_path', 'text', PLAY, 'Directory of local facts on the host.'),
  keyword(
    'vars_files',
    'any',
    PLAY,
    'Files of variables; a list inside the list means the first that exists.',
  ),
  keyword('vars_prompt', 'list', PLAY, 'Variables asked for at the start.', 'no'),
  keyword('serial', 'any', PLAY, 'Hosts per batch: a number, a percentage, or a list of them.'),
  keyword('strategy', 'text', PLAY, 'linear, free or host_pinned.'),
  keyword(
    'order',
    'text',
    PLAY,
    'Order of hosts: inventory, reverse_inventory, sorted, reverse_sorted, shuffle.',
  ),
  keyword(
    'max_fail_percentage',
    'number',
    PLAY,
    'The play stops when more than this share of a batch failed.',
  ),
  keyword('force_handlers', 'bool', PLAY, 'Notified handlers run even on hosts that failed.'),
  keyword('roles', 'list', PLAY, 'Roles, run between pre_tasks and tasks.', 'no'),
  keyword('pre_tasks', 'tasks', PLAY, 'Tasks before the roles.', 'no'),
  keyword('tasks', 'tasks', PLAY, 'Tasks after the roles.', 'no'),
  keyword('post_tasks', 'tasks', PLAY, 'Tasks after all others.', 'no'),
  keyword('handlers', 'tasks', PLAY, 'Tasks that run when notified.', 'no'),
  keyword('user', 'text', PLAY, 'Old name of remote_user.'),
  keyword('role', 'text', ['role'], 'Name or path of the role.'),
  keyword('public', 'bool', ['role'], 'Whether the role shows its variables to the rest of the play.'),
  keyword('block', 'tasks', ['block'], 'Tasks that share keywords.', 'no'),
  keyword('rescue', 'tasks', ['block'], 'Tasks that run when one of the block failed.', 'no'),
  keyword('always', 'tasks', ['block'], 'Tasks that run in any case.', 'no'),
  keyword(
    'when',
    'condition',
    [...BELOW_PLAY, 'import_playbook'],
    'Runs only where this holds; a list means all must hold.',
  ),
  keyword('tags', 'texts', EVERYWHERE, 'Names to select tasks by.'),
  keyword('vars', 'any', EVERYWHERE, 'Variables for this and everything inside.'),
  keyword('environment', 'mappings', EVERYWHERE, 'Environment variables for commands on the host.'),
  keyword('become', 'bool', EVERYWHERE, 'Whether to run as another user.'),
  keyword('become_user', 'text', EVERYWHERE, 'The user to become, root by default.'),
  keyword('become_method', 'becomeMethod', EVERYWHERE, 'sudo, su or doas.'),
  keyword('become_flags', 'text', EVERYWHERE, 'Options for the become method.'),
  keyword('become_exe', 'text', EVERYWHERE, 'Path of the become method.'),
  keyword('connection', 'text', EVERYWHERE, 'ssh or local.'),
  keyword('remote_user', 'text', EVERYWHERE, 'User to log in as.'),
  keyword('port', 'int', EVERYWHERE, 'Port of the SSH server.'),
  keyword('delegate_to', 'text', BELOW_PLAY, 'Host to run on in place of the current one.'),
  keyword('delegate_facts', 'bool', BELOW_PLAY, 'Facts belong to the host delegated to.'),
  keyword('run_once', 'bool', EVERYWHERE, 'Runs on the first host of the batch only, the result is for all.'),
  keyword('ignore_errors', 'bool', EVERYWHERE, 'A failure does not stop the host.'),
  keyword('ignore_unreachable', 'bool', EVERYWHERE, 'An unreachable host is not given up.'),
  keyword('any_errors_fatal', 'bool', EVERYWHERE, 'A failure on one host is a failure of all.'),
  keyword('no_log', 'bool', EVERYWHERE, 'Results are not shown.'),
  keyword('check_mode', 'bool', EVERYWHERE, 'Forces check mode on or off.'),
  keyword('diff', 'bool', EVERYWHERE, 'Forces showing differences on or off.'),
  keyword('throttle', 'int', EVERYWHERE, 'At most so many hosts at a time.'),
  keyword('timeout', 'int', EVERYWHERE, 'Seconds a task may take.'),
  keyword('debugger', 'text', EVERYWHERE, 'Accepted and ignored: there is no interactive debugger.'),
  keyword('module_defaults', 'mappings', EVERYWHERE, 'Default arguments by module, or by `group/NAME`.'),
  keyword('collections', 'texts', EVERYWHERE, 'Collections in which short names are looked for.', 'no'),
  keyword('notify', 'texts', ['block', ...TASKS], 'Handlers or topics to notify after a change.'),
  keyword('listen', 'texts', ['handler'], 'Topics that notify this handler.'),
  keyword('action', 'any', TASKS, 'Module and arguments in one, the old form.'),
  keyword('local_action', 'any', TASKS, 'Like action, run on the control machine.'),
  keyword('args', 'any', TASKS, 'More arguments of the module.'),
  keyword('register', 'text', TASKS, 'Variable that takes the result.', 'no'),
  keyword('loop', 'any', TASKS, 'List to repeat the task for.'),
  keyword('loop_control', 'mapping', TASKS, 'Details of the loop.', 'no'),
  keyword('changed_when', 'condition', TASKS, 'Decides whether the task counts as changed.'),
  keyword('failed_when', 'condition', TASKS, 'Decides whether the task counts as failed.'),
  keyword('until', 'condition', TASKS, 'Repeats the task until this holds.'),
  keyword('retries', 'int', TASKS, 'How often to try again, 3 by default.'),
  keyword('delay', 'number', TASKS, 'Seconds between tries, 5 by default.'),
  keyword('async', 'int', TASKS, 'Seconds the task may run in the background.'),
  keyword('poll', 'int', TASKS, 'Seconds between looks at a background task; 0 does not wait.'),
];

/** Keys of `loop_control`. */
export const LOOP_CONTROL: readonly Omit<Keyword, 'levels'>[] = [
  { name: 'loop_var', kind: 'text', description: 'Name of the variable that holds the item.' },
  { name: 'index_var', kind: 'text', description: 'Name of the variable that counts from 0.' },
  { name: 'label', kind: 'any', description: 'What to show in place of the item.' },
  { name: 'pause', kind: 'number', description: 'Seconds between items.' },
  { name: 'extended', kind: 'bool', description: 'Whether `ansible_loop` is there.' },
  { name: 'extended_allitems', kind: 'bool', description: 'Whether `ansible_loop.allitems` is there.' },
  { name: 'break_when', kind: 'condition', description: 'Ends the loop after an item for which this holds.' },
];

/** Keys of an entry of `vars_prompt`. */
export const VARS_PROMPT: readonly Omit<Keyword, 'levels'>[] = [
  { name: 'name', kind: 'text', description: 'Name of the variable.' },
  { name: 'prompt', kind: 'text', description: 'The question.' },
  { name: 'default', kind: 'any', description: 'Value for an empty answer.' },
  { name: 'private', kind: 'bool', description: 'Whether typing is hidden, yes by default.' },
  { name: 'confirm', kind: 'bool', description: 'Whether to ask twice.' },
  { name: 'encrypt', kind: 'text', description: 'Hash to make of the answer.' },
  { name: 'salt', kind: 'text', description: 'Salt of the hash.' },
  { name: 'salt_size', kind: 'int', description: 'Length of the salt.' },
  { name: 'unsafe', kind: 'bool', description: 'Whether the answer is never a template.' },
];

/** The only keywords a dynamic include takes; others belong on the included tasks, or under `apply`. */
export const INCLUDE_KEYWORDS: ReadonlySet<string> = new Set([
  ...['action', 'args', 'collections', 'debugger', 'ignore_errors', 'loop', 'loop_control', 'name', 'no_log'],
  ...['register', 'run_once', 'tags', 'timeout', 'vars', 'when', 'listen'],
]);

const BY_LEVEL = new Map<Level, ReadonlyMap<string, Keyword>>(
  EVERYWHERE.map(level => [
    level,
    new Map(KEYWORDS.filter(entry => entry.levels.includes(level)).map(entry => [entry.name, entry])),
  ]),
);

/** Keywords that may be written at a level, by name. */
export function keywordsOf(level: Level): ReadonlyMap<string, Keyword> {
  return BY_LEVEL.get(level) ?? new Map();
}

/** A hint for a key that stands at the wrong level, or is misspelt. */
export function keyHint(name: string, known: Iterable<string>): string | undefined {
  const elsewhere = KEYWORDS.find(entry => entry.name === name);
  if (!elsewhere) return didYouMean(name, known);
  const [first = 'play'] = elsewhere.levels;
  return `it belongs to a ${first.replace('import_playbook', 'playbook import')}`;
}

/** What is wrong with a value behind a keyword, and a hint; undefined when it fits. */
export function mismatch(
  entry: Omit<Keyword, 'levels'>,
  value: Value,
): { readonly message: string; readonly hint: string | undefined } | undefined {
  if (value === null) return undefined;
  if (entry.template !== 'no' && isTemplate(value)) return undefined;
  const kind: Kind = KINDS[entry.kind];
  if (kind.accepts(value)) return undefined;
  return { message: `"${entry.name}" must be ${kind.expected}`, hint: kind.hint?.(value) };
}

/** JSON Schema of some keywords. */
export function keywordProperties(
  entries: Iterable<Omit<Keyword, 'levels'>>,
): Readonly<Record<string, object>> {
  return Object.fromEntries(
    [...entries].map(({ name, kind, description }) => [name, { ...KINDS[kind].schema, description }]),
  );
}
