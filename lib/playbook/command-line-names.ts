import { UsageError } from '../source/errors.ts';
import { didYouMean } from '../source/suggest.ts';
import { isTemplate } from '../templating/templar.ts';
import { matchesStart, sectionsOf, tasksOf, titleOf } from './listing.ts';
import { eachTask } from './tasks/task-list.ts';
import type { Playbook, Task } from './types.ts';

/** Names on the command line that mean nothing in the playbook: a run that did nothing would look like a good one. */
export function checkCommandLineNames(
  playbook: Playbook,
  { roles, startAtTask }: { readonly roles: readonly string[]; readonly startAtTask: string | undefined },
): void {
  const tasks = playbook.plays.flatMap(play => tasksOf(play));
  checkRoles(playbook, tasks, roles);
  if (startAtTask === undefined || tasks.some(task => matchesStart(task, startAtTask))) return;
  const hint = didYouMean(
    startAtTask,
    tasks.flatMap(task => [titleOf(task), task.name ?? '']),
  );
  throw new UsageError(`--start-at-task: no task is called "${startAtTask}"`, 1, hint);
}

function checkRoles(playbook: Playbook, tasks: readonly Task[], roles: readonly string[]): void {
  const included = tasks
    .filter(task => task.module.name === 'include_role')
    .map(({ args }) => String(args.get('name') ?? args.get('role') ?? ''));
  // A role whose name a template gives, or that tasks of a file include, is known only when it runs.
  const open =
    included.some(isTemplate) || tasks.some(task => task.module.name === 'include_tasks' && !task.role);
  const inBlocks = playbook.plays.flatMap(play => sectionsOf(play).flatMap(nodes => [...eachTask(nodes)]));
  const known = new Set([
    ...playbook.plays.flatMap(play => play.roles.flatMap(role => [role.name, role.fullName])),
    ...inBlocks.flatMap(({ role }) => (role ? [role.name, role.fullName] : [])),
    ...included,
  ]);
  for (const role of roles) {
    if (known.has(role) || open) continue;
    const hint = didYouMean(role, known);
    const list = known.size === 0 ? 'it uses none' : `it uses ${[...known].sort().join(', ')}`;
    throw new UsageError(`--role: the playbook uses no role "${role}"`, 1, hint ?? list);
  }
}

const EVERY = new Set(['all', 'always', 'never', 'tagged', 'untagged']);

/** Tags of the command line that no task has, each with a near one; of included files nobody knows before the run. */
export function unknownTags(
  { plays }: Playbook,
  { tags, skipTags }: { readonly tags: readonly string[]; readonly skipTags: readonly string[] },
): { readonly message: string; readonly hint: string | undefined }[] {
  const tasks = plays.flatMap(play => tasksOf(play));
  if (tasks.some(task => task.module.traits?.brings !== undefined || task.tags.some(isTemplate))) return [];
  const known = new Set(tasks.flatMap(task => task.tags));
  const unknown = (option: string, given: readonly string[]) =>
    given
      .filter(tag => !known.has(tag) && !EVERY.has(tag))
      .map(tag => ({ message: `${option}: no task has the tag "${tag}"`, hint: didYouMean(tag, known) }));
  return [...unknown('--tags', tags), ...unknown('--skip-tags', skipTags)];
}
