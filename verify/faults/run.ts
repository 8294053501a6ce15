import { randomBytes } from 'node:crypto';
import { hostsOf, nodesOf } from '../../lib/cluster/deployment.ts';
import type { Reaching } from '../../lib/cluster/flags.ts';
import type { Opened } from '../../lib/cluster/open-deployment.ts';
import { messageOf } from '../../lib/source/errors.ts';
import { visible } from '../../lib/source/visible.ts';
import { Progress } from '../progress.ts';
import { checkReportFile, writeReportFile } from '../report/files.ts';
import { subjectOf } from '../report/subject.ts';
import { formatFinding, formatTotals } from '../report/terminal.ts';
import { wrongWith } from './acceptance.ts';
import { Breaker, NotHealed } from './breaker.ts';
import { BrokenNote, noteFile } from './broken-note.ts';
import { type Fault, PARTS } from './fault.ts';
import { interruptible } from './interrupt.ts';
import { Load, type LoadOptions } from './load/load.ts';
import { asVerifyReport, type FaultsReport, findingOf } from './report.ts';
import { ClusterLock, type FaultResult, hostsHere, NotRecovered, tryFault } from './suite.ts';

export interface RunOptions {
  readonly flags: Reaching;
  readonly load: LoadOptions;
  /** Arguments that lead a playbook to the same hosts. */
  readonly reaching: readonly string[];
  /** Only what an earlier run left broken is put right. */
  readonly healOnly: boolean;
  readonly reports: readonly string[];
}

/** What came of the faults, and what did not hold beside them. */
interface Outcome {
  readonly results: readonly FaultResult[];
  readonly problems: readonly string[];
  readonly load: Load;
}

const terminal = { color: process.stdout.isTTY === true && process.env.NO_COLOR === undefined };
const TITLES: ReadonlyMap<string, string> = new Map(Object.entries(PARTS));
const say = (text: string) => write(visible(text));
/** What is painted already. */
const write = (text: string) => void process.stdout.write(`${text}\n`);

/** Tries the faults one after the other; the exit code. */
export async function runFaults(
  opened: Opened,
  faults: readonly Fault[],
  options: RunOptions,
): Promise<number> {
  for (const file of options.reports) checkReportFile(file);
  const tell = (text: string) => void process.stderr.write(`\n${visible(text)}\n`);
  return interruptible(signal => lockAndRun(opened, faults, options, signal), tell);
}

async function lockAndRun(
  opened: Opened,
  faults: readonly Fault[],
  options: RunOptions,
  signal: AbortSignal,
): Promise<number> {
  const began = performance.now();
  const startedAt = new Date().toISOString();
  const { deployment, hosts } = opened;
  const lock = new ClusterLock(hosts, deployment.storage.host);
  const breaker = new Breaker(hosts, new BrokenNote(noteFile(deployment)));
  try {
    await lock.take();
    const healed = await breaker.healLeftovers([deployment.storage.host, ...hostsOf(nodesOf(deployment))]);
    for (const what of healed) say(`healed: ${what}`);
    if (options.healOnly) {
      if (healed.length === 0) say('nothing was left broken');
      return 0;
    }
    const keep = (outcome: Outcome) => {
      const report = reportOf(opened, outcome, startedAt, performance.now() - began);
      const formats = { titles: TITLES, name: 'polarplay faults', json: report };
      for (const file of options.reports) writeReportFile(file, asVerifyReport(report), formats);
      return report;
    };
    const report = keep(await tryAll(opened, faults, options, breaker, lock, signal, keep));
    show(report);
    return report.held ? 0 : 2;
  } finally {
    await lock.release();
  }
}

/** All of them under one load. Throws when it is interrupted; nothing is broken then. */
async function tryAll(
  opened: Opened,
  faults: readonly Fault[],
  { flags, load: loadOptions, reaching }: RunOptions,
  breaker: Breaker,
  lock: ClusterLock,
  signal: AbortSignal,
  /** Keeps what is known so far: a run takes long, and may not come to its end. */
  keep: (outcome: Outcome) => void,
): Promise<Outcome> {
  const { deployment, hosts } = opened;
  const progress = new Progress(process.stderr);
  const results: FaultResult[] = [];
  const problems: string[] = [];
  const tell = (result: FaultResult) => {
    progress.clear();
    const finding = findingOf(result);
    const first = results.every(({ id }) => id.split('.')[0] !== finding.layer);
    write(formatFinding(finding, first ? TITLES.get(finding.layer) : undefined, terminal));
    results.push(result);
  };
  progress.say('verifying the cluster');
  await expectWell(flags, signal).finally(() => progress.clear());
  progress.say('starting the load');
  const here = await hostsHere(hosts, deployment);
  const load = await Load.start(hosts, deployment, loadOptions);
  const context = {
    deployment,
    hosts,
    load,
    breaker,
    lock,
    reaching,
    here,
    wrongWith: () => wrongWith(flags, signal),
    signal,
    say: (text: string) => progress.say(text),
  };
  try {
    for (const fault of faults) {
      tell(await tryFault(fault, context));
      keep({ results, problems: ['the run has not come to its end'], load });
    }
  } catch (error) {
    if (error instanceof NotHealed) throw error;
    signal.throwIfAborted();
    if (error instanceof NotRecovered) tell(error.result);
    problems.push(messageOf(error));
  } finally {
    progress.say('ending the load');
    await load.stop();
    if (signal.aborted) await load.remove();
    progress.clear();
  }
  const end = [...(await load.judgeRows()), await load.judgePgbench()];
  problems.push(...end.filter(({ ok }) => !ok).map(({ what }) => what));
  if (results.every(({ verdict }) => verdict === 'not tried') && problems.length === 0)
    problems.push('no fault could be tried: nothing was proved');
  // Where rows are missing they are the evidence.
  if (end.every(({ ok }) => ok)) await load.remove();
  else problems.push(`the database of the load and ${load.evidence} are kept`);
  return { results, problems, load };
}

/** A cluster that is not well proves nothing by a fault, and may not survive it. */
async function expectWell(flags: Reaching, signal: AbortSignal): Promise<void> {
  const wrong = await wrongWith(flags, signal);
  signal.throwIfAborted();
  if (wrong.length > 0)
    throw new Error(
      `the cluster is not well, so nothing was broken (polarplay verify):\n${wrong.join('\n')}`,
    );
}

function reportOf(
  opened: Opened,
  { results, problems, load }: Outcome,
  startedAt: string,
  durationMs: number,
): FaultsReport {
  return {
    schema: 1,
    runId: randomBytes(6).toString('hex'),
    startedAt,
    durationMs: Math.round(durationMs),
    held: problems.length === 0 && results.every(({ verdict }) => verdict !== 'broken'),
    subject: subjectOf(opened),
    load: {
      acknowledged: load.ledger.acknowledged,
      writeErrors: load.ledger.errors.length,
      probes: load.probe.samples.length,
      pgbenchTransactions: load.pgbench.transactions,
    },
    problems,
    faults: results,
  };
}

function show(report: FaultsReport): void {
  const { acknowledged, writeErrors, pgbenchTransactions } = report.load;
  say(
    `\n${acknowledged} commits acknowledged and counted, ${writeErrors} writes failed; pgbench: ${pgbenchTransactions} transactions`,
  );
  for (const problem of report.problems) say(problem);
  write(formatTotals(asVerifyReport(report), terminal));
}
