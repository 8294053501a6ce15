import { type Failed, ModuleError, type Ran, type Result } from '../../modules/kit/define.ts';
import type { ModuleCall } from '../../modules/kit/drive.ts';
import { type Position, SourceError } from '../../source/errors.ts';
import { jsonText } from '../../source/json.ts';
import { emptyRecord } from '../../source/record.ts';
import { type Dict, type Json, toPlain, type Value } from '../../source/value.ts';
import { ConnectionError, OUTPUT_LIMIT } from '../../transport/connection.ts';
import { type Control, controlOf, type Included } from '../control/control.ts';
import { openConnection } from '../host-session.ts';
import type { HostState } from '../host-state.ts';
import { finishArguments, renderArguments } from '../module-call/arguments.ts';
import { startAsync } from '../module-call/async.ts';
import { moduleContext } from '../module-call/module-context.ts';
import { OutputFiles } from '../module-call/output-files.ts';
import {
  type CallOutcome,
  type Channel,
  isCallFailure,
  type OutputOptions,
  runCalls,
  sleep,
  TimeLimitError,
} from '../module-call/run-module.ts';
import { hostState, keepFacts } from '../run.ts';
import { finished, type Scope } from '../scope.ts';
import { delegatedVars, hostScope } from '../variables.ts';
import { keywordNumber, keywordValue } from './keyword.ts';
import { doneBefore, recalled } from './recall.ts';
import {
  failureOf,
  type Item,
  isSecret,
  keywordOr,
  shown,
  type TaskRun,
  unknownResult,
  unknownSource,
} from './task-context.ts';
import { allHold, firstFalse, judge, resultValue, UnjudgedError } from './verdict.ts';

/** Runs a task, or one item of its loop; with `until` as often as needed. */
export async function runItem(
  run: TaskRun,
  item: Item,
  included: Included[],
  onDelegate: (host: string) => void,
): Promise<Result> {
  const skipped = conditionResult(run, item.scope);
  if (skipped) return (await doneBefore(run, item, () => openChannel(run, item))) ?? skipped;
  const delegate = keywordValue(run.playRun.run.templar, run.task.delegateTo, item.scope);
  if (delegate !== undefined) {
    item.delegate = String(delegate);
    const vars = delegatedVars(run.playRun, run.host, item.delegate);
    item.scope = item.scope.with(finished(new Map([['ansible_delegated_vars', vars]])));
    onDelegate(item.delegate);
  }
  const control = controlOf(run.task.module);
  return retrying(run, item, () =>
    control ? runControl(run, item, control, included) : runModule(run, item),
  );
}

async function runControl(run: TaskRun, item: Item, control: Control, included: Included[]): Promise<Result> {
  const { playRun, task, info, host, state, checkMode } = run;
  const { scope, vars } = item;
  const args = renderArguments(task, playRun.run.templar, scope);
  learnSecrets(run, args);
  const unknown = unknownSource(run);
  if (unknown !== undefined) return forgetting(run, args, unknown);
  const outcome = await control({
    playRun,
    task,
    info,
    host,
    state,
    factsOf: factsState(run, item),
    scope,
    vars,
    args,
    plain: finishArguments(task, args),
    checkMode,
    open: () => openChannel(run, item),
  });
  included.push(...(outcome.included ?? []));
  if (outcome.isSecret) run.secrecy.hidden = true;
  return outcome.result;
}

async function runModule(run: TaskRun, item: Item): Promise<Result> {
  const { templar, options, jobs } = run.playRun.run;
  const call = moduleCall(run, item);
  if (!isCall(call)) return call;
  const known = await recall(run, item, call);
  if (known) return known;
  const channel = await openChannel(run, item);
  const seconds = keywordNumber(templar, run.task.async, item.scope, 0);
  if (seconds > 0) {
    if (run.checkMode) throw new ModuleError('check mode and async cannot be used on same task.');
    const poll = keywordNumber(templar, run.task.poll, item.scope, options.defaults.pollInterval);
    return startAsync(
      call,
      channel,
      { limit: seconds, poll, mask: result => run.secrecy.maskResult(result) },
      jobs,
    );
  }
  const [outcome] = await runCalls([call], channel);
  return settle(run, outcome!);
}

/** The result of a task with a condition that is false or unknown; undefined when the task runs. */
function conditionResult(run: TaskRun, scope: Scope): Result | undefined {
  const holds = allHold(run.task.when, run.playRun.run.templar, scope);
  const unknown = unknownSource(run);
  if (unknown !== undefined) return unknownResult(unknown);
  return holds ? undefined : skippedResult(run, scope);
}

/** An unknown set_fact leaves its names unknown too. */
function forgetting(run: TaskRun, args: Dict, unknown: string): Result {
  if (run.task.module.traits?.sets === 'variables') {
    for (const name of args.keys()) run.state.unknown.set(String(name), run.info.name);
  }
  return unknownResult(unknown);
}

export function skippedResult(run: TaskRun, scope: Scope): Result {
  const condition = firstFalse(run.task.when, run.playRun.run.templar, scope);
  return {
    changed: false,
    skipped: true,
    skip_reason: 'Conditional result was False',
    ...(condition !== undefined && { false_condition: condition }),
  };
}

/** Before anything can be said about them. */
function learnSecrets({ secrecy, task }: TaskRun, rendered: Dict): void {
  secrecy.learn(task.module, toPlain(rendered) as Record<string, Json>);
}

export const recall = (run: TaskRun, item: Item, call: ModuleCall): Promise<Result | undefined> =>
  recalled(run, item, call, environment(run, item.scope), () => openChannel(run, item));

export const isCall = (prepared: ModuleCall | Result): prepared is ModuleCall => 'ctx' in prepared;

/** The module call of an item, or the result that settles it without one. */
export function prepare(run: TaskRun, item: Item): ModuleCall | Result {
  return conditionResult(run, item.scope) ?? moduleCall(run, item);
}

function moduleCall(run: TaskRun, item: Item): ModuleCall | Result {
  const { task, playRun } = run;
  const rendered = renderArguments(task, playRun.run.templar, item.scope);
  const unknown = unknownSource(run);
  if (unknown !== undefined) return unknownResult(unknown);
  learnSecrets(run, rendered);
  const args = finishArguments(task, rendered);
  const { module } = task;
  if (module.kind === 'control') throw new Error(`control module ${module.name} has no implementation`);
  return { module, args, ctx: moduleContext(run, item, rendered) };
}

/** The raw outcome of a call as a result. */
export function settle(run: TaskRun, outcome: CallOutcome): Result {
  return isCallFailure(outcome) ? failureOf(run, outcome) : outcome;
}

export function judgeItem(run: TaskRun, item: Item, said: Result): Result {
  const { task, playRun, state } = run;
  const raw = run.secrecy.maskResult(said);
  storeFacts(run, item, raw);
  const register = (result: Result) => {
    if (task.register === undefined) return;
    state.set(task.register, resultValue(task.module, result));
    item.scope.refresh();
  };
  try {
    return judge(task, raw, playRun.run.templar, item.scope, register);
  } catch (error) {
    if (!(error instanceof UnjudgedError)) throw error;
    const failure = failureOf(run, error.cause);
    if (!failure.failed) return failure;
    // Facts of the module stay known.
    const { msg = null, error: mistake = null } = failure;
    const judged = { [`${error.keyword}_result`]: msg };
    const unjudged: Failed = { ...error.result, failed: true, msg, error: mistake, ...judged };
    register(unjudged);
    return unjudged;
  }
}

function storeFacts(run: TaskRun, item: Item, result: Result): void {
  if (!result.ansible_facts || run.task.module.kind === 'control') return;
  const state = factsState(run, item);
  const gathered = run.task.module.traits?.sets === 'facts';
  state.addFacts(result.ansible_facts, gathered);
  if (!gathered) return;
  state.factsGathered = true;
  // At once: a run that is killed keeps what it learned.
  keepFacts(run.playRun.run, state.name);
}

function factsState(run: TaskRun, item: Item): HostState {
  const toDelegate = item.delegate !== undefined && keywordOr(run, run.task.delegateFacts, false);
  return toDelegate ? hostState(run.playRun.run, item.delegate!) : run.state;
}

/** Runs an item once, or until `until` holds. N retries are N + 1 tries, and `attempts` then says N, as in Ansible. */
async function retrying(run: TaskRun, item: Item, once: () => Promise<Result>): Promise<Result> {
  const { task, playRun, info, host } = run;
  const { templar, emit, signal } = playRun.run;
  const settled = async (attempt?: number): Promise<Result> => {
    let raw: Result;
    try {
      raw = await once();
    } catch (error) {
      if (error instanceof ConnectionError) throw error;
      raw = failureOf(run, error);
    }
    return judgeItem(run, item, attempt === undefined ? raw : { ...raw, attempts: attempt });
  };
  if (!task.until) return settled();
  const tries = 1 + Math.max(0, keywordNumber(templar, task.retries, item.scope, 3));
  const delay = Math.max(0, keywordNumber(templar, task.delay, item.scope, 5));
  let result: Ran = { changed: false };
  for (let attempt = 1; attempt <= tries; attempt++) {
    const tried = await settled(attempt);
    if (tried.skipped || tried.unreachable) return tried;
    result = tried;
    item.scope.refresh();
    if (templar.test(task.until.value, item.scope, task.until.at)) return result;
    if (attempt < tries && !signal.aborted) {
      emit({ type: 'retry', task: info, host, left: tries - attempt, result: shown(run, result, item.vars) });
      await sleep(delay * 1000, signal);
    }
    if (signal.aborted) throw new TimeLimitError('interrupted');
  }
  return { ...result, attempts: Math.max(1, tries - 1), failed: true };
}

export async function openChannel(run: TaskRun, { scope, delegate, vars }: Item): Promise<Channel> {
  const { task, playRun, host, info } = run;
  const { templar, emit, signal } = playRun.run;
  const target = delegate === undefined || delegate === host ? scope : hostScope(playRun, delegate);
  const connection = await openConnection(playRun.run, task, delegate ?? host, scope, target);
  const timeout = keywordNumber(templar, task.timeout, scope, 0);
  return {
    connection,
    env: environment(run, scope),
    deadline: timeout > 0 ? Date.now() + timeout * 1000 : undefined,
    signal,
    atEnd: work => playRun.run.atEnd.push(work),
    output: outputOptions(run, delegate ?? host, vars),
    onLine: line =>
      emit({
        type: 'host-output',
        task: info,
        host,
        line: isSecret(run, vars) ? '(hidden by no_log)' : run.secrecy.mask(line),
      }),
  };
}

function outputOptions(run: TaskRun, host: string, vars: Dict): OutputOptions {
  const { limit = OUTPUT_LIMIT, directory } = run.playRun.run.options.output ?? {};
  const toFiles =
    directory !== undefined && !isSecret(run, vars)
      ? new OutputFiles(directory, host, run.info.name)
      : undefined;
  return { limit, toFiles };
}

/** `environment` of play, block and task, merged; the innermost wins. */
function environment(run: TaskRun, scope: Scope): Record<string, string> {
  const merged = emptyRecord<string>();
  for (const { value, at } of run.task.environment) {
    const rendered = environmentLayer(run, scope, value, at);
    for (const layer of Array.isArray(rendered) ? rendered : [rendered]) {
      if (layer instanceof Map) for (const [k, v] of layer) merged[String(k)] = textOf(v);
    }
  }
  return merged;
}

/** A value that uses `ansible_env` is unknown before the facts: gathering them leaves it out, as in Ansible. */
function environmentLayer(run: TaskRun, scope: Scope, value: Value, at: Position): Value {
  try {
    return run.playRun.run.templar.render(value, scope, at);
  } catch (error) {
    const isEarly = run.task.module.traits?.sets === 'facts' && error instanceof SourceError;
    const needsFacts = /ansible_env|ansible_facts/;
    if (!isEarly || error.code !== 'UNDEFINED_VARIABLE' || !needsFacts.test(error.message)) throw error;
    if (!(value instanceof Map)) return null;
    const known = (name: Value) => environmentLayer(run, scope, new Map([[name, value.get(name)!]]), at);
    if (value.size < 2) return null;
    return new Map([...value.keys()].flatMap(name => [...((known(name) as Dict | null) ?? [])]));
  }
}

function textOf(value: Value): string {
  const plain = toPlain(value);
  if (typeof plain === 'boolean') return plain ? 'True' : 'False';
  return typeof plain === 'string' ? plain : jsonText(plain);
}
