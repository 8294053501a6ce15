import { type DatabaseNode, nodesOf } from '../../lib/cluster/deployment.ts';
import { eventually } from '../../lib/cluster/eventually.ts';
import type { Opened } from '../../lib/cluster/open-deployment.ts';
import type { SqlTarget } from '../../lib/cluster/sql.ts';
import { messageOf } from '../../lib/source/errors.ts';
import { emptyRecord } from '../../lib/source/record.ts';
import { Ledger, withRetries } from './ledger.ts';
import { PgbenchLoad } from './pgbench.ts';
import { overlaps, WriterProbe, writerTerms } from './writers.ts';

/** One thing done to the cluster while it is under load. */
export interface Operation {
  readonly title: string;
  run(): Promise<void>;
  /** Who is the primary afterwards. */
  readonly primaryAfter: string;
}

export interface Experiment {
  readonly title: string;
  readonly operations: readonly Operation[];
  /** Not one write may fail, and the primary's server may not restart. */
  readonly undisturbed: boolean;
}

export interface Verdict {
  readonly ok: boolean;
  readonly what: string;
}

export interface UnderLoadReport {
  readonly schema: 1;
  readonly title: string;
  readonly startedAt: string;
  readonly operations: readonly {
    readonly title: string;
    readonly seconds: number;
    /** The longest time without an acknowledged commit meanwhile. */
    readonly gapMs: number;
  }[];
  readonly acknowledged: number;
  readonly writeErrors: number;
  /** What the failed writes said: message → how often. */
  readonly errors: Readonly<Record<string, number>>;
  readonly probes: number;
  readonly writerTerms: readonly string[];
  readonly pgbench: { readonly transactions: number; readonly interrupted: number };
  readonly verdicts: readonly Verdict[];
}

export interface LoadOptions {
  readonly clients: number;
  /** Transactions of pgbench a second. */
  readonly rate: number;
  readonly scale: number;
  readonly ledgerFile: string;
  readonly say: (line: string) => void;
}

const DATABASE = 'polarplay_faults';

/**
 * Puts the cluster under load (pgbench, clients that keep a ledger, a probe that tries to write on every node), does the
 * operations, and judges: every acknowledged commit is on every node, and at every moment at most one node wrote.
 */
export async function underLoad(
  { deployment, hosts }: Opened,
  experiment: Experiment,
  { clients, rate, scale, ledgerFile, say }: LoadOptions,
): Promise<UnderLoadReport> {
  const nodes = nodesOf(deployment);
  const targets = nodes.map(node => ({ ...node.sql, database: DATABASE }));
  const targetOf = (host: string) => targets.find(t => t.host === host)!;
  let primary: DatabaseNode = deployment.primary;
  const startedAt = new Date().toISOString();
  await prepare(primary.sql, targetOf(primary.host));
  const load = new PgbenchLoad(hosts, DATABASE, () => primary);
  await load.prepare(scale);
  const serverStart = await startOf(primary.sql);
  const ledger = new Ledger(targets, ledgerFile);
  const probe = new WriterProbe(targets);
  probe.start();
  ledger.start(clients);
  load.start(clients, rate);
  const done: UnderLoadReport['operations'][number][] = [];
  const failures: Verdict[] = [];
  try {
    await pause(3);
    for (const operation of experiment.operations) {
      const fromMs = performance.now();
      await operation.run();
      primary = nodes.find(n => n.host === operation.primaryAfter)!;
      const seconds = (performance.now() - fromMs) / 1000;
      await pause(3);
      const gap = ledger.longestGap(fromMs, performance.now());
      done.push({ title: operation.title, seconds: round(seconds, 1), gapMs: Math.round(gap.ms) });
      say(`${operation.title}: ${seconds.toFixed(1)} s, ${Math.round(gap.ms)} ms without a commit`);
    }
  } catch (error) {
    failures.push({ ok: false, what: `the operation failed: ${messageOf(error)}` });
  } finally {
    await Promise.all([ledger.stop(), probe.stop(), load.stop()]);
  }
  const expected = [deployment.primary.host, ...experiment.operations.map(o => o.primaryAfter)].filter(
    (host, i, all) => host !== all[i - 1],
  );
  const verdicts = [
    ...failures,
    ...(await Promise.all(targets.map(target => judgeLedger(ledger, target)))),
    judgeWriters(probe, expected),
    await judgePgbench(targetOf(primary.host)),
    ...(experiment.undisturbed ? [await checkUndisturbed(ledger, primary.sql, serverStart)] : []),
  ];
  await withRetries(primary.sql, client => client.query(`DROP DATABASE ${DATABASE}`)).catch(error =>
    say(`${DATABASE} stays: ${messageOf(error)}`),
  );
  return {
    schema: 1,
    title: experiment.title,
    startedAt,
    operations: done,
    acknowledged: ledger.acknowledged,
    writeErrors: ledger.errors.length,
    errors: countBy(ledger.errors.map(({ message }) => message)),
    probes: probe.samples.length,
    writerTerms: writerTerms(probe.samples),
    pgbench: { transactions: load.transactions, interrupted: load.failures },
    verdicts,
  };
}

async function prepare(server: SqlTarget, target: SqlTarget): Promise<void> {
  await withRetries(server, async client => {
    await client.query(`DROP DATABASE IF EXISTS ${DATABASE}`);
    await client.query(`CREATE DATABASE ${DATABASE}`);
  });
  await withRetries(target, async client => {
    await Ledger.prepare(client);
    await WriterProbe.prepare(client);
  });
}

/** A replica may need a moment for the last rows. */
async function judgeLedger(ledger: Ledger, target: SqlTarget): Promise<Verdict> {
  let missing: readonly number[] = [];
  try {
    await eventually(
      async () => {
        missing = await ledger.missingOn(target);
        if (missing.length > 0) throw new Error('rows are missing');
      },
      { withinMs: 30_000, everyMs: 500 },
    );
    return { ok: true, what: `${target.host} has all ${ledger.acknowledged} acknowledged commits` };
  } catch (error) {
    const which =
      missing.length > 0
        ? `${missing.length} acknowledged commits are missing (${missing.slice(0, 5).join(', ')} …)`
        : messageOf(error);
    return { ok: false, what: `${target.host}: ${which}` };
  }
}

function judgeWriters(probe: WriterProbe, expected: readonly string[]): Verdict {
  const seen = writerTerms(probe.samples);
  const both = overlaps(probe.samples);
  const ok = both.length === 0 && seen.join() === expected.join();
  const order = seen.join(' → ');
  if (ok) return { ok, what: `one writer at every moment, ${probe.samples.length} probes: ${order}` };
  return {
    ok,
    what: `writers were ${order}, expected ${expected.join(' → ')}; ${both.length} overlapping writes`,
  };
}

/** What pgbench moved must add up, whatever was interrupted. */
async function judgePgbench(target: SqlTarget): Promise<Verdict> {
  try {
    const { rows } = await withRetries(target, client =>
      client.query<{ accounts: string; history: string }>(
        'SELECT (SELECT sum(abalance) FROM pgbench_accounts) AS accounts, (SELECT coalesce(sum(delta), 0) FROM pgbench_history) AS history',
      ),
    );
    const { accounts, history } = rows[0]!;
    return { ok: accounts === history, what: `pgbench's sums: accounts ${accounts}, history ${history}` };
  } catch (error) {
    return { ok: false, what: `pgbench's sums cannot be read: ${messageOf(error)}` };
  }
}

async function checkUndisturbed(ledger: Ledger, server: SqlTarget, startedAt: string): Promise<Verdict> {
  const now = await startOf(server);
  const [first] = ledger.errors;
  const restarted = now === startedAt ? '' : `; the server restarted at ${now}`;
  if (first)
    return { ok: false, what: `${ledger.errors.length} writes failed, first: ${first.message}${restarted}` };
  return { ok: restarted === '', what: `no write failed, ${server.host} was not restarted${restarted}` };
}

async function startOf(server: SqlTarget): Promise<string> {
  const { rows } = await withRetries(server, client =>
    client.query<{ t: string }>('SELECT pg_postmaster_start_time()::text AS t'),
  );
  return rows[0]!.t;
}

function countBy(texts: readonly string[]): Record<string, number> {
  const counts = emptyRecord<number>();
  for (const text of texts) counts[text] = (counts[text] ?? 0) + 1;
  return counts;
}

const pause = (seconds: number) => new Promise(resolve => setTimeout(resolve, seconds * 1000));
const round = (value: number, digits: number) => Number(value.toFixed(digits));
