import { escapeRegExp } from '../../source/escape-regexp.ts';
import { ModuleError, quote } from '../kit/define.ts';
import type { Records } from '../kit/reply.ts';
import { quotedWords } from '../kit/sh.ts';

/** A service of an init system other than systemd. */
export interface InitRequest {
  readonly name: string;
  readonly state: 'reloaded' | 'restarted' | 'started' | 'stopped' | undefined;
  readonly enabled: boolean | undefined;
  readonly runlevel: string;
  readonly arguments: string;
  readonly pattern: string | undefined;
  readonly sleep: number | undefined;
}

export interface InitFound {
  readonly manager: 'openrc' | 'sysvinit';
  readonly exists: boolean;
  readonly running: boolean;
  readonly enabled: boolean;
}

/** Reads the service; needs nothing but the init system's own programs. */
export function initLookScript(request: InitRequest): string {
  const name = quote(request.name);
  const status = request.pattern
    ? `ps ax 2>/dev/null | grep -F -- ${quote(request.pattern)} | grep -v grep >/dev/null && field running`
    : `$status >/dev/null 2>&1 && field running`;
  return `if command -v rc-service >/dev/null 2>&1; then
  field openrc; status="rc-service "${name}" status"
  rc-service -e ${name} 2>/dev/null && field exists
  rc-update show ${quote(request.runlevel)} 2>/dev/null | grep -qE ${quote(`^ *${escapeRegExp(request.name)} `)} && field enabled
else
  field sysvinit; status="/etc/init.d/"${name}" status"
  [ -x /etc/init.d/${name} ] && field exists
  ls /etc/rc[2345].d/S[0-9][0-9]${name} /etc/rc.d/rc[2345].d/S[0-9][0-9]${name} 2>/dev/null | grep -q . && field enabled
fi
${status}
:`;
}

export function parseInitLook(found: Records): InitFound {
  return {
    manager: found.has('openrc') ? 'openrc' : 'sysvinit',
    exists: found.has('exists'),
    running: found.has('running'),
    enabled: found.has('enabled'),
  };
}

/** Commands that bring the service to what is wanted, none when it is. Pure. */
export function planInit(request: InitRequest, found: InitFound): readonly string[] {
  if (!found.exists)
    throw new ModuleError(`Could not find the requested service ${request.name}: host`, {
      name: request.name,
    });
  const name = quote(request.name);
  const extra = request.arguments === '' ? '' : ` ${quotedWords(request.arguments)}`;
  const run = (verb: string) =>
    found.manager === 'openrc' ? `rc-service ${name} ${verb}${extra}` : `/etc/init.d/${name} ${verb}${extra}`;
  const boot = (on: boolean) =>
    found.manager === 'openrc'
      ? `rc-update ${on ? 'add' : 'del'} ${name} ${quote(request.runlevel)}`
      : `if command -v update-rc.d >/dev/null 2>&1; then update-rc.d ${name} ${on ? 'defaults' : 'disable'} && update-rc.d ${name} ${on ? 'enable' : 'disable'}; else chkconfig ${name} ${on ? 'on' : 'off'}; fi`;
  const pause = request.sleep === undefined ? [] : [`sleep ${request.sleep}`];
  return [
    ...(request.enabled !== undefined && request.enabled !== found.enabled ? [boot(request.enabled)] : []),
    ...stateCommands(request, found, run, pause),
  ];
}

function stateCommands(
  request: InitRequest,
  found: InitFound,
  run: (verb: string) => string,
  pause: readonly string[],
): readonly string[] {
  switch (request.state) {
    case 'started':
      return found.running ? [] : [run('start')];
    case 'stopped':
      return found.running ? [run('stop')] : [];
    case 'restarted':
      return found.running ? [run('stop'), ...pause, run('start')] : [run('start')];
    case 'reloaded':
      return [run(found.running ? 'reload' : 'start')];
    default:
      return [];
  }
}
