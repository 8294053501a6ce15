import { nearest } from '../../source/suggest.ts';
import { type Dict, Tuple, Undefined, type Value } from '../../source/value.ts';
import { fault } from '../fault.ts';
import { methodOf } from '../methods/index.ts';
import { plainItem } from './item.ts';
import { asInteger } from './numbers.ts';
import { Callable, NamedTuple, PyObject } from './objects.ts';
import { characters, sliceIndexes } from './text.ts';
import { itemsOf, typeName } from './types.ts';
import { type Explanation, undefinedFault } from './undefined.ts';

/** `object.name`: a method or attribute of the type first, then an item. JavaScript's own properties are out of reach. */
export function getAttribute(object: Value, name: string): Value | undefined {
  if (object instanceof Undefined) return object;
  const method = methodOf(object, name);
  if (method) return new Callable(name, (args, named) => method(object, args, named));
  if (object instanceof Map) return object.get(name);
  if (object instanceof NamedTuple) return object.field(name);
  return object instanceof PyObject ? object.attribute(name) : undefined;
}

/** `object[key]`: an item first, then a method or attribute. */
export function getItem(object: Value, key: Value): Value | undefined {
  if (object instanceof Undefined) return object;
  if (key instanceof Undefined) throw undefinedFault(key);
  const item = plainItem(object, key);
  return item === undefined && typeof key === 'string' ? getAttribute(object, key) : item;
}

/** `object[start:stop:step]` */
export function getSlice(object: Value, parts: readonly (Value | undefined)[]): Value {
  if (object instanceof Undefined) throw undefinedFault(object);
  const [start, stop, step] = parts.map(slicePart);
  if (typeof object === 'string') {
    const all = characters(object);
    return sliceIndexes(all.length, start, stop, step)
      .map(i => all[i])
      .join('');
  }
  const items = itemsOf(object);
  if (!items) throw fault(`${typeName(object)} can not be sliced`);
  const selected = sliceIndexes(items.length, start, stop, step).map(i => items[i] as Value);
  return object instanceof Tuple ? new Tuple(selected) : selected;
}

function slicePart(part: Value | undefined): number | undefined {
  if (part === undefined || part === null) return undefined;
  if (part instanceof Undefined) throw undefinedFault(part);
  const index = asInteger(part);
  if (index === undefined) throw fault(`a slice needs integers, not ${typeName(part)}`);
  return Number(index);
}

/** Why an item is undefined, for the message, with the nearest key as a hint. */
export function explainMissing(object: Value, path: string, key: Value): Explanation {
  const shown = typeof key === 'string' ? `'${key}'` : String(asInteger(key) ?? typeName(key));
  if (object instanceof Map) {
    return { reason: `'dict object' has no attribute ${shown}`, hint: nearKey(object, key) };
  }
  const items = itemsOf(object);
  if (items && asInteger(key) !== undefined) {
    const count = `${path} has ${items.length} items`;
    return { reason: `${typeName(object)} object has no element ${shown}`, hint: count };
  }
  return { reason: `'${typeName(object)} object' has no attribute ${shown}`, hint: undefined };
}

function nearKey(dict: Dict, key: Value): string | undefined {
  if (typeof key !== 'string') return undefined;
  const names = [...dict.keys()].filter(k => typeof k === 'string');
  const near = nearest(key, names);
  if (near) return `did you mean "${near}"?`;
  if (names.length === 0) return 'it is empty';
  const more = names.length > 8 ? ', …' : '';
  return `it has: ${names.slice(0, 8).join(', ')}${more}`;
}
