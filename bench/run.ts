import { messageOf } from '../verify/check.ts';
import { type DatabaseNode, type Deployment, describeDeployment, nodesOf } from '../verify/deployment.ts';
import { eventually } from '../verify/eventually.ts';
import type { Hosts } from '../verify/hosts.ts';
import { Databases } from '../verify/sql.ts';
import { environmentOf, takeFingerprint } from './fingerprint.ts';
import { DATABASE, initialise, type NodeResult, requirePgbench, runLoad } from './load.ts';
import { type Cell, planCells } from './plan.ts';
import type { Profile } from './profiles.ts';
import type { CellFigures, CellSeries, RunDetail } from './result.ts';
import { sum } from './statistics.ts';

export interface BenchOptions {
  readonly deployment: Deployment;
  readonly hosts: Hosts;
  readonly profile: Profile;
  /** Leaves the benchmark's database behind, to look at. */
  readonly keep: boolean;
  /** Tells what is being done, a line each. */
  readonly say: (line: string) => void;
}

/** The comment that tells our database from one that somebody else gave the same name. */
const MARK = 'made by the polarplay benchmark; dropped at the end of each run';
const CATCH_UP_MS = 120_000;
/** A checkpoint after loading, and sums over all accounts, take their time. */
const STATEMENT_MS = 10 * 60_000;

/** Measures the cluster by a profile. Throws only when nothing could be measured; all else is in the result. */
export async function runBench(options: BenchOptions): Promise<RunDetail> {
  const { deployment, hosts, profile, say } = options;
  const nodes = nodesOf(deployment);
  const databases = new Databases(
    hosts,
    nodes.map(node => node.sql),
  );
  const started = new Date();
  try {
    await requirePgbench(hosts, nodes);
    say('looking at the hosts');
    const fingerprint = await takeFingerprint(deployment, hosts, databases);
    await makeDatabase(databases, deployment.primary.host);
    try {
      say(`filling ${DATABASE}, scale ${profile.scale}`);
      await initialise(hosts, deployment.primary, profile.scale);
      await settle(databases, deployment);
      if (profile.warmUpSeconds > 0) await warmUp(options, nodes);
      const { cells, series, complaints } = await measure(options, databases, nodes);
      const consistent = await booksBalance(hosts, deployment.primary);
      if (!consistent)
        complaints.push(
          'the sum of the account balances is not the sum of the history: transactions were lost or doubled',
        );
      return {
        record: {
          schema: 1,
          id: started.toISOString().replace(/[-:]/g, '').replace(/\..*/, ''),
          at: started.toISOString(),
          profile: profile.name,
          scale: profile.scale,
          deployment: describeDeployment(deployment),
          standIn: deployment.database === 'postgresql',
          environment: environmentOf(deployment, profile, fingerprint),
          failed: complaints.length > 0,
          complaints,
          cells,
        },
        fingerprint,
        consistent,
        series,
      };
    } finally {
      if (!options.keep)
        await (await databases.writer(deployment.primary.host)).execute(`DROP DATABASE ${DATABASE}`);
    }
  } finally {
    await databases.close();
  }
}

/** Makes the database anew; one of that name without our mark belongs to somebody and is left alone. */
async function makeDatabase(databases: Databases, primary: string): Promise<void> {
  const writer = await databases.writer(primary);
  const [known] = await writer.select<{ mark: string }>(
    `SELECT coalesce(shobj_description(oid, 'pg_database'), '') AS mark FROM pg_database WHERE datname = '${DATABASE}'`,
  );
  if (known && known.mark !== MARK) {
    throw new Error(`there is a database ${DATABASE} that this benchmark did not make: it is left as it is`);
  }
  if (known) await writer.execute(`DROP DATABASE ${DATABASE}`);
  await writer.execute(`CREATE DATABASE ${DATABASE}`);
  await writer.execute(`COMMENT ON DATABASE ${DATABASE} IS '${MARK}'`);
}

/** Everything written is on disk and on the replicas before the clock starts. */
async function settle(databases: Databases, { primary, replicas }: Deployment): Promise<void> {
  const writer = await databases.writer(primary.host);
  await writer.execute('CHECKPOINT');
  const [row] = await writer.select<{ lsn: string }>('SELECT pg_current_wal_lsn()::text AS lsn');
  await Promise.all(
    replicas.map(async ({ host }) => {
      const reader = await databases.reader(host);
      const replayed = async () => {
        const [there] = await reader.select<{ done: boolean }>(
          `SELECT pg_last_wal_replay_lsn() >= '${row!.lsn}' AS done`,
        );
        if (!there?.done) throw new Error(`${host} has not replayed what was written`);
      };
      await eventually(replayed, { withinMs: CATCH_UP_MS, everyMs: 100 });
    }),
  );
}

async function warmUp({ hosts, profile, say }: BenchOptions, nodes: readonly DatabaseNode[]): Promise<void> {
  say(`warming up, ${profile.warmUpSeconds} s`);
  const load = { ...profile.readOnly, seconds: profile.warmUpSeconds };
  const request = { workload: 'read-only', load, randomSeed: profile.seed, logSampling: 0.01 } as const;
  await Promise.all(nodes.map(node => runLoad(hosts, node, request)));
}

interface Measurements {
  readonly cells: CellFigures[];
  readonly series: CellSeries[];
  readonly complaints: string[];
}

async function measure(
  options: BenchOptions,
  databases: Databases,
  nodes: readonly DatabaseNode[],
): Promise<Measurements> {
  const { profile, deployment, say } = options;
  const result: Measurements = { cells: [], series: [], complaints: [] };
  const cells = planCells(profile, nodes.length);
  for (const [index, cell] of cells.entries()) {
    const load = cell.workload === 'read-only' ? profile.readOnly : profile.readWrite;
    const where = nodes.slice(0, cell.nodes);
    say(
      `${index + 1}/${cells.length} ${cell.workload} on ${where.map(n => n.host).join(', ')}: ${load.clients} clients each, ${load.seconds} s`,
    );
    const settled = await Promise.allSettled(
      where.map(node => runLoad(options.hosts, node, { ...cell, load, logSampling: profile.logSampling })),
    );
    const done = settled.flatMap(s => (s.status === 'fulfilled' ? [s.value] : []));
    const lost = settled.flatMap(s => (s.status === 'rejected' ? [messageOf(s.reason)] : []));
    const figures = {
      ...figuresOf(cell, load, done),
      ...(lost.length > 0 ? { errors: lost.length + sum(done.map(d => d.errors)) } : {}),
    };
    result.cells.push(figures);
    result.series.push(seriesOf(cell, done));
    result.complaints.push(...lost, ...done.flatMap(complaintsOf));
    say(
      `    ${figures.tps.toFixed(0)} transactions a second${figures.errors > 0 ? `, ${figures.errors} errors` : ''}`,
    );
    // What was written must not still be on its way to the replicas while they are measured.
    if (cell.workload === 'read-write' && index < cells.length - 1) {
      await settle(databases, deployment).catch((error: unknown) => result.complaints.push(messageOf(error)));
    }
  }
  return result;
}

function complaintsOf({ host, errors, pgbench }: NodeResult): string[] {
  if (errors === 0) return [];
  const [first = 'no reason given'] = pgbench.complaints;
  return [`${host}: ${errors} ${errors === 1 ? 'error' : 'errors'}, such as: ${first}`];
}

function figuresOf(cell: Cell, load: Profile['readOnly'], results: readonly NodeResult[]): CellFigures {
  const perNode = results.map(({ host, pgbench, errors, percentiles }) => ({
    host,
    tps: pgbench.tps ?? 0,
    latencyMs: pgbench.latencyMs ?? 0,
    stddevMs: pgbench.stddevMs ?? 0,
    transactions: pgbench.transactions,
    errors,
    skipped: pgbench.skipped,
    ...(percentiles === undefined ? {} : { percentiles }),
  }));
  return {
    workload: cell.workload,
    nodes: cell.nodes,
    repetition: cell.repetition,
    ...load,
    tps: sum(perNode.map(n => n.tps)),
    errors: sum(perNode.map(n => n.errors)),
    perNode,
  };
}

function seriesOf(cell: Cell, results: readonly NodeResult[]): CellSeries {
  return {
    workload: cell.workload,
    nodes: cell.nodes,
    repetition: cell.repetition,
    perNode: results.map(({ host, pgbench, curve }) => ({
      host,
      progress: pgbench.progress.map(({ atS, tps, latencyMs }) => ({ atS, tps, latencyMs })),
      curve,
      statements: pgbench.statements,
    })),
  };
}

/** Every transaction adds the same amount to an account and to the history: the sums tell a lost or doubled one. */
async function booksBalance(hosts: Hosts, primary: DatabaseNode): Promise<boolean> {
  const databases = new Databases(hosts, [{ ...primary.sql, database: DATABASE }], STATEMENT_MS);
  try {
    const [row] = await (await databases.reader(primary.host)).select<{ equal: boolean }>(
      `SELECT (SELECT sum(abalance) FROM pgbench_accounts) = (SELECT coalesce(sum(delta), 0) FROM pgbench_history)
         AND (SELECT sum(tbalance) FROM pgbench_tellers) = (SELECT sum(bbalance) FROM pgbench_branches) AS equal`,
    );
    return row?.equal === true;
  } finally {
    await databases.close();
  }
}
