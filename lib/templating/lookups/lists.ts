import { type Dict, Tuple, type Value } from '../../source/value.ts';
import { fault } from '../fault.ts';
import { toBool } from '../filters/values.ts';
import { dictGet, truthy } from '../python/compare.ts';
import { str } from '../python/print.ts';
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
  if (terms.length === 0) throw fault('with_nested requires at least one element in the nested list');
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
  if (lists.length === 0) throw fault('with_together requires at least one element in each list');
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
      throw fault('with_dict expects a dict', `this is of the type ${typeName(term)}`);
    return term;
  });
}

function subelements(terms: readonly Value[]): Value[] {
  const given = terms.length === 1 && itemsOf(terms[0] as Value) ? asList(terms[0] as Value) : terms;
  const [list, key, flags] = given;
  const count = given.length;
  if (list === undefined || key === undefined || count > 3) throw badTerms('');
  if (typeof key !== 'string')
    throw badTerms('first a dict or a list, second a string pointing to the subkey');
  if (isSkipped(list)) return [];
  const skipMissing = truthy(toBool(subelementFlag(flags)));
  const elements = list instanceof Map ? [...list.values()] : asList(list);
  return elements.flatMap(element => {
    if (!(element instanceof Map))
      throw fault(`subelements lookup expects a dictionary, got '${str(element)}'`);
    if (isSkipped(element)) return [];
    return subList(element, key.split('.'), skipMissing, quoted).map(item => new Tuple([element, item]));
  });
}

const badTerms = (what: string) => fault(`subelements lookup expects a list of two or three items, ${what}`);

/** A registered result of a task that was skipped. */
const isSkipped = (value: Value): boolean => value instanceof Map && truthy(value.get('skipped') ?? false);

function subelementFlag(flags: Value | undefined): Value {
  if (flags === undefined) return false;
  if (flags instanceof Map && [...flags.keys()].every(key => key === 'skip_missing'))
    return flags.get('skip_missing') ?? false;
  throw badTerms('the optional third item must be a dict with flags skip_missing');
}

/** The list under a path of keys. `shown` is how messages quote what stands there instead. */
export function subList(
  element: Value,
  path: readonly string[],
  skipMissing: boolean,
  shown: (value: Value) => string,
): readonly Value[] {
  let value = element;
  for (const [i, key] of path.entries()) {
    if (!(value instanceof Map)) {
      if (skipMissing) return [];
      throw fault(`the key ${path[i - 1] ?? key} should point to a dictionary, got '${str(value)}'`);
    }
    const next = dictGet(value, key);
    if (next === undefined) {
      if (skipMissing) return [];
      throw fault(
        `could not find ${shown(key)} key in iterated item ${shown(value)}`,
        'skip_missing leaves such elements out',
      );
    }
    value = next;
  }
  if (Array.isArray(value)) return value;
  const last = path.at(-1) ?? '';
  throw fault(`the key ${shown === quoted ? last : shown(last)} should point to a list, got ${shown(value)}`);
}

const quoted = (value: Value): string => `'${str(value)}'`;

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
