import { argumentNames, coerceArguments } from '../modules/kit/arguments.ts';
import type { Position } from '../source/errors.ts';
import { didYouMean } from '../source/suggest.ts';
import {
  type Dict,
  type Json,
  keyPositionOf,
  positionOf,
  Secret,
  toPlain,
  Unsafe,
  type Value,
} from '../source/value.ts';
import { isTemplate } from '../templating/templar.ts';
import { each } from './inherit.ts';
import { type Keyword, keyHint, keywordsOf, type Level, mismatch } from './keywords.ts';
import type { Load } from './load-state.ts';
import { mistakesOf } from './problems.ts';
import type { Action, Authored } from './types.ts';

/** Keywords whose text is an expression without braces. */
const EXPRESSIONS: ReadonlySet<string> = new Set([
  'when',
  'changed_when',
  'failed_when',
  'until',
  'break_when',
]);

/** Keywords whose value is looked at when a task runs. */
const FAILS_WHEN_REACHED: ReadonlySet<string> = new Set(['become', 'check_mode', 'diff']);

/** Arguments that are expressions too, by module. */
const EXPRESSION_ARGUMENTS: Readonly<Record<string, readonly string[]>> = {
  assert: ['that'],
  debug: ['var'],
};

/** Keywords that hold other things with keywords, which are checked when they are read. */
const NESTED: ReadonlySet<string> = new Set([
  ...['tasks', 'pre_tasks', 'post_tasks', 'handlers', 'roles', 'block', 'rescue', 'always'],
  ...['args', 'action', 'local_action', 'loop_control'],
]);

/** Checks every keyword of a dictionary: its value's type, and the templates inside. `accepts` lets further keys pass. */
export function checkKeywords(
  load: Load,
  dict: Dict,
  level: Level,
  accepts: (key: string) => boolean = () => false,
): void {
  checkKeys(
    load,
    dict,
    keywordsOf(level),
    `a ${level === 'import_playbook' ? 'playbook import' : level}`,
    accepts,
  );
}

/** The same for a dictionary with a table of its own, such as `loop_control`. */
export function checkKeys(
  load: Load,
  dict: Dict,
  table: ReadonlyMap<string, Omit<Keyword, 'levels'>>,
  what: string,
  accepts: (key: string) => boolean = () => false,
): void {
  for (const [key, value] of dict) {
    const name = String(key);
    const entry = table.get(name);
    const at = positionOf(dict, key) ?? NOWHERE;
    if (!entry) {
      if (accepts(name)) continue;
      load.problems.add(
        'UNKNOWN_KEY',
        `${what} has no "${name}"`,
        keyPositionOf(dict, key),
        keyHint(name, table.keys()),
      );
      continue;
    }
    const problem = mismatch(entry, value);
    if (problem !== undefined) {
      const tell = () => load.problems.add('WRONG_TYPE', problem.message, at, problem.hint);
      // The task fails by it when it is reached, as in Ansible.
      if (FAILS_WHEN_REACHED.has(name)) load.problems.whenReached(tell);
      else tell();
    } else if (EXPRESSIONS.has(name)) checkConditions(load, { value, at }, name === 'when');
    else if (name === 'vars') load.problems.within(false, () => checkTemplates(load, value, at));
    else if (!NESTED.has(name)) checkTemplates(load, value, at);
  }
}

const NOWHERE: Position = { file: '', line: 1, col: 1 };

/** Checks an expression, or each of a list of them; `decides` for what says whether the task is reached. */
function checkConditions(load: Load, conditions: Authored, decides = false): void {
  const { templar } = load.options;
  for (const { value, at } of each(conditions)) {
    if (typeof value !== 'string' || value.trim() === '') continue;
    const check = () =>
      value.includes('{{') || value.includes('{%')
        ? templar.check(value, at)
        : templar.checkExpression(value, at);
    keepTemplateMistakes(load, value, check, decides);
  }
}

/** Words that leave parts of an expression out. */
const CHOOSING = /\b(?:if|and|or)\b|\{%/;

/** Keeps what is wrong with a template; a name that does not exist may stand in a part that is never evaluated. */
function keepTemplateMistakes(load: Load, text: string, check: () => void, decides = false): void {
  const { problems } = load;
  try {
    check();
  } catch (error) {
    for (const one of mistakesOf(error)) {
      const isSure = !one.code.startsWith('UNKNOWN_') || !CHOOSING.test(text);
      if (isSure) problems.whenReached(() => problems.keep(one), decides);
      else problems.within(false, () => problems.whenReached(() => problems.keep(one)));
    }
  }
}

/** Checks syntax and names in every template inside a value. */
export function checkTemplates(load: Load, value: Value, at: Position): void {
  if (typeof value === 'object' && value !== null && load.alreadyChecked(value)) return;
  if (isTemplate(value)) keepTemplateMistakes(load, value, () => load.options.templar.check(value, at));
  else if (Array.isArray(value))
    for (const [i, item] of value.entries()) checkTemplates(load, item, positionOf(value, i) ?? at);
  else if (value instanceof Map) {
    for (const [key, item] of value) checkTemplates(load, item, positionOf(value, key) ?? at);
  }
}

/** Checks the arguments of a task against its module's schema; templates may become anything. */
export function checkArguments(load: Load, action: Action, templatesOnly = false): void {
  const { module, args, argsAt, argsTemplate } = action;
  checkArgumentTemplates(load, module.name, args);
  if (templatesOnly) return;
  const opaque = new Set<unknown>();
  const raw = Object.fromEntries(
    [...args].map(([key, value]) => {
      const plain = isDeferred(value) ? '{{ deferred }}' : toPlain(value);
      if (isDeferred(value)) opaque.add(plain);
      return [String(key), plain];
    }),
  );
  const mistakes = (given: typeof raw) =>
    coerceArguments(module, given, value => opaque.has(value) || isTemplate(value)).problems;
  const certain = new Set(mistakes(withoutOmitted(raw, args)).map(({ message }) => message));
  for (const { code, key, message, hint } of mistakes(raw)) {
    if (!certain.has(message)) continue;
    if (argsTemplate && code === 'MISSING_ARGUMENT') continue; // the template may bring it
    if (key === '_raw_params') continue; // who reads the task has told it
    const at =
      key === undefined
        ? argsAt
        : code === 'UNKNOWN_ARGUMENT'
          ? keyPositionOf(args, key)
          : positionOf(args, key);
    const advice =
      hint ??
      (code === 'UNKNOWN_ARGUMENT' && key !== undefined
        ? didYouMean(key, argumentNames(module).keys())
        : undefined);
    load.problems.whenReached(() => load.problems.add(code, message, at ?? argsAt, advice));
  }
}

/** Arguments without those that `default(omit)` may leave out: what is wrong in both forms is wrong for certain. */
function withoutOmitted(raw: Readonly<Record<string, Json>>, args: Dict): Record<string, Json> {
  return Object.fromEntries(
    Object.entries(raw).filter(([key]) => {
      const value = args.get(key);
      return !(typeof value === 'string' && /\bomit\b/.test(value));
    }),
  );
}

/** True for a value that is known only when the task runs: a template, a vault secret, or something that holds one. */
function isDeferred(value: Value): boolean {
  return isTemplate(value) || value instanceof Secret || value instanceof Unsafe;
}

function checkArgumentTemplates(load: Load, moduleName: string, args: Dict): void {
  const expressions = EXPRESSION_ARGUMENTS[moduleName] ?? [];
  for (const [key, value] of args) {
    const at = positionOf(args, key) ?? NOWHERE;
    if (expressions.includes(String(key))) checkConditions(load, { value, at });
    else checkTemplates(load, value, at);
  }
}
