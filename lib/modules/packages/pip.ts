import type { Static } from 'typebox';
import { partAt } from '../../source/part-at.ts';
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
import { quotedWords } from '../kit/sh.ts';
import { pathWord } from '../kit/stat.ts';

const args = Type.Object({
  name: A.opt(A.list('Packages: `foo`, `foo==1.2`, `foo>=1.2`, a URL or a path.')),
  version: A.opt(A.str('Version of the one package named.')),
  requirements: A.opt(A.path('Requirements file on the host.')),
  state: A.choice(['absent', 'forcereinstall', 'latest', 'present'], 'What is wanted.', {
    default: 'present',
  }),
  virtualenv: A.opt(A.path('Directory of a virtual environment; made if it is missing.')),
  virtualenv_command: A.path('Program that makes it; `python3 -m venv` is used where it does not exist.', {
    default: 'virtualenv',
  }),
  virtualenv_python: A.opt(A.str('Python of a new environment.')),
  virtualenv_site_packages: A.bool('Let a new environment see the packages of the system.', {
    default: false,
  }),
  extra_args: A.opt(A.str('Further arguments for pip.')),
  editable: A.bool('Install in editable mode.', { default: false }),
  chdir: A.opt(A.path('Directory to change to first.')),
  executable: A.opt(A.path('pip to use, or its name.')),
  umask: A.opt(A.str('Umask, such as "0022".')),
  break_system_packages: A.bool('Let pip change packages that the package manager of the host owns.', {
    default: false,
  }),
});

type Args = Static<typeof args>;

interface Wanted {
  readonly text: string;
  /** As pip compares names; undefined for URLs and paths. */
  readonly name: string | undefined;
  readonly specifiers: readonly (readonly [operator: string, version: string])[];
}

const normal = (name: string) => name.toLowerCase().replaceAll(/[-_.]+/g, '-');

export function parseRequirement(text: string, version?: string): Wanted {
  const match =
    /^([A-Za-z0-9][A-Za-z0-9._-]*)(\[[^\]]*\])?\s*((?:(?:===|==|!=|<=|>=|~=|<|>)[^,;]+,?\s*)*)$/.exec(
      text.trim(),
    );
  if (!match || text.includes('/')) return { text, name: undefined, specifiers: [] };
  const given = partAt(match, 3)
    .split(',')
    .flatMap(part => {
      const found = /^\s*(===|==|!=|<=|>=|~=|<|>)\s*(.+?)\s*$/.exec(part);
      return found ? [[partAt(found, 1), partAt(found, 2)] as const] : [];
    });
  const pinned = version === undefined ? [] : [['==', version] as const];
  return {
    text: version === undefined ? text.trim() : `${text.trim()}==${version}`,
    name: normal(partAt(match, 1)),
    specifiers: [...given, ...pinned],
  };
}

const release = (version: string) => partAt(version.replace(/^v/i, '').split('+'), 0).split('.').map(Number);

/** Order of two plain release versions; undefined when one is more than numbers, and pip had better decide. */
export function compareReleases(a: string, b: string): number | undefined {
  const [left, right] = [release(a), release(b)];
  if ([...left, ...right].some(Number.isNaN)) return a === b ? 0 : undefined;
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const order = (left[i] ?? 0) - (right[i] ?? 0);
    if (order !== 0) return Math.sign(order);
  }
  return 0;
}

/** Whether an installed version is as wanted; undefined when only pip can tell. */
export function satisfies(version: string, wanted: Wanted): boolean | undefined {
  let certain = true;
  for (const [operator, limit] of wanted.specifiers) {
    if (limit.endsWith('.*') && (operator === '==' || operator === '!=')) {
      if (version.startsWith(limit.slice(0, -1)) !== (operator === '==')) return false;
      continue;
    }
    const order = compareReleases(version, limit);
    if (order === undefined || operator === '~=') certain = false;
    else if (
      !{
        '==': order === 0,
        '===': order === 0,
        '!=': order !== 0,
        '<=': order <= 0,
        '>=': order >= 0,
        '<': order < 0,
        '>': order > 0,
      }[operator]
    )
      return false;
  }
  return certain ? true : undefined;
}

/** Makes the environment and sets `$pip`. */
function prepare(args: Args, checkMode: boolean): string {
  const cd = args.chdir === undefined ? '' : `cd ${pathWord(args.chdir)} || exit 95\n`;
  const umask = args.umask === undefined ? '' : `umask ${quote(args.umask)}\n`;
  if (args.virtualenv === undefined) {
    const own = args.executable;
    const find = own
      ? own.startsWith('/')
        ? `pip=${quote(own)}`
        : `pip=$(command -v ${quote(own)})`
      : `for p in pip3 pip; do command -v $p >/dev/null 2>&1 && { pip=$p; break; }; done\n[ -n "$pip" ] || { python3 -m pip --version >/dev/null 2>&1 && pip='python3 -m pip'; }`;
    return `${cd}${umask}pip=\n${find}\n[ -n "$pip" ] || { echo 'Unable to find any of pip3, pip to use.  pip needs to be installed.' >&2; exit 96; }`;
  }
  const env = pathWord(args.virtualenv);
  const python = args.virtualenv_python === undefined ? '' : ` -p ${quote(args.virtualenv_python)}`;
  const site = args.virtualenv_site_packages ? ' --system-site-packages' : '';
  const [program = '', ...rest] = args.virtualenv_command.split(/\s+/);
  const make = `if command -v ${quote(program)} >/dev/null 2>&1; then ${[program, ...rest].map(quote).join(' ')}${site}${python} "$env" >&2
  else ${args.virtualenv_python === undefined ? 'python3' : quote(args.virtualenv_python)} -m venv${site} "$env" >&2; fi || exit 97; made=1`;
  const missing = checkMode ? 'made=1; pip=:' : make;
  return `${cd}${umask}env=${env}; pip=$env/bin/${quote(args.executable ?? 'pip')}\nif [ ! -x "$env/bin/activate" ] && [ ! -e "$env/bin/python" ]; then ${missing}\nfi`;
}

const PIP = `run_pip() { if [ -x "$pip" ]; then "$pip" "$@"; else $pip "$@"; fi; }
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1`;

function fail(reply: Pick<Reply, 'rc' | 'stdout' | 'stderr'>, args: Args): ModuleError {
  const said = reply.stderr.trim() || reply.stdout.trim() || `exit code ${reply.rc}`;
  return new ModuleError(reply.rc === 96 ? said : `pip failed: ${said}`, {
    rc: reply.rc,
    stdout: reply.stdout,
    stderr: reply.stderr,
    name: args.name ?? null,
    requirements: args.requirements ?? null,
  });
}

function* look(
  args: Args,
  ctx: ModuleContext,
): Steps<{ readonly made: boolean; readonly known: ReadonlyMap<string, string> }> {
  const reply = yield* ask(
    `made=\n${prepare(args, ctx.checkMode)}\n${PIP}\n[ -z "$made" ] || field made\nbegin list; run_pip list --format=freeze 2>/dev/null; :`,
    { live: true },
  );
  if (reply.rc !== 0) throw fail({ ...reply, stdout: reply.stdout.toString() }, args);
  const rows = [...(reply.text('list') ?? '').matchAll(/^([^=\s]+)==(\S+)$/gm)];
  return {
    made: reply.has('made'),
    known: new Map(rows.map(m => [normal(partAt(m, 1)), partAt(m, 2)])),
  };
}

function command(args: Args, words: readonly string[], dry = false): string {
  const yes = dry ? [] : ['-y'];
  const base = args.state === 'absent' ? ['uninstall', ...yes] : ['install', ...(dry ? ['--dry-run'] : [])];
  const state = { latest: ['-U'], forcereinstall: ['-U', '--force-reinstall'], present: [], absent: [] }[
    args.state
  ];
  const editable = args.editable && args.state !== 'absent' ? ['-e'] : [];
  const system = args.break_system_packages ? ['--break-system-packages'] : [];
  const requirements = args.requirements === undefined ? '' : ` -r ${pathWord(args.requirements)}`;
  return `run_pip ${[...base, ...state, ...system].map(quote).join(' ')} ${quotedWords(args.extra_args ?? '')} ${[...editable, ...words].map(quote).join(' ')}${requirements}`;
}

/** Whether pip would change something, where only pip can tell: a removal is told no, an installation is a dry run. */
function* foretell(args: Args, words: readonly string[]): Steps<boolean> {
  const reply = yield* sh(
    `${prepare(args, true)}\n${PIP}\nunset PIP_NO_INPUT; echo n | { ${command(args, words, true)}; }`,
    {
      live: true,
    },
  );
  if (reply.stderr.includes('no such option: --dry-run')) return true;
  if (reply.rc !== 0 || reply.timedOut) throw fail(reply, args);
  return /^ *Would (install|remove)/m.test(reply.stdout);
}

function* work(args: Args, ctx: ModuleContext): Steps<Result> {
  const names = (args.name ?? []).map(n => n.trim()).filter(Boolean);
  if (args.version !== undefined && names.length > 1)
    throw new ModuleError(
      "'version' argument is ambiguous when installing multiple package distributions. Please specify version restrictions next to each package in 'name' argument.",
    );
  if (args.state === 'latest' && args.version !== undefined)
    throw new ModuleError('version is incompatible with state=latest');
  const wanted = names.map(n => parseRequirement(n, args.version));
  const { made, known } = yield* look(args, ctx);
  const fields = {
    name: args.name ?? null,
    version: args.version ?? null,
    state: args.state,
    requirements: args.requirements ?? null,
    virtualenv: args.virtualenv ?? null,
  };
  const open = wanted.filter(w => {
    const version = w.name === undefined ? undefined : known.get(w.name);
    if (args.state === 'absent') return version !== undefined;
    return args.state !== 'present' || version === undefined || satisfies(version, w) !== true;
  });
  if (open.length === 0 && args.requirements === undefined) return { changed: made, ...fields };
  const words = open.map(w => (args.state === 'absent' && w.name ? w.name : w.text));
  if (ctx.checkMode) {
    const certain = made || args.state === 'forcereinstall' || open.some(w => w.name && !known.has(w.name));
    return { changed: certain || (yield* foretell(args, words)), ...fields };
  }
  const script = `${prepare(args, false)}\n${PIP}\n${command(args, words)}`;
  const reply = yield* sh(script, { live: true });
  if (reply.rc !== 0 || reply.timedOut) throw fail(reply, args);
  const changed =
    made || /Successfully (un)?installed/i.test(reply.stdout) || args.state === 'forcereinstall';
  return {
    changed,
    ...fields,
    stdout: reply.stdout,
    stderr: reply.stderr,
    cmd: command(
      args,
      open.map(w => w.text),
    ).replace('run_', ''),
  };
}

export const pip = defineAction({
  name: 'pip',
  summary: 'Installs and removes Python packages.',
  examples: `
- name: Install a client library for a report
  pip: {name: psycopg2-binary, virtualenv: /opt/reports}
`,
  args,
  rules: {
    requiredOneOf: [['name', 'requirements']],
    mutuallyExclusive: [
      ['name', 'requirements'],
      ['executable', 'virtualenv'],
    ],
  },
  returns: {
    cmd: 'The command that was run.',
    stdout: 'Its output.',
    virtualenv: 'The virtual environment.',
  },
  differences: [
    'Without the program virtualenv an environment is made with python3 -m venv.',
    'Check mode asks pip itself (a dry run) about requirements files and state=latest, instead of calling each a change; only a pip older than 22.2 cannot tell.',
  ],
  run: work,
  check: work,
});
