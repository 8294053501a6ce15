import type { Static } from 'typebox';
import { A, Type } from '../kit/arguments.ts';
import { defineAction, type ModuleContext, ModuleError, type Result, type Steps, sh } from '../kit/define.ts';
import { ask } from '../kit/reply.ts';
import { actScript, lookScript, parseLook, planUnit, type UnitRequest } from './systemctl.ts';

/** What only systemd knows; `service` hands it on. */
export const unitArgs = {
  masked: A.opt(A.bool('Whether the unit is masked, so that nothing can start it.')),
  force: A.bool('Overwrite symbolic links that are in the way.', { default: false }),
  daemon_reload: A.bool('Let systemd read its unit files again first.', {
    default: false,
    aliases: ['daemon-reload'],
  }),
  daemon_reexec: A.bool('Let systemd start itself again first.', {
    default: false,
    aliases: ['daemon-reexec'],
  }),
  scope: A.choice(
    ['system', 'user', 'global'],
    'The systemd of the system, of the user, or the settings of all users.',
    {
      default: 'system',
    },
  ),
  no_block: A.bool('Do not wait until the state is reached.', { default: false }),
};

const args = Type.Object({
  name: A.opt(
    A.str('Name of the unit; without a suffix a service is meant.', { aliases: ['service', 'unit'] }),
  ),
  state: A.opt(A.choice(['reloaded', 'restarted', 'started', 'stopped'], 'State wanted now.')),
  enabled: A.opt(A.bool('Whether the unit starts at boot.')),
  ...unitArgs,
});

type Args = Static<typeof args>;

function requestOf(args: Args): UnitRequest {
  const glob = /[*?[]/.exec(args.name ?? '');
  if (glob)
    throw new ModuleError(
      `This module does not currently support using glob patterns, found '${glob[0]}' in service name: ${args.name}`,
    );
  if (args.name === undefined && (args.state ?? args.enabled ?? args.masked) !== undefined)
    throw new ModuleError('missing parameter(s) required by state, enabled or masked: name');
  return unitRequest(args);
}

/** What is wanted of a unit, by the arguments that `systemd` and `service` share. */
export const unitRequest = (args: Args): UnitRequest => ({
  name: args.name,
  state: args.state,
  enabled: args.enabled,
  masked: args.masked,
  force: args.force,
  daemonReload: args.daemon_reload,
  daemonReexec: args.daemon_reexec,
  scope: args.scope,
  noBlock: args.no_block,
});

/** Looks at the unit and brings it to what is wanted: one request when nothing is to do, two otherwise. */
export function* manageUnit(request: UnitRequest, ctx: ModuleContext): Steps<Result> {
  const found = parseLook(yield* ask(lookScript(request, ctx.checkMode)));
  return yield* actOnUnit(request, found, ctx);
}

/** The second half of `manageUnit`, for callers that looked already. */
export function* actOnUnit(
  request: UnitRequest,
  found: ReturnType<typeof parseLook>,
  ctx: ModuleContext,
): Steps<Result> {
  const plan = planUnit(request, found, ctx.checkMode);
  if (plan.verbs.length > 0 && !ctx.checkMode) {
    const reply = yield* sh(actScript(request, plan.verbs), { live: true });
    if (reply.rc !== 0 || reply.timedOut)
      throw new ModuleError(reply.stderr.trim() || `systemctl did not finish: exit code ${reply.rc}`, {
        ...plan.result,
      });
  }
  return {
    changed: plan.verbs.length > 0,
    ...plan.result,
    ...(plan.warnings.length > 0 && { warnings: plan.warnings }),
  };
}

export const systemd = defineAction({
  name: 'systemd',
  aliases: ['systemd_service', 'ansible.builtin.systemd_service'],
  summary: 'Starts, stops, enables and masks systemd units.',
  examples: `
- name: Reload the units, and restart the exporter
  systemd: {name: postgres-exporter, state: restarted, daemon_reload: true}
`,
  args,
  returns: {
    status: 'What `systemctl show` said before the change, by property.',
    enabled: 'Whether the unit starts at boot now.',
    state: 'started or stopped.',
  },
  differences: [
    'A dry run that starts or enables a unit which does not exist yet warns and predicts a change; it does not fail.',
    'When a unit does not start, its status and last messages are part of the error.',
    'Masking that systemd refuses (a unit file in /etc is in the way) fails; Ansible passes over it.',
  ],
  run: (args, ctx) => manageUnit(requestOf(args), ctx),
  check: (args, ctx) => manageUnit(requestOf(args), ctx),
});
