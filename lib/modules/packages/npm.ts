import type { Static } from 'typebox';
import { fieldsOf, parseJson } from '../../source/json.ts';
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

const npmCommand = (a: Args, ...words: readonly string[]) =>
  [
    a.executable ?? 'npm',
    ...words,
    ...(a.global ? ['--global'] : []),
    ...(a.production ? ['--omit=dev'] : []),
    ...(a.ignore_scripts ? ['--ignore-scripts'] : []),
    ...(a.unsafe_perm ? ['--unsafe-perm'] : []),
    ...(a.no_optional ? ['--omit=optional'] : []),
    ...(a.force ? ['--force'] : []),
    ...(a.registry === undefined ? [] : ['--registry', a.registry]),
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
  if (parsed === null || typeof parsed !== 'object' || Array.isArray(parsed))
    return { found: new Map(), missing: [] };
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

function* work(a: Args, ctx: ModuleContext): Steps<Result> {
  if (a.path === undefined && !a.global)
    throw new ModuleError('path must be specified when not using global');
  const cd =
    a.path === undefined
      ? ''
      : `cd ${pathWord(a.path)} 2>/dev/null || ${ctx.checkMode ? 'exit 0' : `{ mkdir -p ${pathWord(a.path)} && cd ${pathWord(a.path)}; } || exit $?`}\n`;
  const outdated =
    a.state === 'latest' ? `begin outdated; ${npmCommand(a, 'outdated', '--json')} 2>/dev/null` : ':';
  const listed = yield* ask(
    `command -v ${quote(a.executable ?? 'npm')} >/dev/null 2>&1 || exit 96\n${cd}begin list; ${npmCommand(a, 'list', '--json', '--depth=0')} 2>/dev/null\n${outdated}; exit 0`,
  );
  if (listed.rc === 96) throw new ModuleError('Failed to find required executable "npm" in paths');
  const [list, old] = [listed.text('list') ?? '', listed.text('outdated') ?? '{}'];
  const { found, missing } = parseList(list);
  const verb = decide(a, found, missing, old);
  if (!verb) return { changed: false };
  if (ctx.checkMode) return { changed: true };
  const reply = yield* sh(`${cd}${npmCommand(a, ...verb)}`, { live: true });
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
  a: Args,
  found: ReadonlyMap<string, string>,
  missing: readonly string[],
  old: string,
): readonly string[] | undefined {
  const install = a.ci ? 'ci' : 'install';
  if (a.name === undefined) {
    const stale = a.state === 'latest' && Object.keys(fieldsOf(parseJson(old.trim() || '{}'))).length > 0;
    return a.ci || missing.length > 0 || found.size === 0 ? [install] : stale ? ['update'] : undefined;
  }
  const version = found.get(a.name);
  const spec = a.version === undefined ? a.name : `${a.name}@${a.version}`;
  if (a.state === 'absent') return version === undefined ? undefined : ['uninstall', a.name];
  if (version === undefined || (a.version !== undefined && a.version.replace(/^v/, '') !== version))
    return [install, spec];
  const stale = a.state === 'latest' && a.name in fieldsOf(parseJson(old.trim() || '{}'));
  return stale ? [install, `${a.name}@latest`] : undefined;
}

export const npm = defineAction({
  name: 'npm',
  aliases: ['community.general.npm'],
  summary: 'Installs and removes Node.js packages.',
  args,
  returns: { stdout: 'Output of npm.' },
  run: work,
  check: work,
});
