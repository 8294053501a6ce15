import { escapeRegExp } from '../../source/escape-regexp.ts';
import { fault } from '../fault.ts';
import { DateTime } from './datetime.ts';
import { DAYS, MONTHS } from './names.ts';

interface Fields {
  year: number;
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
  micro: number;
  afternoon: boolean | undefined;
  offsetMinutes: number | undefined;
  yearDay: number | undefined;
}

type Reader = readonly [pattern: string, set: (fields: Fields, text: string) => void];

const names = (list: readonly string[], length?: number) => list.map(n => n.slice(0, length)).join('|');
const indexOf = (list: readonly string[], text: string) =>
  list.findIndex(n => n.slice(0, text.length).toLowerCase() === text.toLowerCase());

const READERS: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ['Y', ['\\d{4}', (f, t) => set(f, 'year', Number(t))]],
  ['y', ['\\d\\d', (f, t) => set(f, 'year', Number(t) + (Number(t) < 69 ? 2000 : 1900))]],
  ['m', ['1[0-2]|0?[1-9]', (f, t) => set(f, 'month', Number(t))]],
  ['d', ['3[01]|[12]\\d|0?[1-9]| [1-9]', (f, t) => set(f, 'day', Number(t))]],
  ['H', ['2[0-3]|[01]\\d|\\d', (f, t) => set(f, 'hour', Number(t))]],
  ['I', ['1[0-2]|0?[1-9]', (f, t) => set(f, 'hour', Number(t))]],
  ['M', ['[0-5]\\d|\\d', (f, t) => set(f, 'minute', Number(t))]],
  ['S', ['6[01]|[0-5]\\d|\\d', (f, t) => set(f, 'second', Number(t))]],
  ['f', ['\\d{1,6}', (f, t) => set(f, 'micro', Number(t.padEnd(6, '0')))]],
  ['j', ['36[0-6]|3[0-5]\\d|[12]\\d\\d|0?[1-9]\\d|0{0,2}[1-9]', (f, t) => set(f, 'yearDay', Number(t))]],
  ['p', ['AM|PM', (f, t) => set(f, 'afternoon', t.toLowerCase() === 'pm')]],
  ['B', [names(MONTHS), (f, t) => set(f, 'month', indexOf(MONTHS, t) + 1)]],
  ['b', [names(MONTHS, 3), (f, t) => set(f, 'month', indexOf(MONTHS, t) + 1)]],
  ['A', [names(DAYS), () => {}]],
  ['a', [names(DAYS, 3), () => {}]],
  ['Z', ['UTC|GMT|[A-Z]{3,4}', () => {}]],
  ['z', ['Z|[+-]\\d\\d:?\\d\\d', (f, t) => set(f, 'offsetMinutes', readOffset(t))]],
  ['%', ['%', () => {}]],
]);

const SHORTHAND: Readonly<Record<string, string>> = {
  T: '%H:%M:%S',
  X: '%H:%M:%S',
  D: '%m/%d/%y',
  x: '%m/%d/%y',
  F: '%Y-%m-%d',
  R: '%H:%M',
  c: '%a %b %d %H:%M:%S %Y',
};

function set<K extends keyof Fields>(fields: Fields, key: K, value: Fields[K]): void {
  fields[key] = value;
}

function readOffset(text: string): number {
  if (text === 'Z') return 0;
  const sign = text.startsWith('-') ? -1 : 1;
  const digits = text.replace(/\D/g, '');
  return sign * (Number(digits.slice(0, 2)) * 60 + Number(digits.slice(2)));
}

/** Python's datetime.strptime. */
export function strptime(text: string, pattern: string): DateTime {
  const setters: Reader[1][] = [];
  const full = pattern.replace(/%([TXDxFRc])/g, (_, key: string) => SHORTHAND[key] ?? '');
  const parts = full.split(/(%.|\s+)/).map(part => {
    if (/^\s+$/.test(part)) return '\\s+';
    if (!/^%.$/.test(part)) return escapeRegExp(part);
    const reader = READERS.get(part[1] as string);
    if (!reader) throw fault(`"${part}" is not a known part of a time format`);
    setters.push(reader[1]);
    return `(${reader[0]})`;
  });
  const match = new RegExp(`^${parts.join('')}$`, 'i').exec(text);
  if (!match) throw fault(`the time "${text}" does not have the format "${pattern}"`);
  const fields: Fields = {
    year: 1900,
    month: 1,
    day: 1,
    hour: 0,
    minute: 0,
    second: 0,
    micro: 0,
    afternoon: undefined,
    offsetMinutes: undefined,
    yearDay: undefined,
  };
  for (const [i, setter] of setters.entries()) setter(fields, match[i + 1] ?? '');
  return build(fields, text);
}

function build(fields: Fields, text: string): DateTime {
  const { year, month, day, minute, second, micro, afternoon, yearDay } = fields;
  const hour = afternoon === undefined ? fields.hour : (fields.hour % 12) + (afternoon ? 12 : 0);
  const date =
    yearDay === undefined
      ? Date.UTC(year, month - 1, day)
      : Date.UTC(year, 0, 1) + (yearDay - 1) * 86_400_000;
  if (yearDay === undefined && new Date(date).getUTCDate() !== day) {
    throw fault(`the time "${text}" has a day that its month does not have`);
  }
  const clock = date + ((hour * 60 + minute) * 60 + second) * 1000 + Math.floor(micro / 1000);
  return new DateTime(clock, micro % 1000, fields.offsetMinutes);
}
