import { emptyRecord } from '../../source/record.ts';
import type { Json } from '../../source/value.ts';
import { ModuleError, quote } from '../kit/define.ts';
import type { Records } from '../kit/reply.ts';

/** What is wanted of a unit. */
export interface UnitRequest {
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
export function systemctl(request: UnitRequest): string {
  const flags = [
    ...(request.scope === 'system' ? [] : [`--${request.scope}`]),
    ...(request.noBlock ? ['--no-block'] : []),
    ...(request.force ? ['--force'] : []),
  ];
  return ['systemctl', ...flags].join(' ');
}

const RUNTIME_DIR = `[ -n "$XDG_RUNTIME_DIR" ] || export XDG_RUNTIME_DIR=/run/user/$(id -u)`;

/** Reloads systemd's own configuration if asked for, then reads the unit. */
export function lookScript(request: UnitRequest, checkMode: boolean): string {
  const ctl = systemctl(request);
  const reload = (verb: string) =>
    `e=$(${ctl} ${verb} 2>&1) || { rc=$?; echo "failure $rc during ${verb}: $e" >&2; exit 97; }`;
  const name = request.name;
  return [
    'command -v systemctl >/dev/null 2>&1 || exit 96',
    ...(request.scope === 'system' ? [] : [RUNTIME_DIR]),
    ...(request.daemonReload && !checkMode ? [reload('daemon-reload')] : []),
    ...(request.daemonReexec && !checkMode ? [reload('daemon-reexec')] : []),
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

function stateVerb(request: UnitRequest, active: string): string | undefined {
  const running = RUNNING.has(active);
  switch (request.state) {
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
export function planUnit(request: UnitRequest, found: UnitFound, checkMode: boolean): UnitPlan {
  const name = request.name;
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
  if (request.masked !== undefined && request.masked !== (firstWord(found.enabledText) === 'masked')) {
    if (request.masked) refuseMask(request, found);
    verbs.push(request.masked ? 'mask' : 'unmask');
  }
  if (missing && (request.enabled !== undefined || request.state !== undefined)) {
    if (!checkMode || request.enabled === false || request.state === 'stopped') throw missingUnit(name);
    // In a dry run the task that brings the unit has not really run.
    warnings.push(`${missingUnit(name).message}; in a real run an earlier task may have brought it`);
  }
  if (request.enabled !== undefined) {
    if (isEnabled(found) !== request.enabled) verbs.push(request.enabled ? 'enable' : 'disable');
    result.enabled = request.enabled;
  }
  if (request.state !== undefined) planState(request, found, missing, verbs, result, warnings);
  return { verbs, result, warnings };
}

function planState(
  request: UnitRequest,
  found: UnitFound,
  missing: boolean,
  verbs: string[],
  result: Record<string, Json>,
  warnings: string[],
): void {
  result.state = request.state === 'stopped' ? 'stopped' : 'started';
  const active = found.status.ActiveState ?? (missing ? 'inactive' : undefined);
  if (active !== undefined) {
    const verb = stateVerb(request, active);
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
function refuseMask({ name, scope, force }: UnitRequest, { status }: UnitFound): void {
  const path = status.FragmentPath ?? '';
  if (scope !== 'system' || force || !path.startsWith('/etc/systemd/system/')) return;
  throw new ModuleError(`Unable to mask service ${name}: Failed to mask unit: File ${path} already exists.`);
}

const missingUnit = (name: string) =>
  new ModuleError(`Could not find the requested service ${name}: host`, { name });

/** The verbs as one script; the first that fails ends it and says which. */
export function actScript(request: UnitRequest, verbs: readonly string[]): string {
  const ctl = systemctl(request);
  const unit = quote(request.name ?? '');
  return [
    ...(request.scope === 'system' ? [] : [RUNTIME_DIR]),
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
