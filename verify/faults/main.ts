import '../../lib/source/frozen-prototype.ts';

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { describeDeployment } from '../../lib/cluster/deployment.ts';
import { failureText } from '../../lib/cluster/failure.ts';
import {
  extraVars,
  positive,
  REACHING,
  REACHING_USAGE,
  reachingArguments,
  readFlagsAndWords,
} from '../../lib/cluster/flags.ts';
import { type Opened, openDeployment } from '../../lib/cluster/open-deployment.ts';
import { UsageError } from '../../lib/source/errors.ts';
import { entryOf } from '../../lib/source/record.ts';
import { visible } from '../../lib/source/visible.ts';
import { FileReader } from '../../lib/source/yaml/read-yaml.ts';
import { FAULTS } from './catalogue.ts';
import { chooseFaults, listText } from './choose.ts';
import { EXPERIMENTS } from './operations/experiments.ts';
import { type UnderLoadReport, underLoad } from './operations/under-load.ts';
import { productionMark } from './production.ts';
import { runFaults } from './run.ts';
import { ClusterLock } from './suite.ts';

const USAGE = `usage: polarplay faults -i INVENTORY --allow-faults [-g WORDS] [options]
       polarplay faults OPERATION -i INVENTORY --allow-faults [options]

Breaks a cluster under load in one way after the other, and heals it. Proves each time that no acknowledged commit is
lost, that nobody reads what was not written, that two nodes never write at a time, and that all goes on within its
budget. Then it verifies the cluster in full. Or it operates on the cluster under the same load:

${Object.entries(EXPERIMENTS)
  .map(([name, { summary }]) => `  ${name.padEnd(25)} ${summary}`)
  .join('\n')}

It disturbs the cluster: servers, disks and hosts stop. An inventory with production: true is always refused. It heals
what it broke after Ctrl-C too. After kill -9 the hosts heal themselves two minutes later, and the next run heals at once.

${REACHING_USAGE}      --allow-faults            without it nothing is done
      --list                    lists the faults, and does nothing
  -g, --grep WORDS              only faults that these words describe; a comma separates alternatives
      --only ID                 only this fault, or ids with *; may be given several times
      --skip ID                 without this one; may be given several times
      --heal                    heals what an earlier run left broken, and nothing else
      --clients N               writing clients, and as many of pgbench (default: 4)
      --rate N                  transactions of pgbench a second (default: 50)
      --scale N                 pgbench's scale (default: 1)
      --report FILE             the results also in FILE, .html, .json or .xml (JUnit); may be given several times
      --rounds N                switchover: times there and back (default: 3)
      --to NODE                 switchover, failover: the other primary (default: the first replica)
      --node NODE               add-replica: the replica to add, already in the inventory;
                                promote-by-hand: the replica (default: the first)

Exit codes: 0 all held, 2 something did not, 4 no host answers or the inventory is wrong, 5 wrong flag, 130 interrupted.
`;

const LIST = { type: 'string', multiple: true, default: [] as string[] } as const;
const FLAGS = {
  ...REACHING,
  'allow-faults': { type: 'boolean', default: false },
  list: { type: 'boolean', default: false },
  grep: { type: 'string', short: 'g' },
  only: LIST,
  skip: LIST,
  heal: { type: 'boolean', default: false },
  rounds: { type: 'string', default: '3' },
  to: { type: 'string' },
  node: { type: 'string' },
  clients: { type: 'string', default: '4' },
  rate: { type: 'string', default: '50' },
  scale: { type: 'string', default: '1' },
  report: LIST,
} as const;

const say = (line: string) => void process.stdout.write(`${visible(line)}\n`);

async function main(argv: readonly string[]): Promise<number> {
  const { values: flags, words } = readFlagsAndWords(argv, FLAGS);
  const [name, stray] = words;
  if (flags.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  if (stray !== undefined || (name !== undefined && flags.heal))
    throw new UsageError(`unexpected "${stray ?? name}"`, 5);
  const operation = name === undefined ? undefined : entryOf(EXPERIMENTS, name);
  if (name !== undefined && !operation)
    throw new UsageError(`there is no operation "${name}", but ${Object.keys(EXPERIMENTS).join(', ')}`, 5);
  const faults = chooseFaults(FAULTS, flags);
  if (flags.list) {
    process.stdout.write(listText(faults));
    return 0;
  }
  if (!flags['allow-faults'] && !flags.heal)
    throw new UsageError('this disturbs the cluster: say --allow-faults if that is all right', 5);
  const load = {
    clients: positive('clients', flags.clients),
    rate: positive('rate', flags.rate),
    scale: positive('scale', flags.scale),
    say,
  };
  const opened = await openDeployment(flags);
  try {
    const mark = productionMark(opened.inventory, extraVars(flags['extra-vars'], new FileReader()));
    if (mark !== undefined && !flags.heal) throw new UsageError(`${mark}: no faults there`, 5);
    say(describeDeployment(opened.deployment));
    const reaching = reachingArguments(flags);
    if (!operation)
      return await runFaults(opened, faults, {
        flags,
        load,
        reaching,
        healOnly: flags.heal,
        reports: flags.report,
      });
    const plan = operation.plan(opened.deployment, {
      rounds: positive('rounds', flags.rounds),
      to: flags.to,
      node: flags.node,
      reaching,
      hosts: opened.hosts,
    });
    say(plan.title);
    await refuseWhileInUse(opened);
    const report = await underLoad(opened, plan, load);
    say(reportText(report));
    for (const file of flags.report) {
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, `${JSON.stringify(report, null, 1)}\n`);
    }
    return report.verdicts.every(v => v.ok) ? 0 : 2;
  } finally {
    await opened.close();
  }
}

/** The playbooks take the lock themselves; whoever has it now is not to be disturbed by the load, nor by what comes before. */
async function refuseWhileInUse({ hosts, deployment }: Opened): Promise<void> {
  const lock = new ClusterLock(hosts, deployment.storage.host);
  await lock.take();
  await lock.release();
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
