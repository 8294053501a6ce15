import type { PythonMatch, PythonRegex } from '../../source/python/python-regex.ts';
import { Tuple, type Value } from '../../source/value.ts';
import type { Context } from '../context.ts';
import { fault } from '../fault.ts';
import { truthy } from '../python/compare.ts';
import { str } from '../python/print.ts';
import { type FilterTable, filter, optionalInteger } from './filter.ts';

function compile(
  context: Context,
  pattern: Value,
  ignoreCase: Value = false,
  multiline: Value = false,
): PythonRegex {
  return context.regex(str(pattern), { ignoreCase: truthy(ignoreCase), multiline: truthy(multiline) });
}

/** The group that an argument such as `\1` or `\g<name>` asks for. */
function groupOf(match: PythonMatch, argument: Value): Value {
  const reference = /^\\(?:g<(\S+)>|(\d+))/.exec(str(argument));
  if (!reference) throw fault('Unknown argument', 'write a group as \\\\1 or \\\\g<name>');
  const key = reference[1] ?? reference[2] ?? '';
  const number = /^\d+$/.test(key) ? Number(key) : match.named.get(key);
  if (number === undefined || number >= match.groups.length) throw fault(`the pattern has no group "${key}"`);
  return match.groups[number] ?? null;
}

function findAll(pattern: PythonRegex, text: string): Value[] {
  return pattern.matches(text).map(match => {
    const [whole = '', ...groups] = match.groups.map(group => group ?? '');
    if (groups.length === 0) return whole;
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
      return regex.sub(str(replacement), str(value), optionalInteger(count, 'count') ?? 0).text;
    },
  ),
  regex_search: filter(['regex', '*groups', '**named'], (value, [pattern, groups, named], context) => {
    const regex = compile(context, pattern, named.get('ignorecase'), named.get('multiline'));
    const match = regex.search(str(value));
    if (!match) return null;
    return groups.length === 0 ? (match.groups[0] ?? null) : groups.map(group => groupOf(match, group));
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
    if (type === 'posix_extended') throw fault(`Regex type (${type}) not yet implemented`);
    throw fault(`Invalid regex type (${str(type)})`, 'use python or posix_basic');
  }),
};
