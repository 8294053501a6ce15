import { Float, type Value } from '../../source/value.ts';
import { fault } from '../fault.ts';
import { truthy } from '../python/compare.ts';
import { fixed } from '../python/format-number.ts';
import {
  arithmetic,
  asInteger,
  asNumber,
  isFloat,
  makeFloat,
  normalizeInteger,
  parseFloatText,
  parseInteger,
} from '../python/numbers.ts';
import { str } from '../python/print.ts';
import { typeName } from '../python/types.ts';
import { type FilterTable, filter, optionalInteger } from './filter.ts';

function needNumber(value: Value, filter?: string): number {
  const number = asNumber(value);
  if (number !== undefined) return number;
  const what = `must be real number, not ${typeName(value)}`;
  throw fault(filter === undefined ? what : `${filter}() can only be used on numbers: ${what}`);
}

/** Python's int(): texts in a base, floats cut off; `other` where Python raises. */
export function toInteger(value: Value, other: Value, base: number): Value {
  if (typeof value === 'string') {
    const integer = parseInteger(value, base);
    if (integer !== undefined) return integer;
    const float = parseFloatText(value);
    return float !== undefined && Number.isFinite(float) ? truncate(float) : other;
  }
  const integer = asInteger(value);
  if (integer !== undefined) return integer;
  const float = asNumber(value);
  return float !== undefined && Number.isFinite(float) ? truncate(float) : other;
}

function truncate(float: number): number | bigint {
  return normalizeInteger(BigInt(Math.trunc(float)));
}

function toFloat(value: Value, other: Value): Value {
  const number = typeof value === 'string' ? parseFloatText(value) : asNumber(value);
  return number === undefined ? other : makeFloat(number);
}

function round(value: Value, precision: number, method: string): Value {
  if (!['common', 'ceil', 'floor'].includes(method)) throw fault('the method must be common, ceil or floor');
  const number = needNumber(value);
  if (method === 'common') return roundCommon(value, number, precision);
  const factor = 10 ** precision;
  const scaled = number * factor;
  return makeFloat((method === 'ceil' ? Math.ceil(scaled) : Math.floor(scaled)) / factor);
}

/** Python's round(value, n): half to even, on the true binary value. An integer stays one. */
function roundCommon(value: Value, number: number, precision: number): Value {
  if (!isFloat(value) && precision >= 0) return asInteger(value) ?? value;
  if (precision >= 0) {
    if (!Number.isFinite(number)) return value;
    return makeFloat(Math.sign(number) * Number(fixed(Math.abs(number), Math.min(precision, 100))));
  }
  const unit = 10 ** -precision;
  const lower = Math.floor(number / unit);
  const rest = number / unit - lower;
  const rounded = rest > 0.5 || (rest === 0.5 && lower % 2 !== 0) ? lower + 1 : lower;
  return isFloat(value) ? makeFloat(rounded * unit) : rounded * unit;
}

const BYTE_UNITS = ['', 'K', 'M', 'G', 'T', 'P', 'E', 'Z', 'Y'] as const;

function humanReadable(value: Value, isBits: boolean, unit: string | undefined): string {
  const number = typeof value === 'string' ? toFloat(value, value) : value;
  const size = asNumber(number);
  if (size === undefined) {
    const types = `'${typeName(value)}' and 'int'`;
    throw fault(`human_readable() failed on bad input: '>=' not supported between instances of ${types}`);
  }
  const base = isBits ? 'bits' : 'Bytes';
  const suffix = isBits ? 'b' : 'B';
  for (let power = BYTE_UNITS.length - 1; power >= 0; power--) {
    const limit = 1024 ** power;
    const isWanted = unit === undefined ? size >= limit : unit.toUpperCase() === BYTE_UNITS[power];
    if (!isWanted && power > 0) continue;
    return `${fixed(size / limit, 2)} ${power === 0 ? base : `${BYTE_UNITS[power]}${suffix}`}`;
  }
  throw fault('the unit is not known');
}

/** A size such as `1.5 GB` as a number of bytes (or bits). */
export function humanToBytes(value: Value, unit: string | undefined, isBits: boolean): number {
  const match = /^\s*(\d*\.?\d*)\s*([A-Za-z]+)?/.exec(str(value));
  if (!match?.[1] || match[1] === '.')
    throw fault(`human_to_bytes() can't interpret following string: ${str(value)}`);
  const written = unit ?? match[2];
  const number = Number(match[1]);
  if (written === undefined) return Math.round(number);
  const power = BYTE_UNITS.indexOf(written[0]?.toUpperCase() as (typeof BYTE_UNITS)[number]);
  if (power < 0 && written[0]?.toUpperCase() === 'B') return checkedUnit(written, number, isBits);
  if (power < 1) throw badSize(`${number}${written}`, `use one of ${BYTE_UNITS.slice(1).join(', ')}, or B`);
  if (written.length > 1) checkedUnit(written.slice(1), number, isBits);
  return Number(fixed(number * 1024 ** power, 0));
}

const badSize = (written: string, hint: string) =>
  fault(`human_to_bytes() can't interpret following string: ${written}`, hint);

function checkedUnit(unit: string, number: number, isBits: boolean): number {
  const word = isBits ? 'bit' : 'byte';
  const letter = isBits ? 'b' : 'B';
  const isWord = [word, `${word}s`].includes(unit.toLowerCase());
  if (unit !== letter && !isWord)
    throw badSize(`${number}${unit}`, `the unit "${unit}" is not one of ${isBits ? 'bits' : 'bytes'}`);
  return Math.round(number);
}

const DECIMAL = ['kB', 'MB', 'GB', 'TB', 'PB', 'EB', 'ZB', 'YB'] as const;
const BINARY = ['KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB', 'ZiB', 'YiB'] as const;

function fileSize(value: Value, isBinary: boolean): string {
  const number = toFloat(value, new Float(0));
  const size = needNumber(number);
  const base = isBinary ? 1024 : 1000;
  if (size === 1) return '1 Byte';
  if (size < base) return `${Math.trunc(size)} Bytes`;
  const units = isBinary ? BINARY : DECIMAL;
  const power = Math.min(units.length, Math.floor(Math.log(size) / Math.log(base) + 1e-12));
  return `${fixed(size / base ** power, 1)} ${units[power - 1]}`;
}

function logarithm(value: Value, base: Value | undefined): Value {
  const number = needNumber(value, 'log');
  if (number <= 0) throw fault('math domain error', 'log needs a number above zero');
  if (base === undefined) return makeFloat(Math.log(number));
  const by = needNumber(base, 'log');
  return makeFloat(by === 10 ? Math.log10(number) : Math.log(number) / Math.log(by));
}

function root(value: Value, degree: Value): Value {
  const number = needNumber(value, 'root');
  const by = needNumber(degree, 'root');
  return makeFloat(by === 2 ? Math.sqrt(number) : number ** (1 / by));
}

export const numberFilters: FilterTable = {
  int: filter(['default?', 'base?'], (value, [other = 0, base = 10]) => {
    return toInteger(value, other, optionalInteger(base, 'base') ?? 10);
  }),
  float: filter(['default?'], (value, [other = new Float(0)]) => toFloat(value, other)),
  abs: filter([], value => (needNumber(value) < 0 ? (arithmetic('*', -1, value) as Value) : value)),
  round: filter(['precision?', 'method?'], (value, [precision = 0, method = 'common']) => {
    const digits = optionalInteger(precision, 'precision') ?? 0;
    return round(value, digits, str(method));
  }),
  log: filter(['base?'], (value, [base]) => logarithm(value, base)),
  pow: filter(['exponent'], (value, [exponent]) =>
    makeFloat(needNumber(value, 'pow') ** needNumber(exponent, 'pow')),
  ),
  root: filter(['degree?'], (value, [degree = 2]) => root(value, degree)),
  human_readable: filter(['isbits?', 'unit?'], (value, [bits = false, unit = null]) => {
    return humanReadable(value, truthy(bits), unit === null ? undefined : str(unit));
  }),
  human_to_bytes: filter(['default_unit?', 'isbits?'], (value, [unit = null, bits = false]) => {
    return humanToBytes(value, unit === null ? undefined : str(unit), truthy(bits));
  }),
  filesizeformat: filter(['binary?'], (value, [binary = false]) => fileSize(value, truthy(binary))),
};
