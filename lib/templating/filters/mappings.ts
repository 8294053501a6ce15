import { type Dict, Tuple, Undefined, type Value } from '../../source/value.ts';
import type { Context } from '../context.ts';
import { fault } from '../fault.ts';
import { fillDict } from '../methods/dict.ts';
import { explainMissing, getItem } from '../python/access.ts';
import { compare, dictGet, dictHas, dictSet, equals, includes, truthy } from '../python/compare.ts';
import { iterate } from '../python/iterate.ts';
import { str } from '../python/print.ts';
import { className, itemsOf, typeName } from '../python/types.ts';
import { defined, Missing, orElse } from '../python/undefined.ts';
import { type FilterTable, filter, lenientFilter, needDict, needItems } from './filter.ts';
import { folded } from './sequences.ts';

const LIST_MERGES = ['replace', 'keep', 'append', 'prepend', 'append_rp', 'prepend_rp'] as const;
type ListMerge = (typeof LIST_MERGES)[number];

/** One mapping on top of another; neither is changed. */
export function merge(low: Dict, high: Dict, recursive: boolean, lists: ListMerge): Dict {
  const merged: Dict = new Map(low);
  for (const [key, value] of high) {
    const below = dictGet(merged, key);
    if (recursive && below instanceof Map && value instanceof Map) {
      dictSet(merged, key, merge(below, value, recursive, lists));
    } else if (Array.isArray(below) && Array.isArray(value))
      dictSet(merged, key, mergeLists(below, value, lists));
    else dictSet(merged, key, value);
  }
  return merged;
}

function mergeLists(low: Value[], high: Value[], lists: ListMerge): Value[] {
  const rest = () => low.filter(item => !includes(high, item));
  switch (lists) {
    case 'replace':
      return high;
    case 'keep':
      return low;
    case 'append':
      return [...low, ...high];
    case 'prepend':
      return [...high, ...low];
    case 'append_rp':
      return [...rest(), ...high];
    case 'prepend_rp':
      return [...high, ...rest()];
  }
}

function combine(values: readonly Value[], recursive: boolean, lists: string): Value {
  if (!(LIST_MERGES as readonly string[]).includes(lists)) {
    throw fault(
      `'list_merge' argument can only be equal to ${LIST_MERGES.map(name => `'${name}'`).join(', ')}`,
    );
  }
  const dicts = values.flatMap(value => itemsOf(value) ?? [value]).filter(value => value !== null);
  for (const dict of dicts) checkDefined(dict);
  if (dicts.length === 1) return dicts[0] as Value;
  const other = dicts.findIndex(dict => !(dict instanceof Map));
  if (other >= 0) {
    const [a, b] = dicts.slice(Math.max(0, other - 1)).map(typeName);
    throw fault(`failed to combine variables, expected dicts but got a '${a}' and a '${b}'`);
  }
  const mappings = dicts as Dict[];
  return mappings.reduceRight<Dict>(
    (high, low) => merge(low, high, recursive, lists as ListMerge),
    new Map(),
  );
}

function checkDefined(value: Value): void {
  defined(value);
  if (value instanceof Map) for (const item of value.values()) checkDefined(item);
  else if (Array.isArray(value)) for (const item of value) checkDefined(item);
}

function extract(key: Value, container: Value, more: Value | undefined): Value {
  const keys = [key, ...(more === undefined || more === null ? [] : Array.isArray(more) ? more : [more])];
  return keys.reduce<Value>((value, part) => {
    if (value instanceof Undefined) return value;
    return orElse(
      getItem(value, part),
      () => new Missing('', { explain: () => explainMissing(value, 'the container', part) }),
    );
  }, container);
}

function sortedPairs(dict: Dict, by: string, caseSensitive: boolean, reverse: boolean): Value {
  if (by !== 'key' && by !== 'value') throw fault('by must be "key" or "value"');
  const pairs = [...dict];
  const key = (pair: [Value, Value]) =>
    caseSensitive ? pair[by === 'key' ? 0 : 1] : folded(pair[by === 'key' ? 0 : 1]);
  pairs.sort((a, b) => (reverse ? -1 : 1) * compare(key(a), key(b)));
  return pairs.map(pair => new Tuple(pair));
}

function fromItems(value: Value, keyName: Value, valueName: Value): Dict {
  const dict: Dict = new Map();
  const items = itemsOf(value);
  if (!items) throw fault(`items2dict requires a list, got ${className(value)} instead.`);
  for (const item of items) {
    if (!(item instanceof Map))
      throw fault(`items2dict requires a list of dictionaries, got ${str(value)} instead.`);
    const [key, found] = [dictGet(item, keyName), dictGet(item, valueName)];
    if (key === undefined || found === undefined) {
      const names = `'${str(keyName)}' and '${str(valueName)}'`;
      throw fault(
        `items2dict requires each dictionary in the list to contain the keys ${names}, got ${str(value)} instead.`,
      );
    }
    dictSet(dict, key, found);
  }
  return dict;
}

function rekey(value: Value, key: Value, duplicates: string): Dict {
  if (duplicates !== 'error' && duplicates !== 'overwrite')
    throw fault(`duplicates parameter to rekey_on_member has unknown value: ${duplicates}`);
  const items = value instanceof Map ? [...value.values()] : itemsOf(value);
  if (!items) throw fault('Type is not a valid list, set, or dict');
  const dict: Dict = new Map();
  for (const item of items) {
    if (!(item instanceof Map)) throw fault('List item is not a valid dict');
    const found = dictGet(item, key);
    if (found === undefined) throw fault(`Key ${str(key)} was not found`);
    if (duplicates === 'error' && dictHas(dict, found))
      throw fault(`Key ${str(found)} is not unique, cannot correctly turn into dict`);
    dictSet(dict, found, item);
  }
  return dict;
}

/** Keeps or removes keys at any depth, for keep_keys and remove_keys. */
function pickKeys(value: Value, isWanted: (key: Value) => boolean, keep: boolean): Value {
  if (Array.isArray(value)) return value.map(item => pickKeys(item, isWanted, keep));
  if (!(value instanceof Map)) return value;
  const dict: Dict = new Map();
  for (const [key, item] of value) {
    if (isWanted(key) === keep) dict.set(key, keep ? item : pickKeys(item, isWanted, keep));
    else if (keep && (item instanceof Map || Array.isArray(item))) {
      const inner = pickKeys(item, isWanted, keep);
      if (truthy(inner)) dict.set(key, inner);
    }
  }
  return dict;
}

function keyMatcher(context: Context, target: Value, how: string): (key: Value) => boolean {
  const targets = Array.isArray(target) ? target.map(str) : [str(target)];
  return key => {
    const text = str(key);
    switch (how) {
      case 'equality':
        return targets.includes(text);
      case 'starts_with':
        return targets.some(t => text.startsWith(t));
      case 'ends_with':
        return targets.some(t => text.endsWith(t));
      case 'regex':
        return targets.some(t => context.regex(t, {}).match(text) !== undefined);
      default:
        throw fault('matching_parameter must be equality, starts_with, ends_with or regex');
    }
  };
}

export const mappingFilters: FilterTable = {
  combine: filter(['*others', '**named'], (value, [others, named]) => {
    if ([...named.keys()].some(name => name !== 'recursive' && name !== 'list_merge'))
      throw fault("'recursive' and 'list_merge' are the only valid keyword arguments");
    const recursive = truthy(named.get('recursive') ?? false);
    return combine([value, ...others], recursive, str(named.get('list_merge') ?? 'replace'));
  }),
  dict2items: filter(['key_name?', 'value_name?'], (value, [keyName = 'key', valueName = 'value']) => {
    if (!(value instanceof Map))
      throw fault(`dict2items requires a dictionary, got ${className(value)} instead.`);
    return [...value].map(
      ([key, item]) =>
        new Map([
          [keyName, key],
          [valueName, item],
        ]),
    );
  }),
  items2dict: filter(['key_name?', 'value_name?'], (value, [keyName = 'key', valueName = 'value']) => {
    return fromItems(value, keyName, valueName);
  }),
  dictsort: filter(
    ['case_sensitive?', 'by?', 'reverse?'],
    (value, [sensitive = false, by = 'key', reverse = false]) => {
      return sortedPairs(needDict(value), str(by), truthy(sensitive), truthy(reverse));
    },
  ),
  // The container may be undefined: `default` follows.
  extract: lenientFilter(['container', 'morekeys?'], (value, [container, more]) =>
    extract(defined(value), container, more),
  ),
  rekey_on_member: filter(['key', 'duplicates?'], (value, [key, duplicates = 'error']) => {
    return rekey(value, key, str(duplicates));
  }),
  dict_kv: filter(['key'], (value, [key]) => new Map([[key, value]])),
  dict: filter([], value => fillDict(new Map(), value)),
  counter: filter([], value => {
    const counts: Dict = new Map();
    for (const item of iterate(value)) dictSet(counts, item, Number(dictGet(counts, item) ?? 0) + 1);
    return counts;
  }),
  keep_keys: filter(['target', 'matching_parameter?'], (value, [target, how = 'equality'], context) => {
    return pickKeys(value, keyMatcher(context, target, str(how)), true);
  }),
  remove_keys: filter(['target', 'matching_parameter?'], (value, [target, how = 'equality'], context) => {
    return pickKeys(value, keyMatcher(context, target, str(how)), false);
  }),
  lists_mergeby: filter(['*others', '**named'], (value, [others, named]) => {
    const [lists, index] = [[value, ...others.slice(0, -1)], others.at(-1) ?? named.get('index')];
    return mergeBy(lists, index, named);
  }),
};

function mergeBy(
  lists: readonly Value[],
  index: Value | undefined,
  named: ReadonlyMap<string, Value>,
): Value {
  if (index === undefined) throw fault('needs the key to merge by');
  const recursive = truthy(named.get('recursive') ?? false);
  const mode = str(named.get('list_merge') ?? 'replace') as ListMerge;
  const merged: { key: Value; dict: Dict }[] = [];
  for (const item of lists.flatMap(list => needItems(list))) {
    const dict = needDict(item, 'every item');
    const key = dictGet(dict, index);
    if (key === undefined) continue;
    const known = merged.find(other => equals(other.key, key));
    if (known) known.dict = merge(known.dict, dict, recursive, mode);
    else merged.push({ key, dict });
  }
  return merged.sort((a, b) => compare(a.key, b.key)).map(({ dict }) => dict);
}
