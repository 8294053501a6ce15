import { Float, Tuple, type Value } from '../../source/value.ts';
import { dictMethods } from './dict.ts';
import { listMethods, tupleMethods } from './list.ts';
import type { Method } from './method.ts';
import { floatMethods, integerMethods } from './number.ts';
import { textMethods } from './text.ts';

/** The method `name` of a value's type. Nothing but these tables is ever consulted. */
export function methodOf(value: Value, name: string): Method | undefined {
  return tableOf(value)?.get(name) as Method | undefined;
}

function tableOf(value: Value): ReadonlyMap<string, unknown> | undefined {
  switch (typeof value) {
    case 'string':
      return textMethods;
    case 'number':
      return Number.isInteger(value) ? integerMethods : floatMethods;
    case 'bigint':
    case 'boolean':
      return integerMethods;
  }
  if (value instanceof Map) return dictMethods;
  if (Array.isArray(value)) return listMethods;
  if (value instanceof Tuple) return tupleMethods;
  return value instanceof Float ? floatMethods : undefined;
}

/** Methods that change the list or mapping they are called on. */
export const MUTATING: ReadonlySet<string> = new Set([
  'append',
  'clear',
  'extend',
  'insert',
  'pop',
  'popitem',
  'remove',
  'reverse',
  'setdefault',
  'sort',
  'update',
  '__setitem__',
  '__delitem__',
]);
