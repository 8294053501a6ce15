import type { Static } from 'typebox';
import { defined } from '../../source/defined.ts';
import { partAt } from '../../source/part-at.ts';
import type { PythonRegex } from '../../source/python/python-regex.ts';
import { stripEnd } from '../../source/strip-end.ts';
import { A, Type } from '../kit/arguments.ts';
import { ModuleError } from '../kit/define.ts';
import { type ByteText, bytePattern, defineEdit, type Edit, editArgs, toBytes } from '../kit/edit-file.ts';

const args = Type.Object({
  ...editArgs,
  state: A.choice(['present', 'absent'], 'Whether the line is to be there.', { default: 'present' }),
  regexp: A.opt(
    A.str(
      'Python regular expression: the last line that matches is replaced (present), every one removed (absent).',
      { aliases: ['regex'] },
    ),
  ),
  search_string: A.opt(A.str('Like regexp, but a plain text the line has to contain.')),
  line: A.opt(A.str('The line; needed for state=present.', { aliases: ['value'] })),
  insertafter: A.opt(
    A.str('Where a new line goes: after the last line that matches this Python regular expression, or EOF.'),
  ),
  insertbefore: A.opt(
    A.str('Where a new line goes: before the last line that matches this Python regular expression, or BOF.'),
  ),
  backrefs: A.bool('Expand \\1 and \\g<name> in the line from what regexp matched; no match, no change.', {
    default: false,
  }),
  firstmatch: A.bool('Use the first matching line instead of the last.', { default: false }),
  create: A.bool('Make the file, and missing directories, if there is none.', { default: false }),
});

type Args = Static<typeof args>;

/** lineinfile: one line of a text file is there, or is not. */
export const lineinfile = defineEdit({
  name: 'lineinfile',
  registeredDiff: 'list',
  summary: 'Keeps one line in a text file, or keeps it out.',
  examples: `
- name: Listen on all addresses
  lineinfile:
    path: /etc/postgresql/15/main/postgresql.conf
    regexp: "^#?listen_addresses"
    line: "listen_addresses = '*'"
  notify: Restart PostgreSQL
`,
  args,
  rules: {
    mutuallyExclusive: [
      ['insertbefore', 'insertafter'],
      ['regexp', 'search_string'],
      ['backrefs', 'search_string'],
    ],
    requiredIf: [['state', 'present', ['line']]],
  },
  returns: {
    msg: 'What was done: "line added", "line replaced", "2 line(s) removed".',
    backup: 'Name of the copy, empty without one.',
    found: 'How many lines were removed (state=absent).',
  },
  differences: [
    'A line inserted after a last line that has no newline starts a line of its own.',
    'A regular expression that is not valid fails the task with a message, not a stack trace.',
  ],
  always: { backup: '' },
  backupField: 'backup',
  edit(before, args) {
    const edit = args.state === 'absent' ? removeLines(before, args) : keepLine(before, args);
    if (args.regexp !== '' && args.search_string !== '') return edit;
    return { ...edit, result: { ...edit.result, warnings: [emptyPattern(args.regexp === '')] } };
  },
});

const emptyPattern = (regexp: boolean) =>
  `The ${regexp ? 'regular expression' : 'search string'} is an empty string, which matches every line of the file.`;

/** Lines with their line ends, as Python's readlines gives them. */
const linesOf = (text: ByteText): string[] => text.match(/[^\n]*\n|[^\n]+$/g) ?? [];

const bare = (line: string) => stripEnd(line, '\r\n');

function matcher(args: Args): ((line: string) => boolean) | undefined {
  if (args.regexp !== undefined) {
    const pattern = bytePattern(args.regexp, 'regexp');
    return line => pattern.search(line) !== undefined;
  }
  if (args.search_string === undefined) return undefined;
  const part = toBytes(args.search_string);
  return line => line.includes(part);
}

function removeLines(before: ByteText | undefined, args: Args): Edit {
  if (args.line === undefined && args.regexp === undefined && args.search_string === undefined)
    throw new ModuleError('one of line, search_string, or regexp is required with state=absent');
  if (before === undefined) return { after: undefined, msg: 'file not present' };
  const line = toBytes(args.line ?? '');
  const matches = matcher(args) ?? (current => bare(current) === line);
  const lines = linesOf(before);
  const kept = lines.filter(current => !matches(current));
  const found = lines.length - kept.length;
  return {
    after: kept.join(''),
    msg: found > 0 ? `${found} line(s) removed` : '',
    result: { found },
  };
}

function keepLine(before: ByteText | undefined, args: Args): Edit {
  if (args.backrefs && args.regexp === undefined)
    throw new ModuleError('regexp is required with backrefs=true');
  if (before === undefined && !args.create)
    throw new ModuleError(`Destination ${args.path} does not exist !`, { rc: 257 });
  const lines = linesOf(before ?? '');
  const line = toBytes(args.line ?? '');
  const replaced = indexToReplace(lines, args);
  if (replaced !== -1) return replaceLine(lines, replaced, args, line);
  const anchor = indexOfAnchor(lines, args, line);
  if (anchor.exact !== -1) return replaceExact(lines, anchor.exact, line);
  if (args.backrefs) return { after: before, msg: '' };
  return insertLine(lines, anchor.at, args, line);
}

/** Index of the line that `regexp` or `search_string` finds, or -1. */
function indexToReplace(lines: readonly string[], args: Args): number {
  const matches = matcher(args);
  if (!matches) return -1;
  return args.firstmatch ? lines.findIndex(matches) : lines.findLastIndex(matches);
}

function replaceLine(lines: string[], at: number, args: Args, line: ByteText): Edit {
  const wanted = args.backrefs
    ? expanded(bytePattern(defined(args.regexp, 'backrefs needs regexp'), 'regexp'), partAt(lines, at), line)
    : line;
  return replaceExact(lines, at, wanted);
}

function expanded(pattern: PythonRegex, current: string, line: ByteText): ByteText {
  const match = pattern.search(current);
  return match ? pattern.expand(match, line) : line;
}

function replaceExact(lines: string[], at: number, line: ByteText): Edit {
  const wanted = line.endsWith('\n') ? line : `${line}\n`;
  if (lines[at] === wanted) return { after: lines.join(''), msg: '' };
  lines[at] = wanted;
  return { after: lines.join(''), msg: 'line replaced' };
}

/** Where the line stands already (`exact`), and where insertafter or insertbefore want it (`at`); -1 for nowhere. */
function indexOfAnchor(lines: readonly string[], args: Args, line: ByteText) {
  const after = args.insertafter;
  const place = after !== undefined && after !== 'BOF' && after !== 'EOF' ? after : args.insertbefore;
  const pattern =
    place === undefined || place === 'BOF'
      ? undefined
      : bytePattern(place, after === undefined ? 'insertbefore' : 'insertafter');
  let exact = -1;
  let at = -1;
  for (const [i, current] of lines.entries()) {
    if (bare(current) === line) exact = i;
    else if (pattern?.search(current)) {
      at = after === undefined ? i : i + 1;
      if (args.firstmatch) break;
    }
  }
  return { exact, at };
}

function insertLine(lines: string[], at: number, args: Args, line: ByteText): Edit {
  const added = (): Edit => ({ after: lines.join(''), msg: 'line added' });
  const last = lines.length - 1;
  if (args.insertbefore === 'BOF' || args.insertafter === 'BOF') {
    lines.unshift(`${line}\n`);
    return added();
  }
  const place = at === -1 ? lines.length : at;
  if (at !== -1 && args.insertafter !== undefined && bare(lines[place] ?? '') === line && place <= last)
    return { after: lines.join(''), msg: '' };
  if (place === lines.length && last >= 0 && !/[\r\n]$/.test(partAt(lines, last))) lines[last] += '\n';
  lines.splice(place, 0, `${line}\n`);
  return added();
}
