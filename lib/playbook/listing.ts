import { SourceError } from '../source/errors.ts';
import { fnmatch } from '../source/fnmatch.ts';
import { didYouMean } from '../source/suggest.ts';
import { isTemplate } from '../templating/templar.ts';
import { isSelected, type TagChoice } from './tags.ts';
import { eachTask, handlersOf } from './tasks/task-list.ts';
import type { Play, Playbook, Task, TaskNode } from './types.ts';

const ALL: TagChoice = { only: ['all', 'never'], skip: [] };

/** Sections of a play in the order they run. */
export function sectionsOf(play: Play): readonly (readonly TaskNode[])[] {
  return [play.preTasks, play.roleTasks, play.tasks, play.postTasks];
}

/** Tasks of a play in the order they run, as far as they are known before the run. */
export function tasksOf(play: Play, choice: TagChoice = ALL): Task[] {
  const all = sectionsOf(play).flatMap(section => [...eachTask(section)]);
  return all.filter(task => isSelected(task.tags, choice));
}

/** What people see as the task's title: `role : name`, the module where it has no name. */
export function titleOf(task: Task): string {
  if (task.module.traits?.brings === 'role') return task.name ?? `${task.moduleName} : ${roleAsked(task)}`;
  const name = task.name ?? task.moduleName;
  return task.role ? `${task.role.fullName} : ${name}` : name;
}

const roleAsked = ({ args }: Task) => String(args.get('name') ?? args.get('role') ?? '');

/** True when `--start-at-task PATTERN` means this task: by its name, or by `role : name`. */
export function matchesStart(task: Task, pattern: string): boolean {
  const glob = fnmatch(pattern);
  const title = titleOf(task);
  return (
    title === pattern ||
    glob.test(title) ||
    (task.name !== undefined && (task.name === pattern || glob.test(task.name)))
  );
}

/**
 * Mistakes that show only when something is notified: handlers that nobody defines. Plays that include roles while
 * they run may get handlers from them, so nothing is said of those.
 */
export function missingHandlers(playbook: Playbook): SourceError[] {
  return playbook.plays.flatMap(play => {
    const tasks = [...sectionsOf(play), play.handlers].flatMap(nodes => [...eachTask(nodes)]);
    if (tasks.some(task => task.module.traits?.brings !== undefined)) return [];
    const known = new Set(
      handlersOf(play.handlers).flatMap(handler => [
        handler.name,
        ...(handler.kind === 'task' ? [titleOf(handler)] : []),
        ...handler.listen,
      ]),
    );
    const names = [...known].filter(name => name !== undefined);
    if (names.some(isTemplate)) return [];
    return tasks.flatMap(task =>
      task.notify
        .filter(({ value }) => typeof value === 'string' && !isTemplate(value) && !known.has(value))
        .map(
          ({ value, at }) =>
            new SourceError(
              'BAD_VALUE',
              `no handler is called "${String(value)}" or listens to it`,
              at,
              didYouMean(String(value), names),
            ),
        ),
    );
  });
}
