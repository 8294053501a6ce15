import { randomBytes } from 'node:crypto';
import { type Deployment, hostsOf } from '../../lib/cluster/deployment.ts';
import { eventually, withDeadline } from '../../lib/cluster/eventually.ts';
import { SqlError, type SqlSession } from '../../lib/cluster/sql.ts';
import type { Check, Doing } from '../check.ts';

/** The suite's own schemas, one for each check and run: all it ever writes in a database. */
const PREFIX = 'polarplay_verify_';
const MARK = 'made by the polarplay acceptance suite; dropped at its end; unix time ';
/** What a run that was killed has left goes when it is older than any run. */
const LEFT_OVER_S = 3600;
const VISIBLE_WITHIN_MS = 5_000;
const COMMIT_WITHIN_MS = 5_000;
const NONCES = 100;
const MEASURING_MS = 45_000;
/** What the suite writes for itself waits for no replica: a commit that waits for ever would leave its session behind. */
const LOCAL = 'SET synchronous_commit = local;';

const noReplica = ({ replicas }: Deployment) =>
  replicas.length === 0 ? 'the cluster has no replica; runs when it does' : undefined;

/** Nothing is written where it is not certain who the writer is. */
export const NEEDS = [
  'database.writers',
  'database.answers',
  'database.writers@primary',
  'database.identity',
];

/** Rows written on the primary are read on the replicas, and only the primary takes writes. */
export const dataChecks: readonly Check[] = [
  {
    id: 'data.rows',
    title: 'rows written on the primary are read on each replica',
    proves: `Three rows, a new column and an index that are made on the primary are seen on each replica within ${VISIBLE_WITHIN_MS / 1000} s, in a schema of this run’s own.`,
    expects: '(1, 1), (2, 3), (3, 3) on every replica',
    todo: 'See replication.upstream and replication.replay. A primary that takes no writes: see its log, its disk and default_transaction_read_only.',
    severity: 'fault',
    on: 'nodes',
    skip: noReplica,
    // A replica that is far behind has that as its finding.
    needs: [...NEEDS, 'replication.replay', 'replication.upstream', 'replication.lag'],
    extraMs: VISIBLE_WITHIN_MS,
    act: writeAndRead,
  },
  {
    id: 'data.commit',
    title: 'a commit is acknowledged, as the policy has it',
    proves: `A commit that waits for replicas as polardb_sync says comes back within ${COMMIT_WITHIN_MS / 1000} s.`,
    expects: 'an acknowledged commit',
    todo: 'The primary waits for replicas that do not answer: see pg_stat_activity (wait_event SyncRep) and replication.policy. Do not set synchronous_commit off to get on.',
    severity: 'danger',
    on: 'nodes',
    // What it waits for are replicas that stream.
    needs: [...NEEDS, 'replication.policy@primary', 'replication.upstream'],
    extraMs: COMMIT_WITHIN_MS,
    act: commitOnce,
  },
  {
    id: 'data.read-only',
    title: 'a write on a replica is refused with SQLSTATE 25006',
    proves:
      'The server of each replica refuses writes. The suite tries only on a node that is in recovery, and rolls back.',
    expects: 'SQLSTATE 25006',
    todo: 'See database.writers.',
    severity: 'danger',
    on: 'replicas',
    skip: noReplica,
    needs: NEEDS,
    act: tryToWrite,
  },
  {
    id: 'data.delay',
    title: `each of ${NONCES} values written on the primary is seen on every replica; how soon`,
    proves: 'No value is lost on the way, and how long readers see old data is known.',
    expects: `each value within ${VISIBLE_WITHIN_MS / 1000} s`,
    todo: 'See replication.lag.',
    severity: 'fault',
    on: 'nodes',
    skip: noReplica,
    needs: [...NEEDS, 'data.rows'],
    extraMs: MEASURING_MS,
    act: measureDelay,
  },
];

/** A schema of this run, gone at its end; and what killed runs have left goes as well. */
export async function ownSchema(doing: Doing, what: string): Promise<{ writer: SqlSession; schema: string }> {
  const { databases, deployment, runId, cleanUp } = doing;
  const writer = await databases.fresh(deployment.primary.host, 'write');
  const schema = `${PREFIX}${runId}_${what}`;
  cleanUp(() => writer.close());
  const [known] = await writer.select<{ now: number }>('SELECT extract(epoch FROM now())::bigint AS now');
  const now = known!.now;
  const left = await writer.select<{ name: string }>(
    `SELECT nspname AS name FROM pg_namespace WHERE nspname ~ '^${PREFIX}[0-9a-f]{12}_[a-z]+$' AND obj_description(oid, 'pg_namespace') ~ '^${MARK}[0-9]+$' AND substring(obj_description(oid, 'pg_namespace') FROM '[0-9]+$')::bigint < ${now - LEFT_OVER_S}`,
  );
  for (const { name } of left) await writer.execute(`${LOCAL} DROP SCHEMA ${name} CASCADE`);
  // Fails when there is one: it would be somebody else's.
  await writer.execute(
    `${LOCAL} BEGIN; CREATE SCHEMA ${schema}; COMMENT ON SCHEMA ${schema} IS '${MARK}${now}'; COMMIT`,
  );
  cleanUp(() => writer.execute(`${LOCAL} DROP SCHEMA ${schema} CASCADE`));
  return { writer, schema };
}

/** DDL of PolarDB waits for every replica with a slot, whatever synchronous_commit says: one that is down has its finding. */
export const wouldWait = ({ deployment, hosts }: Doing): boolean =>
  deployment.database === 'polardb' && deployment.replicas.some(({ host }) => !hosts.includes(host));

async function writeAndRead(doing: Doing): Promise<void> {
  if (wouldWait(doing)) return;
  const { writer, schema } = await ownSchema(doing, 'rows');
  await writer.execute(`${LOCAL} CREATE TABLE ${schema}.t (t1 int PRIMARY KEY, t2 int)`);
  await writer.execute(`${LOCAL} INSERT INTO ${schema}.t VALUES (1, 1), (2, 3), (3, 3)`);
  await writer.execute(
    `${LOCAL} ALTER TABLE ${schema}.t ADD note text DEFAULT 'new'; CREATE INDEX ON ${schema}.t (t2)`,
  );
  const wanted = '1 1 new, 2 3 new, 3 3 new';
  await Promise.all(
    replicasOf(doing).map(async host => {
      const reader = await doing.databases.reader(host);
      let found = '';
      const read = async () => {
        const rows = await reader
          .select<{ t1: number; t2: number; note: string }>(
            `SELECT t1, t2, note FROM ${schema}.t ORDER BY t1`,
          )
          .catch((error: unknown) => {
            found = (error as Error).message;
            throw error;
          });
        found = rows.map(row => `${row.t1} ${row.t2} ${row.note}`).join(', ');
        if (found !== wanted) throw new Error(found);
      };
      const seen = await eventually(read, { withinMs: VISIBLE_WITHIN_MS, everyMs: 20 }, doing.signal).catch(
        () => undefined,
      );
      doing.signal.throwIfAborted();
      doing.check(host, seen !== undefined, `the rows ${wanted}`, found || 'no rows');
      if (seen) doing.note({ name: 'time to true', value: Math.round(seen.timeToTrueMs), unit: 'ms', host });
    }),
  );
}

async function commitOnce(doing: Doing): Promise<void> {
  const { databases, deployment, runId, signal } = doing;
  const primary = deployment.primary.host;
  const { sync, replicas } = deployment;
  const wanted = sync === 'off' ? 0 : sync === 'all' ? replicas.length : Math.min(1, replicas.length);
  if (replicasOf(doing).length < wanted || wouldWait(doing)) return;
  const { writer, schema } = await ownSchema(doing, 'commit');
  await writer.execute(`${LOCAL} CREATE TABLE ${schema}.t (value int)`);
  const name = `polarplay-verify-${runId}`;
  const session = await databases.fresh(primary, 'write');
  const started = performance.now();
  const committed = session.execute(`SET application_name = '${name}'; INSERT INTO ${schema}.t VALUES (1)`);
  // What it says after nobody waits for it any more is of no interest.
  committed.catch(() => {});
  const failure = await withDeadline(() => committed, COMMIT_WITHIN_MS, signal).then(
    () => undefined,
    (error: unknown) => error as Error,
  );
  if (failure) {
    const query = `SELECT pid, wait_event AS event FROM pg_stat_activity WHERE application_name = '${name}'`;
    const [waiting] = await writer.select<{ pid: number; event: string | null }>(query);
    if (waiting) await writer.execute(`SELECT pg_terminate_backend(${waiting.pid})`);
    const where = waiting?.event ? `: it waits for ${waiting.event}` : '';
    doing.check(primary, false, `a commit within ${COMMIT_WITHIN_MS / 1000} s`, `${failure.message}${where}`);
  }
  await session.close();
  doing.note({ name: 'commit', value: Math.round(performance.now() - started), unit: 'ms', host: primary });
}

async function tryToWrite(doing: Doing): Promise<void> {
  await Promise.all(
    doing.hosts.map(async host => {
      // A writing session: the refusal must be the server's, not this suite's own read-only setting.
      const session = await doing.databases.fresh(host, 'write');
      try {
        const [row] = await session.select<{ recovering: boolean }>(
          'SELECT pg_is_in_recovery() AS recovering',
        );
        doing.check(host, row?.recovering === true, 'a replica, in recovery', 'it is not: nothing was tried');
        if (row?.recovering !== true) return;
        const refusal = await session
          .execute(`BEGIN; CREATE SCHEMA ${PREFIX}${doing.runId}_refused; ROLLBACK`)
          .catch((error: unknown) => error);
        const code = refusal instanceof SqlError ? refusal.sqlstate : undefined;
        doing.check(
          host,
          code === '25006',
          'refused with 25006',
          code ?? (refusal ? String(refusal) : 'not refused'),
        );
      } finally {
        await session.close();
      }
    }),
  );
}

async function measureDelay(doing: Doing): Promise<void> {
  if (wouldWait(doing)) return;
  const readers = replicasOf(doing);
  const { writer, schema } = await ownSchema(doing, 'delay');
  const sessions = await Promise.all(readers.map(host => doing.databases.reader(host)));
  const timely = [writer, ...sessions].every(session => session.timely);
  // A program start per statement would be what is measured: then a few values do, and no delay is reported.
  const count = timely ? NONCES : 5;
  await writer.execute(`${LOCAL} CREATE TABLE ${schema}.nonce (value text PRIMARY KEY)`);
  const delays = readers.map((): number[] => []);
  for (let i = 0; i < count; i++) {
    const nonce = randomBytes(12).toString('hex');
    await writer.execute(`${LOCAL} INSERT INTO ${schema}.nonce VALUES ('${nonce}')`);
    const seen = await Promise.all(
      sessions.map(async (session, at) => {
        const read = async () => {
          const rows = await session.select(`SELECT FROM ${schema}.nonce WHERE value = '${nonce}'`);
          if (rows.length === 0) throw new Error('not there');
        };
        const patience = { withinMs: VISIBLE_WITHIN_MS, everyMs: 1 };
        const found = await eventually(read, patience, doing.signal).catch(() => undefined);
        // What the end of the run cuts off is nobody's fault.
        doing.signal.throwIfAborted();
        if (found) delays[at]!.push(found.timeToTrueMs);
        doing.check(
          readers[at]!,
          found !== undefined,
          'each value is seen',
          `value ${i + 1} of ${count} is not`,
        );
        return found;
      }),
    );
    if (seen.includes(undefined)) return;
  }
  readers.forEach((host, at) => {
    const values = delays[at]!.sort((a, b) => a - b);
    const percentile = (p: number) =>
      Number(values[Math.min(count - 1, Math.ceil(p * count) - 1)]!.toFixed(1));
    if (timely) {
      doing.note({ name: 'delay p50', value: percentile(0.5), unit: 'ms', host });
      doing.note({ name: 'delay p99', value: percentile(0.99), unit: 'ms', host });
    } else {
      const value = `not timed: SQL goes through a program per statement (${count} values seen)`;
      doing.note({ name: 'delay', value, host });
    }
  });
}

const replicasOf = ({ deployment, hosts }: Doing) =>
  hostsOf(deployment.replicas).filter(host => hosts.includes(host));
