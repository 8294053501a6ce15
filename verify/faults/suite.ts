import { readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Deployment, hostsOf, nodesOf } from '../../lib/cluster/deployment.ts';
import type { Hosts } from '../../lib/cluster/hosts.ts';
import { type HeldLock, holdOperationsLock } from '../../lib/cluster/operations-lock.ts';
import { messageOf } from '../../lib/source/errors.ts';
import type { Breaker } from './breaker.ts';
import { BUDGETS } from './budgets.ts';
import type { Budget, Fault, Step } from './fault.ts';
import type { Effects, Load } from './load.ts';
import { killedRun, runPlaybook } from './playbook.ts';
import { judgeWriters } from './under-load.ts';

/** What came of one fault. */
export interface FaultResult {
  readonly id: string;
  readonly title: string;
  readonly hosts: readonly string[];
  readonly verdict: 'held' | 'broken' | 'not tried';
  /** Why it was not tried. */
  readonly reason?: string;
  readonly holdS: number;
  readonly budget: Budget;
  readonly effects?: Effects;
  /** Commits acknowledged from when it struck until all went on. */
  readonly acknowledged?: number;
  readonly problems: readonly string[];
  readonly durationMs: number;
}

export interface SuiteContext {
  readonly deployment: Deployment;
  readonly hosts: Hosts;
  readonly load: Load;
  readonly breaker: Breaker;
  readonly lock: ClusterLock;
  /** Arguments that lead a playbook to the same hosts. */
  readonly reaching: readonly string[];
  /** Hosts that are the machine which this program runs on. */
  readonly here: ReadonlySet<string>;
  /** What `polarplay verify` finds wrong. */
  readonly wrongWith: () => Promise<readonly string[]>;
  readonly signal: AbortSignal;
  readonly say: (text: string) => void;
}

/** The rest of the faults is not tried: the cluster is not what it was. */
export class NotRecovered extends Error {
  override readonly name = 'NotRecovered';
  readonly result: FaultResult;

  constructor(result: FaultResult) {
    super(`${result.id}: the cluster is not what it was; no further fault is tried`);
    this.result = result;
  }
}

const LOOK_MS = 200;
/** All must have gone on for so long. */
const STEADY_MS = 3_000;
const BEFORE_S = 120;

/** Breaks one thing under load, heals it, and judges. */
export async function tryFault(fault: Fault, context: SuiteContext): Promise<FaultResult> {
  const began = performance.now();
  const { deployment, load, breaker, here, signal } = context;
  const skip = fault.skip?.(deployment);
  const steps = skip === undefined ? fault.steps(deployment) : [];
  const about = {
    id: fault.id,
    title: fault.title,
    hosts: [...new Set(steps.map(step => step.host))],
    holdS: fault.holdS,
    budget: BUDGETS[fault.id]!,
  };
  const took = () => ({ durationMs: Math.round(performance.now() - began) });
  const reason = skip ?? ownMachine(steps, here) ?? (await breaker.probe(steps));
  if (reason !== undefined) return { ...about, verdict: 'not tried', reason, problems: [], ...took() };
  await untilSteady(load, performance.now(), BEFORE_S, signal).catch((error: unknown) => {
    signal.throwIfAborted();
    throw new Error(`before ${fault.id}: ${messageOf(error)}`);
  });
  context.say(`${fault.id}: broken`);
  const struckMs = performance.now();
  const acked = load.ledger.acknowledged;
  const problems: string[] = [];
  const sinceMs = await (fault.playbook
    ? killRunner(fault.playbook, context)
    : strike(fault, steps, context)
  ).catch((error: unknown) => {
    signal.throwIfAborted();
    problems.push(messageOf(error));
    return performance.now();
  });
  context.say(`${fault.id}: healing`);
  const watchMs = Math.max(sinceMs, struckMs + 1000 * (fault.watchS ?? 5));
  const limitS = 2 * Math.max(about.budget.writesS, about.budget.readsS, about.budget.replicasS) + 60;
  let recovered = true;
  try {
    await untilSteady(load, watchMs, limitS, signal);
  } catch (error) {
    signal.throwIfAborted();
    recovered = false;
    problems.push(messageOf(error));
  }
  const nowMs = performance.now();
  const effects = load.effects({ struckMs, sinceMs, nowMs });
  if (effects) problems.push(...overBudget(effects, about.budget, fault.writesGoOn(deployment)));
  if (recovered && steps.some(({ host }) => host === deployment.storage.host)) await context.lock.renew();
  context.say(`${fault.id}: counting rows`);
  const rows = await load.judgeRows();
  const samples = load.probe.samples.filter(({ fromMs }) => fromMs >= struckMs);
  const verdicts = [...rows, judgeWriters(samples, [deployment.primary.host])];
  const lost = verdicts.filter(({ ok }) => !ok).map(({ what }) => what);
  context.say(`${fault.id}: verifying`);
  const wrong = recovered ? await context.wrongWith().catch((error: unknown) => [messageOf(error)]) : [];
  signal.throwIfAborted();
  problems.push(...lost, ...wrong.map(what => `verify: ${what}`));
  const result: FaultResult = {
    ...about,
    verdict: problems.length === 0 ? 'held' : 'broken',
    ...(effects ? { effects } : {}),
    acknowledged: load.ledger.acknowledged - acked,
    problems,
    ...took(),
  };
  if (!recovered || lost.length + wrong.length > 0) throw new NotRecovered(result);
  return result;
}

/** Breaks, waits, heals; the moment from which the cluster could recover. */
async function strike(
  { id, holdS }: Fault,
  steps: readonly Step[],
  { breaker, signal }: SuiteContext,
): Promise<number> {
  const struckMs = performance.now();
  let sinceMs = struckMs;
  try {
    await breaker.break(id, steps, holdS);
    await sleep(holdS * 1000, undefined, { signal });
  } finally {
    if (holdS > 0) sinceMs = performance.now();
    await breaker.heal();
  }
  return sinceMs;
}

/** A run that is killed, and the one that puts it right; it takes the cluster's lock itself. */
async function killRunner(playbook: string, { lock, reaching, signal }: SuiteContext): Promise<number> {
  await lock.release();
  try {
    await killedRun(playbook, reaching, signal);
    const sinceMs = performance.now();
    await runPlaybook(playbook, reaching);
    return sinceMs;
  } finally {
    await lock.renew();
  }
}

function ownMachine(steps: readonly Step[], here: ReadonlySet<string>): string | undefined {
  const own = steps.find(({ host }) => here.has(host));
  return own && `${own.host} is the machine that this program runs on`;
}

/** Waits until everything has gone on for a while; says what stands still when it takes too long. */
async function untilSteady(load: Load, fromMs: number, limitS: number, signal: AbortSignal): Promise<void> {
  for (;;) {
    const nowMs = performance.now();
    const since = nowMs - STEADY_MS;
    if (since >= fromMs && load.steady(since, nowMs)) return;
    if (nowMs > fromMs + limitS * 1000) {
      const still = load.standsStill(since, nowMs).join(', ') || 'it does not go on without pauses';
      throw new Error(`not recovered within ${limitS} s: ${still}`);
    }
    await sleep(LOOK_MS, undefined, { signal });
  }
}

/** What took longer than it may. */
export function overBudget(effects: Effects, budget: Budget, writesGoOn: boolean): readonly string[] {
  const rows: readonly (readonly [string, number, number])[] = [
    ['commits went on after', effects.writes.recoveredS, budget.writesS],
    ['reads on all nodes went on after', effects.reads.recoveredS, budget.readsS],
    ['all replicas streamed after', effects.replicas.recoveredS, budget.replicasS],
    ...(writesGoOn
      ? ([['commits must go on, and stood still for', effects.writes.pauseS, budget.pauseS]] as const)
      : []),
  ];
  return rows
    .filter(([, took, may]) => took > may)
    .map(([what, took, may]) => `${what} ${took} s; the budget is ${may} s`);
}

/** The lock that operations take. It lies on the storage host and is gone when that is rebooted. */
export class ClusterLock {
  readonly #hosts: Hosts;
  readonly #storage: string;
  #held: HeldLock | undefined;

  constructor(hosts: Hosts, storage: string) {
    this.#hosts = hosts;
    this.#storage = storage;
  }

  async take(): Promise<void> {
    this.#held = await holdOperationsLock(this.#hosts, this.#storage, {
      owner: 'polarplay faults',
      graceS: 5,
    });
  }

  async release(): Promise<void> {
    await this.#held?.release();
    this.#held = undefined;
  }

  async renew(): Promise<void> {
    await this.release();
    await this.take();
  }
}

/** Hosts of the cluster that are the machine which this program runs on: who breaks them breaks the runner. */
export async function hostsHere(hosts: Hosts, deployment: Deployment): Promise<ReadonlySet<string>> {
  const own = identityHere();
  const names = [deployment.storage.host, ...hostsOf(nodesOf(deployment))];
  const asked = await Promise.all(
    names.map(async name => {
      const { stdout } = await hosts.script(
        name,
        'cat /proc/sys/kernel/random/boot_id; readlink /proc/self/ns/pid',
      );
      return [name, stdout.trim()] as const;
    }),
  );
  return new Set(asked.filter(([, identity]) => identity === own).map(([name]) => name));
}

/** A boot of a kernel, and a space of processes in it. */
function identityHere(): string | undefined {
  try {
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}\n${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return undefined;
  }
}
