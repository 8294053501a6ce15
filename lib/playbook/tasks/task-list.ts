import type { VarLayer } from '../../inventory/types.ts';
import type { Position } from '../../source/errors.ts';
import { type Dict, keyPositionOf, positionOf, Unsafe, type Value } from '../../source/value.ts';
import { displayPath } from '../../source/yaml/read-yaml.ts';
import { isTemplate } from '../../templating/templar.ts';
import { checkKeywords, checkTemplates } from '../check.ts';
import { authored, each, inherit, texts, varLayers } from '../inherit.ts';
import { type Load, renderName } from '../load-state.ts';
import { roleRequest } from '../roles/role-request.ts';
import { findFile } from '../search.ts';
import type { Authored, Block, Keywords, Task, TaskContext, TaskNode } from '../types.ts';
import { parseAction } from './action.ts';
import { firstWord } from './free-form.ts';
import { parseTask, refuseUnknown, withTags } from './task.ts';

/** Tasks and blocks from a list as written (what is not a list has been complained about); imports are replaced by what they import. */
export function parseTasks(load: Load, list: Authored | undefined, context: TaskContext): TaskNode[] {
  if (!Array.isArray(list?.value)) return [];
  return each(list).flatMap(item => parseNode(load, item, context));
}

function parseNode(load: Load, { value, at }: Authored, context: TaskContext): TaskNode[] {
  if (value === null) return [];
  if (!(value instanceof Map)) {
    load.problems.add(
      'WRONG_TYPE',
      'a task must be a mapping',
      at,
      'write "- name: …" and below it the module',
    );
    return [];
  }
  if (value.has('block') || value.has('rescue') || value.has('always'))
    return parseBlock(load, value, at, context);
  const imported = importOf(load, value, context);
  if (imported) return expandImport(load, value, imported, context);
  const task = parseTask(load, value, context);
  return task ? [task] : [];
}

function parseBlock(load: Load, dict: Dict, at: Position, context: TaskContext): Block[] {
  if (!dict.has('block'))
    load.problems.add('MISSING_KEY', '"rescue" and "always" belong to a "block"', at, 'add "block:"');
  checkKeywords(load, dict, 'block', key => context.handlers && key === 'listen');
  const name = dict.get('name');
  const title = typeof name === 'string' || name instanceof Unsafe ? String(name) : undefined;
  const keywords = inherit(
    context.keywords,
    dict,
    title === undefined ? 'block' : `block "${title}"`,
    load.problems,
  );
  const id = load.uniqueId(`${context.idPrefix ?? ''}${at.file}:${at.line}`);
  const inner = { ...context, keywords: withTags(load, keywords, context) };
  const part = (key: string, within = inner) => parseTasks(load, authored(dict, key), within);
  return [
    {
      kind: 'block',
      id,
      name: title,
      isTextName: name instanceof Unsafe,
      at,
      block: part('block', { ...inner, rescued: inner.rescued === true || dict.has('rescue') }),
      rescue: part('rescue', { ...inner, rescuing: true }),
      always: part('always'),
      listen: texts(dict.get('listen')),
      role: context.role,
    },
  ];
}

type Import = 'import_tasks' | 'import_role' | 'include';

const SHORT = /^ansible\.(?:builtin|legacy)\./;

/** The static import a task is, if it is one. */
function importOf(load: Load, dict: Dict, context: TaskContext): Import | undefined {
  for (const [key, value] of dict) {
    const name = key === 'action' && typeof value === 'string' ? (value.split(' ')[0] ?? '') : String(key);
    const short = name.replace(SHORT, '');
    if (short === 'import_playbook')
      load.problems.add(
        'BAD_VALUE',
        '"import_playbook" stands among plays, not among tasks',
        keyPositionOf(dict, key),
        'use "import_tasks" for a file of tasks',
      );
    if (short === 'import_tasks' || short === 'import_role') return short;
    // What stands in a file that a task includes is as dynamic as that.
    const mayBeStatic = short === 'include' && context.idPrefix === undefined;
    if (mayBeStatic && isStatic(dict, value, context) && load.options.findModule(name)) return 'include';
  }
  if (context.handlers) refuseRoles(load, dict);
  return undefined;
}

/** The old `include` is static unless its name is a template, it loops, or stands in what a dynamic one brought. */
function isStatic(dict: Dict, value: Value, { idPrefix }: TaskContext): boolean {
  const loops = [...dict.keys()].some(key => key === 'loop' || String(key).startsWith('with_'));
  const name = typeof value === 'string' ? firstWord(value) : value;
  return !loops && idPrefix === undefined && !isTemplate(name);
}

function refuseRoles(load: Load, dict: Dict): void {
  for (const key of dict.keys()) {
    if (String(key).replace(SHORT, '') !== 'include_role') continue;
    load.problems.add(
      'BAD_VALUE',
      'a handler cannot include a role',
      positionOf(dict, key),
      'use include_tasks',
    );
  }
}

function expandImport(load: Load, dict: Dict, kind: Import, context: TaskContext): TaskNode[] {
  const level = context.handlers ? 'handler' : 'task';
  const action = parseAction(load, dict, level, context.keywords.collections);
  if (!action) return [];
  checkKeywords(load, dict, level, key => key === action.moduleName);
  const loop = [...dict.keys()].find(key => key === 'loop' || String(key).startsWith('with_'));
  if (loop !== undefined) {
    const dynamic = kind.replace('import', 'include');
    load.problems.add(
      'CONFLICTING_KEYS',
      `"${kind}" cannot loop`,
      positionOf(dict, loop),
      `use "${dynamic}"`,
    );
    return [];
  }
  const name = dict.get('name');
  const label = `${kind} "${typeof name === 'string' ? name : ''}"`.replace(' ""', '');
  const inherited = inherit(context.keywords, dict, label, load.problems);
  const keywords =
    kind === 'include' ? asIncludeVars(inherited, context.keywords, parameters(action.args)) : inherited;
  const inner = { ...context, keywords: withTags(load, keywords, context) };
  if (kind !== 'include') refuseUnknown(load, action.args, action.module, action.moduleName);
  checkTemplates(load, action.args, action.argsAt);
  const vars = varLayers(authored(dict, 'vars'), label, load.problems)[0];
  const task: ImportTask = { args: action.args, at: action.argsAt, freeForm: action.module.freeForm, vars };
  return kind === 'import_role' ? importRole(load, task, inner) : importTasks(load, task, inner);
}

/** The `vars` of the old `include` are as strong as those of include_tasks; what stands beside the file is not. */
function asIncludeVars(inherited: Keywords, outer: Keywords, given: readonly VarLayer[]): Keywords {
  const own = inherited.vars.slice(outer.vars.length);
  return { ...inherited, vars: [...outer.vars, ...given], includeVars: [...outer.includeVars, ...own] };
}

/** The old `include: file.yml a=b` gives variables beside the file. */
function parameters(args: Dict): VarLayer[] {
  const vars = new Map([...args].filter(([key]) => !['file', '_raw_params', 'apply'].includes(String(key))));
  return vars.size > 0 ? [{ source: 'parameters of include', vars }] : [];
}

interface ImportTask {
  readonly args: Dict;
  readonly at: Position;
  readonly freeForm: string | undefined;
  readonly vars: VarLayer | undefined;
}

function importTasks(load: Load, { args, at, freeForm }: ImportTask, context: TaskContext): TaskNode[] {
  const name =
    authored(args, 'file') ?? authored(args, freeForm ?? '_raw_params') ?? authored(args, '_raw_params');
  if (!name) {
    load.problems.add(
      'MISSING_ARGUMENT',
      'the name of the file is missing',
      at,
      'write "import_tasks: FILE"',
    );
    return [];
  }
  const file = renderName(load, name, context);
  if (file === undefined) return [];
  const found = findTaskFile(load, file, context, name.at);
  return found === undefined ? [] : parseTaskFile(load, found, context, name.at);
}

/** The file of an import or include, or a mistake that says where it was looked for. */
function findTaskFile(load: Load, name: string, context: TaskContext, at: Position): string | undefined {
  const kinds = context.handlers ? (['handlers', 'tasks'] as const) : (['tasks'] as const);
  const found = kinds.map(kind => findFile(context, kind, name));
  const file = found.find(one => one.file !== undefined)?.file;
  if (file !== undefined) return file;
  const searched = [...new Set(found.flatMap(one => one.searched))];
  const places = searched.slice(0, 4).map(displayPath).join(', ');
  load.problems.add('FILE_NOT_FOUND', `no file "${name}"`, at, `looked for ${places}`);
  return undefined;
}

/** Tasks of a file, as if they stood where it is imported. */
export function parseTaskFile(load: Load, file: string, context: TaskContext, at?: Position): TaskNode[] {
  if (load.openFiles.has(file)) {
    load.problems.add(
      'INCLUDE_LOOP',
      `"${displayPath(file)}" imports itself`,
      at,
      'use include_tasks with a condition that ends it',
    );
    return [];
  }
  const value = load.problems.attempt(() => load.options.files.yaml(file, at));
  if (value === undefined || value === null) return [];
  const list = { value, at: { file: displayPath(file), line: 1, col: 1 } };
  if (!Array.isArray(value)) {
    load.problems.add(
      'NO_TASK_LIST',
      'a task file must be a list of tasks',
      list.at,
      'begin each task with "- "',
    );
    return [];
  }
  load.openFiles.add(file);
  const nodes = parseTasks(load, list, { ...context, includedFrom: [...context.includedFrom, file] });
  load.openFiles.delete(file);
  return nodes;
}

function importRole(load: Load, { args, at, vars }: ImportTask, context: TaskContext): TaskNode[] {
  if (context.handlers) {
    load.problems.add('BAD_VALUE', 'a handler cannot import a role', at, 'use import_tasks');
    return [];
  }
  const request = roleRequest(load, args, at, context);
  if (!request) return [];
  return [...(load.role({ ...request, ...(vars && { vars }) }, context, at)?.tasks ?? [])];
}

/** Every task of a list, in order, those in blocks included. */
export function* eachTask(nodes: readonly TaskNode[]): Iterable<Task> {
  for (const node of nodes) {
    if (node.kind === 'task') yield node;
    else yield* eachTask([...node.block, ...node.rescue, ...node.always]);
  }
}

/** A handler: a task, or a block that is notified as one. */
export type Handler = Task | Block;

/** Handlers in the order they are defined: a block stands before its own tasks, which answer to their names as well. */
export function handlersOf(nodes: readonly TaskNode[]): Handler[] {
  return nodes.flatMap(node => (node.kind === 'task' ? [node] : [node, ...handlersOf(node.block)]));
}
