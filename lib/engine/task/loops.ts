import type { Loop, Task } from '../../playbook/types.ts';
import { SourceError } from '../../source/errors.ts';
import { jsonText } from '../../source/json.ts';
import { type Dict, Tuple, Undefined, type Value } from '../../source/value.ts';
import { SEARCHED_FOLDER } from '../../templating/lookups/files.ts';
import { isTemplate, type Templar } from '../../templating/templar.ts';
import type { Scope } from '../scope.ts';

/** The items of the loop of a task of this module. Throws SourceError when they can't be evaluated or are not a list. */
export function loopItems(templar: Templar, loop: Loop, moduleName: string, scope: Scope): Value[] {
  const { value, at } = loop.items;
  if (loop.kind !== 'loop') {
    const terms = lookupTerms(loop, templar.render(value, scope, at));
    return templar.lookup(loop.kind, terms, lookupOptions(loop, moduleName), scope);
  }
  const items = templar.render(value, scope, at);
  if (Array.isArray(items)) return items;
  if (items instanceof Tuple) return [...items.items];
  if (items instanceof Undefined)
    throw new SourceError('UNDEFINED_VARIABLE', `'${items.name}' is undefined`, at);
  throw new SourceError(
    'WRONG_TYPE',
    `loop needs a list, got ${describe(items)}`,
    at,
    'wrap a single value in [ ], or use the filters dict2items or list',
  );
}

/** `with_first_found` looks where the files of the task's module are; the lookup of that name among `files` alone. */
function lookupOptions({ kind }: Loop, moduleName: string): Dict {
  if (!/(^|\.)first_found$/.test(kind)) return new Map();
  const folder = ['template', 'var'].find(word => moduleName.includes(word)) ?? 'file';
  return new Map<Value, Value>([[SEARCHED_FOLDER, `${folder}s`]]);
}

/** What a `with_…` loop hands to its lookup: the keys of a mapping, unless the lookup takes mappings or refuses them. */
function lookupTerms({ kind, items }: Loop, rendered: Value): readonly Value[] {
  if (Array.isArray(rendered)) return rendered;
  if (!(rendered instanceof Map)) return [rendered];
  if (kind === 'list' || kind === 'indexed_items')
    throw new SourceError('WRONG_TYPE', `with_${kind} expects a list`, items.at, 'this is a mapping');
  return kind === 'items' || kind === 'flattened' ? [...rendered.keys()] : [rendered];
}

function describe(value: Value): string {
  if (value instanceof Map) return 'a mapping';
  if (value === null) return 'nothing';
  return typeof value === 'string'
    ? `the text ${jsonText(value.slice(0, 60))}`
    : `the value ${String(value)}`;
}

/** Loop variables of one item: the item itself, its index, and `ansible_loop` when asked for. */
export function loopVars(loop: Loop, items: readonly Value[], index: number, extended: boolean): Dict {
  const vars: Dict = new Map<Value, Value>([
    [loop.loopVar, items[index]!],
    ['ansible_loop_var', loop.loopVar],
  ]);
  if (loop.indexVar !== undefined) {
    vars.set(loop.indexVar, index);
    vars.set('ansible_index_var', loop.indexVar);
  }
  if (extended) vars.set('ansible_loop', extendedLoop(loop, items, index));
  return vars;
}

function extendedLoop(loop: Loop, items: readonly Value[], index: number): Dict {
  const { length } = items;
  const info: Dict = new Map<Value, Value>([
    ['index', index + 1],
    ['index0', index],
    ['first', index === 0],
    ['last', index + 1 === length],
    ['length', length],
    ['revindex', length - index],
    ['revindex0', length - index - 1],
  ]);
  if (loop.extendedAllitems) info.set('allitems', [...items]);
  if (index > 0) info.set('previtem', items[index - 1]!);
  if (index + 1 < length) info.set('nextitem', items[index + 1]!);
  return info;
}

/** True when no item can depend on the outcome of the one before, so all may be prepared at once. */
export function itemsAreIndependent(task: Task, templar: Templar): boolean {
  if (task.until || task.async || task.loop?.pause || task.loop?.breakWhen) return false;
  if (task.register === undefined) return true;
  const expressions = task.when.map(({ value }) =>
    templar.references(value, isTemplate(value) ? 'template' : 'expression'),
  );
  const templates = [...task.args.values()].map(value => templar.references(value, 'template'));
  return ![...expressions, ...templates].some(names => names.has(task.register!) || names.has('vars'));
}
