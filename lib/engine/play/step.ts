import type { Result } from '../../modules/kit/define.ts';
import { titleOf } from '../../playbook/listing.ts';
import type { Task } from '../../playbook/types.ts';
import { SourceError, SourceErrors } from '../../source/errors.ts';
import { jsonText } from '../../source/json.ts';
import { fromHost } from '../../source/unsafe.ts';
import { type Dict, type Json, toPlain, type Value } from '../../source/value.ts';
import type { TaskInfo } from '../events.ts';
import { hostState, type PlayRun } from '../run.ts';
import { keywordValue, truthy } from '../task/keyword.ts';
import { runTask, type TaskVerdict } from '../task/run-task.ts';
import { Secrecy } from '../task/secrecy.ts';
import { internalFailure } from '../task/task-context.ts';
import { taskScope } from '../variables.ts';
import type { StepEnd } from './cursor.ts';
import { notify } from './handlers.ts';
import { forEachLimited, Turnstile } from './limiter.ts';

/** How a step went on each host, and whether one failure ends the whole batch. */
export interface StepOutcome {
  readonly ends: ReadonlyMap<string, StepEnd>;
  /** `any_errors_fatal`, or a failed `run_once`: hosts that did well are failed too. */
  readonly fatal: boolean;
}

/** `meta` actions that concern all hosts: the first host decides whether they are carried out. */
const META_FOR_ALL = new Set([
  'refresh_inventory',
  'clear_facts',
  'clear_host_errors',
  'end_batch',
  'end_play',
]);

/** A host at a step, with the loop variables of the includes around it. */
export interface Member {
  readonly host: string;
  readonly frames: readonly Dict[];
}

/** Runs one task on hosts that are in step, within the limits of forks and `throttle`. */
export async function runStep(
  playRun: PlayRun,
  task: Task,
  members: readonly Member[],
  handler: boolean,
): Promise<StepOutcome> {
  const { run } = playRun;
  const hosts = members.map(member => member.host);
  const first = hosts[0]!;
  const { traits } = task.module;
  const isMeta = traits?.steers === true;
  const metaAction = isMeta ? String(task.args.get('_raw_params') ?? task.args.get('action')) : '';
  const info = taskInfo(playRun, task, members[0]!, handler);
  const verdicts = new Map<string, TaskVerdict>();
  const onceForAll = traits?.scope === 'all-hosts' || META_FOR_ALL.has(metaAction);
  const once = onceForAll || flag(playRun, task, first, 'runOnce');
  run.emit({ type: 'task-start', task: info });
  const throttle = task.throttle ? Number(render(playRun, task, first, 'throttle') ?? 0) : 0;
  const limit = throttle > 0 ? Math.min(throttle, run.options.forks) : run.options.forks;
  const one = async (member: Member): Promise<void> => {
    if (run.signal.aborted) return;
    run.emit({ type: 'host-start', task: info, host: member.host });
    const own = withModule(playRun, task, member);
    const ownInfo = own === task ? info : { ...info, module: own.module.name };
    const verdict = await runTask(playRun, own, ownInfo, member.host, member.frames).catch(
      failedVerdict(own),
    );
    verdicts.set(member.host, verdict);
    if (!isMeta || verdict.status === 'failed') record(playRun, own, ownInfo, member, verdict);
    else if (verdict.status === 'skipped') emitOutcome(playRun, ownInfo, member, verdict);
  };
  await forEachLimited(once ? members.slice(0, 1) : members, limit, member =>
    throttle > 0 ? turnstileOf(playRun, task).pass(throttle, () => one(member)) : one(member),
  );
  if (once && verdicts.has(first)) shareResult(playRun, task, first, verdicts.get(first)!);
  if (traits?.brings !== 'role') announceIncludes(playRun, verdicts);
  run.emit({ type: 'task-end', task: info });
  return conclude(playRun, task, hosts, verdicts, once);
}

/** Without a common step each host reaches the task by itself, so the play counts those inside. */
function turnstileOf({ turnstiles }: PlayRun, { id }: Task): Turnstile {
  const turnstile = turnstiles.get(id) ?? new Turnstile();
  turnstiles.set(id, turnstile);
  return turnstile;
}

/** An unexpected error of `runTask` fails the host; only a file that does not parse ends the run. */
const failedVerdict =
  (task: Task) =>
  (error: unknown): TaskVerdict => {
    if (error instanceof SourceErrors) throw error;
    const result = internalFailure(task.moduleName, error);
    const secrecy = new Secrecy();
    const shown = secrecy.shown(result, task.noLog !== undefined);
    return {
      status: 'failed',
      ignored: false,
      result,
      shown,
      notifies: new Set(),
      included: [],
      elapsedMs: 0,
    };
  };

/** The task with its module. If a template can't name the module, the task runs as written and fails. */
function withModule(playRun: PlayRun, task: Task, { host, frames }: Member): Task {
  if (!task.moduleTemplate) return task;
  const { value, at } = task.moduleTemplate;
  const loop = new Map(frames.flatMap(frame => [...frame]));
  try {
    const name = playRun.run.templar.render(value, taskScope(playRun, host, task, { loop }), at);
    return playRun.run.loader.withModule(task, String(toPlain(name)));
  } catch (error) {
    if (error instanceof SourceError) return task;
    throw error;
  }
}

/** Result, facts and register of a `run_once` task belong to all hosts of the batch, even those that never reach the task. */
function shareResult(playRun: PlayRun, task: Task, first: string, verdict: TaskVerdict): void {
  const source = hostState(playRun.run, first);
  for (const host of playRun.batch) {
    const state = hostState(playRun.run, host);
    if (host === first || state.status === 'unreachable') continue;
    if (task.register !== undefined) state.set(task.register, source.setVars.get(task.register)!);
    if (task.module.traits?.sets === 'variables') {
      for (const name of Object.keys(verdict.result.ansible_facts ?? {}))
        state.set(name, source.setVars.get(name)!);
    } else if (verdict.result.ansible_facts) state.addFacts(verdict.result.ansible_facts);
  }
}

function conclude(
  playRun: PlayRun,
  task: Task,
  hosts: readonly string[],
  verdicts: ReadonlyMap<string, TaskVerdict>,
  once: boolean,
): StepOutcome {
  const ends = new Map<string, StepEnd>();
  let bad = false;
  for (const host of hosts) {
    const verdict = verdicts.get(once ? hosts[0]! : host);
    const failed =
      verdict !== undefined &&
      !verdict.ignored &&
      (verdict.status === 'failed' || verdict.status === 'unreachable');
    if (failed && verdicts.has(host)) bad = true;
    const skipped = verdict === undefined || verdict.status === 'skipped';
    // Tasks of a `run_once` include run only on the host that ran the include, as in Ansible.
    const included = verdicts.get(host)?.included ?? [];
    ends.set(host, { failed: failed && verdicts.has(host), skipped, included });
  }
  const ignoring = [...verdicts.values()].every(v => v.ignored || v.status === 'ok');
  const fatal = bad && ((once && !ignoring) || flag(playRun, task, hosts[0]!, 'anyErrorsFatal'));
  return { ends, fatal };
}

function record(playRun: PlayRun, task: Task, info: TaskInfo, member: Member, verdict: TaskVerdict): void {
  const { run } = playRun;
  const { status, ignored, included } = verdict;
  const { host } = member;
  const state = hostState(run, host);
  const bringsTasks = status === 'ok' && task.module.traits?.brings !== undefined;
  try {
    // Before its outcome: a run that is killed between the two must not lose a handler.
    if (!ignored) notify(playRun, task, host, verdict.notifies);
  } finally {
    if (!bringsTasks) emitOutcome(playRun, info, member, verdict);
  }
  for (const message of verdict.shown.warnings ?? []) run.emit({ type: 'warning', message });
  // The include of a role does not count.
  if (!bringsTasks) state.count({ status, ignored, changed: verdict.result.changed });
  else if (task.module.traits?.brings === 'tasks') state.countIncluded(included.length);
  if (status === 'failed' && !ignored) rememberFailure(playRun, task, host, verdict.result);
}

function emitOutcome(playRun: PlayRun, info: TaskInfo, { host }: Member, verdict: TaskVerdict): void {
  const { status, ignored, elapsedMs, delegate, digest, takenOver } = verdict;
  playRun.run.emit({
    type: 'outcome',
    task: info,
    host,
    status,
    ignored,
    result: verdict.shown,
    elapsedMs,
    ...(delegate !== undefined && { delegate }),
    ...(digest !== undefined && { digest }),
    ...(takenOver && { takenOver }),
  });
}

/** `ansible_failed_task` and `ansible_failed_result`, for `rescue`. */
function rememberFailure(playRun: PlayRun, task: Task, host: string, result: Result): void {
  const state = hostState(playRun.run, host);
  const { diff: _diff, warnings: _warnings, ...plain } = result;
  state.set('ansible_failed_result', fromHost(plain as Json));
  state.set(
    'ansible_failed_task',
    new Map<Value, Value>([
      ['name', task.name ?? ''],
      ['action', task.moduleName],
      ['args', task.args],
      ['tags', [...task.tags]],
    ]),
  );
}

function announceIncludes(playRun: PlayRun, verdicts: ReadonlyMap<string, TaskVerdict>): void {
  const found = new Map<string, { what: string; item: Json | undefined; hosts: Set<string> }>();
  for (const [host, { included }] of verdicts) {
    for (const { what, item } of included) {
      const key = jsonText([what, item]);
      const one = found.get(key) ?? { what, item, hosts: new Set() };
      found.set(key, one);
      one.hosts.add(host);
    }
  }
  for (const { what, item, hosts } of found.values())
    playRun.run.emit({ type: 'included', what, hosts: [...hosts], ...(item !== undefined && { item }) });
}

/** The name of a task in reports; a name that can't be rendered yet is shown as written. */
export function taskInfo(playRun: PlayRun, task: Task, { host, frames }: Member, handler: boolean): TaskInfo {
  let name = titleOf(task);
  if (name.includes('{{') && !task.isTextName) {
    try {
      name = String(
        toPlain(
          playRun.run.templar.render(
            name,
            taskScope(playRun, host, task, { loop: new Map(frames.flatMap(frame => [...frame])) }),
            task.at,
          ),
        ),
      );
    } catch (error) {
      if (!(error instanceof SourceError)) throw error;
    }
  }
  return {
    id: task.id,
    name,
    module: task.module.name,
    handler,
    position: task.at,
    tags: task.tags,
  };
}

function render(
  playRun: PlayRun,
  task: Task,
  host: string,
  keyword: 'throttle' | 'runOnce' | 'anyErrorsFatal',
): Json | undefined {
  const authored = task[keyword];
  return authored && keywordValue(playRun.run.templar, authored, taskScope(playRun, host, task));
}

const flag = (playRun: PlayRun, task: Task, host: string, keyword: 'runOnce' | 'anyErrorsFatal'): boolean =>
  truthy(render(playRun, task, host, keyword));
