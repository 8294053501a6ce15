import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeDeployment } from '../../lib/cluster/deployment.ts';
import { positive, REACHING, REACHING_USAGE, reachingArguments, readFlags } from '../../lib/cluster/flags.ts';
import { openDeployment } from '../../lib/cluster/open-deployment.ts';
import { LockedError } from '../../lib/cluster/operations-lock.ts';
import { runPlaybook } from '../../lib/cluster/run-playbook.ts';
import { UsageError } from '../../lib/source/errors.ts';
import { CannotMeasure } from '../cluster/cannot-measure.ts';
import { Interrupted, onInterrupt } from '../cluster/interrupt.ts';
import { writeIndex } from '../cluster/output.ts';
import { refuseProduction } from '../cluster/production.ts';
import { ProgressLine } from '../cluster/progress-line.ts';
import { httpHtml, httpMarkdown, verdictOf } from './report.ts';
import { HttpBench, type HttpRun } from './run.ts';

const USAGE = `usage: polarplay bench http -i INVENTORY [options]

Asks the health endpoints and the balancers of a cluster, with autocannon and through SQL: at rest, under pgbench, and with
--switchovers while the primary changes. What counts is that no answer is wrong; then how long answers take, and what
asking costs the database. It needs the roles health and, for balancers, haproxy.

${REACHING_USAGE}      --rate N         requests a second at each place (default: 5, at most 50)
      --seconds N      at rest, and of each half of a pair under pgbench (default: 10)
      --pairs N        loads of pgbench without and with requests, for the cost (default: 3; 0 leaves them out)
      --switchovers N  moves the primary N times, each time to another replica; clients lose their sessions each time
      --scale N        pgbench's scale (default: 5), in a database of its own that is dropped at the end
      --out DIR        where the reports go (default: .polarplay/bench)
      --allow-load     also where the inventory says production: true

Exit codes: 0 no answer was wrong, 2 one was, or nobody answered, 4 nothing could be asked, 5 wrong flag; 129, 130 and 143
when a signal ended it: what was seen until then is reported.
`;

const FLAGS = {
  ...REACHING,
  rate: { type: 'string', default: '5' },
  seconds: { type: 'string', default: '10' },
  pairs: { type: 'string', default: '3' },
  switchovers: { type: 'string', default: '0' },
  scale: { type: 'string', default: '5' },
  out: { type: 'string', default: '.polarplay/bench' },
  'allow-load': { type: 'boolean', default: false },
} as const;

const MOST_RATE = 50;
const MOST_SECONDS = 3600;

/** `polarplay bench http`. */
export async function httpCommand(argv: readonly string[]): Promise<number> {
  const flags = readFlags(argv, FLAGS);
  if (flags.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const wanted = {
    rate: atMost('rate', positive('rate', flags.rate), MOST_RATE),
    seconds: atMost('seconds', positive('seconds', flags.seconds), MOST_SECONDS),
    scale: whole('scale', flags.scale, 1, 10_000),
    pairs: whole('pairs', flags.pairs, 0, 100),
    switchovers: whole('switchovers', flags.switchovers, 0, 100),
  };
  // Found before anything is asked.
  mkdirSync(flags.out, { recursive: true });
  const progress = new ProgressLine(process.stderr);
  const interrupt = onInterrupt(progress.say);
  const at = new Date().toISOString();
  try {
    const opened = await openDeployment(flags);
    try {
      refuseProduction(opened.inventory, flags['allow-load']);
      const { deployment, hosts } = opened;
      progress.say(`endpoints of ${describeDeployment(deployment)}`);
      const found = await new HttpBench({
        ...wanted,
        deployment,
        hosts,
        switchTo: node =>
          runPlaybook('switchover.yml', [...reachingArguments(flags), '-e', `new_primary=${node}`]),
        look: async () => {
          const again = await openDeployment(flags);
          await again.close();
          return again.deployment;
        },
        signal: interrupt.signal,
        say: progress.say,
      }).run();
      const run: HttpRun = {
        schema: 1,
        id: at.replace(/[-:]/g, '').replace(/\..*/, ''),
        at,
        deployment: describeDeployment(deployment),
        standIn: deployment.database === 'postgresql',
        cluster: deployment.cluster,
        ...found,
      };
      return report(run, flags.out, interrupt.signal);
    } finally {
      await opened.close();
    }
  } catch (error) {
    if (error instanceof Interrupted) return error.code;
    if (!(error instanceof CannotMeasure || error instanceof LockedError)) throw error;
    progress.say(`bench http: ${error.message}`);
    return 4;
  } finally {
    progress.clear();
    interrupt.release();
  }
}

function report(run: HttpRun, dir: string, signal: AbortSignal): number {
  const name = join(dir, `${run.id}-http`);
  const markdown = httpMarkdown(run);
  writeFileSync(`${name}.json`, `${JSON.stringify(run)}\n`);
  writeFileSync(`${name}.md`, markdown);
  writeFileSync(`${name}.html`, httpHtml(run));
  writeIndex(dir);
  process.stdout.write(`${markdown}\nwritten: ${name}.{html,md,json}\n`);
  if (signal.reason instanceof Interrupted) return signal.reason.code;
  return verdictOf(run).level === 'fine' ? 0 : 2;
}

function atMost(name: string, value: number, most: number): number {
  if (value <= most) return value;
  throw new UsageError(`--${name} ${value}: at most ${most}`, 5);
}

function whole(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isInteger(value) && value >= least && value <= most) return value;
  throw new UsageError(`--${name} ${text}: expected a whole number from ${least} to ${most}`, 5);
}
