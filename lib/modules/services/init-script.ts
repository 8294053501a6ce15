import { escapeRegExp } from '../../source/escape-regexp.ts';
import { ModuleError, quote } from '../kit/define.ts';
import type { Records } from '../kit/reply.ts';

/** A service of an init system other than systemd. */
export interface InitWish {
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
export function initLookScript(wish: InitWish): string {
  const name = quote(wish.name);
  const status = wish.pattern
    ? `ps ax 2>/dev/null | grep -F -- ${quote(wish.pattern)} | grep -v grep >/dev/null && field running`
    : `$status >/dev/null 2>&1 && field running`;
  return `if command -v rc-service >/dev/null 2>&1; then
  field openrc; status="rc-service "${name}" status"
  rc-service -e ${name} 2>/dev/null && field exists
  rc-update show ${quote(wish.runlevel)} 2>/dev/null | grep -qE ${quote(`^ *${escapeRegExp(wish.name)} `)} && field enabled
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
export function planInit(wish: InitWish, found: InitFound): readonly string[] {
  if (!found.exists)
    throw new ModuleError(`Could not find the requested service ${wish.name}: host`, { name: wish.name });
  const name = quote(wish.name);
  const extra = wish.arguments === '' ? '' : ` ${wish.arguments}`;
  const run = (verb: string) =>
    found.manager === 'openrc' ? `rc-service ${name} ${verb}${extra}` : `/etc/init.d/${name} ${verb}${extra}`;
  const boot = (on: boolean) =>
    found.manager === 'openrc'
      ? `rc-update ${on ? 'add' : 'del'} ${name} ${quote(wish.runlevel)}`
      : `if command -v update-rc.d >/dev/null 2>&1; then update-rc.d ${name} ${on ? 'defaults' : 'disable'} && update-rc.d ${name} ${on ? 'enable' : 'disable'}; else chkconfig ${name} ${on ? 'on' : 'off'}; fi`;
  const pause = wish.sleep === undefined ? [] : [`sleep ${wish.sleep}`];
  return [
    ...(wish.enabled !== undefined && wish.enabled !== found.enabled ? [boot(wish.enabled)] : []),
    ...stateCommands(wish, found, run, pause),
  ];
}

function stateCommands(
  wish: InitWish,
  found: InitFound,
  run: (verb: string) => string,
  pause: readonly string[],
): readonly string[] {
  switch (wish.state) {
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
