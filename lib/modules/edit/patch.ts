import type { Static } from 'typebox';
import { A, Type } from '../kit/arguments.ts';
import { defineState, type ModuleContext, ModuleError, quote, sh } from '../kit/define.ts';
import { needsProgram } from '../kit/program.ts';
import { ask, type Records } from '../kit/reply.ts';
import { pathWord } from '../kit/stat.ts';

const args = Type.Object({
  src: A.path('The patch: of the control machine, or of the host with remote_src.', {
    aliases: ['patchfile'],
  }),
  dest: A.opt(A.path('The file to patch; else the patch names its files.', { aliases: ['originalfile'] })),
  basedir: A.opt(A.path('Directory that names in the patch are relative to.')),
  state: A.choice(['present', 'absent'], 'Whether the patch is to be applied or taken back.', {
    default: 'present',
  }),
  strip: A.int('How many leading parts of names in the patch to ignore.', { default: 0 }),
  remote_src: A.bool('src is on the host.', { default: false }),
  backup: A.bool('Keep the file as it was as NAME.orig.', { default: false }),
  binary: A.bool('Leave carriage returns as they are.', { default: false }),
  ignore_whitespace: A.bool('Differences in blanks do not matter.', { default: false }),
});

type Args = Static<typeof args>;

interface Found {
  /** The patch is as wanted: taking it back (or applying it again) would work. */
  readonly settled: boolean;
  /** Why it cannot be applied; undefined when it can. */
  readonly problem: string | undefined;
}

/** ansible.posix.patch: a patch, applied or taken back. */
export const patch = defineState<typeof args.properties, Found>({
  name: 'patch',
  aliases: ['ansible.posix.patch'],
  summary: 'Applies a patch with the patch program of the host.',
  examples: `
- name: Apply a fix to the sources
  patch: {src: fix-build.patch, basedir: /usr/src/pgvector, strip: 1}
`,
  traits: { reads: { kind: 'files', argument: 'src', unless: ['remote_src'] } },
  args,
  rules: { requiredOneOf: [['dest', 'basedir']] },
  returns: { msg: 'What the patch program said when it failed.' },
  touches: args => [args.dest ?? args.basedir ?? '/'],
  *probe(args, ctx) {
    const script = [
      needsProgram('patch', 'patch'),
      takePatch(args),
      `${command(args, args.state === 'present', ['--dry-run'])} >/dev/null 2>&1 && { field settled; exit 0; }`,
      `begin problem; ${command(args, args.state === 'absent', ['--dry-run'])} 2>&1 && field fits; :`,
    ];
    return parseProbe(yield* ask(script.join('\n'), input(args, ctx)));
  },
  diff({ settled, problem }, args) {
    if (settled) return { changes: [] };
    if (problem !== undefined) throw new ModuleError(problem, { src: args.src });
    const what = args.state === 'present' ? 'applied' : 'taken back';
    return { changes: [`${args.dest ?? args.basedir}: ${args.src} ${what}`] };
  },
  *apply(_, args, ctx) {
    const flags = args.backup ? ['--backup', '--version-control=numbered'] : [];
    const script = [takePatch(args), `${command(args, args.state === 'absent', flags)} 2>&1`];
    const reply = yield* sh(script.join('\n'), input(args, ctx));
    if (reply.rc !== 0) throw new ModuleError(reply.stdout.trim() || 'patch failed', { rc: reply.rc });
    return {};
  },
});

/** Leaves the text of the patch in `$t`, since it is read twice; a temporary file of its own, taken away again. */
function takePatch(args: Args): string {
  if (args.remote_src)
    return `t=${pathWord(args.src)}; [ -r "$t" ] || { echo "src $t doesn't exist or not readable" >&2; exit 1; }`;
  return `t=$(umask 077; mktemp /tmp/polarplay-patch.XXXXXX) || exit 1; trap 'rm -f "$t"' 0; cat >"$t" || exit 1`;
}

function input(args: Args, ctx: ModuleContext): { readonly stdin?: Buffer } {
  return args.remote_src ? {} : { stdin: ctx.read(ctx.find('files', args.src)) };
}

function command(args: Args, reverse: boolean, more: readonly string[]): string {
  const flags = [
    '--quiet',
    '--batch',
    '--reject-file=-',
    `--strip=${args.strip}`,
    reverse ? '--reverse --force' : '--forward',
    args.binary ? '--binary' : '',
    args.ignore_whitespace ? '--ignore-whitespace' : '',
    args.basedir === undefined ? '' : `--directory=${quote(args.basedir)}`,
    ...more,
  ];
  const file = args.dest === undefined ? '' : ` ${pathWord(args.dest)}`;
  return `patch ${flags.filter(Boolean).join(' ')} -i "$t"${file}`;
}

function parseProbe(records: Records): Found {
  if (records.rc !== 0) throw new ModuleError(records.stderr.trim() || 'cannot look at the patch');
  if (records.has('settled')) return { settled: true, problem: undefined };
  const text = records.text('problem')?.trim() ?? '';
  return { settled: false, problem: records.has('fits') ? undefined : text || 'the patch does not fit' };
}
