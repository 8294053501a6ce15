import type { Static } from 'typebox';
import { PythonRegexError } from '../../source/python/python-regex.ts';
import { A, Type } from '../kit/arguments.ts';
import { ModuleError } from '../kit/define.ts';
import { defineEdit, type Edit, editArgs, pythonPattern } from '../kit/edit-file.ts';

const args = Type.Object({
  ...editArgs,
  regexp: A.str('Python regular expression; ^ and $ match at every line, the dot at no newline.'),
  replace: A.str('What each match becomes, with \\1 and \\g<name>; empty removes it.', { default: '' }),
  after: A.opt(A.str('Only text after the first match of this Python regular expression is replaced.')),
  before: A.opt(A.str('Only text before the first match of this Python regular expression is replaced.')),
  encoding: A.str('Character encoding of the file.', { default: 'utf-8' }),
});

type Args = Static<typeof args>;

/** replace: every match of a pattern in a text file. */
export const replace = defineEdit({
  name: 'replace',
  summary: 'Replaces every match of a regular expression in a text file.',
  examples: `
- name: Raise the log level in all services
  replace:
    path: /etc/pgbouncer/pgbouncer.ini
    regexp: ^verbose = \\d+
    replace: verbose = 1
`,
  args,
  returns: { msg: 'How many replacements were made.', rc: 'Always 0.' },
  differences: ['Encodings are utf-8, ascii, latin-1 (iso-8859-1) and utf-16 (utf-16le).'],
  always: { rc: 0 },
  edit(before, args) {
    if (before === undefined) throw new ModuleError(`Path ${args.path} does not exist !`, { rc: 257 });
    const encoding = encodingOf(args.encoding);
    const bytes = Buffer.from(before, 'latin1');
    const text = bytes.toString(encoding);
    if (!Buffer.from(text, encoding).equals(bytes))
      throw new ModuleError(`${args.path} is not ${args.encoding} text: give its encoding`);
    const edit = replaceIn(text, args);
    const after = edit.after === undefined ? undefined : Buffer.from(edit.after, encoding).toString('latin1');
    return { ...edit, after: after };
  },
});

const ENCODINGS: Readonly<Record<string, BufferEncoding>> = {
  utf8: 'utf8',
  ascii: 'utf8',
  usascii: 'utf8',
  latin1: 'latin1',
  iso88591: 'latin1',
  utf16: 'utf16le',
  utf16le: 'utf16le',
};

function encodingOf(name: string): BufferEncoding {
  const encoding = ENCODINGS[name.toLowerCase().replace(/[-_]/g, '')];
  if (!encoding) throw new ModuleError(`encoding "${name}" is not known here`);
  return encoding;
}

function replaceIn(text: string, args: Args): Edit {
  const section = sectionOf(text, args);
  if (typeof section === 'string') return { after: undefined, msg: section };
  const [from, to] = section;
  const pattern = pythonPattern(args.regexp, 'regexp', { multiline: true });
  const result = substitute(() => pattern.sub(args.replace, text.slice(from, to)));
  if (result.count === 0 || result.text === text.slice(from, to)) return { after: undefined, msg: '' };
  return {
    after: text.slice(0, from) + result.text + text.slice(to),
    msg: `${result.count} replacements made`,
  };
}

function substitute<T>(action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (error instanceof PythonRegexError) throw new ModuleError(`replace is not valid: ${error.message}`);
    throw error;
  }
}

/** The part of the text that `after` and `before` leave, or why there is none. */
function sectionOf(text: string, args: Args): readonly [number, number] | string {
  if (!args.after && !args.before) return [0, text.length];
  const { after = '', before = '' } = args;
  const inner = after && before ? '(?P<subsection>.*?)' : '(?P<subsection>.*)';
  const pattern = pythonPattern(`${after}${inner}${before}`, after ? 'after' : 'before', { dotAll: true });
  const match = pattern.search(text);
  const span = match && pattern.span(match, text, 'subsection');
  return span ?? `Pattern for before/after params did not match the given file: ${pattern.pattern}`;
}
