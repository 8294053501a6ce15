import { Undefined, type Value } from '../../source/value.ts';
import { fault } from '../fault.ts';
import { compare, includes, truthy } from '../python/compare.ts';
import { iterate, lengthOf } from '../python/iterate.ts';
import { toIndex } from '../python/numbers.ts';
import { add } from '../python/operators.ts';
import { str } from '../python/print.ts';
import { characters } from '../python/text.ts';
import { itemsOf, typeName } from '../python/types.ts';
import { missing, orElse } from '../python/undefined.ts';
import { attributeGetter, attributeGetters } from './attributes.ts';
import { type FilterTable, filter, lenientFilter, optionalInteger } from './filter.ts';

const length = filter([], value => {
  const found = lengthOf(value);
  if (found === undefined) throw fault(`${typeName(value)} has no length`);
  return found;
});

/** Folds the case of texts, as sorting and comparing do by default. */
export function folded(value: Value): Value {
  return typeof value === 'string' ? value.toLowerCase() : value;
}

function keyOf(attribute: Value | undefined, caseSensitive: Value): (item: Value) => Value {
  const get = attributeGetter(attribute);
  return truthy(caseSensitive) ? get : item => folded(get(item));
}

function sort(
  items: readonly Value[],
  reverse: boolean,
  caseSensitive: Value,
  attribute: Value | undefined,
): Value[] {
  const getters = attributeGetters(attribute, truthy(caseSensitive) ? v => v : folded);
  const keyed = items.map(item => ({ item, keys: getters.map(get => get(item)) }));
  const sign = reverse ? -1 : 1;
  keyed.sort((a, b) => {
    for (const [i, key] of a.keys.entries()) {
      const order = compare(key, b.keys[i] as Value);
      if (order !== 0) return sign * order;
    }
    return 0;
  });
  return keyed.map(({ item }) => item);
}

function extreme(value: Value, sign: 1 | -1, key: (item: Value) => Value): Value {
  const items = iterate(value);
  const [first, ...rest] = items;
  if (first === undefined) return missing('', 'No aggregated item, sequence was empty.');
  let best = { item: first, key: key(first) };
  for (const item of rest) {
    const other = key(item);
    if (sign * compare(other, best.key) > 0) best = { item, key: other };
  }
  return best.item;
}

function unique(value: Value, key: (item: Value) => Value): Value[] {
  const seen: Value[] = [];
  const texts = new Set<string>();
  return iterate(value).filter(item => {
    const k = key(item);
    if (typeof k === 'string') return !texts.has(k) && texts.add(k);
    if (includes(seen, k)) return false;
    seen.push(k);
    return true;
  });
}

function flatten(items: readonly Value[], levels: number | undefined, skipNulls: boolean): Value[] {
  const flat: Value[] = [];
  for (const item of items) {
    const inner = itemsOf(item);
    if (skipNulls && (item === null || item === 'None' || item === 'null')) continue;
    if (inner && (levels === undefined || levels >= 1)) {
      for (const deep of flatten(inner, levels === undefined ? undefined : levels - 1, skipNulls))
        flat.push(deep);
    } else flat.push(item);
  }
  return flat;
}

function batch(value: Value, size: number, fill: Value | undefined): Value[][] {
  if (size < 1) throw fault('the size must be at least 1');
  const items = iterate(value);
  const rows: Value[][] = [];
  for (let i = 0; i < items.length; i += size) rows.push(items.slice(i, i + size));
  const last = rows.at(-1);
  if (last && fill !== undefined && fill !== null) while (last.length < size) last.push(fill);
  return rows;
}

function slice(value: Value, columns: number, fill: Value | undefined): Value[][] {
  if (columns < 1) throw fault('the number of slices must be at least 1');
  const items = iterate(value);
  const size = Math.floor(items.length / columns);
  const longer = items.length % columns;
  return Array.from({ length: columns }, (_, i) => {
    const start = i * size + Math.min(i, longer);
    const part = items.slice(start, start + size + (i < longer ? 1 : 0));
    if (fill !== undefined && fill !== null && i >= longer && longer > 0) part.push(fill);
    return part;
  });
}

export const sequenceFilters: FilterTable = {
  length,
  count: length,
  first: filter([], value =>
    orElse(iterate(value)[0], () => missing('', 'No first item, sequence was empty.')),
  ),
  last: filter([], value =>
    orElse(iterate(value).at(-1), () => missing('', 'No last item, sequence was empty.')),
  ),
  list: filter([], value => [...iterate(value)]),
  items: lenientFilter([], value => (value instanceof Map ? [...value].map(([k, v]) => [k, v]) : [])),
  join: filter(['d?', 'attribute?'], (value, [separator = '', attribute]) => {
    const get = attributeGetter(attribute);
    return iterate(value)
      .map(item => str(get(item)))
      .join(str(separator));
  }),
  reverse: filter([], value => {
    if (typeof value === 'string') return characters(value).reverse().join('');
    return [...iterate(value)].reverse();
  }),
  sort: filter(
    ['reverse?', 'case_sensitive?', 'attribute?'],
    (value, [reverse = false, caseSensitive = false, attribute]) => {
      return sort(iterate(value), truthy(reverse), caseSensitive, attribute);
    },
  ),
  unique: filter(['case_sensitive?', 'attribute?'], (value, [caseSensitive = null, attribute = null]) => {
    const key = keyOf(attribute, caseSensitive ?? false);
    const keys = iterate(value).map(key);
    const isHashable = (item: Value) =>
      !(Array.isArray(item) || item instanceof Map || item instanceof Undefined);
    if (keys.every(isHashable)) return unique(value, key);
    // Jinja's filter can't tell apart lists and mappings: Ansible then compares the items as they are.
    if (caseSensitive !== false && attribute === null) return unique(value, v => v);
    throw fault(
      "Jinja2's unique filter failed and we cannot fall back to Ansible's version as it does not support the parameters supplied",
    );
  }),
  min: filter(['case_sensitive?', 'attribute?'], (value, [caseSensitive = false, attribute]) => {
    return extreme(value, -1, keyOf(attribute, caseSensitive));
  }),
  max: filter(['case_sensitive?', 'attribute?'], (value, [caseSensitive = false, attribute]) => {
    return extreme(value, 1, keyOf(attribute, caseSensitive));
  }),
  sum: filter(['attribute?', 'start?'], (value, [attribute, start = 0]) => {
    const get = attributeGetter(attribute);
    return iterate(value).reduce<Value>((total, item) => add(total, get(item)), start);
  }),
  batch: filter(['linecount', 'fill_with?'], (value, [size, fill]) => batch(value, toIndex(size), fill)),
  slice: filter(['slices', 'fill_with?'], (value, [columns, fill]) => slice(value, toIndex(columns), fill)),
  flatten: filter(['levels?', 'skip_nulls?'], (value, [levels, skipNulls = true]) => {
    return flatten(iterate(value), optionalInteger(levels, 'levels'), truthy(skipNulls));
  }),
};
