import { type JSONValue, search } from '@jmespath-community/jmespath';
import { fromPlain, type Json, toPlain, type Value } from '../../source/value.ts';
import { fault } from '../fault.ts';
import { getItem } from '../python/access.ts';
import { truthy } from '../python/compare.ts';
import { iterate } from '../python/iterate.ts';
import { str } from '../python/print.ts';
import { missing } from '../python/undefined.ts';
import { attributeGetter } from './attributes.ts';
import { type FilterTable, filter } from './filter.ts';

const NO_NAMED: ReadonlyMap<string, Value> = new Map();

/** A JMESPath query. */
function jsonQuery(value: Value, query: string): Value {
  try {
    return fromPlain(search(toPlain(value) as JSONValue, query) as Json);
  } catch (error) {
    throw fault(`the query "${query}" failed: ${(error as Error).message}`);
  }
}

/** The value at a path such as `a.b[0]['c d']`. */
function getPath(value: Value, path: string): Value {
  let current = value;
  for (const [, name, index, key] of path.matchAll(/([^.[\]]+)|\[(-?\d+)\]|\[(?:'([^']*)'|"[^"]*")\]/g)) {
    const step = index === undefined ? (name ?? key ?? '') : Number(index);
    const next = getItem(current, step);
    if (next === undefined) return missing(path, `there is nothing at "${step}"`);
    current = next;
  }
  return current;
}

export const queryFilters: FilterTable = {
  json_query: filter(['expr'], (value, [query]) => jsonQuery(value, str(query))),
  get_path: filter(['path', 'wantlist?'], (value, [path, wantList]) => {
    const found = getPath(value, str(path));
    return wantList === true ? [found] : found;
  }),
  index_of: filter(['test', 'value?', 'key?', '**named'], (value, [name, wanted, key, named], context) => {
    const get = attributeGetter(key);
    const args = wanted === undefined || wanted === null ? [] : [wanted];
    const found = iterate(value).flatMap((item, i) => {
      return context.applyTest(str(name), get(item), args, NO_NAMED) ? [i] : [];
    });
    if (found.length === 0 && truthy(named.get('fail_on_missing') ?? false)) throw fault('nothing was found');
    return found.length === 1 && !truthy(named.get('wantlist') ?? false) ? (found[0] as Value) : found;
  }),
};
