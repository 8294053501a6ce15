import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Static } from 'typebox';
import { bytesOf, textOf } from '../../source/bytes.ts';
import { defined } from '../../source/defined.ts';
import { partAt } from '../../source/part-at.ts';
import {
  applyPlacement,
  PLACEMENT_RETURNS,
  type Placed,
  placementArgs,
  planPlacement,
  probePlacement,
} from '../files/place-file.ts';
import { A, Type } from '../kit/arguments.ts';
import { defineState, type ModuleContext, ModuleError, type Steps } from '../kit/define.ts';
import { type ByteText, bytePattern, toBytes } from '../kit/edit-file.ts';
import { ask } from '../kit/reply.ts';
import { pathWord } from '../kit/stat.ts';

const { force: _, ...kept } = placementArgs;

const args = Type.Object({
  src: A.path('Directory with the fragments.'),
  ...kept,
  remote_src: A.bool('src is on the host.', { default: true }),
  delimiter: A.opt(A.str('Line between fragments; \\n and the like are newlines.')),
  regexp: A.opt(A.str('Python regular expression for names of fragments.')),
  ignore_hidden: A.bool('Leave out names that begin with a dot.', { default: false }),
  decrypt: A.bool('Decrypt fragments of the control machine that are encrypted with vault.', {
    default: true,
  }),
});

type Args = Static<typeof args>;

interface Fragment {
  readonly name: string;
  readonly bytes: Buffer;
}

/** assemble: one file from the files of a directory. */
export const assemble = defineState<typeof args.properties, Placed>({
  name: 'assemble',
  summary: 'Joins the files of a directory, in the order of their names, to one file.',
  examples: `
- name: Build pg_hba.conf from its parts
  assemble:
    src: /etc/postgresql/hba.d
    dest: /etc/postgresql/15/main/pg_hba.conf
    owner: postgres
    mode: "0640"
`,
  args,
  returns: PLACEMENT_RETURNS,
  differences: ['Check mode and diff are supported.'],
  touches: args => [args.dest, args.src],
  *probe(args, ctx) {
    const fragments = args.remote_src ? yield* remoteFragments(args) : localFragments(args, ctx);
    const pattern = args.regexp === undefined ? undefined : bytePattern(args.regexp, 'regexp');
    const chosen = fragments
      .filter(
        ({ name }) =>
          (!pattern || pattern.search(toBytes(name))) && !(args.ignore_hidden && name.startsWith('.')),
      )
      .sort((a, b) => Buffer.compare(bytesOf(a.name), bytesOf(b.name)));
    const text = joined(
      chosen.map(fragment => fragment.bytes.toString('latin1')),
      args.delimiter,
    );
    return yield* probePlacement(
      {
        dest: args.dest,
        basename: undefined,
        content: { kind: 'bytes', bytes: Buffer.from(text, 'latin1') },
        origin: args.src,
        src: args.src,
        wanted: args,
        backup: args.backup,
        force: true,
        follow: args.follow,
        validate: args.validate,
        unsafeWrites: args.unsafe_writes,
        directoryMode: undefined,
      },
      ctx,
    );
  },
  diff(placed, _, ctx) {
    const plan = planPlacement(placed, ctx);
    return { ...plan, result: { ...plan.result, msg: 'OK' } };
  },
  *apply(placed, _, ctx) {
    return yield* applyPlacement(placed, ctx);
  },
});

/** All files of a directory of the host: one request. */
function* remoteFragments(args: Args): Steps<Fragment[]> {
  const records = yield* ask(
    [
      `p=${pathWord(args.src)}`,
      `if [ ! -e "$p" ]; then echo "Source ($p) does not exist" >&2; exit 1; fi`,
      `if [ ! -d "$p" ]; then echo "Source ($p) is not a directory" >&2; exit 1; fi`,
      'cd -P "$p" || exit 1',
      `for f in * .[!.]* ..?*; do if [ -f "$f" ]; then field name "$f"; begin content; cat <"$f" || exit 1; fi; done; :`,
    ].join('\n'),
  );
  if (records.rc !== 0) throw new ModuleError(records.stderr.trim());
  const contents = records.all('content');
  return records
    .all('name')
    .map((name, i) => ({ name: textOf(name), bytes: contents[i] ?? Buffer.alloc(0) }));
}

function localFragments(args: Args, ctx: ModuleContext): Fragment[] {
  const path = ctx.find('files', args.src);
  if (!statSync(path).isDirectory()) throw new ModuleError(`Source (${path}) is not a directory`);
  return readdirSync(path)
    .filter(name => statSync(join(path, name)).isFile())
    .map(name => {
      const file = join(path, name);
      return { name, bytes: args.decrypt ? ctx.read(file) : readFileSync(file) };
    });
}

/** A newline goes between fragments where one does not end in it, and the delimiter on a line of its own. */
function joined(fragments: readonly ByteText[], delimiter: string | undefined): ByteText {
  const line = delimiter ? toBytes(unescaped(delimiter)) : '';
  return fragments.reduce((text, fragment, i) => {
    if (i === 0) return fragment;
    const end = partAt(fragments, i - 1).endsWith('\n') ? '' : '\n';
    return `${text}${end}${line}${line !== '' && !line.endsWith('\n') ? '\n' : ''}${fragment}`;
  }, '');
}

const ESCAPES: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  '\\': '\\',
  "'": "'",
  '"': '"',
};

const unescaped = (text: string) =>
  text.replace(/\\(?:x([0-9a-fA-F]{2})|([ntr\\'"]))/g, (_, hex: string | undefined, char: string) =>
    hex === undefined
      ? defined(ESCAPES[char], 'the pattern knows these escapes only')
      : String.fromCharCode(Number.parseInt(hex, 16)),
  );
