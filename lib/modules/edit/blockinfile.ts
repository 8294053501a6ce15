import type { Static } from 'typebox';
import { partAt } from '../../source/part-at.ts';
import { A, Type } from '../kit/arguments.ts';
import { ModuleError } from '../kit/define.ts';
import { type ByteText, bytePattern, defineEdit, editArgs, toBytes } from '../kit/edit-file.ts';

const args = Type.Object({
  ...editArgs,
  state: A.choice(['present', 'absent'], 'Whether the block is to be there.', { default: 'present' }),
  block: A.str('The lines between the markers; empty removes the block.', {
    aliases: ['content'],
    default: '',
  }),
  marker: A.str('Line above and below the block; {mark} becomes marker_begin or marker_end.', {
    default: '# {mark} ANSIBLE MANAGED BLOCK',
  }),
  marker_begin: A.str('What {mark} becomes above the block.', { default: 'BEGIN' }),
  marker_end: A.str('What {mark} becomes below the block.', { default: 'END' }),
  insertafter: A.opt(
    A.str('Where a new block goes: after the last match of this Python regular expression, or EOF.'),
  ),
  insertbefore: A.opt(
    A.str('Where a new block goes: before the last match of this Python regular expression, or BOF.'),
  ),
  append_newline: A.bool('Keep an empty line below the block, unless it ends the file.', { default: false }),
  prepend_newline: A.bool('Keep an empty line above the block, unless it begins the file.', {
    default: false,
  }),
  create: A.bool('Make the file, and missing directories, if there is none.', { default: false }),
});

type Args = Static<typeof args>;

/** blockinfile: several lines between two markers. */
export const blockinfile = defineEdit({
  name: 'blockinfile',
  registeredDiff: 'list',
  summary: 'Keeps a block of lines between two marker lines in a text file, or keeps it out.',
  examples: `
- name: Let the application in
  blockinfile:
    path: /etc/postgresql/15/main/pg_hba.conf
    marker: "# {mark} application"
    block: |
      hostssl app  app  10.0.1.0/24  scram-sha-256
  notify: Reload PostgreSQL
`,
  args,
  rules: { mutuallyExclusive: [['insertbefore', 'insertafter']] },
  returns: { msg: 'What was done: "Block inserted", "Block removed", "File created".' },
  differences: ['append_newline and prepend_newline, which Ansible has since 2.16, are known.'],
  edit(before, args) {
    const present = args.state === 'present';
    if (before === undefined && !args.create)
      throw new ModuleError(`Path ${args.path} does not exist !`, { rc: 257 });
    if (before === undefined && !present) return { after: undefined, msg: `File ${args.path} not present` };
    const block = present ? blockLines(args) : [];
    const after = place(before ?? '', block, args);
    if (after === before) return { after, msg: '' };
    if (before === undefined) return { after, msg: 'File created' };
    return { after, msg: block.length === 0 ? 'Block removed' : 'Block inserted' };
  },
});

/** Lines with their line ends, as Python's splitlines(keepends=True) gives them for bytes. */
const linesOf = (text: ByteText): string[] => text.match(/[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+$/g) ?? [];

const markerLine = (args: Args, mark: string) => `${toBytes(args.marker.replaceAll('{mark}', mark))}\n`;

function blockLines(args: Args): string[] {
  if (args.block === '') return [];
  const text = args.block.endsWith('\n') ? args.block : `${args.block}\n`;
  return [markerLine(args, args.marker_begin), ...linesOf(toBytes(text)), markerLine(args, args.marker_end)];
}

function place(text: ByteText, block: readonly string[], args: Args): ByteText {
  const lines = linesOf(text);
  const begin = lines.lastIndexOf(markerLine(args, args.marker_begin));
  const end = lines.lastIndexOf(markerLine(args, args.marker_end));
  let at: number;
  if (begin === -1 || end === -1) at = newPlace(text, lines, args);
  else {
    at = Math.min(begin, end);
    lines.splice(at, Math.abs(end - begin) + 1);
  }
  if (at > 0 && !partAt(lines, at - 1).endsWith('\n')) lines[at - 1] += '\n';
  lines.splice(at, 0, ...withEmptyLines(block, lines, at, args));
  return lines.join('');
}

function withEmptyLines(block: readonly string[], lines: readonly string[], at: number, args: Args) {
  if (block.length === 0) return [];
  const above = args.prepend_newline && at > 0 && lines[at - 1] !== '\n';
  const below = args.append_newline && at < lines.length && lines[at] !== '\n';
  return [...(above ? ['\n'] : []), ...block, ...(below ? ['\n'] : [])];
}

function newPlace(text: ByteText, lines: readonly string[], args: Args): number {
  const { insertafter: after, insertbefore: before } = args;
  const pattern =
    after !== undefined
      ? after === 'EOF'
        ? undefined
        : bytePattern(after, 'insertafter')
      : before === undefined || before === 'BOF'
        ? undefined
        : bytePattern(before, 'insertbefore');
  if (!pattern) return before === 'BOF' ? 0 : lines.length;
  const line = pattern.multiline
    ? lineOfMatch(text, pattern.search(text), after !== undefined)
    : lines.findLastIndex(current => pattern.search(current) !== undefined);
  if (line === -1) return lines.length;
  return after === undefined ? line : line + 1;
}

function lineOfMatch(
  text: ByteText,
  match: { readonly index: number; readonly end: number } | undefined,
  atEnd: boolean,
): number {
  if (!match) return -1;
  return text.slice(0, atEnd ? match.end : match.index).split('\n').length - 1;
}
