import {
  type Dict,
  Float,
  Opaque,
  Secret,
  Tuple,
  Undefined,
  Unsafe,
  type Value,
} from '../../source/value.ts';
import { LenientUndefined, undefinedFault } from './undefined.ts';

/** Python's str(). */
export function str(value: Value): string {
  if (typeof value === 'string') return value;
  return value instanceof Unsafe ? value.text : repr(value);
}

/** Python's repr(), as values print inside containers. */
export function repr(value: Value): string {
  switch (typeof value) {
    case 'string':
      return reprText(value);
    case 'boolean':
      return value ? 'True' : 'False';
    case 'bigint':
      return value.toString();
    case 'number':
      return Number.isInteger(value) ? formatInteger(value) : reprFloat(value);
  }
  if (value === null) return 'None';
  if (value instanceof Float) return reprFloat(value.value);
  if (Array.isArray(value)) return `[${value.map(repr).join(', ')}]`;
  if (value instanceof Map) return reprDict(value);
  if (value instanceof Tuple) return reprTuple(value.items);
  if (value instanceof LenientUndefined) return '';
  if (value instanceof Undefined) throw undefinedFault(value);
  if (value instanceof Opaque) return value.toString();
  if (value instanceof Secret) return '<vault>';
  return value instanceof Unsafe ? reprText(value.text) : '';
}

function formatInteger(value: number): string {
  return Number.isSafeInteger(value) ? String(value) : BigInt(value).toString();
}

function reprDict(dict: Dict): string {
  const pairs = [...dict].map(([key, value]) => `${repr(key)}: ${repr(value)}`);
  return `{${pairs.join(', ')}}`;
}

function reprTuple(items: readonly Value[]): string {
  return items.length === 1 ? `(${repr(items[0] as Value)},)` : `(${items.map(repr).join(', ')})`;
}

/** Python's repr of a float: the shortest digits that read back, `1e+16`, `1e-05`, `nan`. */
export function reprFloat(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0';
  const [mantissa = '', exponentText = '0'] = value.toExponential().split('e');
  const exponent = Number(exponentText);
  if (exponent >= -4 && exponent < 16) return plainFloat(value);
  const size = Math.abs(exponent).toString().padStart(2, '0');
  return `${mantissa}e${exponent < 0 ? '-' : '+'}${size}`;
}

function plainFloat(value: number): string {
  const text = String(value);
  if (!text.includes('e')) return text.includes('.') ? text : `${text}.0`;
  const digits = value.toExponential().replace(/^-?|\.|e.*$/g, '').length;
  return value.toFixed(Math.min(100, digits + 5)).replace(/0+$/, '');
}

const ESCAPES: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\\': '\\\\' };
// What Python does not print as it is: everything in the categories Other and Separator but the space.
const UNPRINTABLE = /[\\\p{C}\p{Z}]/gu;

/** A text as Python writes its literal. */
export function reprText(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const escaped = text.replace(UNPRINTABLE, escapeCharacter);
  const quoted = quote === "'" ? escaped.replaceAll("'", "\\'") : escaped;
  return `${quote}${quoted}${quote}`;
}

function escapeCharacter(char: string): string {
  if (char === ' ') return char;
  const known = ESCAPES[char];
  if (known) return known;
  const code = char.codePointAt(0) ?? 0;
  if (code <= 0xff) return `\\x${code.toString(16).padStart(2, '0')}`;
  if (code <= 0xffff) return `\\u${code.toString(16).padStart(4, '0')}`;
  return `\\U${code.toString(16).padStart(8, '0')}`;
}
