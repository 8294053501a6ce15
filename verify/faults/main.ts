import '../../lib/source/frozen-prototype.ts';

import { mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describeDeployment } from '../../lib/cluster/deployment.ts';
import { failureText } from '../../lib/cluster/failure.ts';
import { positive, REACHING, REACHING_USAGE, readFlags } from '../../lib/cluster/flags.ts';
import { type Opened, openDeployment } from '../../lib/cluster/open-deployment.ts';
import { UsageError } from '../../lib/source/errors.ts';
import { entryOf } from '../../lib/source/record.ts';
import { EXPERIMENTS } from './experiments.ts';
import { type UnderLoadReport, underLoad } from './under-load.ts';

const USAGE = `usage: polarplay faults EXPERIMENT -i INVENTORY --allow-faults [options]

Operates on a cluster while it is under load, and proves that nothing was lost: pgbench, clients that keep a ledger of
acknowledged commits, and a probe that tries to write on every node every 200 ms.

${Object.entries(EXPERIMENTS)
  .map(([name, { summary }]) => `  ${name.padEnd(25)} ${summary}`)
  .join('\n')}

${REACHING_USAGE}      --allow-faults            without it nothing is done; an inventory with production: true is always refused
      --rounds N                switchover: times there and back (default: 3)
      --to NODE                 switchover: the other primary (default: the first replica)
      --node NODE               add-replica: the replica to add, already in the inventory;
                                promote-by-hand: the replica (default: the first)
      --clients N               writing clients, and as many of pgbench (default: 4)
      --rate N                  transactions of pgbench a second (default: 50)
      --scale N                 pgbench's scale (default: 1)
      --report FILE             the figures as JSON

Exit codes: 0 all held, 2 something did not, 4 no host answers or the inventory is wrong, 5 wrong flag.
`;

const FLAGS = {
  ...REACHING,
  'allow-faults': { type: 'boolean', default: false },
  rounds: { type: 'string', default: '3' },
  to: { type: 'string' },
  node: { type: 'string' },
  clients: { type: 'string', default: '4' },
  rate: { type: 'string', default: '50' },
  scale: { type: 'string', default: '1' },
  report: { type: 'string' },
} as const;

async function main(argv: readonly string[]): Promise<number> {
  const [name = '', ...rest] = argv[0]?.startsWith('-') ? ['', ...argv] : argv;
  const flags = readFlags(rest, FLAGS);
  if (flags.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const experiment = entryOf(EXPERIMENTS, name);
  if (!experiment)
    throw new UsageError(`which experiment? There are ${Object.keys(EXPERIMENTS).join(', ')}`, 5);
  if (!flags['allow-faults'])
    throw new UsageError('this disturbs the cluster: say --allow-faults if that is all right', 5);
  const opened = await openDeployment(flags);
  try {
    refuseProduction(opened);
    const say = (line: string) => void process.stdout.write(`${line}\n`);
    const reaching = reachingArguments(flags);
    const plan = experiment.plan(opened.deployment, {
      rounds: positive('rounds', flags.rounds),
      to: flags.to,
      node: flags.node,
      reaching,
      hosts: opened.hosts,
    });
    say(`${describeDeployment(opened.deployment)}\n${plan.title}`);
    const report = await underLoad(opened, plan, {
      clients: positive('clients', flags.clients),
      rate: positive('rate', flags.rate),
      scale: positive('scale', flags.scale),
      ledgerFile: join(tmpdir(), `polarplay-ledger-${process.pid}`),
      say,
    });
    say(reportText(report));
    if (flags.report) {
      mkdirSync(dirname(flags.report), { recursive: true });
      writeFileSync(flags.report, `${JSON.stringify(report, null, 1)}\n`);
    }
    return report.verdicts.every(v => v.ok) ? 0 : 2;
  } finally {
    await opened.close();
  }
}

/** A cluster that people depend on is not experimented with. */
function refuseProduction({ inventory }: Opened): void {
  for (const host of inventory.hosts.keys())
    for (const { vars } of inventory.layers(host, []))
      if (vars.get('production') === true)
        throw new UsageError(`${host} is marked production: true in the inventory: no faults there`);
}

/** The flags that a playbook needs to reach the same hosts with the same variables. */
function reachingArguments(flags: ReturnType<typeof readFlags<typeof FLAGS>>): readonly string[] {
  return [
    ...flags.inventory.flatMap(file => ['-i', file]),
    ...flags['extra-vars'].flatMap(vars => ['-e', vars]),
    ...(flags.user === undefined ? [] : ['--user', flags.user]),
    ...(flags['private-key'] === undefined ? [] : ['--private-key', flags['private-key']]),
    ...(flags['vault-password-file'] === undefined
      ? []
      : ['--vault-password-file', flags['vault-password-file']]),
    ...(flags['accept-new-host-keys'] ? ['--accept-new-host-keys'] : []),
  ];
}

function reportText(report: UnderLoadReport): string {
  const gaps = report.operations.map(o => o.gapMs);
  return [
    '',
    `${report.acknowledged} commits acknowledged, ${report.writeErrors} writes failed; pgbench: ${report.pgbench.transactions} transactions, interrupted ${report.pgbench.interrupted} times`,
    ...(gaps.length > 0
      ? [`without a commit: ${Math.min(...gaps)} to ${Math.max(...gaps)} ms in ${gaps.length} operations`]
      : []),
    ...Object.entries(report.errors).map(([message, count]) => `${count} x ${message}`),
    ...report.verdicts.map(({ ok, what }) => `${ok ? 'held  ' : 'BROKEN'} ${what}`),
  ].join('\n');
}

export const runFaultsCommand = (argv: readonly string[]): Promise<number> =>
  main(argv).catch((error: unknown) => {
    const { text, code } = failureText('faults', error);
    process.stderr.write(`${text}\n`);
    return code;
  });
