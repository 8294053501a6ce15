import { type Dict, Float, Tuple, Undefined, type Value } from '../../source/value.ts';
import { fault } from '../fault.ts';
import { asNumber } from './numbers.ts';
import { PyObject } from './objects.ts';
import { itemsOf, typeName } from './types.ts';
import { LenientUndefined, undefinedFault } from './undefined.ts';

/** Python's bool(). */
export function truthy(value: Value): boolean {
  switch (typeof value) {
    case 'boolean':
      return value;
    case 'string':
      return value !== '';
    case 'number':
      return value !== 0;
    case 'bigint':
      return value !== 0n;
  }
  if (value === null) return false;
  if (Array.isArray(value)) return value.length > 0;
  if (value instanceof Map) return value.size > 0;
  if (value instanceof Tuple) return value.items.length > 0;
  if (value instanceof Float) return value.value !== 0;
  if (value instanceof LenientUndefined) return false;
  if (value instanceof Undefined) throw undefinedFault(value);
  return value instanceof PyObject ? value.truthy() : true;
}

/** Python's `==`. */
export function equals(left: Value, right: Value): boolean {
  if (left === right && typeof left !== 'object') return true;
  if (typeof left === 'string' && typeof right === 'string') return false;
  if (left instanceof LenientUndefined) return right instanceof LenientUndefined;
  if (left instanceof Undefined) throw undefinedFault(left);
  if (right instanceof LenientUndefined) return false;
  if (right instanceof Undefined) throw undefinedFault(right);
  const x = asNumber(left);
  if (x !== undefined) return equalNumbers(left, right, x);
  if (Array.isArray(left)) return Array.isArray(right) && equalItems(left, right);
  if (left instanceof Map) return right instanceof Map && equalDicts(left, right);
  if (left instanceof Tuple) return right instanceof Tuple && equalItems(left.items, right.items);
  if (left instanceof PyObject) return left.equals(right);
  return left === right;
}

function equalNumbers(left: Value, right: Value, x: number): boolean {
  if (typeof left === 'bigint' && typeof right === 'bigint') return left === right;
  return x === asNumber(right);
}

function equalItems(left: readonly Value[], right: readonly Value[]): boolean {
  return left.length === right.length && left.every((item, i) => equals(item, right[i] as Value));
}

function equalDicts(left: Dict, right: Dict): boolean {
  if (left.size !== right.size) return false;
  for (const [key, value] of left) {
    const other = dictGet(right, key);
    if (other === undefined || !equals(value, other)) return false;
  }
  return true;
}

/** Python's ordering: negative, zero or positive; refuses what Python refuses. */
export function compare(left: Value, right: Value): number {
  if (typeof left === 'string' && typeof right === 'string') return compareText(left, right);
  if (left instanceof Undefined) throw undefinedFault(left);
  if (right instanceof Undefined) throw undefinedFault(right);
  if (typeof left === 'bigint' && typeof right === 'bigint') return left < right ? -1 : left > right ? 1 : 0;
  const [x, y] = [asNumber(left), asNumber(right)];
  if (x !== undefined && y !== undefined) return x < y ? -1 : x > y ? 1 : x === y ? 0 : Number.NaN;
  const [a, b] = [itemsOf(left), itemsOf(right)];
  if (a && b && Array.isArray(left) === Array.isArray(right)) return compareItems(a, b);
  const order = left instanceof PyObject ? left.order(right) : undefined;
  if (order === undefined) throw fault(`${typeName(left)} and ${typeName(right)} can not be ordered`);
  return order;
}

/** Order by code points, as Python has it; JavaScript's own order is by UTF-16 units. */
export function compareText(left: string, right: string): number {
  if (left === right) return 0;
  const length = Math.min(left.length, right.length);
  for (let i = 0; i < length; i++) {
    const [a, b] = [left.charCodeAt(i), right.charCodeAt(i)];
    if (a === b) continue;
    const [surrogateA, surrogateB] = [a >= 0xd800 && a <= 0xdfff, b >= 0xd800 && b <= 0xdfff];
    return surrogateA === surrogateB ? a - b : surrogateA ? 1 : -1;
  }
  return left.length - right.length;
}

function compareItems(left: readonly Value[], right: readonly Value[]): number {
  const length = Math.min(left.length, right.length);
  for (let i = 0; i < length; i++) {
    const [a, b] = [left[i] as Value, right[i] as Value];
    if (!equals(a, b)) return compare(a, b);
  }
  return left.length - right.length;
}

/** Python's `in`. */
export function contains(container: Value, item: Value): boolean {
  if (container instanceof Undefined) throw undefinedFault(container);
  if (item instanceof Undefined) throw undefinedFault(item);
  if (typeof container === 'string') {
    if (typeof item !== 'string') throw fault(`only text can be in text, not ${typeName(item)}`);
    return container.includes(item);
  }
  if (container instanceof Map) return dictHas(container, item);
  const items = itemsOf(container);
  if (!items) throw fault(`${typeName(container)} can not contain anything, so "in" does not apply`);
  return includes(items, item);
}

/** Whether a list holds an equal item. */
export function includes(items: readonly Value[], item: Value): boolean {
  if (typeof item === 'string') return items.includes(item);
  return items.some(other => other === item || equals(other, item));
}

/** Refuses keys that Python can not hash. */
function checkKey(key: Value): void {
  if (Array.isArray(key) || key instanceof Map) {
    throw fault(`a ${typeName(key)} can not be the key of a mapping`);
  }
  if (key instanceof Undefined) throw undefinedFault(key);
}

/** The key under which an equal one is stored: 1, 1.0 and true are one key, equal tuples too. */
function storedKey(dict: Dict, key: Value): Value | undefined {
  if (typeof key === 'string') return dict.has(key) ? key : undefined;
  if (dict.has(key)) return key;
  checkKey(key);
  if (key === null) return undefined;
  for (const other of dict.keys()) {
    if (typeof other !== 'string' && equals(other, key)) return other;
  }
  return undefined;
}

export function dictHas(dict: Dict, key: Value): boolean {
  return storedKey(dict, key) !== undefined;
}

/** The value under an equal key; undefined when there is none. */
export function dictGet(dict: Dict, key: Value): Value | undefined {
  if (typeof key === 'string') return dict.get(key);
  const stored = storedKey(dict, key);
  return stored === undefined ? undefined : dict.get(stored);
}

export function dictSet(dict: Dict, key: Value, value: Value): void {
  dict.set(storedKey(dict, key) ?? key, value);
}

/** Removes and returns; undefined when there was none. */
export function dictDelete(dict: Dict, key: Value): Value | undefined {
  const stored = storedKey(dict, key);
  if (stored === undefined) return undefined;
  const value = dict.get(stored);
  dict.delete(stored);
  return value;
}
