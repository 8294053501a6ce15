import { Tuple, type Value } from '../../source/value.ts';
import { fault } from '../fault.ts';
import { subList } from '../lookups/lists.ts';
import { includes, truthy } from '../python/compare.ts';
import { iterate } from '../python/iterate.ts';
import { checkItems } from '../python/limits.ts';
import { toIndex } from '../python/numbers.ts';
import { repr, str } from '../python/print.ts';
import { itemsOf } from '../python/types.ts';
import { orElse } from '../python/undefined.ts';
import { compareLoose } from '../versions/loose.ts';
import { type FilterTable, filter, optionalInteger } from './filter.ts';

/** Membership that is quick for texts. */
function memberOf(items: readonly Value[]): (item: Value) => boolean {
  const texts = new Set(items.filter(item => typeof item === 'string'));
  const others = items.filter(item => typeof item !== 'string');
  return item => (typeof item === 'string' ? texts.has(item) : includes(others, item));
}

export function distinct(items: readonly Value[]): Value[] {
  const texts = new Set<string>();
  const others: Value[] = [];
  return items.filter(item => {
    if (typeof item === 'string') return !texts.has(item) && texts.add(item);
    if (includes(others, item)) return false;
    others.push(item);
    return true;
  });
}

function intersect(left: readonly Value[], right: readonly Value[]): Value[] {
  return distinct(left.filter(memberOf(right)));
}

function difference(left: readonly Value[], right: readonly Value[]): Value[] {
  const isIn = memberOf(right);
  return distinct(left.filter(item => !isIn(item)));
}

function symmetric(left: readonly Value[], right: readonly Value[]): Value[] {
  const isCommon = memberOf(intersect(left, right));
  return distinct([...left, ...right]).filter(item => !isCommon(item));
}

function product(lists: readonly (readonly Value[])[]): Value[] {
  checkItems(lists.reduce((count, list) => count * list.length, 1));
  const rows = lists.reduce<Value[][]>(
    (all, list) => all.flatMap(row => list.map(item => [...row, item])),
    [[]],
  );
  return rows.map(row => new Tuple(row));
}

function repeated(
  value: Value,
  others: readonly Value[],
  repeat: Value | undefined,
): readonly (readonly Value[])[] {
  const lists = [value, ...others].map(iterate);
  const times = optionalInteger(repeat, 'repeat') ?? 1;
  if (times > 50) throw fault('repeats too often');
  return Array.from({ length: times }, () => lists).flat();
}

/** All ways to take `size` items in their order. */
function combinations(items: readonly Value[], size: number): Value[][] {
  const found: Value[][] = [];
  const extend = (start: number, chosen: Value[]) => {
    if (chosen.length === size) {
      checkItems(found.push(chosen));
      return;
    }
    for (let i = start; i <= items.length - (size - chosen.length); i++)
      extend(i + 1, [...chosen, items[i] as Value]);
  };
  if (size >= 0 && size <= items.length) extend(0, []);
  return found;
}

/** All ways to put `size` of the items in a row. */
function permutations(items: readonly Value[], size: number): Value[][] {
  const found: Value[][] = [];
  const extend = (chosen: readonly number[]) => {
    if (chosen.length === size) {
      checkItems(found.push(chosen.map(i => items[i] as Value)));
      return;
    }
    for (let i = 0; i < items.length; i++) if (!chosen.includes(i)) extend([...chosen, i]);
  };
  if (size >= 0 && size <= items.length) extend([]);
  return found;
}

function zip(lists: readonly (readonly Value[])[], length: number, fill: Value): Value[] {
  return Array.from({ length }, (_, i) => new Tuple(lists.map(list => orElse(list[i], () => fill))));
}

function subelements(value: Value, key: Value, skipMissing: boolean): Value[] {
  const elements = value instanceof Map ? [...value.values()] : itemsOf(value);
  if (!elements) throw fault('obj must be a list of dicts or a nested dict');
  if (!Array.isArray(key) && typeof key !== 'string') throw fault('subelements must be a list or a string');
  const path = typeof key === 'string' ? key.split('.') : key.map(str);
  return elements.flatMap(element =>
    subList(element, path, skipMissing, repr).map(item => new Tuple([element, item])),
  );
}

export const setFilters: FilterTable = {
  union: filter(['other'], (value, [other]) => distinct([...iterate(value), ...iterate(other)])),
  intersect: filter(['other'], (value, [other]) => intersect(iterate(value), iterate(other))),
  difference: filter(['other'], (value, [other]) => difference(iterate(value), iterate(other))),
  symmetric_difference: filter(['other'], (value, [other]) => symmetric(iterate(value), iterate(other))),
  lists_union: filter(['*others'], (value, [others]) =>
    distinct([value, ...others].flatMap(list => [...iterate(list)])),
  ),
  lists_intersect: filter(['*others'], (value, [others]) => {
    return others.reduce<Value[]>(
      (common, list) => intersect(common, iterate(list)),
      distinct(iterate(value)),
    );
  }),
  lists_difference: filter(['*others'], (value, [others]) => {
    return others.reduce<Value[]>((left, list) => difference(left, iterate(list)), distinct(iterate(value)));
  }),
  lists_symmetric_difference: filter(['*others'], (value, [others]) => {
    return others.reduce<Value[]>((left, list) => symmetric(left, iterate(list)), distinct(iterate(value)));
  }),
  version_sort: filter(['reverse?'], (value, [reverse = false]) => {
    const sign = truthy(reverse) ? -1 : 1;
    return [...iterate(value)].sort((a, b) => sign * compareLoose(str(a), str(b)));
  }),
  product: filter(['*others', '**named'], (value, [others, named]) => {
    return product(repeated(value, others, named.get('repeat')));
  }),
  combinations: filter(['set_size'], (value, [size]) => {
    return combinations(iterate(value), toIndex(size)).map(row => new Tuple(row));
  }),
  permutations: filter(['set_size?'], (value, [size]) => {
    const items = iterate(value);
    return permutations(items, optionalInteger(size, 'set_size') ?? items.length).map(row => new Tuple(row));
  }),
  subsets: filter([], value => {
    const items = iterate(value);
    return Array.from({ length: items.length + 1 }, (_, size) => combinations(items, size)).flat();
  }),
  zip: filter(['*others', '**named'], (value, [others]) => {
    const lists = [value, ...others].map(iterate);
    return zip(lists, Math.min(...lists.map(list => list.length)), null);
  }),
  zip_longest: filter(['*others', '**named'], (value, [others, named]) => {
    const lists = [value, ...others].map(iterate);
    return zip(lists, Math.max(...lists.map(list => list.length)), named.get('fillvalue') ?? null);
  }),
  subelements: filter(['subelements', 'skip_missing?'], (value, [key, skipMissing = false]) => {
    return subelements(value, key, truthy(skipMissing));
  }),
};
