import type { FileDiff, Module, Ran, Result } from '../../modules/kit/define.ts';
import type { Authored, Task } from '../../playbook/types.ts';
import { SourceError } from '../../source/errors.ts';
import { isObject, parseJson } from '../../source/json.ts';
import { fromHost } from '../../source/unsafe.ts';
import { type Json, toPlain, type Value } from '../../source/value.ts';
import type { Templar } from '../../templating/templar.ts';
import type { Scope } from '../scope.ts';

/** True when every condition holds; each sees the variables at this moment. */
export function allHold(conditions: readonly Authored[], templar: Templar, scope: Scope): boolean {
  return conditions.every(({ value, at }) => templar.test(value, scope, at));
}

/** The first condition that does not hold, as its author wrote it. */
export function firstFalse(
  conditions: readonly Authored[],
  templar: Templar,
  scope: Scope,
): Json | undefined {
  for (const { value, at } of conditions) {
    for (const part of Array.isArray(value) ? value : [value]) {
      if (!templar.test(part, scope, at)) return toPlain(part);
    }
  }
  return undefined;
}

/**
 * The result as it counts: `changed_when`, then `failed_when`, evaluated with the result registered. Skipped results
 * are left alone.
 */
export function judge(
  task: Task,
  result: Result,
  templar: Templar,
  scope: Scope,
  register: (result: Result) => void,
): Result {
  if (result.skipped || result.unreachable) {
    const settled: Result = { ...result, failed: false };
    register(settled);
    return settled;
  }
  let judged = asFailed(result, result.failed === true);
  register(judged);
  if (task.changedWhen) {
    const { value, at } = task.changedWhen;
    judged = { ...judged, changed: asked('changed_when', judged, () => templar.test(value, scope, at)) };
    register(judged);
  }
  if (task.failedWhen) {
    const { value, at } = task.failedWhen;
    const failed = asked('failed_when', judged, () => templar.test(value, scope, at));
    judged = { ...asFailed(judged, failed), failed_when_result: failed };
    register(judged);
  }
  return judged;
}

const asFailed = (result: Ran, failed: boolean): Ran =>
  failed ? { ...result, failed: true } : { ...result, failed: false };

/** A condition on a result that can't be evaluated, with the result so far. */
export class UnjudgedError extends Error {
  readonly keyword: 'changed_when' | 'failed_when';
  readonly result: Ran;
  override readonly cause: SourceError;

  constructor(keyword: UnjudgedError['keyword'], result: Ran, cause: SourceError) {
    super(cause.message);
    this.keyword = keyword;
    this.result = result;
    this.cause = cause;
  }
}

function asked(keyword: UnjudgedError['keyword'], result: Ran, test: () => boolean): boolean {
  try {
    return test();
  } catch (error) {
    throw error instanceof SourceError ? new UnjudgedError(keyword, result, error) : error;
  }
}

/** Whether a result stops the host: `failed_when` has the last word, even over an exhausted `until`. */
export function isFailed(result: Result): boolean {
  const { failed_when_result: judged } = result;
  return typeof judged === 'boolean' ? judged : result.failed === true;
}

/** The result as playbooks see it in a registered variable. */
export function resultValue(module: Module, result: Result): Value {
  return fromHost(plainResult(module, result));
}

function plainResult(module: Module, { ansible_facts, diff, warnings, ...rest }: Result): Json {
  const { results } = rest;
  return {
    ...rest,
    ...(isLoop(results) && { results: results.map(result => plainResult(module, result)) }),
    ...(ansible_facts && { ansible_facts }),
    ...(diff && diff.length > 0 && { diff: diffValue(module, diff) }),
    ...(warnings && { warnings: [...warnings] }),
  } as unknown as Json;
}

const isLoop = (results: Result[string]): results is Json & readonly Result[] =>
  Array.isArray(results) && results.length > 0 && results.every(item => isItem(item as Json));

const isItem = (item: Json) => isObject(item) && 'ansible_loop_var' in item;

function diffValue({ registeredDiff }: Module, diff: readonly FileDiff[]): Json {
  const values = diff.map(({ before, after, beforeHeader, afterHeader }): Json => {
    if (registeredDiff === 'values') return { before: parseJson(before), after: parseJson(after) };
    return {
      before,
      after,
      ...(beforeHeader !== undefined && { before_header: beforeHeader }),
      ...(afterHeader !== undefined && { after_header: afterHeader }),
    };
  });
  return registeredDiff === 'list' || values.length > 1 ? values : values[0]!;
}

/** The result of a loop: the items' results, and whether any changed or failed. */
export function loopResult(results: readonly Result[]): Result {
  if (results.length === 0) {
    return { changed: false, skipped: true, skipped_reason: 'No items in the list', results: [] };
  }
  const failed = results.some(isFailed);
  const skipped = !failed && results.every(result => result.skipped === true);
  const warnings = results.flatMap(result => result.warnings ?? []);
  const rest = { results: results as unknown as Json, ...(warnings.length > 0 && { warnings }) };
  if (skipped) return { changed: false, skipped, msg: 'All items skipped', ...rest };
  const changed = results.some(result => result.changed);
  if (failed) return { changed, failed, skipped, msg: 'One or more items failed', ...rest };
  return { changed, skipped, msg: 'All items completed', ...rest };
}
