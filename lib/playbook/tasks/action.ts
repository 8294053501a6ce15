import { existsSync } from 'node:fs';
import path from 'node:path';
import { A, argumentNames, Type } from '../../modules/kit/arguments.ts';
import { defineAction, type Module, ModuleError } from '../../modules/kit/define.ts';
import { isElsewhere } from '../../modules/known-unsupported.ts';
import type { Position } from '../../source/errors.ts';
import { didYouMean } from '../../source/suggest.ts';
import { type Dict, keyPositionOf, positionOf, setOrigin, type Value } from '../../source/value.ts';
import { isTemplate } from '../../templating/templar.ts';
import { KEYWORDS, keyHint, keywordsOf, type Level } from '../keywords.ts';
import type { Load, LoaderOptions } from '../load-state.ts';
import { collectionRoots } from '../roles/role-files.ts';
import type { Action, Authored, Task } from '../types.ts';
import { joinWords, parseFreeForm, splitWords, UnbalancedError } from './free-form.ts';

/** Words that are arguments in the text of a module that takes a command. */
const COMMAND_ARGUMENTS: ReadonlySet<string> = new Set([
  ...['creates', 'removes', 'chdir', 'executable', 'warn', 'stdin', 'stdin_add_newline', 'strip_empty_ends'],
  'expand_argument_vars',
]);

/** Where Ansible puts text that is not a `key=value`; an author may write it as a key, too. */
const TEXT = '_raw_params';

/** A task whose module a template names, with that module. */
export function withModule(task: Task, name: string, find: LoaderOptions['findModule']): Task {
  const module = find(name) ?? foreignModule(name, [...task.args.keys()].map(String));
  const args: Dict = new Map(
    [...task.args].map(([key, value]) => [key === TEXT ? (module.freeForm ?? key) : key, value]),
  );
  setOrigin(args, { self: task.argsAt, keys: new Map() });
  return { ...task, module, moduleName: name, args };
}

interface Written {
  readonly name: string;
  readonly nameAt: Position;
  readonly value: Value;
  readonly at: Position;
  readonly local: boolean;
  /** Written as `action` or `local_action`. */
  readonly old?: boolean;
}

const NO_ARGUMENTS: Dict = new Map();
const NOWHERE: Position = { file: '', line: 1, col: 1 };

/** Finds the one module a task calls. Mistakes go to `load.problems`; undefined then. */
export function parseAction(
  load: Load,
  dict: Dict,
  level: Level,
  collections: readonly string[],
): Action | undefined {
  const written = writtenActions(load, dict, level);
  const at = positionOf(dict) ?? NOWHERE;
  const [first, second] = written;
  if (!first) {
    load.problems.add('MISSING_KEY', 'this task names no module', at, 'add one, such as "command: ls"');
    return undefined;
  }
  if (second) return severalActions(load, written, level, collections);
  const isTemplated = first.old === true && isTemplate(first.name);
  const module = isTemplated ? undefined : moduleNamed(load, first.name, collections);
  if (!module && !isTemplated) {
    if (!isForeign(load, first, collections)) {
      unknownModule(load, first, level);
      return undefined;
    }
    const { name, nameAt } = first;
    const hint = 'modules written in Python do not run here';
    load.problems.whenReached(() => load.problems.add('UNKNOWN_MODULE', notAvailable(name), nameAt, hint));
  }
  return withArguments(load, dict, first, module);
}

function moduleNamed(load: Load, name: string, collections: readonly string[]): Module | undefined {
  const { findModule } = load.options;
  const found = findModule(name);
  if (found || name.includes('.')) return found;
  return collections
    .map(collection => findModule(`${collection}.${name}`))
    .find(module => module !== undefined);
}

const IN_COLLECTION = /^(?!ansible\.(?:builtin|legacy)\.)\w+\.\w+\.\w[\w.]*$/;

/** Whether a module exists that we cannot run: one of a collection, or a Python file of the playbook's own. */
function isForeign(load: Load, { name, nameAt }: Written, collections: readonly string[]): boolean {
  if (IN_COLLECTION.test(name) || isElsewhere(name)) return true;
  const short = name.replace(/^ansible\.legacy\./, '');
  if (!/^\w+$/.test(short)) return false;
  // `roles/NAME/tasks/main.yml` sees `roles/NAME/library`, a playbook what lies beside it.
  const places = [load.baseDir, path.dirname(nameAt.file), path.dirname(path.dirname(nameAt.file)), '.'];
  const own = places.flatMap(place => ['library', 'action_plugins'].map(kind => path.join(place, kind)));
  const shared = collections.flatMap(collection => {
    const [namespace = '', rest = ''] = collection.split('.');
    const roots = collectionRoots(load, namespace, rest, { playDir: load.baseDir, parent: undefined });
    return roots.flatMap(root => ['modules', 'action'].map(kind => path.join(root, 'plugins', kind)));
  });
  return [...own, ...shared].some(folder => existsSync(path.join(folder, `${short}.py`)));
}

const notAvailable = (name: string): string => `module "${name}" is not available`;

/**
 * Stands in for a module that we cannot run: a task that may never be reached fails when it is, and not before, since
 * many playbooks carry tasks for clouds that are not in use.
 */
function foreignModule(name: string, keys: readonly string[] = []): Module {
  return defineAction({
    name,
    summary: 'Not available.',
    freeForm: TEXT,
    args: Type.Object(Object.fromEntries(keys.map(key => [key, A.opt(A.raw(''))]))),
    *run() {
      throw new ModuleError(notAvailable(name));
    },
  });
}

function unknownModule(load: Load, { name, nameAt }: Written, level: Level): void {
  if (isTemplate(name)) {
    const hint = 'write one task per module, each with its "when"';
    load.problems.add('UNKNOWN_MODULE', 'the name of a module cannot be a template', nameAt, hint);
    return;
  }
  const names = [...load.options.moduleNames(), ...keywordsOf(level).keys()];
  const keyword = KEYWORDS.some(entry => entry.name === name);
  load.problems.add(
    'UNKNOWN_MODULE',
    `no module "${name}"`,
    nameAt,
    keyword ? keyHint(name, []) : didYouMean(name, names),
  );
}

function severalActions(
  load: Load,
  written: readonly Written[],
  level: Level,
  collections: readonly string[],
): undefined {
  const known = written.filter(
    action => moduleNamed(load, action.name, collections) || isForeign(load, action, collections),
  );
  const unknown = written.filter(({ name }) => !known.some(other => other.name === name));
  if (known.length === 1) {
    for (const { name, nameAt } of unknown) {
      const hint = argumentHint(load, known[0]?.name ?? '', name) ?? keyHint(name, keywordsOf(level).keys());
      load.problems.add('UNKNOWN_KEY', `"${name}" is neither a keyword of a task nor a module`, nameAt, hint);
    }
    return undefined;
  }
  const names = written.map(({ name }) => `"${name}"`).join(' and ');
  const last = written[written.length - 1];
  load.problems.add(
    'CONFLICTING_KEYS',
    `one task calls two modules, ${names}`,
    last?.nameAt,
    'make two tasks of it',
  );
  return undefined;
}

/** An argument written one level too far left. */
function argumentHint(load: Load, moduleName: string, key: string): string | undefined {
  const module = load.options.findModule(moduleName);
  if (!module || !argumentNames(module).has(key)) return undefined;
  return `indent it below "${moduleName}", whose argument it is`;
}

function writtenActions(load: Load, dict: Dict, level: Level): Written[] {
  const known = keywordsOf(level);
  const actions: Written[] = [];
  for (const [key, value] of dict) {
    const name = String(key);
    const at = positionOf(dict, key) ?? NOWHERE;
    const nameAt = keyPositionOf(dict, key) ?? at;
    if (name === 'action' || name === 'local_action') {
      const old = oldForm(load, value, at, name === 'local_action');
      if (old) actions.push(old);
    } else if (!known.has(name) && !name.startsWith('with_')) {
      actions.push({ name, nameAt, value, at, local: false });
    }
  }
  return actions;
}

/** `action: copy src=a dest=b` and `action: {module: copy, src: a}`. */
function oldForm(load: Load, value: Value, at: Position, local: boolean): Written | undefined {
  if (typeof value === 'string') {
    const [name, ...rest] = wordsOf(load, value, at) ?? [];
    if (name !== undefined)
      return { name: name.trim(), nameAt: at, value: joinWords(rest), at, local, old: true };
  }
  if (value instanceof Map && typeof value.get('module') === 'string') {
    const [name = '', ...rest] = wordsOf(load, String(value.get('module')), at) ?? [];
    const inner = value.get('args');
    const innerArgs: Dict = inner instanceof Map ? inner : NO_ARGUMENTS;
    const args = new Map([...[...value].filter(([key]) => key !== 'module' && key !== 'args'), ...innerArgs]);
    copyOrigin(args, [value, innerArgs], at);
    const text = rest.length > 0 ? argumentsOfText(load, joinWords(rest), at, name) : undefined;
    return {
      name: name.trim(),
      nameAt: at,
      value: text ? new Map([...args, ...text.args]) : args,
      at,
      local,
      old: true,
    };
  }
  load.problems.add('WRONG_TYPE', '"action" must be text or a mapping with "module"', at);
  return undefined;
}

function wordsOf(load: Load, text: string, at: Position): string[] | undefined {
  try {
    return splitWords(text);
  } catch (error) {
    if (!(error instanceof UnbalancedError)) throw error;
    load.problems.add('BAD_VALUE', error.message, at, 'quote the whole line');
    return undefined;
  }
}

function argumentsOfText(load: Load, text: string, at: Position, moduleName: string) {
  const isCommand = load.options.findModule(moduleName)?.traits?.takes === 'command';
  try {
    const { pairs, rest } = parseFreeForm(text, isCommand ? COMMAND_ARGUMENTS : undefined);
    const args: Dict = new Map<Value, Value>(pairs);
    setOrigin(args, { self: at, keys: new Map([...pairs.keys()].map(key => [key, { key: at, value: at }])) });
    return { args, rest };
  } catch (error) {
    if (!(error instanceof UnbalancedError)) throw error;
    load.problems.add('BAD_VALUE', error.message, at, 'quote the whole line');
    return undefined;
  }
}

function withArguments(
  load: Load,
  dict: Dict,
  written: Written,
  module: Module | undefined,
): Action | undefined {
  const { name: moduleName, at, local } = written;
  const own = ownArguments(load, written, module ?? foreignModule(written.name));
  const more = moreArguments(load, dict);
  if (!own || !more) return undefined;
  const merged: Dict = new Map([...more.args, ...own]);
  copyOrigin(merged, [more.args, own], at);
  const moduleTemplate = isTemplate(moduleName) ? { value: moduleName, at: written.nameAt } : undefined;
  const mayTakeText = moduleTemplate !== undefined || TAKES_TEXT.test(moduleName);
  const settled =
    module?.freeForm !== undefined || mayTakeText
      ? { args: merged, template: undefined }
      : withoutText(load, written, merged);
  if (!settled) return undefined;
  const { args } = settled;
  const argsTemplate = settled.template ?? more.template;
  const taken = module ?? foreignModule(moduleName, [...args.keys()].map(String));
  return { moduleName, module: taken, moduleTemplate, args, argsTemplate, argsAt: at, local };
}

/** Modules of others that take text. */
const TAKES_TEXT = /^(ansible\.(builtin|legacy|windows)\.)?win_(shell|command)$/;

/** Modules that make nothing of text, and of which Ansible says so only when the task is reached. */
const FAILS_BY_TEXT = /^(ansible\.(builtin|legacy)\.)?(add_host|group_by|set_fact)$/;

/** Arguments for a module that takes no text: a template among them gives further arguments, other text is a mistake, as in Ansible. */
function withoutText(load: Load, { name }: Written, args: Dict): Arguments | undefined {
  const text = args.get(TEXT);
  if (text === undefined) return { args, template: undefined };
  const at = positionOf(args, TEXT) ?? NOWHERE;
  if (text !== '' && !isTemplate(text)) {
    const hint = 'write its arguments as "key: value" lines below it';
    const tell = () => load.problems.add('BAD_VALUE', `module "${name}" takes no plain text`, at, hint);
    if (!FAILS_BY_TEXT.test(name)) {
      tell();
      return undefined;
    }
    load.problems.whenReached(tell);
    return { args, template: undefined };
  }
  args.delete(TEXT);
  return { args, template: text === '' ? undefined : { value: text, at } };
}

interface Arguments {
  readonly args: Dict;
  readonly template: Authored | undefined;
}

function ownArguments(load: Load, { name, value, at }: Written, module: Module): Dict | undefined {
  if (value === null) return NO_ARGUMENTS;
  if (value instanceof Map) return value;
  if (typeof value !== 'string') {
    const hint = module.freeForm ? undefined : `write "key: value" lines below "${name}"`;
    load.problems.add('WRONG_TYPE', `arguments of module "${name}" must be a mapping or text`, at, hint);
    return undefined;
  }
  const parsed = argumentsOfText(load, value, at, name);
  if (!parsed) return undefined;
  const { rest } = parsed;
  const args = module.traits?.sets === 'variables' ? withTruth(parsed.args) : parsed.args;
  if (rest.trim() === '') return args;
  // Block text ends in a newline, which is not a part of a name.
  args.set(module.freeForm ?? TEXT, module.traits?.takes === 'command' ? rest : rest.trim());
  setOrigin(args, { self: at, keys: new Map([...args.keys()].map(key => [key, { key: at, value: at }])) });
  return args;
}

/** `set_fact: flag=no`: the words for true and false become booleans there, as in Ansible. */
function withTruth(args: Dict): Dict {
  for (const [name, value] of args) {
    const word = typeof value === 'string' ? value.toLowerCase() : '';
    if (['yes', 'true'].includes(word)) args.set(name, true);
    if (['no', 'false'].includes(word)) args.set(name, false);
  }
  return args;
}

/** The `args:` keyword. */
function moreArguments(load: Load, dict: Dict): Arguments | undefined {
  const value = dict.get('args');
  const at = positionOf(dict, 'args') ?? NOWHERE;
  if (value === undefined || value === null) return { args: NO_ARGUMENTS, template: undefined };
  if (value instanceof Map) return { args: value, template: undefined };
  if (isTemplate(value)) return { args: NO_ARGUMENTS, template: { value, at } };
  load.problems.add('WRONG_TYPE', '"args" must be a mapping, or one template that gives a mapping', at);
  return undefined;
}

/** Gives a dictionary put together from others the places its entries were written at. */
function copyOrigin(target: Dict, sources: readonly Dict[], at: Position): void {
  const keys = new Map<Value, { key: Position; value: Position }>();
  for (const key of target.keys()) {
    const source = sources.findLast(dict => dict.has(key));
    keys.set(key, { key: keyPositionOf(source, key) ?? at, value: positionOf(source, key) ?? at });
  }
  setOrigin(target, { self: at, keys });
}
