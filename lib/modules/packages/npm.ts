import type { Static } from 'typebox';
import { fieldsOf, isObject, parseJson } from '../../source/json.ts';
import type { Json } from '../../source/value.ts';
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
  name: A.opt(A.str('Package; without one, those of package.json are meant.')),
  version: A.opt(A.str('Version of the package.')),
  path: A.opt(A.path('Directory to install in.')),
  state: A.choice(['absent', 'latest', 'present'], 'What is wanted.', { default: 'present' }),
  global: A.bool('Install for the whole host.', { default: false }),
  production: A.bool('Leave out what is needed for development only.', { default: false }),
  registry: A.opt(A.str('URL of the registry.')),
  executable: A.opt(A.path('npm to use.')),
  ignore_scripts: A.bool('Run no scripts of packages.', { default: false }),
  unsafe_perm: A.bool('Run scripts as root.', { default: false }),
  ci: A.bool('Install from package-lock.json exactly.', { default: false }),
  no_optional: A.bool('Leave out optional packages.', { default: false }),
  force: A.bool('Install although npm has doubts.', { default: false }),
});

type Args = Static<typeof args>;

const npmCommand = (args: Args, ...words: readonly string[]) =>
  [
    args.executable ?? 'npm',
    ...words,
    ...(args.global ? ['--global'] : []),
    ...(args.production ? ['--omit=dev'] : []),
    ...(args.ignore_scripts ? ['--ignore-scripts'] : []),
    ...(args.unsafe_perm ? ['--unsafe-perm'] : []),
    ...(args.no_optional ? ['--omit=optional'] : []),
    ...(args.force ? ['--force'] : []),
    ...(args.registry === undefined ? [] : ['--registry', args.registry]),
  ]
    .map(quote)
    .join(' ');

interface Installed {
  readonly found: ReadonlyMap<string, string>;
  readonly missing: readonly string[];
}

/** What `npm list --json` says. */
export function parseList(text: string): Installed {
  let parsed: Json;
  try {
    parsed = parseJson(text);
  } catch {
    return { found: new Map(), missing: [] };
  }
  if (!isObject(parsed)) return { found: new Map(), missing: [] };
  const entries = Object.entries(fieldsOf(parsed.dependencies)).map(
    ([name, d]) => [name, fieldsOf(d)] as const,
  );
  return {
    found: new Map(
      entries.flatMap(([name, d]) =>
        typeof d.version !== 'string' || d.missing ? [] : [[name, d.version] as const],
      ),
    ),
    missing: entries
      .filter(([, d]) => d.missing || d.version === undefined || Boolean(d.invalid))
      .map(([name]) => name),
  };
}

function* work(args: Args, ctx: ModuleContext): Steps<Result> {
  if (args.path === undefined && !args.global)
    throw new ModuleError('path must be specified when not using global');
  const cd =
    args.path === undefined
      ? ''
      : `cd ${pathWord(args.path)} 2>/dev/null || ${ctx.checkMode ? 'exit 0' : `{ mkdir -p ${pathWord(args.path)} && cd ${pathWord(args.path)}; } || exit $?`}\n`;
  const outdated =
    args.state === 'latest' ? `begin outdated; ${npmCommand(args, 'outdated', '--json')} 2>/dev/null` : ':';
  const listed = yield* ask(
    `command -v ${quote(args.executable ?? 'npm')} >/dev/null 2>&1 || exit 96\n${cd}begin list; ${npmCommand(args, 'list', '--json', '--depth=0')} 2>/dev/null\n${outdated}; exit 0`,
  );
  if (listed.rc === 96) throw new ModuleError('Failed to find required executable "npm" in paths');
  const [list, old] = [listed.text('list') ?? '', listed.text('outdated') ?? '{}'];
  const { found, missing } = parseList(list);
  const verb = decide(args, found, missing, old);
  if (!verb) return { changed: false };
  if (ctx.checkMode) return { changed: true };
  const reply = yield* sh(`${cd}${npmCommand(args, ...verb)}`, { live: true });
  if (reply.rc !== 0)
    throw new ModuleError(`npm ${verb.join(' ')} failed: ${reply.stderr.trim()}`, {
      rc: reply.rc,
      stdout: reply.stdout,
      stderr: reply.stderr,
    });
  return { changed: true, stdout: reply.stdout, stderr: reply.stderr };
}

/** The words for npm, or nothing when all is as wanted. */
function decide(
  args: Args,
  found: ReadonlyMap<string, string>,
  missing: readonly string[],
  old: string,
): readonly string[] | undefined {
  const install = args.ci ? 'ci' : 'install';
  if (args.name === undefined) {
    const stale = args.state === 'latest' && Object.keys(fieldsOf(parseJson(old.trim() || '{}'))).length > 0;
    return args.ci || missing.length > 0 || found.size === 0 ? [install] : stale ? ['update'] : undefined;
  }
  const version = found.get(args.name);
  const spec = args.version === undefined ? args.name : `${args.name}@${args.version}`;
  if (args.state === 'absent') return version === undefined ? undefined : ['uninstall', args.name];
  if (version === undefined || (args.version !== undefined && args.version.replace(/^v/, '') !== version))
    return [install, spec];
  const stale = args.state === 'latest' && args.name in fieldsOf(parseJson(old.trim() || '{}'));
  return stale ? [install, `${args.name}@latest`] : undefined;
}

export const npm = defineAction({
  name: 'npm',
  aliases: ['community.general.npm'],
  summary: 'Installs and removes Node.js packages.',
  examples: `
- name: Install polarplay on the control machine
  npm: {name: polarplay, global: true}
`,
  args,
  returns: { stdout: 'Output of npm.' },
  run: work,
  check: work,
});
