import type { Result } from '../../modules/kit/define.ts';
import type { ModuleCall } from '../../modules/kit/drive.ts';
import type { Loop } from '../../playbook/types.ts';
import { SourceError } from '../../source/errors.ts';
import { type Json, toJson, toPlain, type Value } from '../../source/value.ts';
import { isTemplate } from '../../templating/templar.ts';
import { ConnectionError } from '../../transport/connection.ts';
import type { Included } from '../control/control.ts';
import { type CallOutcome, runCalls, sleep, TimeLimitError } from '../module-call/run-module.ts';
import type { Scope } from '../scope.ts';
import { keywordNumber } from './keyword.ts';
import { itemsAreIndependent, loopItems, loopVars } from './loops.ts';
import { digestOf } from './recall.ts';
import {
  isCall,
  judgeItem,
  openChannel,
  prepare,
  recall,
  runItem,
  settle,
  skippedResult,
} from './run-item.ts';
import {
  failureOf,
  type Item,
  isSecret,
  keyword,
  keywordOr,
  scopeOf,
  shown,
  statusOf,
  type TaskRun,
} from './task-context.ts';
import { allHold, loopResult } from './verdict.ts';

export async function runLoop(
  run: TaskRun,
  scope: Scope,
  included: Included[],
  onDelegate: (host: string) => void,
): Promise<Result> {
  const { task, playRun } = run;
  const { templar } = playRun.run;
  const loop = named(run, task.loop!, scope);
  let values: Value[];
  try {
    values = loopItems(templar, loop, task.moduleName, scope);
  } catch (error) {
    // A loop that can't be evaluated is not a mistake when the task would be skipped anyway.
    if (error instanceof SourceError && conditionIsFalse(run, scope)) return skippedResult(run, scope);
    throw error;
  }
  const extended = loop.extended !== undefined && keyword(run, loop.extended, scope, false);
  const items = values.map((value, index): Item => {
    const vars = loopVars(loop, values, index, extended);
    return { vars, scope: scopeOf(run, vars), value, delegate: undefined };
  });
  const results: Result[] = [];
  const report = (item: Item, result: Result) => {
    const named: Result = {
      ...result,
      [loop.loopVar]: toJson(item.value!),
      ansible_loop_var: loop.loopVar,
      ...(loop.indexVar !== undefined && {
        [loop.indexVar]: results.length,
        ansible_index_var: loop.indexVar,
      }),
    };
    results.push(named);
    emitItem(run, item, named);
  };
  if (canTravelTogether(run)) await runTogether(run, items, report);
  else await runOneByOne(run, items, report, included, onDelegate);
  return loopResult(results);
}

/** `loop_var` and `index_var` may be templates, as where one file is included for loops of many names. */
function named(run: TaskRun, loop: Loop, scope: Scope): Loop {
  const name = (text: string) =>
    isTemplate(text) ? String(toPlain(run.playRun.run.templar.render(text, scope, run.task.at))) : text;
  return {
    ...loop,
    loopVar: name(loop.loopVar),
    indexVar: loop.indexVar === undefined ? undefined : name(loop.indexVar),
  };
}

export const conditionIsFalse = (run: TaskRun, scope: Scope): boolean => {
  try {
    return !allHold(run.task.when, run.playRun.run.templar, scope);
  } catch {
    return false;
  }
};

function canTravelTogether({ task, playRun }: TaskRun): boolean {
  const { module } = task;
  if (module.kind === 'control' || task.delegateTo || task.timeout) return false;
  return (module.kind === 'state' || module.batch === true) && itemsAreIndependent(task, playRun.run.templar);
}

async function runOneByOne(
  run: TaskRun,
  items: readonly Item[],
  report: (item: Item, result: Result) => void,
  included: Included[],
  onDelegate: (host: string) => void,
): Promise<void> {
  const loop = run.task.loop!;
  const { signal, templar } = run.playRun.run;
  for (const [index, item] of items.entries()) {
    if (index > 0 && loop.pause)
      await sleep(keywordNumber(templar, loop.pause, item.scope, 0) * 1000, signal);
    if (signal.aborted) throw new TimeLimitError('interrupted');
    let result: Result;
    const brought: Included[] = [];
    try {
      result = await runItem(run, item, brought, onDelegate);
    } catch (error) {
      result = failureOf(run, error);
    }
    included.push(...brought.map(one => ({ ...one, item: labelOf(run, item) })));
    report(item, result);
    if (loop.breakWhen && allHold([loop.breakWhen], templar, item.scope)) break;
  }
}

/** Prepares all items, sends all their requests at once, then judges them in order. */
async function runTogether(
  run: TaskRun,
  items: readonly Item[],
  report: (item: Item, result: Result) => void,
): Promise<void> {
  const prepared = await Promise.all(items.map(item => prepareOrRecall(run, item)));
  const calls = prepared.filter(isCall);
  let outcomes: CallOutcome[] = [];
  if (calls.length > 0) outcomes = await runCalls(calls, await openChannel(run, items[0]!));
  let next = 0;
  for (const [index, item] of items.entries()) {
    const p = prepared[index]!;
    const raw = isCall(p) ? settle(run, outcomes[next++]!) : p;
    report(item, judgeItem(run, item, raw));
  }
}

async function prepareOrRecall(run: TaskRun, item: Item): Promise<ModuleCall | Result> {
  try {
    const prepared = prepare(run, item);
    return (isCall(prepared) && (await recall(run, item, prepared))) || prepared;
  } catch (error) {
    if (error instanceof ConnectionError) throw error;
    return failureOf(run, error);
  }
}

function emitItem(run: TaskRun, item: Item, result: Result): void {
  const { task, playRun, info, host } = run;
  const status = statusOf(result);
  // Included tasks are announced once for all hosts.
  if (result['include'] !== undefined && status === 'ok') return;
  const shownResult = shown(run, result, item.vars);
  const digest = digestOf(run, item, result);
  playRun.run.emit({
    type: 'item',
    task: info,
    host,
    ...(item.delegate !== undefined && { delegate: item.delegate }),
    status: item.takenOver && status === 'changed' ? 'ok' : status,
    ignored: status === 'failed' && keywordOr(run, task.ignoreErrors, false),
    result: shownResult,
    item: labelOf(run, item),
    elapsedMs: 0,
    ...(digest !== undefined && { digest }),
    ...(item.takenOver && { takenOver: true }),
  });
}

/** The label of an item in reports. */
function labelOf(run: TaskRun, item: Item): Json {
  const { task, playRun } = run;
  if (isSecret(run, item.vars)) return '(censored due to no_log)';
  if (task.loop?.label) {
    const { value, at } = task.loop.label;
    try {
      return run.secrecy.mask(toJson(playRun.run.templar.render(value, item.scope, at)));
    } catch (error) {
      if (!(error instanceof SourceError)) throw error;
    }
  }
  return run.secrecy.mask(toJson(item.value!));
}
