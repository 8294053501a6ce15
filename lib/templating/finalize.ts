import { Tuple, Undefined, type Value } from '../source/value.ts';
import { fault } from './fault.ts';
import { Callable } from './python/objects.ts';
import { LenientUndefined, undefinedFault } from './python/undefined.ts';

/** A result as it leaves a template: nothing undefined or callable in it, tuples are lists. Shares what needs no change. */
export function finalize(value: Value): Value {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return finalizeList(value);
  if (value instanceof Map) return finalizeDict(value);
  if (value instanceof Tuple) return value.items.map(finalize);
  if (value instanceof LenientUndefined) return '';
  if (value instanceof Undefined) throw undefinedFault(value);
  if (value instanceof Callable) throw callableFault(value);
  return value;
}

function finalizeList(list: Value[]): Value {
  let copy: Value[] | undefined;
  list.forEach((item, i) => {
    const final = finalize(item);
    if (final === item) return;
    copy ??= [...list];
    copy[i] = final;
  });
  return copy ?? list;
}

function finalizeDict(dict: Map<Value, Value>): Value {
  // a special mapping renders what it holds by itself
  if (dict.constructor !== Map) return dict;
  let copy: Map<Value, Value> | undefined;
  for (const [key, item] of dict) {
    const final = finalize(item);
    if (final === item) continue;
    copy ??= new Map(dict);
    copy.set(key, final);
  }
  return copy ?? dict;
}

function callableFault(value: Callable): Error {
  return fault(
    `"${value.name}" is a function, not a value`,
    `call it as ${value.name}(), or write ['${value.name}'] for the key of that name`,
  );
}
