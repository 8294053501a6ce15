import type { Static } from 'typebox';
import { A, Type } from '../kit/arguments.ts';
import { defineAction, type ModuleContext, ModuleError, type Result, type Steps, sh } from '../kit/define.ts';
import { ask } from '../kit/reply.ts';
import { type InitRequest, initLookScript, parseInitLook, planInit } from './init-script.ts';
import { lookScript, parseLook, type UnitRequest } from './systemctl.ts';
import { actOnUnit, unitArgs, unitRequest } from './systemd.ts';

const args = Type.Object({
  name: A.opt(A.str('Name of the service.')),
  state: A.opt(A.choice(['reloaded', 'restarted', 'started', 'stopped'], 'State wanted now.')),
  enabled: A.opt(A.bool('Whether the service starts at boot.')),
  pattern: A.opt(A.str('Text to look for in the process list when an init script knows no status.')),
  sleep: A.opt(A.int('Seconds between stop and start of a restart; init scripts only.')),
  runlevel: A.str('OpenRC run level.', { default: 'default' }),
  arguments: A.str('Further words for the init script.', { default: '', aliases: ['args'] }),
  use: A.str('Service manager to use instead of the one found: systemd, sysvinit or openrc.', {
    default: 'auto',
  }),
  // Ansible's module of this name hands these on, too, and refuses them where another init system runs.
  ...unitArgs,
});

type Args = Static<typeof args>;

const SYSTEMD = '[ -d /run/systemd/system ] && command -v systemctl >/dev/null 2>&1';

/** One script for whichever service manager the host has. */
function script(args: Args, unit: UnitRequest, init: InitRequest, ctx: ModuleContext): string {
  const known = args.use === 'auto' ? ctx.fact('service_mgr') : args.use;
  if (known === 'systemd') return `field systemd\n${lookScript(unit, ctx.checkMode)}`;
  if (known === 'sysvinit' || known === 'openrc') return `${initLookScript(init)}`;
  return `if ${SYSTEMD}; then field systemd\n${lookScript(unit, ctx.checkMode)}\nelse\n${initLookScript(init)}\nfi`;
}

function* work(args: Args, ctx: ModuleContext): Steps<Result> {
  const unit = unitRequest(args);
  const init: InitRequest = {
    name: args.name ?? '',
    state: args.state,
    enabled: args.enabled,
    runlevel: args.runlevel,
    arguments: args.arguments,
    pattern: args.pattern,
    sleep: args.sleep,
  };
  const records = yield* ask(script(args, unit, init, ctx));
  if (records.has('systemd')) return yield* actOnUnit(unit, parseLook(records), ctx);
  if (args.name === undefined || args.masked !== undefined || args.daemon_reload || args.daemon_reexec)
    throw new ModuleError(
      'name is needed here, and masked and daemon_* do not exist: this host has no systemd',
    );
  return yield* withInitScript(init, records, ctx);
}

function* withInitScript(
  request: InitRequest,
  reply: Parameters<typeof parseInitLook>[0],
  ctx: ModuleContext,
): Steps<Result> {
  const commands = planInit(request, parseInitLook(reply));
  for (const command of ctx.checkMode ? [] : commands) {
    const done = yield* sh(command, { live: true });
    if (done.rc !== 0)
      throw new ModuleError(
        `${command} failed: ${done.stderr.trim() || done.stdout.trim() || `exit code ${done.rc}`}`,
        {
          name: request.name,
          rc: done.rc,
          stdout: done.stdout,
          stderr: done.stderr,
        },
      );
  }
  return {
    changed: commands.length > 0,
    name: request.name,
    ...(request.state !== undefined && { state: request.state === 'stopped' ? 'stopped' : 'started' }),
    ...(request.enabled !== undefined && { enabled: request.enabled }),
  };
}

export const service = defineAction({
  name: 'service',
  summary: 'Starts, stops and enables services, whatever the init system.',
  examples: `
- name: Start the pool, now and at each boot
  service: {name: pgbouncer, state: started, enabled: true}
`,
  args,
  rules: { requiredOneOf: [['name', 'daemon_reload', 'daemon_reexec']] },
  returns: {
    state: 'started or stopped.',
    enabled: 'Whether the service starts at boot now.',
    status: 'What `systemctl show` said before the change, on hosts with systemd.',
  },
  differences: [
    'Besides systemd, OpenRC and init scripts (SysV) are known; upstart, BSD and Solaris are not.',
  ],
  run: work,
  check: work,
});
