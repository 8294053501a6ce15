import { Tuple, Undefined, type Value } from '../../source/value.ts';
import { fault } from '../fault.ts';
import { characters } from './text.ts';
import { typeName } from './types.ts';
import { LenientUndefined, undefinedFault } from './undefined.ts';

/** What Python iterates over: items of lists and tuples, keys of mappings, characters of text. */
export function iterate(value: Value): readonly Value[] {
  if (Array.isArray(value)) return value;
  if (value instanceof Map) return [...value.keys()];
  if (value instanceof Tuple) return value.items;
  if (typeof value === 'string') return characters(value);
  if (value instanceof LenientUndefined) return [];
  if (value instanceof Undefined) throw undefinedFault(value);
  throw fault(`'${typeName(value)}' object is not iterable`, 'a list is expected here');
}

/** The number of items, undefined for values without any. */
export function lengthOf(value: Value): number | undefined {
  if (Array.isArray(value)) return value.length;
  if (value instanceof Map) return value.size;
  if (value instanceof Tuple) return value.items.length;
  return typeof value === 'string' ? characters(value).length : undefined;
}
