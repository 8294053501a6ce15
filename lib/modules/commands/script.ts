import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { Static } from 'typebox';
import { A, Type } from '../kit/arguments.ts';
import { needlessBy } from '../kit/creates-removes.ts';
import {
  defineAction,
  type ModuleContext,
  ModuleError,
  orFailed,
  quote,
  type Result,
  type Steps,
} from '../kit/define.ts';
import { ask } from '../kit/reply.ts';
import { firstWord } from '../kit/sh.ts';
import { pathWord } from '../kit/stat.ts';
import { failure, INLINE_LIMIT } from '../kit/write-file.ts';
import { failureReason, outputFields, RUN_RETURNS, truncation } from './run-command.ts';

const args = Type.Object({
  cmd: A.opt(A.str('Script of the control machine, and arguments for it.', { aliases: ['_raw_params'] })),
  chdir: A.opt(A.path('Directory to run in.')),
  creates: A.opt(A.path('When this is there, the script does not run.')),
  removes: A.opt(A.path('When this is not there, the script does not run.')),
  executable: A.opt(A.str('Program that runs the script; its first line tells when unset.')),
  decrypt: A.bool('Decrypt a script that is encrypted with vault.', { default: true }),
});

type Args = Static<typeof args>;

const { cmd: _, start: __, end: ___, delta: ____, ...returns } = RUN_RETURNS;

/** script: a script of the control machine, run on the host. */
export const script = defineAction({
  name: 'script',
  traits: { takes: 'command', reads: { kind: 'files', argument: 'cmd' } },
  summary: 'Copies a script to the host and runs it there.',
  examples: `
- name: Run a check of our own on each node
  script: check-storage.sh /dev/nvmepolar1
  changed_when: false
`,
  args,
  freeForm: 'cmd',
  returns,
  *run(args, ctx) {
    const why = yield* reasonToSkip(args);
    if (why !== undefined) return { changed: false, skipped: true, msg: why };
    return yield* runScript(args, ctx);
  },
  *check(args) {
    const why = yield* reasonToSkip(args);
    if (why !== undefined) return { changed: false, skipped: true, msg: why };
    return args.creates === undefined && args.removes === undefined ? undefined : { changed: true };
  },
});

function* reasonToSkip(args: Args): Steps<string | undefined> {
  switch (yield* needlessBy(args)) {
    case 'creates':
      return `${args.creates} exists, matching creates option`;
    case 'removes':
      return `${args.removes} does not exist, matching removes option`;
    default:
      return undefined;
  }
}

function* runScript(args: Args, ctx: ModuleContext): Steps<Result> {
  const [source, rest] = firstWord(args.cmd ?? '');
  if (source === '') throw new ModuleError('no command given', { rc: 256 });
  if (args.chdir !== undefined && !args.chdir.startsWith('/'))
    throw new ModuleError(`chdir ${args.chdir} must be an absolute path for a Unix-aware remote node`);
  const path = ctx.find('files', source);
  const bytes = args.decrypt ? ctx.read(path) : readFileSync(path);
  const directory = `/tmp/polarplay-${randomBytes(6).toString('hex')}`;
  const file = `${directory}/${basename(source)}`;
  const large = bytes.length > INLINE_LIMIT;
  const make = `(umask 077; mkdir ${directory}) || fail "cannot make a directory for the script"`;
  if (large) {
    const made = yield* ask(make);
    if (made.rc !== 0) throw failure(made, file);
    yield { kind: 'send', from: bytes, to: file };
  }
  const line = `${args.executable ?? ''} ${quote(file)}${rest}`.trim();
  const records = yield* ask(
    [
      large ? '' : make,
      `trap 'rm -rf ${directory}' 0`,
      large ? '' : `cat >${quote(file)} || fail "cannot write the script"`,
      `chmod 700 ${quote(file)} || fail "cannot write the script"`,
      args.chdir === undefined
        ? ''
        : `cd ${pathWord(args.chdir)} || fail "cannot change to "${quote(args.chdir)}`,
      `(unset -f field begin part fail; eval ${quote(line)}) </dev/null`,
    ]
      .filter(Boolean)
      .join('\n'),
    { ...(!large && { stdin: bytes }), live: true, userLocale: true },
  );
  if (records.complaint !== undefined) throw failure(records, file);
  const stdout = records.stdout.toString();
  const output = outputFields(stdout, records.stderr);
  const done = { changed: true, rc: records.rc, ...output, ...truncation(records) };
  return orFailed(done, failureReason(records));
}
