import { Float, type Value } from '../../source/value.ts';
import { fault } from '../fault.ts';
import { typeName } from './types.ts';

/** Bits of the largest integer a template may compute; Python has no limit, a control machine has. */
const MAX_BITS = 200_000;

/** Python's int from a bigint: a number where that is exact. */
export function normalizeInteger(value: bigint): number | bigint {
  return value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER)
    ? Number(value)
    : value;
}

/** Python's float: a plain number where it has a fraction, else a Float. */
export function makeFloat(value: number): number | Float {
  return Number.isInteger(value) || !Number.isFinite(value) ? new Float(value) : value;
}

/** An int or a bool, as Python's int. */
export function asInteger(value: Value): number | bigint | undefined {
  if (typeof value === 'number') return Number.isInteger(value) ? value : undefined;
  if (typeof value === 'bigint') return value;
  if (typeof value === 'boolean') return value ? 1 : 0;
  return undefined;
}

/** Any number or bool as a JavaScript number. */
export function asNumber(value: Value): number | undefined {
  if (typeof value === 'number') return value;
  if (value instanceof Float) return value.value;
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (typeof value === 'bigint') return Number(value);
  return undefined;
}

export function isFloat(value: Value): boolean {
  return value instanceof Float || (typeof value === 'number' && !Number.isInteger(value));
}

/** A small integer such as an index or a width; refuses anything else. */
export function toIndex(value: Value, what = 'the value'): number {
  const integer = asInteger(value);
  if (integer === undefined) throw fault(`${what} must be an integer, not ${typeName(value)}`);
  return Number(integer);
}

type Arithmetic = '+' | '-' | '*' | '/' | '//' | '%' | '**';

/** The arithmetic of two numbers, or undefined when one of them is none. */
export function arithmetic(operator: Arithmetic, left: Value, right: Value): Value | undefined {
  const [a, b] = [asInteger(left), asInteger(right)];
  if (a !== undefined && b !== undefined) return integers(operator, a, b);
  const [x, y] = [asNumber(left), asNumber(right)];
  if (x === undefined || y === undefined) return undefined;
  return makeFloat(floats(operator, x, y));
}

function integers(operator: Arithmetic, a: number | bigint, b: number | bigint): Value {
  if (operator === '/') {
    if (b === 0) throw fault('division by zero');
    return makeFloat(Number(a) / Number(b));
  }
  if (operator === '**') return power(a, b);
  if ((operator === '//' || operator === '%') && b === 0) throw fault('division by zero');
  // Exact as long as the result is a safe integer.
  if (typeof a === 'number' && typeof b === 'number') {
    const result = floats(operator, a, b);
    if (Number.isSafeInteger(result)) return result === 0 ? 0 : result;
  }
  return normalizeInteger(bigIntegers(operator, BigInt(a), BigInt(b)));
}

function bigIntegers(operator: Arithmetic, a: bigint, b: bigint): bigint {
  switch (operator) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      if (bits(a) + bits(b) > MAX_BITS) throw fault('the number is too large');
      return a * b;
    case '//':
      return a % b !== 0n && a < 0n !== b < 0n ? a / b - 1n : a / b;
    default: {
      const rest = a % b;
      return rest !== 0n && rest < 0n !== b < 0n ? rest + b : rest;
    }
  }
}

function bits(value: bigint): number {
  return value.toString(16).length * 4;
}

function floorModulo(a: number, b: number): number {
  const rest = a % b;
  return rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest;
}

function power(a: number | bigint, b: number | bigint): Value {
  if (b < 0) {
    if (a === 0) throw fault('0 can not be raised to a negative power');
    return makeFloat(Number(a) ** Number(b));
  }
  const size = bits(BigInt(a)) * Number(b);
  if (size > MAX_BITS && a !== 0 && a !== 1 && a !== -1) throw fault('the number is too large');
  return normalizeInteger(BigInt(a) ** BigInt(b));
}

function floats(operator: Arithmetic, x: number, y: number): number {
  if ((operator === '/' || operator === '//' || operator === '%') && y === 0) {
    throw fault('division by zero');
  }
  switch (operator) {
    case '+':
      return x + y;
    case '-':
      return x - y;
    case '*':
      return x * y;
    case '/':
      return x / y;
    case '//':
      return Math.floor(x / y);
    case '%':
      return floorModulo(x, y);
    default:
      return x ** y;
  }
}

/** Python's int() of a text in a base, undefined where Python raises. */
export function parseInteger(text: string, base = 10): number | bigint | undefined {
  const match = /^([+-]?)(.*)$/s.exec(text.trim().toLowerCase());
  const sign = match?.[1] === '-' ? -1n : 1n;
  let digits = match?.[2] ?? '';
  let radix = base;
  const prefix = /^0([xob])_?/.exec(digits)?.[1];
  const prefixed = prefix === 'x' ? 16 : prefix === 'o' ? 8 : prefix === 'b' ? 2 : 0;
  if (prefixed && (base === prefixed || base === 0)) {
    radix = prefixed;
    digits = digits.slice(2).replace(/^_/, '');
  } else if (base === 0) radix = 10;
  if (!/^[0-9a-z]+(_[0-9a-z]+)*$/.test(digits)) return undefined;
  digits = digits.replaceAll('_', '');
  if (digits.length > 10_000) throw fault('the number is too large');
  if (radix === 10) return /^\d+$/.test(digits) ? normalizeInteger(sign * BigInt(digits)) : undefined;
  let result = 0n;
  for (const char of digits) {
    const digit = Number.parseInt(char, 36);
    if (digit >= radix) return undefined;
    result = result * BigInt(radix) + BigInt(digit);
  }
  return normalizeInteger(sign * result);
}

/** Python's float() of a text, undefined where Python raises. */
export function parseFloatText(text: string): number | undefined {
  const trimmed = text.trim();
  if (/^[+-]?(\d+(_\d+)*\.?(\d+(_\d+)*)?|\.\d+(_\d+)*)(e[+-]?\d+(_\d+)*)?$/i.test(trimmed)) {
    return Number(trimmed.replaceAll('_', ''));
  }
  const special = /^([+-]?)(inf|infinity|nan)$/i.exec(trimmed);
  if (!special) return undefined;
  if (special[2]?.toLowerCase() === 'nan') return Number.NaN;
  return special[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}
