import { describeDeployment } from '../../lib/cluster/deployment.ts';
import { REACHING, REACHING_USAGE, readFlags } from '../../lib/cluster/flags.ts';
import { openDeployment } from '../../lib/cluster/open-deployment.ts';
import { readHistory } from './history.ts';
import { Interrupted, onInterrupt } from './interrupt.ts';
import { RunJournal, recoverRuns } from './journal.ts';
import { historyFile, writeRun } from './output.ts';
import { refuseProduction } from './production.ts';
import { loadProfile, PROFILES } from './profiles.ts';
import { detailOf, runBench } from './run.ts';

const USAGE = `usage: polarplay bench -i INVENTORY [options]

Runs pgbench on the nodes of a deployed cluster: reading on one node and on all at the same time, writing on the primary.
Works in a database of its own (polarplay_bench, dropped at the end).

${REACHING_USAGE}      --profile NAME|FILE       ${Object.keys(PROFILES).join(', ')}, or a YAML file (default: smoke)
      --out DIR                 history.jsonl and the reports (default: .polarplay/bench)
      --allow-load              also where the inventory says production: true
      --keep                    leaves the database behind

Exit codes: 0 measured, 2 measured with errors, 4 no host answers or the inventory is wrong, 5 wrong flag; 129, 130 and 143
when a signal ended the run: what was measured until then is kept.
`;

const FLAGS = {
  ...REACHING,
  profile: { type: 'string', default: 'smoke' },
  out: { type: 'string', default: '.polarplay/bench' },
  'allow-load': { type: 'boolean', default: false },
  keep: { type: 'boolean', default: false },
} as const;

/** `polarplay bench`: measures a cluster, and gives the exit code. */
export async function benchCommand(argv: readonly string[]): Promise<number> {
  const flags = readFlags(argv, FLAGS);
  if (flags.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const say = (line: string) => void process.stderr.write(`${line}\n`);
  const profile = loadProfile(flags.profile);
  keepKilledRuns(flags.out, say);
  const started = new Date().toISOString().replace(/[-:]/g, '').replace(/\..*/, '');
  const journal = new RunJournal(flags.out, `${started}-${profile.name}`);
  const interrupt = onInterrupt(say);
  try {
    const opened = await openDeployment(flags);
    try {
      refuseProduction(opened.inventory, flags['allow-load']);
      for (const { line, reason } of readHistory(historyFile(flags.out)).unreadable)
        say(`${historyFile(flags.out)}:${line}: left out: ${reason}`);
      say(`benchmark of ${describeDeployment(opened.deployment)}, profile ${profile.name}`);
      const detail = await runBench({
        deployment: opened.deployment,
        hosts: opened.hosts,
        profile,
        keep: flags.keep,
        journal,
        signal: interrupt.signal,
        say,
      });
      const { markdown, name } = writeRun(flags.out, detail);
      journal.close();
      process.stdout.write(`${markdown}\nwritten: ${name}.{html,md,json}, ${historyFile(flags.out)}\n`);
      if (interrupt.signal.reason instanceof Interrupted) return interrupt.signal.reason.code;
      return detail.record.failed ? 2 : 0;
    } finally {
      await opened.close();
    }
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    say(`${error.message}: nothing was measured yet`);
    return error.code;
  } finally {
    // When the reports could not be written, the next run finds here what was measured.
    if (!journal.soFar?.measurements.length) journal.close();
    interrupt.release();
  }
}

/** Reports what earlier runs measured before they were killed. */
function keepKilledRuns(dir: string, say: (line: string) => void): void {
  recoverRuns(dir, run => {
    const { name } = writeRun(dir, detailOf(run, undefined, 'the run was killed'));
    say(`an earlier run was killed: what it measured is in ${name}.{html,md,json}`);
  });
}
