import type { Value } from '../../source/value.ts';

/**
 * A deep copy of plain lists and mappings. Special mappings (such as one that renders its values on demand) stay
 * as they are: nobody changes them in place, and copying would evaluate all they hold.
 */
export function ownCopy(value: Value): Value {
  return copy(value, new Map());
}

function copy(value: Value, seen: Map<Value, Value>): Value {
  const isList = Array.isArray(value);
  if (!isList && !(value instanceof Map && value.constructor === Map)) return value;
  const known = seen.get(value);
  if (known !== undefined) return known;
  if (isList) {
    const list: Value[] = [];
    seen.set(value, list);
    for (const item of value) list.push(copy(item, seen));
    return list;
  }
  const dict = new Map<Value, Value>();
  seen.set(value, dict);
  for (const [key, item] of value) dict.set(key, copy(item, seen));
  return dict;
}
