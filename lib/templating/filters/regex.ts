import { Tuple, type Value } from '../../source/value.ts';
import type { Context } from '../context.ts';
import { fault } from '../fault.ts';
import { truthy } from '../python/compare.ts';
import { str } from '../python/print.ts';
import { substitute } from '../regex/replace.ts';
import { type FilterTable, filter, optionalInteger } from './filter.ts';

function compile(
  context: Context,
  pattern: Value,
  ignoreCase: Value = false,
  multiline: Value = false,
): RegExp {
  return context.regex(str(pattern), { ignoreCase: truthy(ignoreCase), multiline: truthy(multiline) });
}

/** The group that an argument such as `\1` or `\g<name>` asks for. */
function groupOf(match: RegExpExecArray, argument: Value): Value {
  const reference = /^\\(?:g<(\S+)>|(\d+))/.exec(str(argument));
  if (!reference) throw fault(`"${str(argument)}" is not a group`, 'write \\\\1 or \\\\g<name>');
  const key = reference[1] ?? reference[2] ?? '';
  const isNumber = /^\d+$/.test(key);
  const isKnown = isNumber ? Number(key) < match.length : Object.hasOwn(match.groups ?? {}, key);
  if (!isKnown) throw fault(`the pattern has no group "${key}"`);
  return (isNumber ? match[Number(key)] : match.groups?.[key]) ?? null;
}

function findAll(pattern: RegExp, text: string): Value[] {
  return [...text.matchAll(pattern)].map(match => {
    const groups = match.slice(1).map(group => group ?? '');
    if (groups.length === 0) return match[0];
    return groups.length === 1 ? (groups[0] as string) : new Tuple(groups);
  });
}

/** Python's re.escape. */
export function escapeRegex(text: string): string {
  return text.replace(/[()[\]{}?*+\-|^$\\.&~# \t\n\r\v\f]/g, '\\$&');
}

export const regexFilters: FilterTable = {
  regex_replace: filter(
    ['pattern?', 'replacement?', 'ignorecase?', 'multiline?', 'count?'],
    (value, [pattern = '', replacement = '', ignoreCase, multiline, count], context) => {
      const regex = compile(context, pattern, ignoreCase, multiline);
      return substitute(regex, str(replacement), str(value), optionalInteger(count, 'count') ?? 0);
    },
  ),
  regex_search: filter(['regex', '*groups', '**named'], (value, [pattern, groups, named], context) => {
    const regex = compile(context, pattern, named.get('ignorecase'), named.get('multiline'));
    regex.lastIndex = 0;
    const match = regex.exec(str(value));
    if (!match) return null;
    return groups.length === 0 ? match[0] : groups.map(group => groupOf(match, group));
  }),
  regex_findall: filter(
    ['regex', 'multiline?', 'ignorecase?'],
    (value, [pattern, multiline, ignoreCase], context) => {
      return findAll(compile(context, pattern, ignoreCase, multiline), str(value));
    },
  ),
  regex_escape: filter(['re_type?'], (value, [type = 'python']) => {
    if (type === 'python') return escapeRegex(str(value));
    if (type === 'posix_basic') return str(value).replace(/[\].[^$*\\]/g, '\\$&');
    throw fault(`the kind "${str(type)}" is not known`, 'use python or posix_basic');
  }),
};
