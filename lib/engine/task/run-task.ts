import type { Result } from '../../modules/kit/define.ts';
import type { Task } from '../../playbook/types.ts';
import { SourceError } from '../../source/errors.ts';
import type { Dict } from '../../source/value.ts';
import { ConnectionError } from '../../transport/connection.ts';
import type { Included } from '../control/control.ts';
import type { Status, TaskInfo } from '../events.ts';
import { noteRole } from '../play/select.ts';
import { hostState, type PlayRun } from '../run.ts';
import type { Scope } from '../scope.ts';
import { digestOf, earlierOf, noteDrift, notifies, withEarlierChange } from './recall.ts';
import { runItem } from './run-item.ts';
import { conditionIsFalse, runLoop } from './run-loop.ts';
import { Secrecy } from './secrecy.ts';
import {
  failureOf,
  hintOf,
  type Item,
  isSecret,
  keyword,
  keywordOr,
  scopeOf,
  statusOf,
  type TaskRun,
} from './task-context.ts';
import { resultValue } from './verdict.ts';

/** The end of one task on one host. */
export interface TaskVerdict {
  readonly status: Status;
  readonly ignored: boolean;
  readonly result: Result;
  /** The part of the result that events may show. */
  readonly shown: Result;
  readonly delegate?: string;
  /** Ids of the handlers that it notifies now. */
  readonly notifies: ReadonlySet<string> | 'all';
  readonly digest?: string;
  readonly takenOver?: true;
  /** Task lists that a dynamic include brought, one per item. */
  readonly included: readonly Included[];
  readonly elapsedMs: number;
}

/** Runs a task on one host. A mistake of a playbook or host is a verdict, never an exception. */
export async function runTask(
  playRun: PlayRun,
  task: Task,
  info: TaskInfo,
  host: string,
  frames: readonly Dict[],
): Promise<TaskVerdict> {
  const start = playRun.run.now();
  const state = hostState(playRun.run, host);
  const used = new Set<string>();
  const { options } = playRun.run;
  let run: TaskRun = {
    playRun,
    task,
    info,
    host,
    state,
    frames,
    used,
    checkMode: options.checkMode,
    diffMode: options.diffMode,
    secrecy: new Secrecy(),
    earlier: earlierOf(playRun, task, info, host),
    calls: { made: 0, takenOver: 0 },
  };
  const included: Included[] = [];
  let result: Result;
  let delegate: string | undefined;
  let digest: string | undefined;
  try {
    const scope = scopeOf(run, new Map());
    run = withModes(run, scope);
    if (task.loop) result = await runLoop(run, scope, included, d => (delegate = d));
    else {
      const item: Item = { vars: new Map(), scope, value: undefined, delegate: undefined };
      result = await runItem(run, item, included, d => (delegate = d));
      isSecret(run);
      digest = digestOf(run, item, result);
    }
  } catch (error) {
    result =
      error instanceof ConnectionError
        ? { changed: false, unreachable: true, msg: error.message, ...hintOf(error) }
        : failureOf(run, error);
  }
  const elapsedMs = playRun.run.now() - start;
  const takenOver = run.calls.made > 0 && run.calls.takenOver === run.calls.made;
  const status = ownStatus(result, takenOver);
  result = withEarlierChange(run, result, status);
  register(run, result);
  if (!run.secrecy.asked) isSecret(run);
  const shown = run.secrecy.shown(result);
  const extra = {
    shown,
    ...(delegate !== undefined && { delegate }),
    included,
    elapsedMs,
    notifies: notifies(run, status),
    ...(digest !== undefined && { digest }),
    ...(takenOver && { takenOver }),
  };
  if (result.unreachable) {
    const ignored = keywordOr(run, task.ignoreUnreachable, false);
    return { status: 'unreachable', ignored, result, ...extra };
  }
  noteDrift(run, status);
  const ignored = status === 'failed' && keywordOr(run, task.ignoreErrors, false);
  if (status !== 'skipped') noteRole(playRun, task, host);
  // A task with `check_mode: true` in a real run is judged by the host as it is.
  if (status === 'changed' && run.checkMode && playRun.run.options.checkMode) state.predictedChange = true;
  return { status, ignored, result, ...extra };
}

/** The modes that the task asks for. A mistake in them does not count when its condition is false. */
function withModes(run: TaskRun, scope: Scope): TaskRun {
  const { task } = run;
  const { options } = run.playRun.run;
  try {
    return {
      ...run,
      checkMode: keyword(run, task.checkMode, scope, options.checkMode),
      diffMode: keyword(run, task.diff, scope, options.diffMode),
    };
  } catch (error) {
    if (error instanceof SourceError && !task.loop && conditionIsFalse(run, scope)) return run;
    throw error;
  }
}

/** What this run did: it changed nothing if it took all results over. */
function ownStatus(result: Result, takenOver: boolean): Status {
  const status = statusOf(result);
  return takenOver && status === 'changed' ? 'ok' : status;
}

function register(run: TaskRun, result: Result): void {
  const { task, state } = run;
  if (task.register === undefined) return;
  state.set(task.register, resultValue(task.module, result));
  if (run.checkMode && result.unknown !== undefined) state.unknown.set(task.register, run.info.name);
}
