import type { Static } from 'typebox';
import { itemsOf } from '../../source/json.ts';
import type { Json } from '../../source/value.ts';
import { A, Type } from '../kit/arguments.ts';
import {
  defineAction,
  type ModuleContext,
  ModuleError,
  quote,
  type Reply,
  type Result,
  type Steps,
  sh,
} from '../kit/define.ts';
import { ask } from '../kit/reply.ts';
import { awaitEnd, toTheEnd } from '../kit/to-the-end.ts';
import { kindOf, parseTransaction, present, queryScript } from './rpm-choice.ts';

const args = Type.Object({
  name: A.list(
    'Packages: `foo`, `foo-1.2`, `foo >= 1.2`, `@group`, a path, a URL or a .rpm file; `*` with state=latest.',
    {
      aliases: ['pkg'],
      default: [],
    },
  ),
  state: A.opt(
    A.choice(
      ['absent', 'present', 'installed', 'removed', 'latest'],
      'What is wanted; present, unless autoremove is given.',
    ),
  ),
  update_cache: A.bool('Fetch the repositories’ metadata first.', {
    default: false,
    aliases: ['expire-cache'],
  }),
  autoremove: A.bool('Remove packages that nothing needs any more.', { default: false }),
  enablerepo: A.opt(A.list('Repositories to enable for this once.')),
  disablerepo: A.opt(A.list('Repositories to disable for this once.')),
  exclude: A.opt(A.list('Packages to leave alone.')),
  conf_file: A.opt(A.str('Configuration file of dnf.')),
  disable_excludes: A.opt(A.str('Ignore exclusions: all, main, or the name of a repository.')),
  disable_gpg_check: A.bool('Do not check signatures.', { default: false }),
  disable_plugin: A.opt(A.list('Plugins to disable.')),
  enable_plugin: A.opt(A.list('Plugins to enable.')),
  download_only: A.bool('Download, but do not install.', { default: false }),
  download_dir: A.opt(A.str('Where downloads go.')),
  installroot: A.str('Root directory of the installation.', { default: '/' }),
  releasever: A.opt(A.str('Release to install from.')),
  security: A.bool('With state=latest: security updates only.', { default: false }),
  bugfix: A.bool('With state=latest: bug fixes only.', { default: false }),
  update_only: A.bool('With state=latest: update what is installed, install nothing.', { default: false }),
  skip_broken: A.bool('Skip packages that are not available.', { default: false }),
  nobest: A.bool('Accept older versions where the newest cannot be installed.', { default: false }),
  allowerasing: A.bool('Allow packages to be removed for the sake of others.', { default: false }),
  allow_downgrade: A.bool('Replace a newer version with an older one if that is asked for.', {
    default: false,
  }),
  install_weak_deps: A.bool('Install recommended packages.', { default: true }),
  cacheonly: A.bool('Use only metadata that is there.', { default: false }),
  sslverify: A.bool('Check the certificates of repositories.', { default: true }),
  validate_certs: A.bool('Accepted; certificates of URLs are checked as those of repositories.', {
    default: true,
  }),
  lock_timeout: A.int('Accepted; dnf waits for its lock by itself.', { default: 30 }),
  install_repoquery: A.bool('Accepted and without meaning.', { default: true }),
});

type Args = Static<typeof args>;

const each = (flag: string, values: readonly string[] | undefined) => (values ?? []).map(v => `${flag}=${v}`);

function flags(args: Args): string[] {
  return [
    ...(args.conf_file === undefined ? [] : ['-c', args.conf_file]),
    ...(args.cacheonly ? ['-C'] : []),
    ...each('--disablerepo', args.disablerepo),
    ...each('--enablerepo', args.enablerepo),
    ...each('--exclude', args.exclude),
    ...each('--disableplugin', args.disable_plugin),
    ...each('--enableplugin', args.enable_plugin),
    ...(args.disable_excludes === undefined ? [] : [`--disableexcludes=${args.disable_excludes}`]),
    ...(args.disable_gpg_check ? ['--nogpgcheck'] : []),
    ...(args.installroot === '/' ? [] : [`--installroot=${args.installroot}`]),
    ...(args.releasever === undefined ? [] : [`--releasever=${args.releasever}`]),
    ...(args.download_only ? ['--downloadonly'] : []),
    ...(args.download_dir === undefined ? [] : [`--downloaddir=${args.download_dir}`]),
    ...(args.sslverify ? [] : ['--setopt=sslverify=0']),
    ...(args.install_weak_deps ? [] : ['--setopt=install_weak_deps=False']),
    ...(args.skip_broken ? ['--skip-broken'] : []),
    ...(args.nobest ? ['--nobest'] : []),
    ...(args.allowerasing ? ['--allowerasing'] : []),
  ];
}

// Dandified yum where there is one; yum itself on older hosts.
const PROGRAM = `for y in dnf dnf5 yum microdnf; do command -v $y >/dev/null 2>&1 && break; y=; done
[ -n "$y" ] || { echo 'this host has neither dnf nor yum' >&2; exit 96; }`;

const QUIET_RESULT: Result = { changed: false, msg: 'Nothing to do', rc: 0, results: [] };

/** Runs dnf with a verb; in check mode it says what it would do and is told no. */
function* transaction(args: Args, ctx: ModuleContext, verb: readonly string[]): Steps<Result> {
  const words = [ctx.checkMode ? '--assumeno' : '-y', ...flags(args), ...verb].map(quote).join(' ');
  const script = `${PROGRAM}\n$y ${words}`;
  const reply = yield* sh(ctx.checkMode ? script : toTheEnd('packages', script), { live: true });
  const { nothing, results, summary } = parseTransaction(reply.stdout + reply.stderr);
  // "No" to a transaction is an exit code of 1.
  const refused = ctx.checkMode && summary;
  if ((reply.rc !== 0 && !refused && !(nothing && ctx.checkMode)) || reply.timedOut)
    throw dnfFailure(reply, verb);
  if (nothing) return QUIET_RESULT;
  return { changed: true, msg: '', rc: 0, results: [...results] };
}

function dnfFailure(reply: Reply, verb: readonly string[]): ModuleError {
  const tail =
    reply.stderr.trim() || reply.stdout.trim().split('\n').slice(-5).join('\n') || `exit code ${reply.rc}`;
  const fields: Record<string, Json> = {
    rc: reply.rc,
    stdout: reply.stdout,
    stderr: reply.stderr,
    results: [],
  };
  return new ModuleError(`Failed to ${verb[0]} ${verb.slice(1).join(' ')}: ${tail}`, fields);
}

/** Which of the names the host has, as rpm says. */
function* installed(args: Args, names: readonly string[]): Steps<ReadonlySet<string>> {
  const reply = yield* ask(`${awaitEnd('packages', 600)}\n${queryScript(names, args.installroot)}`);
  if (reply.rc === 96) throw new ModuleError('this host has no rpm: it does not use RPM packages');
  return present(names, reply);
}

function* install(args: Args, ctx: ModuleContext, names: readonly string[]): Steps<Result> {
  const found = yield* installed(args, names);
  // What a pattern stands for, only the repositories know.
  const missing = names.filter(name => !found.has(name) || kindOf(name) === 'pattern');
  if (missing.length === 0) return QUIET_RESULT;
  const result = yield* transaction(args, ctx, ['install', ...missing]);
  if (ctx.checkMode || !args.allow_downgrade || result.changed) return result;
  const still = yield* installed(args, missing);
  const older = missing.filter(name => !still.has(name) && kindOf(name) === 'package');
  return older.length === 0 ? result : yield* transaction(args, ctx, ['downgrade', ...older]);
}

function* latest(args: Args, ctx: ModuleContext, names: readonly string[]): Steps<Result> {
  const only = [...(args.security ? ['--security'] : []), ...(args.bugfix ? ['--bugfix'] : [])];
  if (names.includes('*')) return yield* transaction(args, ctx, ['upgrade', ...only]);
  if (args.update_only || only.length > 0)
    return yield* transaction(args, ctx, ['upgrade', ...only, ...names]);
  const found = yield* installed(args, names);
  const missing = names.filter(name => !found.has(name));
  const there = names.filter(name => found.has(name));
  const first = missing.length === 0 ? QUIET_RESULT : yield* transaction(args, ctx, ['install', ...missing]);
  const second = there.length === 0 ? QUIET_RESULT : yield* transaction(args, ctx, ['upgrade', ...there]);
  if (!first.changed) return second;
  return second.changed
    ? { ...first, results: [...itemsOf(first.results), ...itemsOf(second.results)] }
    : first;
}

function* absent(args: Args, ctx: ModuleContext, names: readonly string[]): Steps<Result> {
  const found = yield* installed(args, names);
  const there = names.filter(name => found.has(name));
  if (there.length === 0) return QUIET_RESULT;
  return yield* transaction(args, ctx, [args.autoremove ? 'autoremove' : 'remove', ...there]);
}

function* work(args: Args, ctx: ModuleContext): Steps<Result> {
  const names = args.name.map(name => name.trim()).filter(Boolean);
  const state = args.state ?? (args.autoremove ? 'absent' : 'present');
  if (args.update_cache && !ctx.checkMode) {
    const reply = yield* sh(`${PROGRAM}\n$y ${[...flags(args), 'makecache'].map(quote).join(' ')}`, {
      live: true,
    });
    if (reply.rc !== 0) throw dnfFailure(reply, ['makecache']);
    if (names.length === 0 && !args.autoremove)
      return { changed: false, msg: 'Cache updated', rc: 0, results: [] };
  }
  if (args.autoremove && names.length === 0) return yield* transaction(args, ctx, ['autoremove']);
  if (names.length === 0) return { ...QUIET_RESULT, ...(args.update_cache && { msg: 'Cache updated' }) };
  if (state === 'absent' || state === 'removed') return yield* absent(args, ctx, names);
  return yield* state === 'latest' ? latest(args, ctx, names) : install(args, ctx, names);
}

export const dnf = defineAction({
  name: 'dnf',
  aliases: ['yum', 'dnf5', 'ansible.builtin.yum', 'ansible.builtin.dnf5', 'ansible.legacy.yum'],
  summary: 'Installs, upgrades and removes RPM packages.',
  examples: `
- name: Install the tools of a storage host
  dnf: {name: [nbd, mdadm, fio], state: present}
`,
  args,
  returns: {
    results: 'What was done, a line for each package.',
    msg: '"Nothing to do", or empty.',
    rc: 'Exit code.',
  },
  differences: [
    'yum, dnf and dnf5 are one module, which uses the program the host has.',
    'Tried with dnf 4 and rpm of Debian, not on a host of the Red Hat family.',
    'The argument `list` does not exist: package_facts reads what is installed.',
  ],
  run: work,
  check: work,
});
