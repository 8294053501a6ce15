import { Float, type Value } from '../../source/value.ts';
import { fault } from '../fault.ts';
import { floatDigits, groupDigits, integerDigits } from './format-number.ts';
import { plainItem } from './item.ts';
import { asInteger, asNumber, isFloat } from './numbers.ts';
import type { Named } from './objects.ts';
import { repr, str } from './print.ts';
import { padEnd, padStart, substring, textLength } from './text.ts';
import { itemsOf, typeName } from './types.ts';

const SPEC = /^(?:(.)?([<>=^]))?([-+ ])?(#)?(0)?(\d+)?([,_])?(?:\.(\d+))?([bcdeEfFgGnosxX%])?$/su;

/** Python's format(): the value laid out by a format specification such as `>10.2f`. */
export function formatValue(value: Value, spec: string): string {
  if (spec === '') return str(value);
  const match = SPEC.exec(spec);
  if (!match) throw fault(`"${spec}" is not a valid format`);
  const [, fillChar, alignChar, sign = '-', alternate, zero, width, grouping, precision, type = ''] = match;
  const fill = fillChar ?? (zero ? '0' : ' ');
  const size = Number(width ?? 0);
  const digits = precision === undefined ? undefined : Number(precision);
  if (size > 1_000_000) throw fault('the width is too large');
  if (asNumber(value) === undefined || (typeof value === 'boolean' && type === '')) {
    if (type !== '' && type !== 's') throw fault(`unknown format "${type}" for ${typeName(value)}`);
    const text = digits === undefined ? str(value) : substring(str(value), 0, digits);
    return align(text, '', fill, alignChar ?? '<', size);
  }
  const { prefix, body } = formatNumber(value, type, digits, alternate !== undefined, grouping ?? '', sign);
  return align(body, prefix, fill, alignChar ?? (zero ? '=' : '>'), size);
}

function formatNumber(
  value: Value,
  type: string,
  precision: number | undefined,
  alternate: boolean,
  grouping: string,
  sign: string,
): { prefix: string; body: string } {
  if (type === 's') throw fault(`unknown format "s" for ${typeName(value)}`);
  const integer = asInteger(value);
  const number = asNumber(value) as number;
  const plus = number < 0 || Object.is(number, -0) ? '-' : sign === '-' ? '' : sign;
  if (integer !== undefined && (type === '' || 'bcdnoxX'.includes(type)) && precision === undefined) {
    if (type === 'c') return { prefix: '', body: String.fromCodePoint(Number(integer)) };
    const digits = integerDigits(BigInt(integer), type);
    const base = alternate && 'boxX'.includes(type) && type !== '' ? `0${type}` : '';
    const size = 'box'.includes(type.toLowerCase()) && type !== '' ? 4 : 3;
    return { prefix: plus + base, body: grouping ? groupDigits(digits, grouping, size) : digits };
  }
  if (type !== '' && 'bcdoxX'.includes(type)) throw fault(`unknown format "${type}" for ${typeName(value)}`);
  const kind = type === '' && !isFloat(value) ? 'g' : type;
  const digits = floatDigits(number, kind, precision, alternate);
  return { prefix: plus, body: grouping ? groupDigits(digits, grouping) : digits };
}

function align(body: string, prefix: string, fill: string, side: string, width: number): string {
  const space = width - textLength(body) - prefix.length;
  if (space <= 0) return prefix + body;
  switch (side) {
    case '<':
      return prefix + body + fill.repeat(space);
    case '=':
      return prefix + fill.repeat(space) + body;
    case '^':
      return fill.repeat(Math.floor(space / 2)) + prefix + body + fill.repeat(Math.ceil(space / 2));
    default:
      return fill.repeat(space) + prefix + body;
  }
}

/** Python's str.format. Fields reach into mappings and lists by index only. */
export function formatText(template: string, args: readonly Value[], named: Named): string {
  let automatic = 0;
  const field = (name: string): Value => {
    const match = /^([^.[]*)(.*)$/s.exec(name);
    const [, root = '', path = ''] = match ?? [];
    const key = root === '' ? String(automatic++) : root;
    const value = /^\d+$/.test(key) ? args[Number(key)] : named.get(key);
    if (value === undefined) throw fault(`there is no value for the field {${name}}`);
    return walk(value, path);
  };
  return expandFields(template, field, 0);
}

function walk(value: Value, path: string): Value {
  let current = value;
  for (const [, attribute, index] of path.matchAll(/\.([^.[]+)|\[([^\]]*)\]/g)) {
    if (attribute !== undefined)
      throw fault(`attributes (".${attribute}") are not available in format fields`);
    const key = /^\d+$/.test(index ?? '') ? Number(index) : (index ?? '');
    const item = plainItem(current, key);
    if (item === undefined) throw fault(`there is nothing at [${index}]`);
    current = item;
  }
  return current;
}

function expandFields(template: string, field: (name: string) => Value, depth: number): string {
  if (depth > 2) throw fault('format fields are nested too deeply');
  let out = '';
  for (let i = 0; i < template.length; i++) {
    const char = template[i] as string;
    if (char !== '{' && char !== '}') out += char;
    else if (template[i + 1] === char) {
      out += char;
      i++;
    } else if (char === '}') throw fault('a single "}" in a format');
    else {
      const end = closingBrace(template, i);
      out += expandField(template.slice(i + 1, end), field, depth);
      i = end;
    }
  }
  return out;
}

function closingBrace(template: string, open: number): number {
  let depth = 0;
  for (let i = open; i < template.length; i++) {
    if (template[i] === '{') depth++;
    else if (template[i] === '}' && --depth === 0) return i;
  }
  throw fault('a "{" in a format is never closed');
}

function expandField(content: string, field: (name: string) => Value, depth: number): string {
  const match = /^([^!:]*)(?:!([rsa]))?(?::(.*))?$/s.exec(content);
  if (!match) throw fault(`"{${content}}" is not a valid format field`);
  const [, name = '', conversion, spec = ''] = match;
  const value = field(name);
  const converted = conversion === undefined ? value : conversion === 's' ? str(value) : repr(value);
  return formatValue(converted, expandFields(spec, field, depth + 1));
}

const DIRECTIVE = /%(?:\(([^)]*)\))?([-#0 +]*)(\*|\d+)?(?:\.(\*|\d+))?[hlL]?(.?)/gsu;

/** Python's `template % values`. */
export function formatPercent(template: string, values: Value): string {
  const items = values !== null && !Array.isArray(values) ? itemsOf(values) : undefined;
  const queue: readonly Value[] = items ?? [values];
  let used = 0;
  const next = (): Value => {
    const value = queue[used++];
    if (value === undefined) throw fault('there are not enough values for the format');
    return value;
  };
  const text = template.replace(DIRECTIVE, (_, key, flags, width, precision, type) => {
    if (type === '%') return '%';
    const size = width === '*' ? Number(asInteger(next())) : Number(width ?? 0);
    const digits =
      precision === '*' ? Number(asInteger(next())) : precision === undefined ? undefined : Number(precision);
    const value = key === undefined ? next() : fromMapping(values, key);
    if (key !== undefined) used = queue.length;
    if (size > 1_000_000) throw fault('the width is too large');
    return directive(value, flags, size, digits, type);
  });
  if (used < queue.length && !(values instanceof Map) && !Array.isArray(values)) {
    throw fault('not all values were used by the format');
  }
  return text;
}

function fromMapping(values: Value, key: string): Value {
  if (!(values instanceof Map)) throw fault(`the format names "${key}", so it needs a mapping`);
  const value = values.get(key);
  if (value === undefined) throw fault(`the mapping has no key "${key}" for the format`);
  return value;
}

function directive(
  value: Value,
  flags: string,
  width: number,
  precision: number | undefined,
  type: string,
): string {
  const left = flags.includes('-');
  if ('sra'.includes(type) && type !== '') {
    const text = type === 's' ? str(value) : repr(value);
    const cut = precision === undefined ? text : substring(text, 0, precision);
    return left ? padEnd(cut, width) : padStart(cut, width);
  }
  if (type === 'c')
    return padStart(typeof value === 'string' ? value : String.fromCodePoint(Number(value)), width);
  const { sign, digits } = percentNumber(value, flags, precision, type);
  if (left) return padEnd(sign + digits, width);
  if (flags.includes('0')) return sign + padStart(digits, width - sign.length, '0');
  return padStart(sign + digits, width);
}

function percentNumber(
  value: Value,
  flags: string,
  precision: number | undefined,
  type: string,
): { sign: string; digits: string } {
  const number = asNumber(value);
  if (number === undefined) throw fault(`%${type} needs a number, not ${typeName(value)}`);
  const sign = number < 0 ? '-' : flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : '';
  if ('diu'.includes(type)) {
    const integer =
      value instanceof Float || !Number.isInteger(number) ? BigInt(Math.trunc(number)) : bigOf(value);
    return { sign, digits: padStart(integerDigits(integer, 'd'), precision ?? 0, '0') };
  }
  if ('xXo'.includes(type)) {
    const integer = asInteger(value);
    if (integer === undefined) throw fault(`%${type} needs an integer, not ${typeName(value)}`);
    const base = flags.includes('#') ? `0${type}` : '';
    return { sign: sign + base, digits: padStart(integerDigits(BigInt(integer), type), precision ?? 0, '0') };
  }
  if (!'eEfFgG'.includes(type) || type === '') throw fault(`unknown format character "${type}"`);
  return { sign, digits: floatDigits(number, type, precision, flags.includes('#')) };
}

function bigOf(value: Value): bigint {
  return BigInt(asInteger(value) ?? 0);
}
