import { emptyRecord } from '../../source/record.ts';
import type { Json } from '../../source/value.ts';
import { ModuleError, quote } from '../kit/define.ts';
import type { Records } from '../kit/reply.ts';

/** What is wanted of a unit. */
export interface UnitWish {
  readonly name: string | undefined;
  readonly state: 'reloaded' | 'restarted' | 'started' | 'stopped' | undefined;
  readonly enabled: boolean | undefined;
  readonly masked: boolean | undefined;
  readonly force: boolean;
  readonly daemonReload: boolean;
  readonly daemonReexec: boolean;
  readonly scope: 'system' | 'user' | 'global';
  readonly noBlock: boolean;
}

/** What systemd says of a unit. */
export interface UnitFound {
  readonly status: Readonly<Record<string, string>>;
  /** `is-enabled`: its exit code and words; undefined when nobody asked. */
  readonly enabledCode: number | undefined;
  readonly enabledText: string;
  readonly initScript: boolean;
  readonly chroot: boolean;
}

export interface UnitPlan {
  /** systemctl verbs in order; masking first, since a masked unit cannot be enabled. */
  readonly verbs: readonly string[];
  readonly result: Readonly<Record<string, Json>>;
  readonly warnings: readonly string[];
}

/** The start of every systemctl call; user units need the address of their bus, which `su` does not set. */
export function systemctl(wish: UnitWish): string {
  const flags = [
    ...(wish.scope === 'system' ? [] : [`--${wish.scope}`]),
    ...(wish.noBlock ? ['--no-block'] : []),
    ...(wish.force ? ['--force'] : []),
  ];
  return ['systemctl', ...flags].join(' ');
}

const RUNTIME_DIR = `[ -n "$XDG_RUNTIME_DIR" ] || export XDG_RUNTIME_DIR=/run/user/$(id -u)`;

/** Reloads systemd's own configuration if asked for, then reads the unit. */
export function lookScript(wish: UnitWish, checkMode: boolean): string {
  const ctl = systemctl(wish);
  const reload = (verb: string) =>
    `e=$(${ctl} ${verb} 2>&1) || { rc=$?; echo "failure $rc during ${verb}: $e" >&2; exit 97; }`;
  const name = wish.name;
  return [
    'command -v systemctl >/dev/null 2>&1 || exit 96',
    ...(wish.scope === 'system' ? [] : [RUNTIME_DIR]),
    ...(wish.daemonReload && !checkMode ? [reload('daemon-reload')] : []),
    ...(wish.daemonReexec && !checkMode ? [reload('daemon-reexec')] : []),
    ...(name === undefined
      ? []
      : [
          `begin show; ${ctl} show ${quote(name)} 2>/dev/null`,
          `begin enabled; ${ctl} is-enabled ${quote(name)} -l 2>/dev/null; field code $?`,
          `[ -x /etc/init.d/${quote(name.replace(/\.service$/, ''))} ] && field initscript`,
          // Only where nothing was said is it worth asking why.
          `if [ "$SYSTEMD_OFFLINE" = 1 ] || { [ ! -d /run/systemd/system ] && [ ! / -ef /proc/1/root ]; }; then field chroot; fi`,
        ]),
    ':',
  ].join('\n');
}

export function parseLook(reply: Records): UnitFound {
  if (reply.rc === 96) throw new ModuleError('Failed to find required executable "systemctl" in paths');
  if (reply.rc === 97) throw new ModuleError(reply.stderr.trim());
  const show = reply.text('show') ?? '';
  const code = reply.text('code');
  return {
    status: show.includes('=') ? parseShow(show) : {},
    enabledCode: code === undefined ? undefined : Number(code),
    enabledText: reply.text('enabled')?.trim() ?? '',
    initScript: reply.has('initscript'),
    chroot: reply.has('chroot'),
  };
}

/** Properties of `systemctl show`; only those of commands may go over several lines. */
export function parseShow(text: string): Record<string, string> {
  const found = emptyRecord<string>();
  let open: string | undefined;
  for (const row of text.split('\n')) {
    if (open !== undefined) {
      found[open] += `\n${row}`;
      if (row.trimEnd().endsWith('}')) open = undefined;
      continue;
    }
    const at = row.indexOf('=');
    if (at < 0) continue;
    const [key, value] = [row.slice(0, at), row.slice(at + 1).trim()];
    found[key] = value;
    if (key.startsWith('Exec') && value.startsWith('{') && !value.endsWith('}')) open = key;
  }
  return found;
}

const FILE_STATES = new Set([
  'enabled',
  'enabled-runtime',
  'linked',
  'linked-runtime',
  'masked',
  'masked-runtime',
  'static',
  'indirect',
  'disabled',
  'generated',
  'transient',
  'alias',
]);

const firstWord = (text: string) => text.split(/\s/)[0] ?? '';

function exists(found: UnitFound): boolean {
  const load = found.status.LoadState;
  return (
    (load !== undefined ? load !== 'not-found' : FILE_STATES.has(firstWord(found.enabledText))) ||
    found.initScript
  );
}

/** Units without a place in the boot order of their own count as disabled. */
function isEnabled(found: UnitFound): boolean {
  return found.enabledCode === 0 && found.enabledText !== 'indirect' && found.enabledText !== 'alias';
}

const RUNNING = new Set(['active', 'activating']);

function stateVerb(wish: UnitWish, active: string): string | undefined {
  const running = RUNNING.has(active);
  switch (wish.state) {
    case 'started':
      return running ? undefined : 'start';
    case 'stopped':
      return running || active === 'deactivating' ? 'stop' : undefined;
    case 'restarted':
      return running ? 'restart' : 'start';
    case 'reloaded':
      return running ? 'reload' : 'start';
    default:
      return undefined;
  }
}

/** What must be done to a unit. Pure. */
export function planUnit(wish: UnitWish, found: UnitFound, checkMode: boolean): UnitPlan {
  const name = wish.name;
  if (name === undefined) return { verbs: [], result: { name: null, status: {} }, warnings: [] };
  const load = found.status.LoadState;
  if (load !== undefined && load !== 'not-found' && load !== 'masked' && found.status.LoadError)
    throw new ModuleError(`Error loading unit file '${name}': ${found.status.LoadError}`);
  const verbs: string[] = [];
  const result: Record<string, Json> = { name, status: found.status };
  const warnings: string[] = [];
  const missing = !exists(found);
  if (found.initScript && (load === undefined || load === 'not-found'))
    warnings.push(`The service (${name}) is actually an init script but the system is managed by systemd`);
  if (wish.masked !== undefined && wish.masked !== (firstWord(found.enabledText) === 'masked')) {
    if (wish.masked) refuseMask(wish, found);
    verbs.push(wish.masked ? 'mask' : 'unmask');
  }
  if (missing && (wish.enabled !== undefined || wish.state !== undefined)) {
    if (!checkMode || wish.enabled === false || wish.state === 'stopped') throw missingUnit(name);
    // In a dry run the task that brings the unit has not really run.
    warnings.push(`${missingUnit(name).message}; in a real run an earlier task may have brought it`);
  }
  if (wish.enabled !== undefined) {
    if (isEnabled(found) !== wish.enabled) verbs.push(wish.enabled ? 'enable' : 'disable');
    result.enabled = wish.enabled;
  }
  if (wish.state !== undefined) planState(wish, found, missing, verbs, result, warnings);
  return { verbs, result, warnings };
}

function planState(
  wish: UnitWish,
  found: UnitFound,
  missing: boolean,
  verbs: string[],
  result: Record<string, Json>,
  warnings: string[],
): void {
  result.state = wish.state === 'stopped' ? 'stopped' : 'started';
  const active = found.status.ActiveState ?? (missing ? 'inactive' : undefined);
  if (active !== undefined) {
    const verb = stateVerb(wish, active);
    if (verb) verbs.push(verb);
  } else if (found.chroot) {
    warnings.push(
      'systemd is not running here (a chroot, or SYSTEMD_OFFLINE): the state of services cannot be changed',
    );
  } else {
    throw new ModuleError('Service is in unknown state: systemd does not answer on this host', {
      status: found.status,
    });
  }
}

/** A mask is a link where the unit's own file would be, which systemd does not overwrite without `force`. */
function refuseMask({ name, scope, force }: UnitWish, { status }: UnitFound): void {
  const path = status.FragmentPath ?? '';
  if (scope !== 'system' || force || !path.startsWith('/etc/systemd/system/')) return;
  throw new ModuleError(`Unable to mask service ${name}: Failed to mask unit: File ${path} already exists.`);
}

const missingUnit = (name: string) =>
  new ModuleError(`Could not find the requested service ${name}: host`, { name });

/** The verbs as one script; the first that fails ends it and says which. */
export function actScript(wish: UnitWish, verbs: readonly string[]): string {
  const ctl = systemctl(wish);
  const unit = quote(wish.name ?? '');
  return [
    ...(wish.scope === 'system' ? [] : [RUNTIME_DIR]),
    ...verbs.map(
      verb =>
        `e=$(${ctl} ${verb} ${unit} 2>&1) || { rc=$?; echo "Unable to ${verb} service "${unit}": $e" >&2; ${hint(verb, unit)}exit $rc; }`,
    ),
  ].join('\n');
}

/** The last words of a service that would not start are what its author needs to see. */
function hint(verb: string, unit: string): string {
  if (!/start|reload/.test(verb)) return '';
  return `systemctl status --no-pager -n 10 ${unit} >&2 2>/dev/null; `;
}
