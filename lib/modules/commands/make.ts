import type { Static } from 'typebox';
import { jsonText } from '../../source/json.ts';
import { A, Type } from '../kit/arguments.ts';
import {
  defineAction,
  type ModuleContext,
  ModuleError,
  quote,
  type Result,
  type Steps,
  sh,
} from '../kit/define.ts';
import { ask } from '../kit/reply.ts';
import { pathWord } from '../kit/stat.ts';

const args = Type.Object({
  chdir: A.path('Directory to run make in.'),
  target: A.opt(A.str('Target; the first of the Makefile when not given.')),
  targets: A.opt(A.list('Several targets.')),
  params: A.opt(A.dict('Variables for make.')),
  file: A.opt(A.path('Makefile.')),
  jobs: A.opt(A.int('How many commands to run at a time.')),
  make: A.opt(A.path('make to use.')),
});

type Args = Static<typeof args>;

function words(args: Args): string[] {
  const params = Object.entries(args.params ?? {}).map(([key, value]) =>
    value === null ? key : `${key}=${typeof value === 'object' ? jsonText(value) : value}`,
  );
  return [
    ...(args.jobs === undefined ? [] : ['-j', String(args.jobs)]),
    ...(args.file === undefined ? [] : ['-f', args.file]),
    ...(args.target === undefined ? (args.targets ?? []) : [args.target]),
    ...params,
  ];
}

// `make -q` says whether there is anything to do; a recipe that is not a file always has.
const question = (args: Args) => `cd ${pathWord(args.chdir)} || exit 97
${args.make === undefined ? 'm=$(command -v gmake || command -v make)' : `m=${pathWord(args.make)}`}
[ -n "$m" ] && [ -x "$m" ] || { echo 'Failed to find required executable "make" in paths' >&2; exit 96; }
field program "$m"; "$m" ${[...words(args), '-q'].map(quote).join(' ')} >/dev/null 2>&1 || exit 1`;

function* run(args: Args, ctx: ModuleContext): Steps<Result> {
  const asked = yield* ask(question(args));
  if (asked.rc === 96 || asked.rc === 97) throw new ModuleError(asked.stderr.trim(), { chdir: args.chdir });
  const program = asked.text('program') ?? 'make';
  // What runs is the one asked for, or a make of the host: nothing else may come of its answer.
  if (args.make === undefined && !/(^|\/)g?make$/.test(program))
    throw new ModuleError(`the host gave ${program} for make`, { chdir: args.chdir });
  const command = [program, ...words(args)].map(quote).join(' ');
  const fields = {
    target: args.target ?? null,
    params: args.params ?? null,
    chdir: args.chdir,
    file: args.file ?? null,
    jobs: args.jobs ?? null,
    command,
  };
  if (asked.rc === 0) return { changed: false, stdout: '', stderr: '', ...fields };
  if (ctx.checkMode) return { changed: true, stdout: '', stderr: '', ...fields };
  const reply = yield* sh(`cd ${pathWord(args.chdir)} && ${command}`, { live: true });
  if (reply.rc !== 0 || reply.timedOut) {
    const tail = reply.stderr.trim().split('\n').slice(-15).join('\n');
    throw new ModuleError(`make failed: ${tail || `exit code ${reply.rc}`}`, {
      rc: reply.rc,
      stdout: reply.stdout,
      stderr: reply.stderr,
      ...fields,
    });
  }
  return { changed: true, stdout: reply.stdout, stderr: reply.stderr, ...fields };
}

export const make = defineAction({
  name: 'make',
  aliases: ['community.general.make'],
  summary: 'Runs make, when there is something to do.',
  examples: `
- name: Build the extension
  make:
    chdir: /usr/src/pgvector
    params: {PG_CONFIG: /usr/lib/postgresql/15/bin/pg_config}
`,
  args,
  rules: { mutuallyExclusive: [['target', 'targets']] },
  returns: { command: 'The command.', stdout: 'Its output.', stderr: 'Its error output.' },
  run,
  check: run,
});
