import type { Dict, Value } from '../../source/value.ts';
import { Fault, fault } from '../fault.ts';
import { formatPercent } from '../python/format.ts';
import { checkItems } from '../python/limits.ts';
import { parseInteger } from '../python/numbers.ts';
import { repr, str } from '../python/print.ts';

const SHORT = /^(?:(0?x?[0-9a-f]+)\s*-\s*)?(0?x?[0-9a-f]+)(?:\s*\/\s*(-?0?x?[0-9a-f]+))?(?:\s*:\s*(.+))?$/i;

interface Settings {
  start: number | undefined;
  end: number | undefined;
  count: number | undefined;
  stride: number | undefined;
  format: string | undefined;
}

function integer(name: string, text: string): number {
  const value = parseInteger(text, 0) ?? parseInteger(text, 8);
  if (value === undefined) throw fault(`can't parse ${name}=${text} as integer`);
  return Number(value);
}

/** Texts of counted numbers: `start=1 end=10 stride=2 format=node%02d`, or `1-10/2:node%02d`. */
export function sequence(term: Value, options: Dict): Value[] {
  const settings: Settings = {
    start: undefined,
    end: undefined,
    count: undefined,
    stride: undefined,
    format: undefined,
  };
  const text = str(term).trim();
  const short = text.includes('=') ? undefined : SHORT.exec(text);
  if (short) {
    const [, start, end, stride, format] = short;
    Object.assign(settings, { end: integer('end', end ?? '') });
    if (start !== undefined) settings.start = integer('start', start);
    if (stride !== undefined) settings.stride = integer('stride', stride);
    settings.format = format;
  } else for (const [name, value] of keyValues(text)) apply(settings, name, value);
  for (const [name, value] of options) apply(settings, str(name), str(value));
  return expand(settings);
}

function keyValues(text: string): [string, string][] {
  const pairs: [string, string][] = [];
  for (const match of text.matchAll(/(\w+)=("[^"]*"|'[^']*'|\S*)|(\S+)/g)) {
    if (match[3] !== undefined) throw unrecognized('_raw_params', 'write start=1 end=3, or 1-3');
    pairs.push([match[1] as string, (match[2] as string).replace(/^(["'])(.*)\1$/, '$2')]);
  }
  return pairs;
}

function apply(settings: Settings, name: string, value: string): void {
  if (name === 'format') settings.format = value;
  else if (name === 'start' || name === 'end' || name === 'count' || name === 'stride') {
    settings[name] = integer(name, value);
  } else throw unrecognized(name, 'it knows: start, end, count, stride, format');
}

function expand({ start = 1, end, count, stride = 1, format = '%d' }: Settings): Value[] {
  if (end === undefined && count === undefined) throw fault('must specify count or end in with_sequence');
  if (end !== undefined && count !== undefined)
    throw fault("can't specify both count and end in with_sequence");
  if (count === 0 || stride === 0) return [];
  const last = end ?? start + (count as number) * stride - stride;
  if (stride > 0 && last < start) throw fault('to count backwards make stride negative');
  if (stride < 0 && last > start) throw fault("to count forward don't make stride negative");
  if (format.split('%').length !== 2) throw fault(`bad formatting string: ${format}`);
  const length = Math.floor((last - start) / stride) + 1;
  checkItems(length);
  return Array.from({ length }, (_, i) => formatted(format, start + i * stride));
}

const unrecognized = (name: string, hint: string) =>
  fault(`unrecognized arguments to with_sequence: ['${name}']`, hint);

function formatted(format: string, number: number): Value {
  try {
    return formatPercent(format, number);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    throw fault(`problem formatting ${number} with ${repr(format)}`, error.message);
  }
}
