import { resolve } from 'node:path';
import { describeDeployment } from '../../../lib/cluster/deployment.ts';
import { positive, REACHING, REACHING_USAGE, readFlags } from '../../../lib/cluster/flags.ts';
import { openDeployment } from '../../../lib/cluster/open-deployment.ts';
import { LockedError } from '../../../lib/cluster/operations-lock.ts';
import { messageOf } from '../../../lib/source/errors.ts';
import { visible } from '../../../lib/source/visible.ts';
import { CannotMeasure } from '../cannot-measure.ts';
import { notify, notifyTargets } from '../history/notify.ts';
import { writeToPostgres } from '../history/postgres-history.ts';
import { keepNights } from '../history/retention.ts';
import { rowsOf } from '../history/rows.ts';
import { Interrupted, onInterrupt } from '../interrupt.ts';
import { RunJournal, type RunSoFar, recoverRuns } from '../journal.ts';
import { loadProfile, PROFILES, type Profile, withSource } from '../load/profiles.ts';
import { historyFile, keepRun, type Written, writeRun } from '../output.ts';
import { refuseProduction } from '../production.ts';
import { ProgressLine } from '../progress-line.ts';
import type { RunDetail } from '../result.ts';
import { detailOf, runBench } from '../run.ts';

const USAGE = `usage: polarplay bench [run] -i INVENTORY [options]

Runs pgbench on the nodes of a deployed cluster: reading on one node and on all at the same time, writing on the primary.
Works in a database of its own (polarplay_bench, dropped at the end), and holds the lock of the operations meanwhile.

${REACHING_USAGE}      --profile NAME|FILE       ${Object.keys(PROFILES).join(', ')}, or a YAML file (default: smoke)
      --from nodes|control|clients
                                where the load comes from: each node puts it on itself (default), this machine does, or the
                                hosts of the group clients together
      --out DIR                 history.jsonl and the reports (default: .polarplay/bench)
      --history URL             also into a table of this database, postgresql://USER@HOST/DATABASE; the password is
                                read from PGPASSWORD or ~/.pgpass
      --keep-nights N           removes the reports of all but the latest N runs; the history keeps their figures
      --notify TARGET           word when a loss is confirmed: mailto:ADDRESS or a webhook's URL; may be given several
                                times. POLARPLAY_BENCH_NOTIFY names more, unseen by others
      --allow-load              also where the inventory says production: true
      --keep                    leaves the database behind

Others, each with --help: bench http (health endpoints and balancers), history, compare, accept, report, watch, simulate.

Exit codes: 0 measured, 2 measured with errors, 3 a loss was confirmed, 4 nothing could be measured (no host answers, the
inventory is wrong, the cluster is in use), 5 wrong flag; 129, 130 and 143 when a signal ended the run: what was measured
until then is kept.
`;

const FLAGS = {
  ...REACHING,
  profile: { type: 'string', default: 'smoke' },
  from: { type: 'string' },
  out: { type: 'string', default: '.polarplay/bench' },
  history: { type: 'string' },
  'keep-nights': { type: 'string' },
  notify: { type: 'string', multiple: true, default: [] as string[] },
  'allow-load': { type: 'boolean', default: false },
  keep: { type: 'boolean', default: false },
} as const;

type Flags = ReturnType<typeof readFlags<typeof FLAGS>>;

const CONFIRMED_LOSS = 3;

/** Measures a cluster. */
export async function runCommand(argv: readonly string[]): Promise<number> {
  const flags = readFlags(argv, FLAGS);
  if (flags.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const profile = withSource(loadProfile(flags.profile), flags.from);
  const nights =
    flags['keep-nights'] === undefined ? undefined : positive('keep-nights', flags['keep-nights']);
  const progress = new ProgressLine(process.stderr);
  keepKilledRuns(flags.out, progress.say);
  const started = new Date().toISOString().replace(/[-:]/g, '').replace(/\..*/, '');
  const journal = new RunJournal(flags.out, `${started}-${profile.name}`);
  const interrupt = onInterrupt(progress.say);
  try {
    const detail = await measured(flags, profile, { journal, progress, signal: interrupt.signal });
    const written = keepRun(flags.out, detail, journal, progress.say);
    process.stdout.write(`${visible(written.markdown)}\n`);
    if (written.onDisk)
      process.stdout.write(`written: ${written.name}.{html,md,json}, ${historyFile(flags.out)}\n`);
    if (nights !== undefined) removeOld(flags.out, nights, progress.say);
    await tell(flags.notify, written, progress.say);
    const stored = await storeElsewhere(flags.history, detail, written, progress.say);
    if (interrupt.signal.reason instanceof Interrupted) return interrupt.signal.reason.code;
    if (written.verdict.level === 'confirmed') return CONFIRMED_LOSS;
    return detail.record.failed || !stored || !written.onDisk ? 2 : 0;
  } catch (error) {
    return notMeasured(error, progress.say);
  } finally {
    progress.clear();
    // When the reports could not be written, the next run finds here what was measured.
    if (!journal.soFar?.measurements.length) journal.close();
    interrupt.release();
  }
}

async function measured(
  flags: Flags,
  profile: Profile,
  {
    journal,
    progress,
    signal,
  }: { readonly journal: RunJournal; readonly progress: ProgressLine; readonly signal: AbortSignal },
): Promise<RunDetail> {
  const opened = await openDeployment(flags);
  try {
    refuseProduction(opened.inventory, flags['allow-load']);
    progress.say(`benchmark of ${describeDeployment(opened.deployment)}, profile ${profile.name}`);
    return await runBench({
      deployment: opened.deployment,
      hosts: opened.hosts,
      profile,
      keep: flags.keep,
      journal,
      signal,
      say: progress.say,
      onSecond: progress.second,
      onMeasurement: progress.cell,
    });
  } finally {
    await opened.close();
  }
}

/** The exit code of an error that a person can mend; others are thrown again. */
function notMeasured(error: unknown, say: (line: string) => void): number {
  if (error instanceof Interrupted) {
    say(`${error.message}: nothing was measured yet`);
    return error.code;
  }
  if (error instanceof CannotMeasure || error instanceof LockedError) {
    say(`bench: ${error.message}`);
    return 4;
  }
  throw error;
}

/** Old reports that stay take nothing away. */
function removeOld(dir: string, nights: number, say: (line: string) => void): void {
  try {
    keepNights(dir, nights);
  } catch (error) {
    say(`--keep-nights: ${messageOf(error)}`);
  }
}

/** Word of a confirmed loss, once: later nights tell it in their reports. */
async function tell(
  targets: readonly string[],
  { verdict, name }: Written,
  say: (line: string) => void,
): Promise<void> {
  if (!verdict.newlyConfirmed) return;
  const failed = await notify(notifyTargets(targets), {
    subject: verdict.sentence,
    text: `The report: ${resolve(name)}.html\nWhen this is how fast it is meant to be: polarplay bench accept last --reason TEXT`,
  });
  for (const line of failed) say(`--notify: ${line}`);
}

/** Into a database of somebody's own; that it cannot be reached takes nothing away. */
async function storeElsewhere(
  url: string | undefined,
  { record }: RunDetail,
  { verdict }: Written,
  say: (line: string) => void,
): Promise<boolean> {
  if (url === undefined) return true;
  try {
    await writeToPostgres(url, rowsOf(record, verdict));
    return true;
  } catch (error) {
    say(`--history: the figures could not be stored there: ${(error as Error).message}`);
    return false;
  }
}

/** Reports what earlier runs measured before they were killed. */
function keepKilledRuns(dir: string, say: (line: string) => void): void {
  const settle = (run: RunSoFar) => {
    const { name } = writeRun(dir, detailOf(run, undefined, 'the run was killed'));
    say(`an earlier run was killed: what it measured is in ${name}.{html,md,json}`);
  };
  recoverRuns(dir, settle, say);
}
