import { ModuleError, type Result, type Unknown } from '../../modules/kit/define.ts';
import type { Authored, Task } from '../../playbook/types.ts';
import { SourceError, SourceErrors, UsageError } from '../../source/errors.ts';
import { type Dict, type Json, toPlain, type Value } from '../../source/value.ts';
import { BecomeError } from '../../transport/connection.ts';
import type { Earlier } from '../earlier-run.ts';
import type { Status, TaskInfo } from '../events.ts';
import type { HostState } from '../host-state.ts';
import { TimeLimitError } from '../module-call/run-module.ts';
import type { PlayRun } from '../run.ts';
import type { Scope } from '../scope.ts';
import { taskScope } from '../variables.ts';
import { keywordValue, trueOrFalse } from './keyword.ts';
import type { Secrecy } from './secrecy.ts';
import { isFailed } from './verdict.ts';

/** A task on one host, and all that its parts need. */
export interface TaskRun {
  readonly playRun: PlayRun;
  readonly task: Task;
  readonly info: TaskInfo;
  readonly host: string;
  readonly state: HostState;
  readonly frames: readonly Dict[];
  readonly checkMode: boolean;
  readonly diffMode: boolean;
  readonly used: Set<string>;
  /** Its secrets. */
  readonly secrecy: Secrecy;
  /** What an earlier run says of it, if this run continues one. */
  readonly earlier: Earlier | undefined;
  /** How many calls of its module it made, and how many results came from an earlier run. */
  readonly calls: { made: number; takenOver: number };
}

/** One loop item (or the whole task without a loop) ready to run, or already settled. */
export interface Item {
  readonly vars: Dict;
  scope: Scope;
  readonly value: Value | undefined;
  /** The host that `delegate_to` names. It is evaluated after the condition, and only once, since it may be random. */
  delegate: string | undefined;
  /** Digest of its call, if a later run may take the result over. */
  digest?: string;
  takenOver?: true;
}

export function statusOf(result: Result): Status {
  if (result.unreachable) return 'unreachable';
  if (isFailed(result)) return 'failed';
  if (result.unknown !== undefined) return 'unknown';
  if (result.skipped) return 'skipped';
  return result.changed ? 'changed' : 'ok';
}

/** A failure, or in check mode "unknown" if a change that was not made is the cause. */
export function failureOf(run: TaskRun, error: unknown): Result {
  const unknown = unknownCause(run, error);
  if (unknown !== undefined) return unknownResult(unknown);
  if (error instanceof ModuleError)
    return { changed: false, failed: true, msg: error.message, ...error.fields };
  if (error instanceof SourceError)
    return {
      changed: false,
      failed: true,
      msg: error.words,
      ...hintOf(error),
      ...traceOf(error),
      error: mistakeOf(error),
    };
  if (error instanceof BecomeError) return { changed: false, failed: true, msg: error.message };
  if (error instanceof UsageError)
    return { changed: false, failed: true, msg: error.message, ...hintOf(error) };
  if (error instanceof TimeLimitError) {
    const limit = run.task.timeout ? toPlain(run.task.timeout.value) : 'set';
    const msg = run.playRun.run.signal.aborted
      ? 'interrupted by the operator'
      : `The ${run.task.moduleName} action failed to execute in the expected time frame (${String(limit)}) and was terminated`;
    return { changed: false, failed: true, msg, timedout: { period: limit as Json } };
  }
  // A file that does not parse is the author's mistake, whichever host reached it first.
  if (error instanceof SourceErrors) throw error;
  return internalFailure(run.task.moduleName, error);
}

/** The hint of an error as a field of a result. */
export const hintOf = ({ hint }: { readonly hint: string | undefined }): { readonly hint?: string } =>
  hint === undefined ? {} : { hint };

/** Playbooks ask a failed template for `exception`, as they do with any error of Python. */
function traceOf({ code, message, position }: SourceError): { readonly exception?: string } {
  if (code !== 'TEMPLATE_RUNTIME') return {};
  const place = position ? `${position.file}:${position.line}:${position.col}: ` : '';
  return { exception: `${place}${message}` };
}

/** An author's mistake with its place, for those who show it: `msg` has the words that playbooks compare with. */
function mistakeOf({ code, message, position }: SourceError): Json {
  return {
    code,
    message,
    ...(position && { file: position.file, line: position.line, col: position.col }),
  };
}

/** An unexpected error (a senseless reply, a bug of ours) fails this host; others go on. */
export function internalFailure(module: string, error: unknown): Result {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return {
    changed: false,
    failed: true,
    msg: `internal error in ${module}, please report it: ${text}`,
    ...(error instanceof Error && error.stack !== undefined && { exception: error.stack }),
  };
}

function unknownCause(run: TaskRun, error: unknown): string | undefined {
  if (!run.checkMode) return undefined;
  if (error instanceof SourceError) return unknownSource(run);
  if (error instanceof ModuleError && run.state.predictedChange && error.fields['control'] !== true) {
    return `unknown until the changes before it are made: ${error.message}`;
  }
  return undefined;
}

/** Check mode: why a task is unknown that uses the result of an earlier unknown task. */
export function unknownSource(run: TaskRun): string | undefined {
  if (!run.checkMode) return undefined;
  for (const name of run.used) {
    const source = run.state.unknown.get(name);
    if (source !== undefined) return `unknown until "${source}" has run: it sets ${name}`;
  }
  return undefined;
}

/** The result of a task that check mode can say nothing about. */
export const unknownResult = (unknown: string): Unknown => ({ changed: false, skipped: true, unknown });

export function scopeOf(run: TaskRun, vars: Dict): Scope {
  const loop: Dict = new Map([...run.frames, vars].flatMap(frame => [...frame]));
  return taskScope(run.playRun, run.host, run.task, { loop, used: run.used });
}

export function keyword(
  run: TaskRun,
  authored: Authored | undefined,
  scope: Scope,
  fallback: boolean,
): boolean {
  const value = keywordValue(run.playRun.run.templar, authored, scope);
  return value === undefined ? fallback : trueOrFalse(value, authored?.at);
}

/** A keyword that is evaluated after the task, when a mistake in it must not hide what the task did. */
export function keywordOr(run: TaskRun, authored: Authored | undefined, fallback: boolean): boolean {
  if (!authored) return fallback;
  try {
    return keyword(run, authored, scopeOf(run, new Map()), fallback);
  } catch (error) {
    if (error instanceof SourceError) return fallback;
    throw error;
  }
}

const NO_VARS: Dict = new Map();

/** Whether `no_log` holds, for an item of the loop or the whole task. In doubt the result is hidden. */
export function isSecret(run: TaskRun, vars: Dict = NO_VARS): boolean {
  const { noLog } = run.task;
  run.secrecy.asked = true;
  const hides = noLog !== undefined && hidden(run, noLog, vars);
  if (hides) run.secrecy.hidden = true;
  return hides;
}

const NO: ReadonlySet<Json | undefined> = new Set([
  ...[undefined, null, false, 0],
  ...['', 'no', 'false', 'off', 'n', 'f', '0'],
]);

function hidden(run: TaskRun, noLog: Authored, vars: Dict): boolean {
  try {
    const value = keywordValue(run.playRun.run.templar, noLog, scopeOf({ ...run, used: new Set() }, vars));
    return !NO.has(typeof value === 'string' ? value.trim().toLowerCase() : value);
  } catch (error) {
    if (error instanceof SourceError) return true;
    throw error;
  }
}

/** The part of a result that may be shown, for an item or the whole task. */
export function shown(run: TaskRun, result: Result, vars?: Dict): Result {
  return run.secrecy.shown(result, isSecret(run, vars));
}
