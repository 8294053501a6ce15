import { readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Deployment, hostsOf, nodesOf } from '../../lib/cluster/deployment.ts';
import type { Hosts } from '../../lib/cluster/hosts.ts';
import { type HeldLock, holdOperationsLock } from '../../lib/cluster/operations-lock.ts';
import { killedRun, runPlaybook } from '../../lib/cluster/run-playbook.ts';
import { messageOf } from '../../lib/source/errors.ts';
import { type Breaker, NotHealed } from './breaker.ts';
import { BUDGETS } from './budgets.ts';
import type { Budget, Fault, Step } from './fault.ts';
import type { Effects, Load } from './load/load.ts';
import { judgeWriters, type Verdict } from './load/writers.ts';

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
/** How long to look at least: a cluster may notice late. */
const WATCH_S = 5;

/** Breaks one thing under load, heals it, and judges. */
export async function tryFault(fault: Fault, context: SuiteContext): Promise<FaultResult> {
  const began = performance.now();
  const { deployment, load, breaker, here } = context;
  const skip = fault.skip?.(deployment);
  const steps = skip === undefined ? fault.steps(deployment) : [];
  const hosts = [...new Set(steps.map(step => step.host))];
  const { id, title, holdS } = fault;
  const about = { id, title, hosts, holdS, budget: BUDGETS[id]! };
  const took = () => ({ durationMs: Math.round(performance.now() - began) });
  const reason = skip ?? ownMachine(steps, here) ?? (await breaker.probe(steps));
  if (reason !== undefined) return { ...about, verdict: 'not tried', reason, problems: [], ...took() };
  await steadyBefore(fault, context);
  const acked = load.ledger.acknowledged;
  const { effects, problems, struckMs } = await endure(fault, steps, context);
  if (hosts.includes(deployment.storage.host)) await context.lock.renew();
  const judged = await judge(id, struckMs, effects !== undefined, context);
  const all = [...problems, ...judged.problems];
  const result: FaultResult = {
    ...about,
    verdict: all.length === 0 ? 'held' : 'broken',
    ...(effects ? { effects } : {}),
    acknowledged: load.ledger.acknowledged - acked,
    problems: all,
    ...took(),
  };
  if (!effects || judged.lasting) throw new NotRecovered(result);
  return result;
}

async function steadyBefore({ id }: Fault, { load, signal }: SuiteContext): Promise<void> {
  try {
    await untilSteady(load, performance.now(), BEFORE_S, signal);
  } catch (error) {
    signal.throwIfAborted();
    throw new Error(`before ${id}: ${messageOf(error)}`);
  }
}

/** Breaks, heals, and waits until everything goes on; without effects it never did. */
async function endure(
  fault: Fault,
  steps: readonly Step[],
  context: SuiteContext,
): Promise<{ struckMs: number; effects?: Effects; problems: readonly string[] }> {
  const { deployment, load, signal, say } = context;
  say(`${fault.id}: broken`);
  const struckMs = performance.now();
  const problems: string[] = [];
  const breaking = fault.playbook ? killRunner(fault.playbook, context) : strike(fault, steps, context);
  const sinceMs = await breaking.catch((error: unknown) => {
    if (error instanceof NotHealed) throw error;
    signal.throwIfAborted();
    problems.push(messageOf(error));
    return performance.now();
  });
  say(`${fault.id}: recovering`);
  const budget = BUDGETS[fault.id]!;
  const limitS = 2 * Math.max(budget.writesS, budget.readsS, budget.replicasS) + 60;
  try {
    const watchMs = Math.max(sinceMs, struckMs + 1000 * (fault.watchS ?? WATCH_S));
    await untilSteady(load, watchMs, limitS, signal);
  } catch (error) {
    signal.throwIfAborted();
    return { struckMs, problems: [...problems, messageOf(error)] };
  }
  const effects = load.effects({ struckMs, sinceMs, nowMs: performance.now() })!;
  return {
    struckMs,
    effects,
    problems: [...problems, ...overBudget(effects, budget, fault.writesGoOn(deployment))],
  };
}

/** Whether what must always hold did; `lasting` is what stays wrong with the cluster. */
async function judge(
  id: string,
  struckMs: number,
  recovered: boolean,
  { deployment, load, wrongWith, signal, say }: SuiteContext,
): Promise<{ problems: readonly string[]; lasting: boolean }> {
  const failed = (verdicts: readonly Verdict[]) => verdicts.filter(({ ok }) => !ok).map(({ what }) => what);
  say(`${id}: counting rows`);
  const rows = failed(await load.judgeRows());
  const samples = load.probe.samples.filter(({ fromMs }) => fromMs >= struckMs);
  const seen = failed([load.judgeReads(struckMs), judgeWriters(samples, [deployment.primary.host])]);
  say(`${id}: verifying`);
  const wrong = recovered ? await wrongWith().catch((error: unknown) => [messageOf(error)]) : [];
  signal.throwIfAborted();
  const problems = [...seen, ...rows, ...wrong.map(what => `verify: ${what}`)];
  return { problems, lasting: rows.length + wrong.length > 0 };
}

/** Breaks, waits, heals; the moment from which the cluster could recover. */
export async function strike(
  { id, holdS }: Pick<Fault, 'id' | 'holdS'>,
  steps: readonly Step[],
  { breaker, signal }: Pick<SuiteContext, 'breaker' | 'signal'>,
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
