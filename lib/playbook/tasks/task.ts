import { argumentNames } from '../../modules/kit/arguments.ts';
import type { Module } from '../../modules/kit/define.ts';
import { didYouMean } from '../../source/suggest.ts';
import { type Dict, keyPositionOf, positionOf, Unsafe, type Value } from '../../source/value.ts';
import { checkArguments, checkKeys, checkKeywords, checkTemplates } from '../check.ts';
import { authored, inherit, texts } from '../inherit.ts';
import { INCLUDE_KEYWORDS, type Level, LOOP_CONTROL } from '../keywords.ts';
import { type Load, staticVariables } from '../load-state.ts';
import type { Action, Authored, Keywords, Loop, Task, TaskContext } from '../types.ts';
import { parseAction } from './action.ts';
import { newTask } from './new-task.ts';

const LOOP_KEYS = new Map(LOOP_CONTROL.map(entry => [entry.name, entry]));

/** A task from its dictionary, or undefined when it is too broken to go on with. */
export function parseTask(load: Load, dict: Dict, context: TaskContext): Task | undefined {
  return load.problems.within(isReachedForSure(dict, context), () => readTask(load, dict, context));
}

/** Whether every run comes to the task on some host, as far as can be told from what is written. */
function isReachedForSure(dict: Dict, context: TaskContext): boolean {
  const { keywords, idPrefix, handlers, rescued, rescuing } = context;
  const loop = dict.get('loop');
  return (
    // What was included while the run goes on fails where it stands, as in Ansible.
    idPrefix === undefined &&
    !(handlers || rescued || rescuing) &&
    keywords.when.length === 0 &&
    (dict.get('when') ?? true) === true &&
    !(dict.has('ignore_errors') || keywords.ignoreErrors) &&
    ![...texts(dict.get('tags')), ...keywords.tags].includes('never') &&
    ![...dict.keys()].some(key => String(key).startsWith('with_')) &&
    (loop === undefined || (Array.isArray(loop) && loop.length > 0))
  );
}

function readTask(load: Load, dict: Dict, context: TaskContext): Task | undefined {
  const level: Level = context.handlers ? 'handler' : 'task';
  const action = parseAction(load, dict, level, collectionsOf(dict, context));
  if (!load.alreadyChecked(dict)) {
    checkKeywords(load, dict, level, key => !action || key === action.moduleName || key.startsWith('with_'));
    if (action) checkArguments(load, action, isFailureExpected(dict, context));
    load.absent.note(load, dict, context, action);
    if (action && action.module.traits?.brings !== undefined) checkInclude(load, dict, action);
  }
  const loop = parseLoop(load, dict);
  return action && buildTask(load, dict, context, action, loop);
}

/** Whether the author reckons with a failure: wrong arguments are then the task's own matter, as in Ansible. */
function isFailureExpected(dict: Dict, context: TaskContext): boolean {
  return (
    context.rescued === true ||
    dict.has('ignore_errors') ||
    dict.has('failed_when') ||
    context.keywords.ignoreErrors !== undefined
  );
}

function collectionsOf(dict: Dict, context: TaskContext): readonly string[] {
  const own = dict.get('collections');
  return own ? texts(own) : context.keywords.collections;
}

function buildTask(
  load: Load,
  dict: Dict,
  context: TaskContext,
  action: Action,
  loop: Loop | undefined,
): Task {
  const at = positionOf(dict) ?? action.argsAt;
  checkVariableName(load, dict, 'register');
  const name = dict.get('name');
  const label = `task "${typeof name === 'string' ? name : action.moduleName}"`;
  const keywords = withTags(load, inherit(context.keywords, dict, label, load.problems), context);
  const id = load.uniqueId(`${context.idPrefix ?? ''}${at.file}:${at.line}`);
  const local: Authored | undefined = action.local ? { value: 'localhost', at: action.argsAt } : undefined;
  return newTask({
    ...keywords,
    ...(local && { delegateTo: local }),
    id,
    name: name === null || name === undefined ? undefined : String(name),
    isTextName: name instanceof Unsafe,
    at,
    argsAt: action.argsAt,
    moduleName: action.moduleName,
    module: action.module,
    ...(action.moduleTemplate && { moduleTemplate: action.moduleTemplate }),
    args: action.args,
    argsTemplate: action.argsTemplate,
    register: textOf(dict, 'register'),
    loop,
    changedWhen: authored(dict, 'changed_when'),
    failedWhen: authored(dict, 'failed_when'),
    until: authored(dict, 'until'),
    retries: authored(dict, 'retries'),
    delay: authored(dict, 'delay'),
    async: authored(dict, 'async'),
    poll: authored(dict, 'poll'),
    listen: texts(dict.get('listen')),
    role: context.role,
    includedFrom: context.includedFrom,
    outer: context.keywords,
  });
}

function textOf(dict: Dict, key: string): string | undefined {
  const value = dict.get(key);
  return value === undefined || value === null ? undefined : String(value);
}

/**
 * Tags with templates in them rendered, as far as variables are known before the run. Those of what is around were
 * rendered there: what came out is text.
 */
export function withTags(load: Load, keywords: Keywords, context: TaskContext): Keywords {
  if (!keywords.tags.some(tag => tag.includes('{{'))) return keywords;
  const { templar } = load.options;
  const outer = new Set(context.keywords.tags);
  const tags = keywords.tags.flatMap(tag => {
    if (outer.has(tag)) return [tag];
    const rendered = load.problems.attempt(() => templar.render(tag, staticVariables(load, context)));
    return texts(rendered ?? tag);
  });
  return { ...keywords, tags: [...new Set(tags)] };
}

function checkInclude(load: Load, dict: Dict, { moduleName, module, args }: Action): void {
  const apply = args.get('apply');
  if (apply instanceof Map) checkKeywords(load, apply, 'block');
  if (/(^|\.)include$/.test(moduleName)) return; // the old form takes variables and more
  refuseUnknown(load, args, module, moduleName);
  for (const key of dict.keys()) {
    const name = String(key);
    if (INCLUDE_KEYWORDS.has(name) || name === moduleName || name.startsWith('with_')) continue;
    const hint = 'put it under "apply" of the include to give it to the included tasks';
    load.problems.add('UNKNOWN_KEY', `"${moduleName}" takes no "${name}"`, keyPositionOf(dict, key), hint);
  }
}

/** Arguments an include does not know; its schema is open for the old form. */
export function refuseUnknown(load: Load, args: Dict, module: Module, moduleName: string): void {
  const names = argumentNames(module);
  for (const key of args.keys()) {
    if (names.has(String(key))) continue;
    const hint = didYouMean(String(key), names.keys()) ?? 'give variables under "vars" of the task';
    load.problems.add(
      'UNKNOWN_ARGUMENT',
      `"${moduleName}" has no argument "${String(key)}"`,
      keyPositionOf(args, key),
      hint,
    );
  }
}

/** What a template can name: anything else could be set and never be read. */
function checkVariableName(load: Load, dict: Dict, key: string): void {
  const name = textOf(dict, key);
  if (name === undefined || name.includes('{') || /^[A-Za-z_]\w*$/.test(name)) return;
  const better = name
    .trim()
    .replace(/\W+/g, '_')
    .replace(/^(?=\d)/, '_');
  load.problems.add(
    'BAD_VALUE',
    `"${name}" cannot be the name of a variable`,
    positionOf(dict, key),
    `a name has letters, digits and underscores: "${better}"`,
  );
}

/** The loop of a task: `loop`, or any `with_NAME`. */
function parseLoop(load: Load, dict: Dict): Loop | undefined {
  const keys = [...dict.keys()].map(String).filter(key => key === 'loop' || key.startsWith('with_'));
  const control = dict.get('loop_control');
  if (control instanceof Map) checkKeys(load, control, LOOP_KEYS, '"loop_control"');
  const [key, second] = keys;
  if (key === undefined) return undefined;
  if (second !== undefined) {
    load.problems.add(
      'CONFLICTING_KEYS',
      `a task has one loop, not "${key}" and "${second}"`,
      keyPositionOf(dict, second),
    );
  }
  const kind = key.replace(/^with_/, '');
  const items = authored(dict, key);
  const at = keyPositionOf(dict, key);
  if (key !== 'loop')
    load.problems.whenReached(() =>
      load.problems.attempt(() => load.options.templar.checkExpression(`lookup('${kind}')`, at)),
    );
  if (!items) {
    load.problems.add('WRONG_TYPE', `"${key}" wants something to loop over`, at);
    return undefined;
  }
  checkLoopItems(load, key, items);
  return loopOf(kind, items, control instanceof Map ? control : new Map<Value, Value>());
}

function checkLoopItems(load: Load, key: string, items: Authored): void {
  if (key !== 'loop') checkTemplates(load, items.value, items.at);
  else if (!Array.isArray(items.value) && !(typeof items.value === 'string' && items.value.includes('{'))) {
    const text = typeof items.value === 'string' ? items.value : undefined;
    const hint =
      text === undefined
        ? undefined
        : /^[\w.]+$/.test(text)
          ? `write "{{ ${text} }}"`
          : `write [${text
              .split(',')
              .map(part => part.trim())
              .join(', ')}]`;
    load.problems.add('WRONG_TYPE', '"loop" must be a list, or a template that gives one', items.at, hint);
  }
}

function loopOf(kind: string, items: Authored, control: Dict): Loop {
  return {
    kind,
    items,
    loopVar: textOf(control, 'loop_var') ?? 'item',
    indexVar: textOf(control, 'index_var'),
    label: authored(control, 'label'),
    pause: authored(control, 'pause'),
    extended: authored(control, 'extended'),
    extendedAllitems: isTrue(control.get('extended_allitems') ?? true),
    breakWhen: authored(control, 'break_when'),
  };
}

/** Truth of a keyword that holds no template. */
export function isTrue(value: Value | undefined): boolean {
  return typeof value === 'string'
    ? /^(y|yes|on|1|true|t)$/i.test(value.trim())
    : value === true || value === 1;
}
