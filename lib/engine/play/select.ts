import { matchesStart } from '../../playbook/listing.ts';
import { rolesUp } from '../../playbook/search.ts';
import { isSelected } from '../../playbook/tags.ts';
import type { RoleInstance, Task } from '../../playbook/types.ts';
import { hostState, type PlayRun } from '../run.ts';

/** Whether a task is to run at all: tags, `--role`, `--start-at-task` and ended roles decide, before any condition. */
export function selects(playRun: PlayRun, task: Task, host: string): boolean {
  const { options } = playRun.run;
  const tagged = () => isSelected(task.tags, { only: options.tags, skip: options.skipTags });
  const chain = rolesUp(task.role);
  if (chain.some(role => playRun.endedRoles.has(`${host}\0${role.path}`))) return false;
  if (ranAlready(playRun, task, host)) return false;
  if (task.implicit === 'facts') {
    const known = options.defaults.gathering === 'smart' && hostState(playRun.run, host).factsGathered;
    return !known && tagged();
  }
  if (!started(playRun, task, host)) return false;
  if (!tagged()) return false;
  // Tasks tagged `always` find out what the others build on, so a run of one role keeps them.
  if (options.roles.length === 0 || task.module.traits?.steers || task.tags.includes('always')) return true;
  return (
    chain.some(role => options.roles.includes(role.name) || options.roles.includes(role.fullName)) ||
    opensRole(playRun, task)
  );
}

/** A role of `roles:` that has run to its end is not run again with the same parameters. */
function ranAlready(playRun: PlayRun, task: Task, host: string): boolean {
  const { role } = task;
  if (!role || role.allowDuplicates) return false;
  const done = playRun.rolesDone.get(host)?.get(role.key);
  return done !== undefined && done !== role;
}

/** Notes that a role has done something on a host, for roles that come again. */
export function noteRole({ rolesDone }: PlayRun, { role }: Task, host: string): void {
  if (!role) return;
  const done = rolesDone.get(host) ?? new Map<string, RoleInstance>();
  rolesDone.set(host, done);
  if (!done.has(role.key)) done.set(role.key, role);
}

/** `--role x` must enter the include that brings the role. */
function opensRole(playRun: PlayRun, task: Task): boolean {
  const name = task.args.get('name') ?? task.args.get('role');
  return (
    task.module.traits?.brings === 'role' &&
    typeof name === 'string' &&
    (name.includes('{{') || playRun.run.options.roles.includes(name))
  );
}

function started(playRun: PlayRun, task: Task, host: string): boolean {
  const { startAtTask } = playRun.run.options;
  if (startAtTask === undefined) return true;
  const state = hostState(playRun.run, host);
  if (!state.started && matchesStart(task, startAtTask)) state.started = true;
  return state.started;
}
