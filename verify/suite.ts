import { config } from 'chai';
import Mocha from 'mocha';
import { withDeadline } from '../lib/cluster/eventually.ts';
import { messageOf } from '../lib/source/errors.ts';
import { type Check, CheckContext, type Layer } from './check.ts';
import type { Finding } from './findings.ts';

export interface SuiteOptions {
  /** Time limit of each check, beside what it needs to wait or to measure. */
  readonly timeoutMs: number;
  /** How long the cluster may take to settle, from the start of the run. */
  readonly settleMs: number;
  /** Gets each finding as it comes. */
  readonly onFinding: (finding: Finding) => void;
  /** Stops the suite: the running check is cancelled, the rest is not started. */
  readonly signal?: AbortSignal;
}

/**
 * Runs the layers' checks as mocha suites, in order, and gives back a finding for each. A layer without a check, and
 * a check without a host, are failures: a suite that looks at nothing must not be green.
 */
export async function runLayers<D>(
  layers: readonly Layer<D>[],
  deployment: D,
  options: SuiteOptions,
): Promise<readonly Finding[]> {
  // A verdict names every slot and every address, however many there are.
  config.truncateThreshold = 0;
  const settleBy = performance.now() + options.settleMs;
  const findings: Finding[] = [];
  const verdicts = new Map<Mocha.Runnable, (error: unknown) => Finding>();
  const report = (finding: Finding) => {
    findings.push(finding);
    options.onFinding(finding);
  };
  const watch = (runner: Mocha.Runner) => {
    const errors = new Map<Mocha.Runnable, unknown>();
    runner.on('fail', (runnable, error) => errors.set(runnable, error));
    runner.on('test end', test => report(verdicts.get(test)!(errors.get(test))));
    options.signal?.addEventListener('abort', () => runner.abort(), { once: true });
  };
  const mocha = new Mocha({
    reporter: watching(watch),
    // The deadline of a check is kept by the check's own signal, which also stops its work; mocha's would not.
    timeout: 0,
    forbidOnly: true,
  });

  for (const layer of layers) {
    const suite = Mocha.Suite.create(mocha.suite, layer.title);
    for (const check of checksOf(layer, deployment)) {
      const { test, verdict } = testOf(layer.name, check, options, settleBy);
      verdicts.set(test, verdict);
      suite.addTest(test);
    }
  }
  await new Promise<number>(resolve => mocha.run(resolve));
  for (const layer of layers) {
    const finding = await cleanUp(layer, deployment);
    if (finding) report(finding);
  }
  return findings;
}

/** A mocha reporter that only hands over the runner. */
function watching(watch: (runner: Mocha.Runner) => void): Mocha.ReporterConstructor {
  return class extends Mocha.reporters.Base {
    constructor(runner: Mocha.Runner, options: Mocha.MochaOptions) {
      super(runner, options);
      watch(runner);
    }
  };
}

/** A layer's checks; an error while listing them, an empty list, or a check without hosts, becomes a failing check. */
function checksOf<D>(layer: Layer<D>, deployment: D): readonly Check[] {
  try {
    const checks = layer.checks(deployment);
    if (checks.length === 0) {
      return [failing(layer.name, 'the layer matched no check: this is a failure, not a pass')];
    }
    return checks.map(check => {
      if (check.hosts.length > 0 || 'skip' in check) return check;
      return {
        ...check,
        ...failing(check.title, 'the check matched no host: this is a failure, not a pass'),
      };
    });
  } catch (error) {
    return [failing(layer.name, messageOf(error))];
  }
}

function failing(subject: string, message: string): Check {
  const fail = () => Promise.reject(new Error(message));
  return { id: `${subject}.nothing`, title: `${subject}: something to look at`, hosts: [], run: fail };
}

function testOf(
  layer: string,
  check: Check,
  { timeoutMs, signal: stop }: SuiteOptions,
  settleBy: number,
): { test: Mocha.Test; verdict: (error: unknown) => Finding } {
  const head = { id: check.id, layer, title: check.title, hosts: check.hosts };
  if ('skip' in check) {
    const test = new Mocha.Test(check.title);
    return {
      test,
      verdict: () => ({ ...head, durationMs: 0, figures: [], verdict: 'skipped', reason: check.skip }),
    };
  }
  let context: CheckContext | undefined;
  const work = async (signal: AbortSignal) => {
    context = new CheckContext(check.hosts, signal, settleBy);
    await check.run(context);
  };
  const test = new Mocha.Test(check.title, () => {
    const settleMs = check.settles ? Math.max(0, settleBy - performance.now()) : 0;
    return withDeadline(work, timeoutMs + settleMs + (check.extraMs ?? 0), stop);
  });
  const verdict = (error: unknown): Finding => {
    const rest = { ...head, durationMs: test.duration ?? 0, figures: context?.figures ?? [] };
    if (test.state === 'passed') return { ...rest, verdict: 'passed' };
    return { ...rest, verdict: 'failed', message: messageOf(error ?? 'the check did not finish') };
  };
  return { test, verdict };
}

/** A clean-up that fails is a finding of its own: the cluster is not as it was. It also runs after an abort. */
async function cleanUp<D>(layer: Layer<D>, deployment: D): Promise<Finding | undefined> {
  const started = performance.now();
  try {
    await layer.cleanUp?.(deployment);
    return undefined;
  } catch (error) {
    return {
      id: `${layer.name}.clean-up`,
      layer: layer.name,
      title: 'leaves the cluster as it was',
      hosts: [],
      durationMs: performance.now() - started,
      figures: [],
      verdict: 'failed',
      message: messageOf(error),
    };
  }
}
