import { randomBytes } from 'node:crypto';
import type { Static } from 'typebox';
import { textOf } from '../../source/bytes.ts';
import { defined } from '../../source/defined.ts';
import { fnmatch, fnmatchSource, isPattern } from '../../source/fnmatch.ts';
import { partAt } from '../../source/part-at.ts';
import type { Json } from '../../source/value.ts';
import { A, Type } from '../kit/arguments.ts';
import {
  defineAction,
  type ModuleContext,
  ModuleError,
  mustSh,
  quote,
  type Ran,
  type Reply,
  type Result,
  type Steps,
  sh,
} from '../kit/define.ts';
import { ask, type Records } from '../kit/reply.ts';
import { awaitEnd, toTheEnd } from '../kit/to-the-end.ts';
import {
  findInstalled,
  type Installed,
  mustRemove,
  needsOffer,
  type PackageSpec,
  parseInstalled,
  parsePolicy,
  parseSpec,
  wordToInstall,
} from './apt-choice.ts';

const args = Type.Object({
  name: A.list(
    'Packages: `foo`, `foo=1.2`, `foo=1.2*`, `foo>=1.2`, `foo:i386`, or a pattern such as `foo*`.',
    {
      aliases: ['package', 'pkg'],
      default: [],
    },
  ),
  state: A.choice(['absent', 'build-dep', 'latest', 'present', 'fixed'], 'What is wanted of the packages.', {
    default: 'present',
  }),
  update_cache: A.opt(A.bool('Fetch the package lists first.', { aliases: ['update-cache'] })),
  update_cache_retries: A.int('How often to try fetching the lists.', { default: 5 }),
  update_cache_retry_max_delay: A.int('Longest pause between two tries, in seconds.', { default: 12 }),
  cache_valid_time: A.int(
    'Fetch the lists only when they are older than this many seconds; implies update_cache.',
    {
      default: 0,
    },
  ),
  purge: A.bool('Remove configuration files too.', { default: false }),
  deb: A.opt(A.path('A .deb file on the host, or a URL that the host downloads.')),
  default_release: A.opt(A.str('Release to prefer, as `apt-get -t`.', { aliases: ['default-release'] })),
  install_recommends: A.opt(
    A.bool('Install recommended packages; the host decides when not given.', {
      aliases: ['install-recommends'],
    }),
  ),
  force: A.bool('Allow downgrades, removal of essential packages and packages without signature.', {
    default: false,
  }),
  upgrade: A.choice(['dist', 'full', 'no', 'safe', 'yes'], 'Upgrade all packages.', { default: 'no' }),
  dpkg_options: A.str('Options for dpkg, divided by commas.', { default: 'force-confdef,force-confold' }),
  autoremove: A.bool('Remove packages that nothing needs any more.', { default: false }),
  autoclean: A.bool('Delete downloaded packages that can no longer be downloaded.', { default: false }),
  clean: A.bool('Delete all downloaded packages first.', { default: false }),
  fail_on_autoremove: A.bool('Fail rather than remove a package.', { default: false }),
  policy_rc_d: A.opt(A.int('Exit code of policy-rc.d meanwhile; 101 keeps services from being started.')),
  only_upgrade: A.bool('Leave packages alone that are not installed.', { default: false }),
  force_apt_get: A.bool('Accepted; apt-get is always used.', { default: false }),
  allow_unauthenticated: A.bool('Accept packages without signature.', {
    default: false,
    aliases: ['allow-unauthenticated'],
  }),
  allow_downgrade: A.bool('Replace a newer version with an older one if that is asked for.', {
    default: false,
    aliases: ['allow-downgrade', 'allow_downgrades', 'allow-downgrades'],
  }),
  allow_change_held_packages: A.bool('Change packages that are on hold.', { default: false }),
  lock_timeout: A.int('Seconds to wait while another program uses the package database.', { default: 60 }),
});

type Args = Static<typeof args>;

const ENVIRONMENT =
  'export DEBIAN_FRONTEND=noninteractive DEBIAN_PRIORITY=critical APT_LISTCHANGES_FRONTEND=none LC_ALL=C';

const STAMP =
  'stamp() { stat -c %Y /var/lib/apt/periodic/update-success-stamp 2>/dev/null || stat -c %Y /var/lib/apt/lists 2>/dev/null || echo 0; }';

/**
 * Fetches the lists when they are too old. apt reports unreachable servers as a warning unless told otherwise, and
 * does not wait for its lists' lock itself. Lists that did not change keep their time: touched, so that
 * cache_valid_time means what it says.
 */
function updateScript(args: Args, checkMode: boolean): string {
  if (!args.update_cache && args.cache_valid_time === 0) return '';
  const update = `deadline=$(($(date +%s) + ${args.lock_timeout})); tries=0; delay=1
while :; do
  out=$(apt-get -q -o APT::Update::Error-Mode=any update 2>&1); rc=$?
  case $out in *'W: Failed to fetch'*) rc=100;; esac
  [ $rc = 0 ] && break
  case $out in *'Could not get lock'*|*'Unable to lock'*) [ "$(date +%s)" -lt $deadline ] && { sleep 1; continue; };; esac
  tries=$((tries + 1))
  [ $tries -ge ${Math.max(1, args.update_cache_retries)} ] && { printf '%s\\n' "$out" >&2; exit 95; }
  sleep $delay; delay=$((delay * 2)); [ $delay -gt ${args.update_cache_retry_max_delay} ] && delay=${args.update_cache_retry_max_delay}
done
after=$(stamp)
if [ "$before" = "$after" ]; then touch /var/lib/apt/lists 2>/dev/null; else field updated; fi`;
  return `before=$(stamp)
if [ $((before + ${args.cache_valid_time})) -lt "$(date +%s)" ]; then
${checkMode ? 'field updated' : update}
fi`;
}

/** What one look at the host tells. */
interface Look {
  readonly specs: readonly PackageSpec[];
  readonly installed: readonly Installed[];
  readonly native: string;
  readonly cache: { readonly cache_updated: boolean; readonly cache_update_time: number };
  /** Wanted packages that are marked as installed for the sake of others. */
  readonly automatic: readonly string[];
}

const FORMAT = ['Package', 'Architecture', 'Version', 'db:Status-Status'].map(f => `\${${f}}`).join('\\t');

function* look(args: Args, checkMode: boolean): Steps<Look> {
  const specs = args.name
    .map(text => text.trim())
    .filter(text => text !== '' && text !== '*')
    .map(parseSpec);
  const names = specs.map(spec => spec.name);
  const globs = names.filter(isPattern);
  const pattern = names.map(name => fnmatchSource(partAt(name.split(':'), 0))).join('|');
  const script = [
    ENVIRONMENT,
    awaitEnd(PACKAGES, args.lock_timeout + 600),
    'command -v apt-get >/dev/null 2>&1 || exit 96',
    STAMP,
    updateScript(args, checkMode),
    `field stamp "$(stamp)"; field arch "$(dpkg --print-architecture)"`,
    ...(names.length > 0
      ? [
          `begin automatic; grep -A2 -E ${quote(`^Package: (${pattern})$`)} /var/lib/apt/extended_states 2>/dev/null`,
          `begin installed; dpkg-query -W -f=${quote(`${FORMAT}\\n`)} -- ${names.map(quote).join(' ')} 2>/dev/null`,
        ]
      : []),
    // Patterns mean every package there is, installed or not; for removal the installed ones are enough.
    ...(globs.length > 0 && args.state !== 'absent'
      ? [
          `begin available; apt-cache pkgnames | grep -E ${quote(`^(${globs.map(fnmatchSource).join('|')})$`)}`,
        ]
      : []),
    'exit 0',
  ];
  const reply = yield* ask(script.filter(Boolean).join('\n'), { live: true });
  if (reply.rc === 96) throw new ModuleError('apt-get is missing: this host does not use Debian packages');
  if (reply.rc === 95)
    throw new ModuleError(`Failed to update apt cache: ${reply.stderr.trim()}`, { stderr: reply.stderr });
  if (reply.rc !== 0)
    throw new ModuleError(`cannot read the package database: ${reply.stderr.trim()}`, { rc: reply.rc });
  return parseLook(reply, specs, args);
}

function parseLook(found: Records, specs: readonly PackageSpec[], args: Args): Look {
  const text = (name: string) => found.output(name) ?? '';
  const installed = parseInstalled(text('installed'));
  const known =
    args.state === 'absent' ? installed.map(p => p.name) : text('available').split('\n').filter(Boolean);
  const automatic = [
    ...text('automatic').matchAll(/^Package: (.*)\n(?:Architecture: .*\n)?Auto-Installed: 1/gm),
  ].map(m => partAt(m, 1));
  return {
    specs: specs.flatMap(spec => (isPattern(spec.name) ? expand(spec, known) : [spec])),
    installed,
    native: text('arch'),
    cache: { cache_updated: found.has('updated'), cache_update_time: Number(text('stamp')) },
    automatic,
  };
}

function expand(spec: PackageSpec, known: readonly string[]): readonly PackageSpec[] {
  const found = known.filter(name => fnmatch(spec.name).test(name));
  if (found.length === 0) throw new ModuleError(`No package(s) matching '${spec.name}' available`);
  return [...new Set(found)].map(name => ({ ...spec, name }));
}

/** Words for `apt-get install` that bring the host to what is wanted. */
function* wordsToInstall(args: Args, found: Look): Steps<readonly string[]> {
  if (args.state === 'build-dep') return found.specs.map(spec => spec.text);
  const request = { latest: args.state === 'latest', onlyUpgrade: args.only_upgrade };
  const installed = (spec: PackageSpec) => findInstalled(found.installed, spec.name, found.native);
  const open = found.specs.filter(spec => needsOffer(spec, installed(spec), request));
  if (open.length === 0) return [];
  const release =
    args.default_release === undefined ? '' : `-o APT::Default-Release=${quote(args.default_release)} `;
  const reply = yield* mustSh(
    'cannot read the package lists',
    `LC_ALL=C apt-cache ${release}policy -- ${open.map(spec => quote(spec.name)).join(' ')}`,
  );
  const offers = parsePolicy(reply.stdout);
  return open.flatMap(spec => wordToInstall(spec, installed(spec), offers.get(spec.name), request) ?? []);
}

function options(args: Args, checkMode: boolean): string[] {
  return [
    '-y',
    '-q',
    '-o',
    'Dpkg::Use-Pty=0',
    '-o',
    `DPkg::Lock::Timeout=${args.lock_timeout}`,
    ...args.dpkg_options
      .split(',')
      .filter(Boolean)
      .flatMap(option => ['-o', `Dpkg::Options::=--${option.trim()}`]),
    ...(checkMode ? ['--simulate'] : []),
    ...(args.force || args.allow_unauthenticated ? ['--allow-unauthenticated'] : []),
    ...(args.force || args.allow_downgrade ? ['--allow-downgrades'] : []),
    ...(args.force || args.allow_change_held_packages ? ['--allow-change-held-packages'] : []),
    ...(args.force ? ['--allow-remove-essential'] : []),
    ...(args.autoremove ? ['--auto-remove'] : []),
    ...(args.fail_on_autoremove && args.state !== 'absent' ? ['--no-remove'] : []),
    ...(args.only_upgrade ? ['--only-upgrade'] : []),
    ...(args.state === 'fixed' ? ['--fix-broken'] : []),
    ...(args.default_release === undefined ? [] : ['-t', args.default_release]),
    ...(args.install_recommends === undefined
      ? []
      : ['-o', `APT::Install-Recommends=${args.install_recommends ? 'yes' : 'no'}`]),
  ];
}

/** Keeps services from starting while packages are installed; what was there before comes back whatever happens. */
function policyScript(code: number | undefined, checkMode: boolean): string {
  if (code === undefined || checkMode) return '';
  return `rc_d=/usr/sbin/policy-rc.d; kept=
[ -e $rc_d ] && { kept=$(mktemp -d /usr/sbin/policy-rc.d.XXXXXX) && mv $rc_d "$kept/was" || exit 94; }
trap 'rm -f $rc_d; [ -z "$kept" ] || { mv "$kept/was" $rc_d; rmdir "$kept"; }' 0
printf '#!/bin/sh\\nexit ${code}\\n' >$rc_d && chmod 755 $rc_d || exit 94
`;
}

const NOTHING =
  /^0 upgraded, 0 newly installed, (0 reinstalled, )?(0 downgraded, )?0 to remove and \d+ not upgraded/m;

/** All work on packages of a host, whichever module does it. */
const PACKAGES = 'packages';

/** What a dpkg that was killed left, which apt refuses to work on; apt looks for the same files. */
const REPAIR = `case $(ls /var/lib/dpkg/updates 2>/dev/null) in *[0-9]*)
  echo 'an earlier dpkg was interrupted: dpkg --configure -a' >&2
  dpkg --force-confdef --force-confold --configure -a || exit 1 ;;
esac
`;

/** Runs apt-get with a verb; whether something changed is read from its summary, in check mode from the simulated one. */
function* aptGet(args: Args, ctx: ModuleContext, verb: readonly string[], pre = ''): Steps<Ran> {
  const command = ['apt-get', ...options(args, ctx.checkMode), ...verb].map(quote).join(' ');
  const script = `${ENVIRONMENT}\n${pre}${policyScript(args.policy_rc_d, ctx.checkMode)}`;
  const reply = yield* sh(
    ctx.checkMode ? script + command : toTheEnd(PACKAGES, `${script}${REPAIR}${command}`),
    { live: true },
  );
  if (reply.rc !== 0 || reply.timedOut) throw aptFailure(reply, verb);
  const prepared = summary(reply.stdout);
  return {
    changed: !NOTHING.test(reply.stdout),
    stdout: reply.stdout,
    stderr: reply.stderr,
    ...(ctx.diffMode && {
      diff: [{ before: '', after: prepared, beforeHeader: 'packages', afterHeader: 'packages' }],
    }),
  };
}

function aptFailure(reply: Reply, verb: readonly string[]): ModuleError {
  const what =
    reply.stderr.trim() || reply.stdout.trim().split('\n').slice(-5).join('\n') || `exit code ${reply.rc}`;
  const fields = { rc: reply.rc, stdout: reply.stdout, stderr: reply.stderr };
  return new ModuleError(`'apt-get ${verb.join(' ')}' failed: ${what}`, fields);
}

/** The part of apt's output that says what is going to happen. */
function summary(stdout: string): string {
  const rows = stdout.split('\n');
  const start = rows.indexOf('Reading state information...') + 1;
  const end = rows.findIndex(row => /^\d+ upgraded/.test(row));
  return `${rows.slice(start, end < 0 ? undefined : end + 1).join('\n')}\n`;
}

function* packages(args: Args, ctx: ModuleContext, found: Look): Steps<Result> {
  if (args.state === 'absent') {
    const gone = found.specs.filter(spec =>
      mustRemove(spec, findInstalled(found.installed, spec.name, found.native), args.purge),
    );
    if (gone.length === 0) return { changed: false };
    return yield* aptGet(args, ctx, [
      'remove',
      ...(args.purge ? ['--purge'] : []),
      '--',
      ...gone.map(spec => spec.name),
    ]);
  }
  const words = yield* wordsToInstall(args, found);
  if (words.length > 0) {
    const verb = args.state === 'build-dep' ? 'build-dep' : 'install';
    return yield* aptGet(args, ctx, [verb, '--', ...words]);
  }
  // Asked for by name means wanted for its own sake: a later autoremove must not take it away.
  if (found.automatic.length > 0 && !ctx.checkMode)
    yield* mustSh(
      'cannot mark packages',
      `apt-mark manual ${found.automatic.map(quote).join(' ')} >/dev/null`,
    );
  return { changed: false };
}

/** Installs .deb files, dependencies included, unless that very version is installed. */
function* debFiles(args: Args, ctx: ModuleContext): Steps<Result> {
  if (args.state !== 'present') throw new ModuleError('deb only supports state=present');
  const files = defined(args.deb, 'the caller asked for it')
    .split(',')
    .map(file => file.trim());
  // The names are ours: what the host says names no file.
  const paths = files.map(file =>
    file.includes('://') ? `/tmp/polarplay-${randomBytes(6).toString('hex')}.deb` : localPath(file),
  );
  const scripts = files.map((file, i) => debScript(file, partAt(paths, i)));
  const reply = yield* ask(`${ENVIRONMENT}\n${scripts.join('\n')}\nexit 0`, { live: true });
  if (reply.rc !== 0)
    throw new ModuleError(`Unable to install package: ${reply.stderr.trim() || `exit code ${reply.rc}`}`);
  const column = (name: string) => reply.all(name).map(textOf);
  const [versions, installed, orders] = ['version', 'installed', 'order'].map(column);
  const temporary = paths.filter((_, i) => files[i]?.includes('://'));
  const clean = temporary.length > 0 ? `trap 'rm -f ${temporary.map(quote).join(' ')}' 0\n` : '';
  const open: string[] = [];
  for (const [i, path] of paths.entries()) {
    if (installed?.[i] === versions?.[i]) continue;
    if (orders?.[i] === 'older' && !args.allow_downgrade && !args.force)
      throw new ModuleError('A later version is already installed');
    open.push(path);
  }
  if (open.length === 0) {
    if (clean) yield* sh(`rm -f ${temporary.map(quote).join(' ')}`);
    return { changed: false, stdout: '', stderr: '' };
  }
  return yield* aptGet(args, ctx, ['install', '--', ...open], clean);
}

const localPath = (file: string): string => (file.startsWith('/') ? file : `./${file}`);

// apt's own downloader is on every Debian host, with or without curl.
function debScript(file: string, path: string): string {
  const fetch = `(set -C; umask 022; : >"$f") && /usr/lib/apt/apt-helper download-file ${quote(file)} "$f" >&2 || exit 1`;
  return `f=${quote(path)}${file.includes('://') ? `; ${fetch}` : ''}
p=$(dpkg-deb -f "$f" Package) && v=$(dpkg-deb -f "$f" Version) && r=$(dpkg-deb -f "$f" Architecture) || exit 1
[ "$r" = all ] && q=$p || q=$p:$r
i=$(dpkg-query -W -f='\${db:Status-Status} \${Version}' -- "$q" 2>/dev/null)
case $i in "installed "*) i=\${i#* };; *) i=;; esac
o=; [ -n "$i" ] && dpkg --compare-versions "$v" lt "$i" && o=older
field version "$v"; field installed "$i"; field order "$o"`;
}

function* work(args: Args, ctx: ModuleContext): Steps<Result> {
  if (args.clean && !ctx.checkMode) yield* mustSh('apt-get clean failed', `${ENVIRONMENT}; apt-get clean`);
  const upgradeAll = args.upgrade !== 'no' || (args.state === 'latest' && args.name.includes('*'));
  if (args.state === 'latest' && args.name.includes('*') && args.name.some(n => n !== '*'))
    throw new ModuleError('unable to install additional packages when upgrading all installed packages');
  const found = yield* look(args, ctx.checkMode);
  const cache: { readonly [key: string]: Json } = { ...found.cache };
  if (upgradeAll) {
    const dist = args.upgrade === 'dist' || args.upgrade === 'full';
    const result = yield* aptGet(args, ctx, dist ? ['dist-upgrade'] : ['upgrade', '--with-new-pkgs']);
    return { ...result, ...cache, msg: String(result.stdout) };
  }
  if (args.deb !== undefined) return { ...(yield* debFiles(args, ctx)), ...cache };
  if (found.specs.length > 0) return { ...(yield* packages(args, ctx, found)), ...cache };
  let changed = args.clean || found.cache.cache_updated;
  let last: Ran = { changed: false };
  if (args.autoclean) {
    // apt-get refuses what is about packages to install or remove here.
    last = yield* aptGet({ ...args, autoremove: false, state: 'present' }, ctx, ['autoclean']);
    changed ||= /^Del /m.test(String(last.stdout));
  }
  for (const verb of [
    args.autoremove && ['autoremove', ...(args.purge ? ['--purge'] : [])],
    args.state === 'fixed' && ['install'],
  ]) {
    if (!verb) continue;
    last = yield* aptGet(args, ctx, verb);
    changed ||= last.changed === true;
  }
  return { ...last, changed, ...cache };
}

export const apt = defineAction({
  name: 'apt',
  summary: 'Installs, upgrades and removes Debian packages.',
  examples: `
- name: Install the tools of a storage host
  apt:
    name: [nbd-server, mdadm, fio]
    update_cache: true
    cache_valid_time: 3600
`,
  args,
  rules: { mutuallyExclusive: [['deb', 'name', 'upgrade']] },
  returns: {
    cache_updated: 'Whether the package lists were fetched.',
    cache_update_time: 'When they were last fetched, in seconds since 1970.',
    stdout: 'Output of apt-get.',
    stderr: 'Its error output.',
  },
  differences: [
    'apt-get is always used, aptitude never.',
    'Nothing is installed on the host for our own sake: no python3-apt.',
    'Lists that were fetched but had not changed get the time of the fetch, so that cache_valid_time counts from it.',
    'changed is read from the summary of apt-get: an installation that turns out to have nothing to do is ok.',
    'force does what --force-yes once did by the options that replaced it.',
  ],
  run: work,
  check: work,
});
