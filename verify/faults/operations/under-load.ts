import { nodesOf } from '../../../lib/cluster/deployment.ts';
import type { Hosts } from '../../../lib/cluster/hosts.ts';
import type { Opened } from '../../../lib/cluster/open-deployment.ts';
import type { SqlTarget } from '../../../lib/cluster/sql.ts';
import { messageOf } from '../../../lib/source/errors.ts';
import { emptyRecord } from '../../../lib/source/record.ts';
import type { Ledger } from '../load/ledger.ts';
import { Load, type LoadOptions } from '../load/load.ts';
import { withRetries } from '../load/session.ts';
import { judgeWriters, type Verdict, writerTerms } from '../load/writers.ts';

/** One thing done to the cluster while it is under load. */
export interface Operation {
  readonly title: string;
  run(): Promise<void>;
  /** Who is the primary afterwards. */
  readonly primaryAfter: string;
}

/** What the caller chose. */
export interface Choices {
  readonly rounds: number;
  readonly to: string | undefined;
  readonly node: string | undefined;
  /** Arguments that lead a playbook to the same hosts. */
  readonly reaching: readonly string[];
  readonly hosts: Hosts;
}

export interface Experiment {
  readonly title: string;
  readonly operations: readonly Operation[];
  /** Not one write may fail, and the primary's server may not restart. */
  readonly undisturbed: boolean;
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

/**
 * Puts the cluster under load, does the operations, and judges: every acknowledged commit is on every node, nobody read
 * anything else, and at every moment at most one node wrote.
 */
export async function underLoad(
  { deployment, hosts }: Opened,
  experiment: Experiment,
  options: LoadOptions,
): Promise<UnderLoadReport> {
  const nodes = nodesOf(deployment);
  const startedAt = new Date().toISOString();
  const serverStart = await startOf(deployment.primary.sql);
  const load = await Load.start(hosts, deployment, options);
  const { ledger, probe, pgbench } = load;
  const done: UnderLoadReport['operations'][number][] = [];
  const failures: Verdict[] = [];
  try {
    await pause(3);
    for (const operation of experiment.operations) {
      const fromMs = performance.now();
      await operation.run();
      load.primary = nodes.find(n => n.host === operation.primaryAfter)!;
      const seconds = (performance.now() - fromMs) / 1000;
      await pause(3);
      const gap = ledger.longestGap(fromMs, performance.now());
      done.push({ title: operation.title, seconds: round(seconds, 1), gapMs: Math.round(gap.ms) });
      options.say(`${operation.title}: ${seconds.toFixed(1)} s, ${Math.round(gap.ms)} ms without a commit`);
    }
  } catch (error) {
    failures.push({ ok: false, what: `the operation failed: ${messageOf(error)}` });
  } finally {
    await load.stop();
  }
  const expected = [deployment.primary.host, ...experiment.operations.map(o => o.primaryAfter)];
  const rows = await load.judgeRows();
  const verdicts = [
    ...failures,
    ...rows,
    load.judgeReads(0),
    judgeWriters(probe.samples, expected),
    await load.judgePgbench(),
    ...(experiment.undisturbed ? [await checkUndisturbed(ledger, load.primary.sql, serverStart)] : []),
  ];
  // Where rows are missing they are the evidence.
  if (rows.every(({ ok }) => ok)) await load.remove();
  else options.say(`the database of the load and ${load.evidence} are kept`);
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
    pgbench: { transactions: pgbench.transactions, interrupted: pgbench.failures },
    verdicts,
  };
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
