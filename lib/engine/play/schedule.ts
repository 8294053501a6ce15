import type { Task, TaskNode } from '../../playbook/types.ts';
import { hostState, type PlayRun } from '../run.ts';
import { comparePaths, type Step, type StepEnd, type Walk, type WalkHooks, walk } from './cursor.ts';
import { nextHandler, taken, waitingHandlers } from './handlers.ts';
import { forEachLimited } from './limiter.ts';
import { selects } from './select.ts';
import { runStep } from './step.ts';

/** One host's way through a list of tasks. */
interface HostWalk {
  readonly host: string;
  readonly walk: Walk;
  rescued: boolean;
  step: Step | undefined;
}

/**
 * Runs task lists the way `strategy: linear` does: the earliest task of all hosts is next, on every host that is at
 * it; handlers follow each list.
 */
export async function runLinear(playRun: PlayRun, sections: readonly (readonly TaskNode[])[]): Promise<void> {
  for (const nodes of sections) {
    await runList(playRun, nodes, liveHosts(playRun), false);
    await flushHandlers(playRun, playRun.batch);
    if (isOver(playRun)) return;
  }
  if (sections.length > 1) warnOfWaiting(playRun, playRun.batch);
}

/** Every host goes its own way, `limit` of them at once. */
export async function runFree(
  playRun: PlayRun,
  sections: readonly (readonly TaskNode[])[],
  limit: number,
): Promise<void> {
  await forEachLimited(liveHosts(playRun), limit, async host => {
    for (const nodes of sections) {
      await runList(
        playRun,
        nodes,
        liveHosts(playRun).filter(name => name === host),
        false,
      );
      await flushHandlers(playRun, [host]);
      if (isOver(playRun)) return;
    }
    warnOfWaiting(playRun, [host]);
  });
}

/** Hosts of the batch that still take part. */
export function liveHosts(playRun: PlayRun): string[] {
  return playRun.batch.filter(
    host => hostState(playRun.run, host).status === 'active' && !playRun.endedHosts.has(host),
  );
}

const isOver = (playRun: PlayRun): boolean => playRun.ended !== 'no' || playRun.run.signal.aborted;

/** Runs the handlers that were notified, in the order they are defined. */
async function flushHandlers(playRun: PlayRun, hosts: readonly string[]): Promise<void> {
  let after = -1;
  for (;;) {
    const next = nextHandler(playRun, hosts, after);
    if (!next || playRun.run.signal.aborted) return;
    after = next.index;
    await runList(playRun, [next.handler], next.hosts, true);
    // A handler that notifies itself has just run.
    for (const host of next.hosts) taken(playRun, host, next.handler);
  }
}

/** A handler that a later one notifies in the last flush never runs. Ansible is silent about this mistake. */
function warnOfWaiting(playRun: PlayRun, hosts: readonly string[]): void {
  const names = new Set(hosts.flatMap(host => waitingHandlers(playRun, host)));
  for (const name of names) {
    const message = `the handler "${name}" was notified by a handler that stands after it, and no flush follows: it does not run`;
    playRun.run.emit({ type: 'warning', message });
  }
}

async function runList(
  playRun: PlayRun,
  nodes: readonly TaskNode[],
  hosts: readonly string[],
  handler: boolean,
): Promise<void> {
  const walks = hosts.map(host => startWalk(playRun, nodes, host, handler));
  for (;;) {
    const waiting = walks.filter(w => w.step !== undefined && takesPart(playRun, w.host, handler));
    if (waiting.length === 0 || isOver(playRun)) return;
    const earliest = waiting.reduce((a, b) => (comparePaths(b.step!.path, a.step!.path) < 0 ? b : a)).step!;
    const group = waiting.filter(
      w => w.step!.task === earliest.task && comparePaths(w.step!.path, earliest.path) === 0,
    );
    await runGroup(playRun, earliest, group, walks, handler);
  }
}

/** A host whose status is "failed" still walks through `always` sections, so only its walk says when it is done. */
function takesPart(playRun: PlayRun, host: string, handler: boolean): boolean {
  const { status } = hostState(playRun.run, host);
  if (status === 'unreachable' || playRun.endedHosts.has(host)) return false;
  return status === 'active' || handler;
}

function startWalk(playRun: PlayRun, nodes: readonly TaskNode[], host: string, handler: boolean): HostWalk {
  const hooks: WalkHooks = {
    selects: task => handler || selects(playRun, task, host),
    cleared: () => hostState(playRun.run, host).cleared,
  };
  const hostWalk: HostWalk = { host, walk: walk(nodes, hooks), rescued: false, step: undefined };
  take(playRun, hostWalk, hostWalk.walk.next());
  return hostWalk;
}

async function runGroup(
  playRun: PlayRun,
  step: Step,
  group: readonly HostWalk[],
  all: readonly HostWalk[],
  handler: boolean,
): Promise<void> {
  const { task } = step;
  if (isFlush(task)) {
    await flushMeta(playRun, group);
    for (const w of group) advanceFlushed(playRun, w);
    return;
  }
  if (!(await agreedTo(playRun, task))) {
    for (const w of group) advance(playRun, w, WENT_WELL);
    return;
  }
  // Frames differ between hosts: each has its own loop items around the step.
  const members = group.map(w => ({ host: w.host, frames: w.step!.frames }));
  const { ends, fatal } = await runStep(playRun, task, members, handler);
  for (const w of group) advance(playRun, w, ends.get(w.host)!);
  if (fatal && group.some(w => isLost(playRun, w, ends))) failOthers(playRun, all, ends);
  checkFailPercentage(playRun);
}

/** True for a host that failed at the step without a `rescue` or `always` to go to. */
function isLost(playRun: PlayRun, hostWalk: HostWalk, ends: ReadonlyMap<string, StepEnd>): boolean {
  if (hostState(playRun.run, hostWalk.host).status === 'unreachable') return true;
  return ends.get(hostWalk.host)?.failed === true && hostWalk.step === undefined;
}

/** One failure ends the batch: the other hosts end here; failed ones go on to their `rescue` or `always`. */
function failOthers(playRun: PlayRun, all: readonly HostWalk[], ends: ReadonlyMap<string, StepEnd>): void {
  for (const w of all) {
    const state = hostState(playRun.run, w.host);
    if (ends.get(w.host)?.failed || state.status !== 'active') continue;
    w.step = undefined;
    state.fail();
  }
  if (all.every(w => w.step === undefined)) playRun.ended = 'fatal';
}

/** --step: asks before each task; "c" goes on without asking. */
async function agreedTo({ run, name }: PlayRun, task: Task): Promise<boolean> {
  if (!run.stepping.on) return true;
  const answer = await run.operator.ask(
    `Perform task: ${task.name ?? task.moduleName} (${name}) (N)o/(y)es/(c)ontinue`,
    {
      secret: false,
      default: 'n',
    },
  );
  if (/^c/i.test(answer)) run.stepping.on = false;
  return /^[cy]/i.test(answer);
}

const WENT_WELL: StepEnd = { failed: false, skipped: false, included: [] };

const isFlush = (task: Task): boolean =>
  task.module.traits?.steers === true &&
  [task.args.get('_raw_params'), task.args.get('action')].includes('flush_handlers');

async function flushMeta(playRun: PlayRun, group: readonly HostWalk[]): Promise<void> {
  const members = group.map(w => ({ host: w.host, frames: w.step!.frames }));
  const { ends } = await runStep(playRun, group[0]!.step!.task, members, false);
  await flushHandlers(
    playRun,
    members.map(m => m.host).filter(host => !ends.get(host)!.skipped),
  );
}

/** Moves a host on after handlers ran in the middle of its tasks. If one failed, the host goes to the surrounding rescue. */
function advanceFlushed(playRun: PlayRun, hostWalk: HostWalk): void {
  const state = hostState(playRun.run, hostWalk.host);
  if (state.status !== 'failed') {
    advance(playRun, hostWalk, WENT_WELL);
    return;
  }
  state.resume();
  // The handler's own failure has been counted.
  take(playRun, hostWalk, hostWalk.walk.next({ ...WENT_WELL, failed: true }));
}

/** Moves a host on to its next step. */
function advance(playRun: PlayRun, hostWalk: HostWalk, end: StepEnd): void {
  const { run } = playRun;
  const state = hostState(run, hostWalk.host);
  if (state.status === 'unreachable') {
    hostWalk.step = undefined;
    return;
  }
  // An interrupted run skips every rescue.
  hostWalk.rescued = end.failed && hostWalk.step?.rescuable === true && !run.signal.aborted;
  const next = hostWalk.walk.next(end);
  if (end.failed) {
    state.countFailure(hostWalk.rescued);
    if (hostWalk.rescued) run.emit({ type: 'rescued', host: hostWalk.host });
  }
  take(playRun, hostWalk, next);
}

function take(playRun: PlayRun, hostWalk: HostWalk, next: IteratorResult<Step, 'done' | 'failed'>): void {
  hostWalk.step = next.done ? undefined : next.value;
  if (next.done && next.value === 'failed') hostState(playRun.run, hostWalk.host).fail();
}

/** `max_fail_percentage`: the play ends when more than that share of the batch has failed. */
function checkFailPercentage(playRun: PlayRun): void {
  if (playRun.maxFailPercentage === undefined) return;
  const failed = playRun.batch.filter(host => hostState(playRun.run, host).status !== 'active').length;
  if ((failed / playRun.batch.length) * 100 <= playRun.maxFailPercentage) return;
  for (const host of liveHosts(playRun)) hostState(playRun.run, host).fail();
  playRun.ended = 'fatal';
}
