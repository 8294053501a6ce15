import type { DatabaseNode } from '../../lib/cluster/deployment.ts';
import { messageOf } from '../../lib/source/errors.ts';
import { CannotMeasure } from './cannot-measure.ts';
import type { Statements } from './observe/statements.ts';

/** The benchmark's own database: all that it ever writes to. */
export const DATABASE = 'polarplay_bench';

/** The comment that tells our database from one that somebody else gave the same name. */
const MARK = 'made by the polarplay benchmark; dropped at the end of each run';

const DROP_TRIES = 3;

/** Makes the database anew; one of that name without our mark belongs to somebody and is left alone. */
export async function makeDatabase(
  statements: Statements,
  primary: DatabaseNode,
  signal?: AbortSignal,
): Promise<void> {
  await dropDatabase(statements, primary, signal);
  const { host } = primary;
  await statements.execute({ host, kind: 'work', sql: `CREATE DATABASE ${DATABASE}` }, signal);
  await statements.execute(
    { host, kind: 'look', sql: `COMMENT ON DATABASE ${DATABASE} IS '${MARK}'` },
    signal,
  );
}

/**
 * Drops the database when it is there and ours, whoever is still in it: a pgbench of a killed run, a session of somebody
 * who looked. Version 13 and later end these sessions themselves; before, one may come back between the two statements.
 */
export async function dropDatabase(
  statements: Statements,
  { host }: DatabaseNode,
  signal?: AbortSignal,
): Promise<void> {
  const [known] = await statements.select<{ mark: string; version: number }>(
    {
      host,
      kind: 'look',
      sql: `SELECT coalesce(shobj_description(oid, 'pg_database'), '') AS mark,
        current_setting('server_version_num')::int AS version FROM pg_database WHERE datname = '${DATABASE}'`,
    },
    signal,
  );
  if (!known) return;
  if (known.mark !== MARK) {
    throw new CannotMeasure(
      `there is a database ${DATABASE} that this benchmark did not make: it is left as it is`,
    );
  }
  if (known.version >= 130_000) {
    return statements.execute({ host, kind: 'drop', sql: `DROP DATABASE ${DATABASE} WITH (FORCE)` }, signal);
  }
  await dropAfterTerminating(statements, host, signal);
}

async function dropAfterTerminating(
  statements: Statements,
  host: string,
  signal?: AbortSignal,
): Promise<void> {
  for (let tries = 1; ; tries++) {
    await statements.execute(
      {
        host,
        kind: 'look',
        sql: `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${DATABASE}'`,
      },
      signal,
    );
    try {
      return await statements.execute({ host, kind: 'drop', sql: `DROP DATABASE ${DATABASE}` }, signal);
    } catch (error) {
      if (tries >= DROP_TRIES || !/being accessed/.test(messageOf(error))) throw error;
    }
  }
}

/**
 * Empties the history and clears what updates left behind, so that the next repetition finds tables of the same size.
 * Gives the sum of the rows that went, which the accounts must still hold.
 */
export async function tidyTables(
  statements: Statements,
  { host }: DatabaseNode,
  signal?: AbortSignal,
): Promise<bigint> {
  const [row] = await statements.select<{ total: string }>(
    {
      host,
      kind: 'work',
      database: DATABASE,
      sql: 'SELECT coalesce(sum(delta), 0)::text AS total FROM pgbench_history',
    },
    signal,
  );
  const sql = (text: string) =>
    statements.execute({ host, kind: 'work', database: DATABASE, sql: text }, signal);
  await sql('TRUNCATE pgbench_history');
  for (const table of ['branches', 'tellers', 'accounts']) await sql(`VACUUM ANALYZE pgbench_${table}`);
  return BigInt(row?.total ?? 0);
}

/** Every transaction adds the same amount to an account and to the history: the sums tell a lost or doubled one. */
export async function balancesMatch(
  statements: Statements,
  { host }: DatabaseNode,
  cleared: bigint,
  signal?: AbortSignal,
): Promise<boolean> {
  const [row] = await statements.select<{ equal: boolean }>(
    {
      host,
      kind: 'work',
      database: DATABASE,
      sql: `SELECT (SELECT sum(abalance) FROM pgbench_accounts) = (SELECT coalesce(sum(delta), 0) FROM pgbench_history) + ${cleared}
         AND (SELECT sum(tbalance) FROM pgbench_tellers) = (SELECT sum(bbalance) FROM pgbench_branches) AS equal`,
    },
    signal,
  );
  return row?.equal === true;
}
