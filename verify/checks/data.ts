import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { type Deployment, hostsOf } from '../../lib/cluster/deployment.ts';
import { eventually } from '../../lib/cluster/eventually.ts';
import { type Databases, SqlError, type SqlSession } from '../../lib/cluster/sql.ts';
import type { CheckContext, Layer } from '../check.ts';

/** The suite's own schema: all it ever writes in a database. The mark tells it from a schema somebody else made. */
const SCHEMA = 'polarplay_verify';
const MARK = 'made by the polarplay acceptance suite; dropped at the end of each run';
const VISIBLE_WITHIN_MS = 5_000;
const NONCES = 200;
/** What it may take to write and see them all. */
const MEASURING_MS = 45_000;

/** Rows written on the primary are read on the replicas, and only the primary takes writes. */
export const dataLayer = (databases: Databases): Layer<Deployment> => {
  let schemaMade = false;
  return {
    name: 'data',
    title: 'Data',
    checks: ({ primary, replicas }) => {
      const readers = hostsOf(replicas);
      if (readers.length === 0) {
        const skip = 'the cluster has no replica; runs when it does';
        return [
          {
            id: 'data.rows',
            title: 'rows of the primary are read on the replicas',
            hosts: [primary.host],
            skip,
          },
        ];
      }
      return [
        {
          id: 'data.rows',
          title: `three rows written on ${primary.host} are read on each replica within ${VISIBLE_WITHIN_MS / 1000} s`,
          hosts: [primary.host, ...readers],
          extraMs: VISIBLE_WITHIN_MS,
          run: async context => {
            const writer = await databases.writer(primary.host);
            await makeSchema(writer);
            schemaMade = true;
            await writer.execute(`CREATE TABLE ${SCHEMA}.t (t1 int PRIMARY KEY, t2 int)`);
            await writer.execute(`INSERT INTO ${SCHEMA}.t VALUES (1, 1), (2, 3), (3, 3)`);
            await context.each(async host => {
              const reader = await databases.reader(host);
              const read = async () =>
                expect(await reader.select(`SELECT t1, t2 FROM ${SCHEMA}.t ORDER BY t1`)).to.deep.equal([
                  { t1: 1, t2: 1 },
                  { t1: 2, t2: 3 },
                  { t1: 3, t2: 3 },
                ]);
              await context.eventually(read, { withinMs: VISIBLE_WITHIN_MS, everyMs: 20 }, host);
            }, readers);
          },
        },
        {
          id: 'data.read-only',
          title: 'an INSERT on a replica is refused with SQLSTATE 25006',
          hosts: readers,
          run: async context => {
            await context.each(async host => {
              // A writing session: the refusal must be the server's, not this suite's own read-only setting.
              const session = await databases.writer(host);
              const refusal = await session
                .execute(`INSERT INTO ${SCHEMA}.t VALUES (4, 4)`)
                .catch((e: unknown) => e);
              if (!(refusal instanceof SqlError)) throw new Error('the INSERT was not refused');
              expect(refusal.sqlstate, `SQLSTATE of "${refusal.message}"`).to.equal('25006');
            });
          },
        },
        {
          id: 'data.delay',
          title: `each of ${NONCES} values written on ${primary.host} is seen on every replica; how soon`,
          hosts: [primary.host, ...readers],
          extraMs: MEASURING_MS,
          run: context => measureDelay(databases, context, primary.host, readers),
        },
      ];
    },
    cleanUp: async ({ primary }) => {
      if (!schemaMade) return;
      await (await databases.writer(primary.host)).execute(`DROP SCHEMA ${SCHEMA} CASCADE`);
    },
  };
};

/** Makes the schema anew; one that bears the name without our mark belongs to somebody and is left alone. */
async function makeSchema(writer: SqlSession): Promise<void> {
  const mark = await markOf(writer);
  if (mark !== undefined && mark !== MARK) {
    throw new Error(`there is a schema ${SCHEMA} that this suite did not make: it is left as it is`);
  }
  await writer.execute(
    `BEGIN; DROP SCHEMA IF EXISTS ${SCHEMA} CASCADE; CREATE SCHEMA ${SCHEMA}; COMMENT ON SCHEMA ${SCHEMA} IS '${MARK}'; COMMIT`,
  );
}

/** The schema's comment, empty without one; undefined when there is no such schema. */
async function markOf(session: SqlSession): Promise<string | undefined> {
  const query = `SELECT coalesce(obj_description(oid, 'pg_namespace'), '') AS mark FROM pg_namespace WHERE nspname = '${SCHEMA}'`;
  return (await session.select<{ mark: string }>(query))[0]?.mark;
}

async function measureDelay(
  databases: Databases,
  context: CheckContext,
  primary: string,
  readers: readonly string[],
): Promise<void> {
  const writer = await databases.writer(primary);
  const sessions = await context.each(host => databases.reader(host), readers);
  const timely = [writer, ...sessions.values()].every(session => session.timely);
  // A program start per statement would be what is measured: then a few values do, and no delay is reported.
  const count = timely ? NONCES : 5;
  await writer.execute(`CREATE TABLE ${SCHEMA}.nonce (value text PRIMARY KEY)`);
  const delays = new Map<string, number[]>(readers.map(host => [host, []]));
  for (let i = 0; i < count; i++) {
    const nonce = randomBytes(12).toString('hex');
    await writer.execute(`INSERT INTO ${SCHEMA}.nonce VALUES ('${nonce}')`);
    await context.each(async host => {
      const seen = async () => {
        const rows = await sessions.get(host)!.select(`SELECT FROM ${SCHEMA}.nonce WHERE value = '${nonce}'`);
        if (rows.length === 0) throw new Error(`value ${i + 1} of ${count} is not there`);
      };
      const patience = { withinMs: VISIBLE_WITHIN_MS, everyMs: 1 };
      delays.get(host)!.push((await eventually(seen, patience, context.signal)).timeToTrueMs);
    }, readers);
  }
  for (const [host, values] of delays) {
    if (!timely) {
      context.note({
        name: 'delay',
        value: `not timed: SQL goes through a program per statement (${count} values seen)`,
        host,
      });
      continue;
    }
    values.sort((a, b) => a - b);
    const percentile = (p: number) =>
      Number(values[Math.min(count - 1, Math.ceil(p * count) - 1)]!.toFixed(1));
    context.note({ name: 'delay p50', value: percentile(0.5), unit: 'ms', host });
    context.note({ name: 'delay p99', value: percentile(0.99), unit: 'ms', host });
  }
}
