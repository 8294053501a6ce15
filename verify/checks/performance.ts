import { type DatabaseNode, nodesOf } from '../../lib/cluster/deployment.ts';
import type { Check, Doing } from '../check.ts';
import {
  type Baseline,
  compare,
  differences,
  LEAST_SHARE,
  median,
  readBaseline,
  storeBaseline,
} from '../performance/baseline.ts';
import { lookAtMachine, lookAtServer } from '../performance/machine.ts';
import { fill, type Load, load, SMOKE } from '../performance/pgbench.ts';
import { NEEDS, ownSchema, wouldWait } from './data.ts';

/** A trial under load, which somebody has asked for. */
export interface Trial {
  /** Where the cluster's own measurement of another day is kept. */
  readonly baselineFile: string;
  /** Measure it anew, and compare with nothing. */
  readonly anew: boolean;
  /** The share of a host's processors that others may have before the start. */
  readonly mostBusy: number;
  readonly load: Load;
}

/** What a trial may take altogether. */
export const TRIAL_MS = 180_000;
/** More than this of a host's processors at work, and it is not the cluster that is measured. */
export const MOST_BUSY = 0.25;

/** Layer `performance`: load that the suite makes only when it is asked for. */
export const performanceChecks = (trial?: Trial): readonly Check[] => [
  {
    id: 'performance.pgbench',
    title: 'the nodes are as fast as the baseline of this cluster',
    proves: `pgbench in a schema of this run’s own (scale ${SMOKE.scale}): reads on all nodes at the same time, then short writing transactions on the primary, ${SMOKE.seconds} s each, ${SMOKE.repetitions} times. The median of each is at least ${100 * LEAST_SHARE} % of what this very cluster did when its baseline was stored, in .polarplay/performance.json beside the inventory. Other hardware, other settings that decide over speed or another load are not compared. Only with --performance; refused where production: true is set and --allow-load is not. It is a smoke test: \`polarplay bench\` measures.`,
    expects: `at least ${100 * LEAST_SHARE} % of the baseline`,
    todo: 'See which host is slower than its baseline, and by what: `top`, `iostat -x 1`, a processor limit (CPUQuota, cpu.max), a disk that was moved. If the change is meant, store a new baseline (--new-baseline). `polarplay bench` measures in detail.',
    severity: 'warning',
    on: 'nodes',
    skip: () =>
      trial === undefined ? 'it puts the cluster under load: runs when --performance asks for it' : undefined,
    needs: [...NEEDS, 'replication.upstream', 'data.commit'],
    extraMs: TRIAL_MS,
    act: doing => measure(doing, trial!),
  },
];

async function measure(doing: Doing, trial: Trial): Promise<void> {
  const { deployment, hosts, reach, signal } = doing;
  const { primary } = deployment;
  const nodes = nodesOf(deployment).filter(node => hosts.includes(node.host));
  if (wouldWait(doing)) {
    doing.skip('a replica is missing: writes would wait for it');
    return;
  }
  const known = trial.anew ? undefined : readBaseline(trial.baselineFile);
  const idle = await lookAround(doing, nodes, trial);
  if (idle === undefined) return;
  const { schema } = await ownSchema(doing, 'load');
  const size = trial.load;
  await fill(reach, primary, schema, size, signal);
  const reads = new Map(nodes.map(({ host }) => [host, [] as number[]]));
  const writes: number[] = [];
  for (let i = 0; i < size.repetitions; i++) {
    await Promise.all(
      nodes.map(async node =>
        reads.get(node.host)!.push(await load(reach, node, schema, 'reads', size, signal)),
      ),
    );
    writes.push(await load(reach, primary, schema, 'writes', size, signal));
  }
  const now: Baseline = {
    schema: 1,
    storedAt: new Date().toISOString(),
    primary: primary.host,
    load: Object.fromEntries(Object.entries(size).map(([name, value]) => [name, `${value}`])),
    hosts: idle,
    measured: {
      reads: Object.fromEntries([...reads].map(([host, values]) => [host, Math.round(median(values))])),
      writes: Math.round(median(writes)),
    },
  };
  judge(doing, trial, known, now);
}

/** What the hosts are made of; undefined where one is at work already: then nothing is measured. */
async function lookAround(
  doing: Doing,
  nodes: readonly DatabaseNode[],
  { mostBusy }: Trial,
): Promise<Readonly<Record<string, Record<string, string>>> | undefined> {
  const { deployment, databases, reach, check } = doing;
  const machines = [deployment.storage.host, ...nodes.map(({ host }) => host)];
  let idle = true;
  const expect = (host: string, ok: boolean, expected: string, found: string) => {
    check(host, ok, expected, `${found}: nothing was measured`);
    idle &&= ok;
  };
  const found = await Promise.all(
    [...new Set(machines)].map(async host => {
      const { busy, facts } = await lookAtMachine(reach, host);
      expect(
        host,
        busy <= mostBusy,
        `less than ${100 * mostBusy} % of the processors busy`,
        `${Math.round(100 * busy)} % busy`,
      );
      if (!nodes.some(node => node.host === host)) return [host, facts] as const;
      const server = await lookAtServer(await databases.reader(host));
      expect(host, server.active === 0, 'no session of others at work', `${server.active} at work`);
      return [host, { ...facts, ...server.facts }] as const;
    }),
  );
  return idle ? Object.fromEntries(found) : undefined;
}

function judge(doing: Doing, trial: Trial, known: Baseline | undefined, now: Baseline): void {
  const { check, note, skip } = doing;
  const { reads, writes } = now.measured;
  for (const [host, value] of Object.entries(reads)) note({ name: 'reads', value, unit: '/s', host });
  note({ name: 'writes', value: writes, unit: '/s', host: now.primary });
  if (known === undefined) {
    storeBaseline(trial.baselineFile, now);
    skip(`stored as the baseline in ${trial.baselineFile}: there was nothing to compare with`);
    return;
  }
  const other = differences(known, now);
  check(
    now.primary,
    other.length === 0,
    `the cluster of the baseline of ${known.storedAt.slice(0, 10)}`,
    `${other.join('; ')}: not compared; --new-baseline stores a new one`,
  );
  if (other.length > 0) return;
  for (const { host, what, tps, baseline, share, ok } of compare(known, now)) {
    note({ name: `${what} of the baseline`, value: Math.round(100 * share), unit: '%', host });
    check(
      host,
      ok,
      `at least ${100 * LEAST_SHARE} % of the ${baseline} ${what} a second of ${known.storedAt.slice(0, 10)}`,
      `${tps} ${what} a second, ${Math.round(100 * share)} %`,
    );
  }
}
