import { Tuple, Undefined, type Value } from '../../source/value.ts';
import { fault } from '../fault.ts';
import { center, replace, split } from '../methods/text.ts';
import { truthy } from '../python/compare.ts';
import { formatPercent } from '../python/format.ts';
import { toIndex } from '../python/numbers.ts';
import { str } from '../python/print.ts';
import { capitalize, repeatText, splitLines, strip, substring, textLength } from '../python/text.ts';
import { type FilterTable, filter, needText, optionalInteger, optionalText } from './filter.ts';
import { wrap } from './wrap.ts';

const HTML: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&#34;',
  "'": '&#39;',
};

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, char => HTML[char] as string);
}

const escaped = filter([], value => escapeHtml(str(value)));

function indent(text: string, width: Value, first: boolean, blank: boolean): string {
  const space = typeof width === 'string' ? width : repeatText(' ', toIndex(width, 'the width'));
  const [head = '', ...rest] = splitLines(`${text}\n`);
  const lines = rest.map(line => (line === '' && !blank ? line : space + line));
  return (first ? space : '') + [head, ...lines].join('\n');
}

interface Truncation {
  readonly length: number;
  readonly killWords: boolean;
  readonly end: string;
  readonly leeway: number;
}

function truncate(text: string, { length, killWords, end, leeway }: Truncation): string {
  const room = length - textLength(end);
  if (room < 0) throw fault(`the length must be at least ${textLength(end)}`);
  if (leeway < 0) throw fault('the leeway must not be negative');
  if (textLength(text) <= length + leeway) return text;
  const cut = substring(text, 0, room);
  if (killWords) return cut + end;
  const space = cut.lastIndexOf(' ');
  return (space < 0 ? cut : cut.slice(0, space)) + end;
}

/** Jinja's title: every word after a space, a hyphen or an opening bracket begins upper case. */
function title(text: string): string {
  return text
    .split(/([-\s({[<]+)/)
    .filter(part => part !== '')
    .map(part => capitalize(part))
    .join('');
}

function attributes(value: Value, autospace: boolean): string {
  if (!(value instanceof Map)) throw fault('needs a mapping');
  const text = [...value]
    .filter(([, item]) => item !== null && !(item instanceof Undefined))
    .map(([key, item]) => `${escapeHtml(str(key))}="${escapeHtml(str(item))}"`)
    .join(' ');
  return autospace && text !== '' ? ` ${text}` : text;
}

const STYLES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  plain: { decoration: '# ' },
  erlang: { decoration: '% ' },
  c: { decoration: '// ' },
  cblock: { beginning: '/*', decoration: ' * ', end: ' */' },
  xml: { beginning: '<!--', decoration: ' - ', end: '-->' },
};

/** Makes a text into a comment of one of several languages. */
function comment(text: string, style: string, given: ReadonlyMap<string, Value>): string {
  const known = STYLES[style];
  if (!known)
    throw fault(`there is no comment style "${style}"`, `use one of ${Object.keys(STYLES).join(', ')}`);
  const setting = (name: string, other: string) => {
    const value = given.get(name);
    return value === undefined ? (known[name] ?? other) : str(value);
  };
  const count = (name: string) => Number(given.get(name) ?? 1);
  const newline = setting('newline', '\n');
  const decoration = setting('decoration', '');
  const plain = strip(decoration, undefined, 'right');
  const prefix = setting('prefix', plain);
  const beginning = setting('beginning', '');
  const end = setting('end', '');
  const head = prefix === '' ? '' : prefix === newline ? newline : prefix + newline;
  const body = (decoration + text.replaceAll(newline, newline + decoration)).replaceAll(
    decoration + newline,
    plain + newline,
  );
  const tail = Array.from({ length: count('postfix_count') }, () => newline + setting('postfix', plain)).join(
    '',
  );
  const top = beginning === '' ? '' : beginning + newline;
  return top + head.repeat(count('prefix_count')) + body + tail + (end === '' ? '' : newline + end);
}

function striptags(text: string): string {
  const bare = text.replace(/<!--[\s\S]*?-->/g, '').replace(/<[^>]*>/g, '');
  const words = bare
    .split(/\s+/)
    .filter(word => word !== '')
    .join(' ');
  const entities: Readonly<Record<string, string>> = {
    lt: '<',
    gt: '>',
    amp: '&',
    quot: '"',
    '#34': '"',
    '#39': "'",
    nbsp: ' ',
  };
  return words.replace(/&(#?\w+);/g, (whole, name: string) => entities[name] ?? whole);
}

/** Quotes a text for a POSIX shell when it needs to be. */
export function shellQuote(text: string): string {
  if (text === '') return "''";
  return /[^\w@%+=:,./-]/.test(text) ? `'${text.replaceAll("'", `'"'"'`)}'` : text;
}

function linkify(text: string, rel: string, target: string | undefined): string {
  const attributes = `rel="${rel}"${target === undefined ? '' : ` target="${escapeHtml(target)}"`}`;
  return escapeHtml(text).replace(
    /\b(https?:\/\/[^\s<]+[^\s<.,;:!?)])/g,
    url => `<a href="${url}" ${attributes}>${url}</a>`,
  );
}

export const textFilters: FilterTable = {
  lower: filter([], value => str(value).toLowerCase()),
  upper: filter([], value => str(value).toUpperCase()),
  capitalize: filter([], value => capitalize(str(value))),
  title: filter([], value => title(str(value))),
  trim: filter(['chars?'], (value, [chars]) => strip(str(value), optionalText(chars))),
  replace: filter(['old', 'new', 'count?'], (value, [old, fresh, limit]) => {
    return replace(str(value), str(old), str(fresh), optionalInteger(limit, 'count') ?? -1);
  }),
  center: filter(['width?'], (value, [width = 80]) => center(str(value), toIndex(width))),
  split: filter(['sep?', 'maxsplit?'], (value, [separator, limit = -1]) => {
    return split(needText(value), optionalText(separator), toIndex(limit));
  }),
  format: filter(['*args', '**named'], (value, [args, named]) => {
    if (args.length > 0 && named.size > 0) throw fault('takes positional or named values, not both');
    return formatPercent(str(value), named.size > 0 ? new Map(named) : new Tuple(args));
  }),
  indent: filter(['width?', 'first?', 'blank?'], (value, [width = 4, first = false, blank = false]) => {
    return indent(str(value), width, truthy(first), truthy(blank));
  }),
  truncate: filter(
    ['length?', 'killwords?', 'end?', 'leeway?'],
    (value, [length = 255, killWords = false, end = '...', leeway]) => {
      return truncate(str(value), {
        length: toIndex(length),
        killWords: truthy(killWords),
        end: str(end),
        leeway: optionalInteger(leeway, 'leeway') ?? 5,
      });
    },
  ),
  wordcount: filter([], value => str(value).match(/[\p{L}\p{N}_]+/gu)?.length ?? 0),
  wordwrap: filter(
    ['width?', 'break_long_words?', 'wrapstring?', 'break_on_hyphens?'],
    (value, [width = 79, breakLong = true, wrapString, breakHyphens = true]) => {
      const newline = optionalText(wrapString) ?? '\n';
      const rules = {
        width: toIndex(width),
        breakLong: truthy(breakLong),
        breakHyphens: truthy(breakHyphens),
      };
      return splitLines(str(value))
        .map(line => wrap(line, rules).join(newline))
        .join(newline);
    },
  ),
  escape: escaped,
  e: escaped,
  forceescape: escaped,
  safe: filter([], value => str(value)),
  striptags: filter([], value => striptags(str(value))),
  urlize: filter(
    ['trim_url_limit?', 'nofollow?', 'target?', 'rel?', 'extra_schemes?'],
    (value, [, nofollow = false, target]) => {
      return linkify(str(value), truthy(nofollow) ? 'nofollow noopener' : 'noopener', optionalText(target));
    },
  ),
  xmlattr: filter(['autospace?'], (value, [autospace = true]) => attributes(value, truthy(autospace))),
  quote: filter([], value => shellQuote(value === null ? '' : str(value))),
  comment: filter(['style?', '**settings'], (value, [style = 'plain', settings]) => {
    return comment(needText(value), str(style), settings);
  }),
};
