import type { Result } from '../../modules/kit/define.ts';
import type { ModuleCall } from '../../modules/kit/drive.ts';
import type { Task } from '../../playbook/types.ts';
import { jsonText } from '../../source/json.ts';
import type { Earlier } from '../earlier-run.ts';
import type { Status, TaskInfo } from '../events.ts';
import type { Channel } from '../module-call/run-module.ts';
import type { PlayRun } from '../run.ts';
import type { Item, TaskRun } from './task-context.ts';

/** What an earlier run says of the task that a host has reached. */
export function earlierOf({ run }: PlayRun, task: Task, info: TaskInfo, host: string): Earlier | undefined {
  if (!run.earlier) return undefined;
  return info.handler
    ? run.earlier.ofHandler(host, info.id)
    : run.earlier.of(host, info.id, task.module.kind === 'control');
}

/**
 * Notes which command this is, for a run that continues this one, and gives the result that an earlier run noted for
 * the same command, if the host is as that run left it. Modules are not recalled: they look at the host again, or, as
 * the lock of a cluster does, hold something while the run lasts.
 */
export async function recalled(
  run: TaskRun,
  item: Item,
  { module, args }: ModuleCall,
  env: Readonly<Record<string, string>>,
  open: () => Promise<Channel>,
): Promise<Result | undefined> {
  run.calls.made++;
  const { sum } = run.playRun.run;
  if (!sum || !isCommand(run)) return undefined;
  item.digest = sum(jsonText([module.name, args, item.delegate ?? null, env]));
  return takenOver(run, item, run.earlier?.take(item.digest), open);
}

/** The result of a command whose condition does not hold any more, because it was carried out before. */
export async function doneBefore(
  run: TaskRun,
  item: Item,
  open: () => Promise<Channel>,
): Promise<Result | undefined> {
  // A file that is included several times brings its tasks again; only their arguments tell them apart.
  if (!isCommand(run) || run.task.loop || run.task.id.includes('>')) return undefined;
  const [digest, known] = run.earlier?.takeOnly() ?? [];
  const result = await takenOver(run, item, known, open);
  if (result && digest !== undefined) {
    item.digest = digest;
    run.calls.made++;
  }
  return result;
}

async function takenOver(
  run: TaskRun,
  item: Item,
  known: Result | undefined,
  open: () => Promise<Channel>,
): Promise<Result | undefined> {
  if (!known) return undefined;
  const { connection } = await open();
  const isAsLeft = await run.playRun.run.earlier!.isAsLeft(run.host, connection, run.earlier!.lastAnswer);
  if (!isAsLeft) return undefined;
  run.calls.takenOver++;
  item.takenOver = true;
  return known;
}

/** Commands can't tell whether their work is done; a script may have changed by now. */
function isCommand({ task, checkMode }: TaskRun): boolean {
  const { takes, reads } = task.module.traits ?? {};
  return takes === 'command' && !reads && !task.async && !checkMode;
}

/** The digest under which a later run finds the result: only for work that was done and is whole in the journal. */
export function digestOf({ secrecy }: TaskRun, { digest }: Item, result: Result): string | undefined {
  const isWork = result.changed && !result.failed;
  return isWork && !secrecy.hidden && !secrecy.hidesDiff ? digest : undefined;
}

/** The result when the earlier run made the change that this one finds done: it counts the work of both runs. */
export function withEarlierChange({ earlier, task }: TaskRun, result: Result, status: Status): Result {
  if (!earlier?.changed || status !== 'ok' || result.skipped || result.unreachable) return result;
  // An interrupted task is unknown; its author's `changed_when` stands.
  const mayHave = task.module.kind === 'state' && !task.changedWhen;
  return earlier.finished || mayHave ? { ...result, changed: true } : result;
}

/** Which of its handlers a task notifies: all after a change, else those that an earlier change still waits for. */
export function notifies({ earlier }: TaskRun, status: Status): ReadonlySet<string> | 'all' {
  if (status === 'changed') return 'all';
  return status === 'failed' || status === 'unreachable' ? NONE : (earlier?.owed ?? NONE);
}

const NONE: ReadonlySet<string> = new Set();

/** A finished task that finds something to change shows that the host is not as the earlier run left it. */
export function noteDrift({ earlier, playRun, host, task, info }: TaskRun, status: Status): void {
  if (!earlier?.finished || status !== 'changed' || task.module.kind !== 'state') return;
  playRun.run.earlier!.leave(host, `"${info.name}" found something to change again`);
}
