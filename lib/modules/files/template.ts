import { statSync } from 'node:fs';
import { basename } from 'node:path';
import type { Static } from 'typebox';
import type { Json } from '../../source/value.ts';
import { A, Type } from '../kit/arguments.ts';
import { modeText } from '../kit/attributes.ts';
import { defineState, type ModuleContext, ModuleError } from '../kit/define.ts';
import {
  applyPlacement,
  PLACEMENT_RETURNS,
  type Placed,
  type Placement,
  placementArgs,
  planPlacement,
  probePlacement,
  touchedPath,
} from './place-file.ts';

const args = Type.Object({
  src: A.path('The template, searched for in templates directories.'),
  ...placementArgs,
  newline_sequence: A.choice(['\n', '\r', '\r\n', '\\n', '\\r', '\\r\\n'], 'How lines end in the file.', {
    default: '\n',
  }),
  variable_start_string: A.opt(A.str('What begins an expression, {{ when unset.')),
  variable_end_string: A.opt(A.str('What ends an expression.')),
  block_start_string: A.opt(A.str('What begins a statement, {% when unset.')),
  block_end_string: A.opt(A.str('What ends a statement.')),
  comment_start_string: A.opt(A.str('What begins a comment, {# when unset.')),
  comment_end_string: A.opt(A.str('What ends a comment.')),
  trim_blocks: A.bool('Drop the newline after a statement.', { default: true }),
  lstrip_blocks: A.bool('Drop blanks before a statement that begins a line.', { default: false }),
  output_encoding: A.choice(['utf-8', 'utf8', 'latin-1', 'iso-8859-1', 'utf-16le'], 'Encoding of the file.', {
    default: 'utf-8',
  }),
});

type Args = Static<typeof args>;

/** template: a file made from a template of the control machine. */
export const template = defineState<typeof args.properties, Placed>({
  name: 'template',
  registeredDiff: 'list',
  summary: 'Renders a template of the control machine into a file on the host.',
  examples: `
- name: Write the settings of the server
  template:
    src: postgresql.conf.j2
    dest: /etc/postgresql/15/main/postgresql.conf
    owner: postgres
    mode: "0640"
    backup: true
  notify: Restart PostgreSQL
`,
  traits: { reads: { kind: 'templates', argument: 'src' } },
  args,
  returns: PLACEMENT_RETURNS,
  differences: ['src in the result is the template, not a temporary file.'],
  touches: args => [touchedPath(args.dest, basename(args.src))],
  *probe(args, ctx) {
    return yield* probePlacement(rendered(args, ctx), ctx);
  },
  diff: (placed, _, ctx) => planPlacement(placed, ctx),
  *apply(placed, _, ctx) {
    return yield* applyPlacement(placed, ctx);
  },
});

const NEWLINES: Readonly<Record<string, string>> = { '\\n': '\n', '\\r': '\r', '\\r\\n': '\r\n' };

const ENCODINGS: Readonly<Record<string, BufferEncoding>> = {
  'latin-1': 'latin1',
  'iso-8859-1': 'latin1',
  'utf-16le': 'utf16le',
};

function rendered(args: Args, ctx: ModuleContext): Placement {
  const path = ctx.find('templates', args.src);
  const bytes = ctx.read(path);
  const text = bytes.toString();
  if (!Buffer.from(text).equals(bytes)) throw new ModuleError(`template ${path} is not UTF-8 text`);
  const result = ctx.renderFile(text, path, overrides(args));
  return {
    dest: args.dest,
    basename: basename(args.src),
    content: { kind: 'bytes', bytes: Buffer.from(result, ENCODINGS[args.output_encoding] ?? 'utf8') },
    origin: path,
    src: path,
    wanted: {
      ...args,
      mode: args.mode === 'preserve' ? modeText(statSync(path).mode & 0o7777) : args.mode,
    },
    backup: args.backup,
    force: args.force,
    follow: args.follow,
    validate: args.validate,
    unsafeWrites: args.unsafe_writes,
    directoryMode: undefined,
  };
}

/** How the template is to be read; a `#jinja2:` line in it overrules them. */
function overrides(args: Args): Readonly<Record<string, Json>> {
  const all: Record<string, Json | undefined> = {
    newline: NEWLINES[args.newline_sequence] ?? args.newline_sequence,
    trimBlocks: args.trim_blocks,
    lstripBlocks: args.lstrip_blocks,
    variableStart: args.variable_start_string,
    variableEnd: args.variable_end_string,
    blockStart: args.block_start_string,
    blockEnd: args.block_end_string,
    commentStart: args.comment_start_string,
    commentEnd: args.comment_end_string,
  };
  return Object.fromEntries(
    Object.entries(all).filter((entry): entry is [string, Json] => entry[1] !== undefined),
  );
}
