import { Undefined, type Value } from '../../source/value.ts';
import { fault } from '../fault.ts';
import { getAttribute } from '../python/access.ts';
import { truthy } from '../python/compare.ts';
import { repr, str } from '../python/print.ts';
import { typeName } from '../python/types.ts';
import { missing } from '../python/undefined.ts';
import { type FilterTable, filter, lenientFilter } from './filter.ts';

const fallback = lenientFilter(['default?', 'boolean?'], (value, [other = '', boolean = false]) => {
  if (value instanceof Undefined) return other;
  return truthy(boolean) && !truthy(value) ? other : value;
});

const TRUE_TEXTS: ReadonlySet<string> = new Set(['yes', 'on', '1', 'true']);

/** Ansible's bool: a few words and 1 are true, everything else is false. */
export function toBool(value: Value): Value {
  if (value === null || typeof value === 'boolean') return value;
  if (typeof value === 'string') return TRUE_TEXTS.has(value.toLowerCase());
  return Number(value) === 1 && !Array.isArray(value);
}

export const valueFilters: FilterTable = {
  default: fallback,
  d: fallback,
  bool: filter([], toBool),
  mandatory: lenientFilter(['msg?'], (value, [message]) => {
    if (!(value instanceof Undefined)) return value;
    const name = value.name === '' ? '' : `'${value.name}' `;
    // The two spaces are Ansible's.
    throw fault(
      message === undefined || message === null ? `Mandatory variable ${name} not defined.` : str(message),
    );
  }),
  ternary: lenientFilter(['true_val', 'false_val', 'none_val?'], (value, [yes, no, none = null]) => {
    if (value === null && none !== null) return none;
    return truthy(value) ? yes : no;
  }),
  type_debug: lenientFilter([], value => typeName(value)),
  string: filter([], value => str(value)),
  pprint: filter([], value => repr(value)),
  attr: filter(['name'], (value, [name]) => {
    const attribute = value instanceof Map ? undefined : getAttribute(value, str(name));
    return attribute ?? missing(str(name), `${typeName(value)} has no attribute of that name`);
  }),
};
