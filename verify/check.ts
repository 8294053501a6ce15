import type { Patience, Settled } from '../lib/cluster/eventually.ts';
import { eventually, untilAborted } from '../lib/cluster/eventually.ts';
import { messageOf } from '../lib/source/errors.ts';

/** A figure worth reporting beside the verdict: a delay, a lag, a version. */
export interface Figure {
  readonly name: string;
  readonly value: number | string;
  readonly unit?: string;
  readonly host?: string;
}

/** One expectation. It fails by throwing, chai's assertions included. */
export interface RunnableCheck {
  /** Stable name for reports and history, `layer.what`. */
  readonly id: string;
  readonly title: string;
  /** The hosts the check looks at; naming none is a mistake of the check, and fails it. */
  readonly hosts: readonly string[];
  /** What the check may take beyond the run's `--timeout`, to measure or to wait for something of its own. */
  readonly extraMs?: number;
  /** The check waits until the cluster has settled. */
  readonly settles?: boolean;
  run(context: CheckContext): Promise<void>;
}

/** An expectation that does not apply to this deployment, and why, in one plain line. */
export interface SkippedCheck {
  readonly id: string;
  readonly title: string;
  readonly hosts: readonly string[];
  readonly skip: string;
}

export type Check = RunnableCheck | SkippedCheck;

/** One layer of the deployment; `checks` is pure, so what will be looked at is known before any host is. */
export interface Layer<Deployment> {
  readonly name: string;
  readonly title: string;
  checks(deployment: Deployment): readonly Check[];
  /** Puts back what the layer's checks changed; runs after all layers, whatever the verdicts, after Ctrl-C too. */
  cleanUp?(deployment: Deployment): Promise<void>;
}

/** What some hosts of a check did not fulfil. */
export class HostFailures extends Error {
  override readonly name = 'HostFailures';
  readonly failures: readonly { readonly host: string; readonly message: string }[];

  constructor(failures: readonly { host: string; message: string }[]) {
    super(failures.map(f => `${f.host}: ${f.message}`).join('\n'));
    this.failures = failures;
  }
}

/** What a running check may do: ask hosts side by side, wait for something, note figures. */
export class CheckContext {
  readonly hosts: readonly string[];
  readonly signal: AbortSignal;
  readonly figures: Figure[] = [];
  readonly #settleBy: number;

  /** `settleBy` is when the cluster must have settled, by `performance.now()`. */
  constructor(hosts: readonly string[], signal: AbortSignal, settleBy: number) {
    this.hosts = hosts;
    this.signal = signal;
    this.#settleBy = settleBy;
  }

  /** Notes a figure for the report. */
  note(figure: Figure): void {
    this.figures.push(figure);
  }

  /** Asks every host at the same time; all failures are reported, each with its host. */
  async each<T>(ask: (host: string) => Promise<T>, hosts = this.hosts): Promise<ReadonlyMap<string, T>> {
    if (hosts.length === 0) throw new Error('the check names no host to look at');
    const settled = await Promise.allSettled(hosts.map(host => untilAborted(ask(host), this.signal)));
    const answers = new Map<string, T>();
    const failures: { host: string; message: string }[] = [];
    settled.forEach((result, i) => {
      const host = hosts[i]!;
      if (result.status === 'fulfilled') answers.set(host, result.value);
      else failures.push({ host, message: messageOf(result.reason) });
    });
    if (failures.length > 0) throw new HostFailures(failures);
    return answers;
  }

  /**
   * Waits for what a cluster that was just started may not have yet. The time for that is the run's, not the check's: what
   * one check has waited for in vain, the next looks at once.
   */
  settled<T>(attempt: () => Promise<T>, host: string): Promise<T> {
    const withinMs = this.#settleBy - performance.now();
    return withinMs < LOOK_EVERY_MS
      ? attempt()
      : this.eventually(attempt, { withinMs, everyMs: LOOK_EVERY_MS }, host);
  }

  /** Waits until `attempt` holds and notes the time to true. */
  async eventually<T>(attempt: () => Promise<T>, patience: Patience, host?: string): Promise<T> {
    const settled: Settled<T> = await eventually(attempt, patience, this.signal);
    this.note({
      name: 'time to true',
      value: Math.round(settled.timeToTrueMs),
      unit: 'ms',
      ...(host === undefined ? {} : { host }),
    });
    return settled.value;
  }
}

/** How often a cluster that has not settled yet is looked at. */
const LOOK_EVERY_MS = 500;

/** Throws unless all hosts gave the same answer; the message lists who said what. */
export function expectSame(answers: ReadonlyMap<string, string | number>, what: string): void {
  if (new Set(answers.values()).size <= 1) return;
  const said = [...answers].map(([host, value]) => `${host}: ${value}`);
  throw new Error(`${what} differs between hosts\n${said.join('\n')}`);
}
