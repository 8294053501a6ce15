import { type Dict, Tuple, type Value } from '../../source/value.ts';
import { fault } from '../fault.ts';
import { dictGet, truthy } from '../python/compare.ts';
import { itemsOf, typeName } from '../python/types.ts';
import { type LookupTable, plainLookup } from './lookup.ts';
import { sequence } from './sequence.ts';

/** One level of lists taken apart, as with_items does. */
function flat(terms: readonly Value[]): Value[] {
  return terms.flatMap(term => itemsOf(term) ?? [term]);
}

function flatDeep(terms: readonly Value[]): Value[] {
  return terms.flatMap(term => {
    const items = itemsOf(term);
    if (items) return flatDeep(items);
    return term === null || term === 'None' || term === 'null' ? [] : [term];
  });
}

/** A term that is a list counts as its items, anything else as one item. */
function asList(term: Value): readonly Value[] {
  return itemsOf(term) ?? [term];
}

function nested(terms: readonly Value[]): Value[] {
  if (terms.length === 0) throw fault('needs at least one list');
  const rows = terms.reduce<Value[][]>(
    (all, term) => all.flatMap(row => asList(term).map(item => [...row, ...flatOne(item)])),
    [[]],
  );
  return rows;
}

function flatOne(item: Value): readonly Value[] {
  return itemsOf(item) ?? [item];
}

function together(terms: readonly Value[]): Value[] {
  const lists = terms.map(asList);
  if (lists.length === 0) throw fault('needs at least one list');
  const length = Math.max(...lists.map(list => list.length));
  return Array.from({ length }, (_, i) => lists.map(list => list[i] ?? null));
}

function pairs(terms: readonly Value[]): Value[] {
  return flatDicts(terms).flatMap(dict =>
    [...dict].map(
      ([key, value]) =>
        new Map<Value, Value>([
          ['key', key],
          ['value', value],
        ]),
    ),
  );
}

function flatDicts(terms: readonly Value[]): Dict[] {
  return flat(terms).map(term => {
    if (!(term instanceof Map))
      throw fault(`needs a mapping (with_dict expects a dict), not ${typeName(term)}`);
    return term;
  });
}

function subelements(terms: readonly Value[]): Value[] {
  const [list, key, flags] =
    terms.length === 1 && itemsOf(terms[0] as Value) ? asList(terms[0] as Value) : terms;
  if (list === undefined || typeof key !== 'string')
    throw fault('needs a list (or mapping) and the name of a key');
  const skipMissing = flags instanceof Map && truthy(flags.get('skip_missing') ?? false);
  const elements = list instanceof Map ? [...list.values()] : asList(list);
  return elements.flatMap(element => {
    if (!(element instanceof Map))
      throw fault(`expects a dictionary in each place, not ${typeName(element)}`);
    if (element.has('skipped') && truthy(element.get('skipped') as Value)) return [];
    return subList(element, key, skipMissing).map(item => new Tuple([element, item]));
  });
}

/** The list under a dotted key. */
export function subList(element: Value, key: string, skipMissing: boolean): readonly Value[] {
  let value: Value = element;
  for (const part of key.split('.')) {
    const next: Value | undefined = value instanceof Map ? dictGet(value, part) : undefined;
    if (next === undefined) {
      if (skipMissing) return [];
      throw fault(`an element has no key "${part}"`, 'skip_missing leaves such elements out');
    }
    value = next;
  }
  if (!Array.isArray(value)) throw fault(`the key "${key}" should point to a list, not ${typeName(value)}`);
  return value;
}

const cartesian = plainLookup((_context, terms) => nested(terms));

/** Lookups that make lists out of lists: what `with_…` loops are made of. */
export const listLookups: LookupTable = {
  items: plainLookup((_context, terms) => flat(terms)),
  list: plainLookup((_context, terms) => [...terms]),
  flattened: plainLookup((_context, terms) => flatDeep(terms)),
  dict: plainLookup((_context, terms) => pairs(terms)),
  indexed_items: plainLookup((_context, terms) => flat(terms).map((item, i) => new Tuple([i, item]))),
  nested: cartesian,
  cartesian,
  together: plainLookup((_context, terms) => together(terms)),
  subelements: plainLookup((_context, terms) => subelements(terms)),
  sequence: plainLookup((_context, terms, options) => {
    return terms.length === 0 ? sequence('', options) : terms.flatMap(term => sequence(term, options));
  }),
  random_choice: plainLookup((_context, terms) => {
    const chosen = terms[Math.floor(Math.random() * terms.length)];
    return chosen === undefined ? [] : [chosen];
  }),
};
