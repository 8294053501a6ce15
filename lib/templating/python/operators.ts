import { Tuple, Undefined, type Value } from '../../source/value.ts';
import { fault } from '../fault.ts';
import { formatPercent } from './format.ts';
import { checkItems, checkLength } from './limits.ts';
import { arithmetic, asInteger } from './numbers.ts';
import { PyObject } from './objects.ts';
import { repeatText } from './text.ts';
import { itemsOf, typeName } from './types.ts';
import { undefinedFault } from './undefined.ts';

/** Python's `+`. */
export function add(left: Value, right: Value): Value {
  if (typeof left === 'string' && typeof right === 'string') {
    checkLength(left.length + right.length);
    return left + right;
  }
  if (Array.isArray(left) && Array.isArray(right)) {
    checkItems(left.length + right.length);
    return [...left, ...right];
  }
  if (left instanceof Tuple && right instanceof Tuple) return new Tuple([...left.items, ...right.items]);
  const sum = arithmetic('+', left, right) ?? (left instanceof PyObject ? left.add(right) : undefined);
  if (sum !== undefined) return sum;
  throw mismatch('+', left, right);
}

/** Python's other binary operators. */
export function binary(
  operator: '-' | '*' | '/' | '//' | '%' | '**' | '+',
  left: Value,
  right: Value,
): Value {
  if (operator === '%' && typeof left === 'string') {
    if (right instanceof Undefined) throw undefinedFault(right);
    return formatPercent(left, right);
  }
  const result = arithmetic(operator, left, right) ?? special(operator, left, right);
  if (result !== undefined) return result;
  throw mismatch(operator, left, right);
}

function special(operator: string, left: Value, right: Value): Value | undefined {
  if (operator === '-' && left instanceof PyObject) return left.subtract(right);
  if (operator !== '*') return undefined;
  const [text, times] = asInteger(left) === undefined ? [left, right] : [right, left];
  const count = asInteger(times);
  if (count === undefined) return undefined;
  if (typeof text === 'string') return repeatText(text, Number(count));
  const items = itemsOf(text);
  if (!items) return undefined;
  checkItems(items.length * Number(count));
  const repeated: Value[] = [];
  for (let i = 0; i < count; i++) repeated.push(...items);
  return Array.isArray(text) ? repeated : new Tuple(repeated);
}

/** Unary minus and plus. */
export function negate(operator: '+' | '-', value: Value): Value {
  const result = operator === '+' ? arithmetic('+', 0, value) : arithmetic('*', -1, value);
  if (result !== undefined) return result;
  if (value instanceof Undefined) throw undefinedFault(value);
  throw fault(`"${operator}" needs a number, not ${typeName(value)}`);
}

function mismatch(operator: string, left: Value, right: Value): Error {
  if (left instanceof Undefined) return undefinedFault(left);
  if (right instanceof Undefined) return undefinedFault(right);
  const hint = advice(operator, left, right);
  return fault(`"${operator}" does not work between ${typeName(left)} and ${typeName(right)}`, hint);
}

function advice(operator: string, left: Value, right: Value): string | undefined {
  const types = [typeName(left), typeName(right)];
  if (operator === '+' && types.includes('str')) return 'use "~" to join texts, or "| int" to add numbers';
  return types.includes('str') ? 'use "| int" to turn text into a number' : undefined;
}
