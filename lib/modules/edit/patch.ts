import type { Static } from 'typebox';
import { A, Type } from '../kit/arguments.ts';
import { defineState, type ModuleContext, ModuleError, quote, sh } from '../kit/define.ts';
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
  traits: { reads: { kind: 'files', argument: 'src', unless: ['remote_src'] } },
  args,
  rules: { requiredOneOf: [['dest', 'basedir']] },
  returns: { msg: 'What the patch program said when it failed.' },
  touches: given => [given.dest ?? given.basedir ?? '/'],
  *probe(given, ctx) {
    const script = [
      'command -v patch >/dev/null 2>&1 || { echo "needs patch on the host" >&2; exit 1; }',
      takePatch(given),
      `${command(given, given.state === 'present', ['--dry-run'])} >/dev/null 2>&1 && { field settled; exit 0; }`,
      `begin problem; ${command(given, given.state === 'absent', ['--dry-run'])} 2>&1 && field fits; :`,
    ];
    return parseProbe(yield* ask(script.join('\n'), input(given, ctx)));
  },
  diff({ settled, problem }, given) {
    if (settled) return { changes: [] };
    if (problem !== undefined) throw new ModuleError(problem, { src: given.src });
    const what = given.state === 'present' ? 'applied' : 'taken back';
    return { changes: [`${given.dest ?? given.basedir}: ${given.src} ${what}`] };
  },
  *apply(_, given, ctx) {
    const flags = given.backup ? ['--backup', '--version-control=numbered'] : [];
    const script = [takePatch(given), `${command(given, given.state === 'absent', flags)} 2>&1`];
    const reply = yield* sh(script.join('\n'), input(given, ctx));
    if (reply.rc !== 0) throw new ModuleError(reply.stdout.trim() || 'patch failed', { rc: reply.rc });
    return {};
  },
});

/** Leaves the text of the patch in `$t`, since it is read twice; a temporary file of its own, taken away again. */
function takePatch(given: Args): string {
  if (given.remote_src)
    return `t=${pathWord(given.src)}; [ -r "$t" ] || { echo "src $t doesn't exist or not readable" >&2; exit 1; }`;
  return `t=$(umask 077; mktemp /tmp/polarplay-patch.XXXXXX) || exit 1; trap 'rm -f "$t"' 0; cat >"$t" || exit 1`;
}

function input(given: Args, ctx: ModuleContext): { readonly stdin?: Buffer } {
  return given.remote_src ? {} : { stdin: ctx.read(ctx.find('files', given.src)) };
}

function command(given: Args, reverse: boolean, more: readonly string[]): string {
  const flags = [
    '--quiet',
    '--batch',
    '--reject-file=-',
    `--strip=${given.strip}`,
    reverse ? '--reverse --force' : '--forward',
    given.binary ? '--binary' : '',
    given.ignore_whitespace ? '--ignore-whitespace' : '',
    given.basedir === undefined ? '' : `--directory=${quote(given.basedir)}`,
    ...more,
  ];
  const file = given.dest === undefined ? '' : ` ${pathWord(given.dest)}`;
  return `patch ${flags.filter(Boolean).join(' ')} -i "$t"${file}`;
}

function parseProbe(records: Records): Found {
  if (records.rc !== 0) throw new ModuleError(records.stderr.trim() || 'cannot look at the patch');
  if (records.has('settled')) return { settled: true, problem: undefined };
  const text = records.text('problem')?.trim() ?? '';
  return { settled: false, problem: records.has('fits') ? undefined : text || 'the patch does not fit' };
}
