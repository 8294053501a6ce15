import { Tuple, type Value } from '../../source/value.ts';
import { fault } from '../fault.ts';
import { truthy } from '../python/compare.ts';
import { formatText } from '../python/format.ts';
import { iterate } from '../python/iterate.ts';
import { toIndex } from '../python/numbers.ts';
import { repr } from '../python/print.ts';
import {
  capitalize,
  characters,
  padEnd,
  padStart,
  repeatText,
  splitLines,
  strip,
  substring,
  textLength,
} from '../python/text.ts';
import { typeName } from '../python/types.ts';
import { type Method, strictMethod as method } from './method.ts';

function needText(value: Value): string {
  if (typeof value === 'string') return value;
  throw fault(`needs text, not ${typeName(value)}`);
}

function optionalText(value: Value | undefined): string | undefined {
  return value === undefined || value === null ? undefined : needText(value);
}

/** Python's split, on whitespace when there is no separator. */
export function split(text: string, separator: string | undefined, limit = -1): string[] {
  if (separator === '') throw fault('the separator is empty');
  if (separator === undefined) return splitWords(text, limit);
  const parts = text.split(separator);
  if (limit < 0 || parts.length <= limit + 1) return parts;
  return [...parts.slice(0, limit), parts.slice(limit).join(separator)];
}

function splitWords(text: string, limit: number): string[] {
  const words: string[] = [];
  let rest = strip(text, undefined, 'left');
  while (rest !== '') {
    if (limit >= 0 && words.length === limit) return [...words, rest];
    const end = rest.search(/\s/);
    words.push(end < 0 ? rest : rest.slice(0, end));
    rest = end < 0 ? '' : strip(rest.slice(end), undefined, 'left');
  }
  return words;
}

function splitRight(text: string, separator: string | undefined, limit: number): string[] {
  if (limit < 0) return split(text, separator);
  const reverse = (part: string) => characters(part).reverse().join('');
  const parts = split(reverse(text), separator === undefined ? undefined : reverse(separator), limit);
  return parts.map(reverse).reverse();
}

/** The stretch of a text that `start` and `end` select, and where it begins. */
function range(
  text: string,
  start: Value | undefined,
  end: Value | undefined,
): { part: string; from: number } {
  const length = textLength(text);
  const clamp = (value: Value | undefined, other: number) => {
    if (value === undefined || value === null) return other;
    const index = toIndex(value);
    return index < 0 ? Math.max(0, index + length) : Math.min(index, length);
  };
  const from = clamp(start, 0);
  return { part: substring(text, from, Math.max(from, clamp(end, length))), from };
}

function find(
  self: string,
  needle: Value,
  start: Value | undefined,
  end: Value | undefined,
  last: boolean,
): number {
  const { part, from } = range(self, start, end);
  if (start !== undefined && start !== null && toIndex(start) > textLength(self)) return -1;
  const at = last ? part.lastIndexOf(needText(needle)) : part.indexOf(needText(needle));
  return at < 0 ? -1 : from + textLength(part.slice(0, at));
}

function found(at: number, needle: Value): number {
  if (at < 0) throw fault(`${repr(needle)} is not in the text`);
  return at;
}

function count(self: string, needle: string): number {
  return needle === '' ? textLength(self) + 1 : self.split(needle).length - 1;
}

/** Whether a text begins or ends with one of the given. */
function edge(self: string, affix: Value, end: boolean): boolean {
  const affixes = affix instanceof Tuple ? affix.items : [affix];
  return affixes.some(a => (end ? self.endsWith(needText(a)) : self.startsWith(needText(a))));
}

export function replace(self: string, old: string, fresh: string, limit = -1): string {
  if (limit < 0) return self.replaceAll(old, () => fresh);
  if (old === '') {
    const all = characters(self);
    return all.map((c, i) => (i < limit ? fresh + c : c)).join('') + (all.length < limit ? fresh : '');
  }
  const parts = self.split(old);
  const head = parts.slice(0, limit + 1).join(fresh);
  return [head, ...parts.slice(limit + 1)].join(old);
}

function partition(self: string, separator: string, last: boolean): Tuple {
  const at = last ? self.lastIndexOf(separator) : self.indexOf(separator);
  if (at < 0) return new Tuple(last ? ['', '', self] : [self, '', '']);
  return new Tuple([self.slice(0, at), separator, self.slice(at + separator.length)]);
}

export function center(self: string, width: number, fill = ' '): string {
  const space = width - textLength(self);
  if (space <= 0) return self;
  const left = Math.floor(space / 2) + (space & width & 1);
  return repeatText(fill, left) + self + repeatText(fill, space - left);
}

function zfill(self: string, width: number): string {
  const sign = /^[+-]/.test(self) ? self.slice(0, 1) : '';
  return sign + padStart(self.slice(sign.length), width - sign.length, '0');
}

/** Python's title(): each run of letters begins upper case. */
function title(self: string): string {
  return self.replace(/\p{L}+/gu, word => capitalize(word));
}

function expandTabs(self: string, size: number): string {
  let column = 0;
  return characters(self)
    .map(char => {
      if (char === '\n' || char === '\r') column = 0;
      else if (char !== '\t') column++;
      else {
        const width = size > 0 ? size - (column % size) : 0;
        column += width;
        return ' '.repeat(width);
      }
      return char;
    })
    .join('');
}

function swapCase(self: string): string {
  return characters(self)
    .map(c => (c === c.toUpperCase() ? c.toLowerCase() : c.toUpperCase()))
    .join('');
}

function is(pattern: RegExp): Method<string> {
  return method([], (self: string) => pattern.test(self));
}

function isCased(self: string, wanted: 'lower' | 'upper'): boolean {
  const other = wanted === 'lower' ? /[\p{Lu}\p{Lt}]/u : /[\p{Ll}\p{Lt}]/u;
  return (wanted === 'lower' ? /\p{Ll}/u : /\p{Lu}/u).test(self) && !other.test(self);
}

export const textMethods: ReadonlyMap<string, Method<string>> = new Map<string, Method<string>>([
  [
    'split',
    method(['sep?', 'maxsplit?'], (self: string, sep, limit = -1) =>
      split(self, optionalText(sep), toIndex(limit)),
    ),
  ],
  [
    'rsplit',
    method(['sep?', 'maxsplit?'], (self: string, sep, limit = -1) => {
      return splitRight(self, optionalText(sep), toIndex(limit));
    }),
  ],
  ['splitlines', method(['keepends?'], (self: string, keep = false) => splitLines(self, truthy(keep)))],
  ['strip', method(['chars?'], (self: string, chars) => strip(self, optionalText(chars)))],
  ['lstrip', method(['chars?'], (self: string, chars) => strip(self, optionalText(chars), 'left'))],
  ['rstrip', method(['chars?'], (self: string, chars) => strip(self, optionalText(chars), 'right'))],
  ['lower', method([], (self: string) => self.toLowerCase())],
  ['upper', method([], (self: string) => self.toUpperCase())],
  ['casefold', method([], (self: string) => self.toLowerCase().replaceAll('ß', 'ss'))],
  ['capitalize', method([], (self: string) => capitalize(self))],
  ['title', method([], (self: string) => title(self))],
  ['swapcase', method([], (self: string) => swapCase(self))],
  [
    'startswith',
    method(['prefix', 'start?', 'end?'], (self: string, p, s, e) => edge(range(self, s, e).part, p, false)),
  ],
  [
    'endswith',
    method(['suffix', 'start?', 'end?'], (self: string, p, s, e) => edge(range(self, s, e).part, p, true)),
  ],
  ['find', method(['sub', 'start?', 'end?'], (self: string, sub, s, e) => find(self, sub, s, e, false))],
  ['rfind', method(['sub', 'start?', 'end?'], (self: string, sub, s, e) => find(self, sub, s, e, true))],
  [
    'index',
    method(['sub', 'start?', 'end?'], (self: string, sub, s, e) => found(find(self, sub, s, e, false), sub)),
  ],
  [
    'rindex',
    method(['sub', 'start?', 'end?'], (self: string, sub, s, e) => found(find(self, sub, s, e, true), sub)),
  ],
  [
    'count',
    method(['sub', 'start?', 'end?'], (self: string, sub, s, e) =>
      count(range(self, s, e).part, needText(sub)),
    ),
  ],
  [
    'replace',
    method(['old', 'new', 'count?'], (self: string, old, fresh, limit = -1) => {
      return replace(self, needText(old), needText(fresh), toIndex(limit));
    }),
  ],
  ['join', method(['items'], (self: string, items) => iterate(items).map(needText).join(self))],
  ['format', method(['*args', '**named'], (self: string, args, named) => formatText(self, args, named))],
  [
    'format_map',
    method(['mapping'], (self: string, mapping) => {
      const entries = mapping instanceof Map ? [...mapping] : [];
      return formatText(self, [], new Map(entries.map(([k, v]) => [String(k), v])));
    }),
  ],
  ['partition', method(['sep'], (self: string, sep) => partition(self, needText(sep), false))],
  ['rpartition', method(['sep'], (self: string, sep) => partition(self, needText(sep), true))],
  [
    'removeprefix',
    method(['prefix'], (self: string, p) =>
      self.startsWith(needText(p)) ? self.slice(needText(p).length) : self,
    ),
  ],
  [
    'removesuffix',
    method(['suffix'], (self: string, s) => {
      const suffix = needText(s);
      return suffix !== '' && self.endsWith(suffix) ? self.slice(0, -suffix.length) : self;
    }),
  ],
  [
    'center',
    method(['width', 'fill?'], (self: string, w, fill = ' ') => center(self, toIndex(w), needText(fill))),
  ],
  [
    'ljust',
    method(['width', 'fill?'], (self: string, w, fill = ' ') => padEnd(self, toIndex(w), needText(fill))),
  ],
  [
    'rjust',
    method(['width', 'fill?'], (self: string, w, fill = ' ') => padStart(self, toIndex(w), needText(fill))),
  ],
  ['zfill', method(['width'], (self: string, width) => zfill(self, toIndex(width)))],
  ['expandtabs', method(['tabsize?'], (self: string, size = 8) => expandTabs(self, toIndex(size)))],
  ['isdigit', is(/^[\p{Nd}\p{No}]+$/u)],
  ['isdecimal', is(/^\p{Nd}+$/u)],
  ['isnumeric', is(/^\p{N}+$/u)],
  ['isalpha', is(/^\p{L}+$/u)],
  ['isalnum', is(/^[\p{L}\p{N}]+$/u)],
  ['isspace', is(/^\s+$/u)],
  ['isascii', is(/^[\x00-\x7f]*$/)],
  ['isidentifier', is(/^[\p{L}\p{Nl}_][\p{L}\p{Nl}\p{Mn}\p{Mc}\p{Nd}\p{Pc}]*$/u)],
  ['isprintable', is(/^(?: |[^\p{C}\p{Z}])*$/u)],
  ['islower', method([], (self: string) => isCased(self, 'lower'))],
  ['isupper', method([], (self: string) => isCased(self, 'upper'))],
  ['istitle', method([], (self: string) => /\p{L}/u.test(self) && title(self) === self)],
]);
