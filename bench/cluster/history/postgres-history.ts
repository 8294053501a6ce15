import pg from 'pg';
import { type HistoryRow, ROW_NAMES } from './rows.ts';

const TABLE = 'polarplay_bench_history';

const CREATE = `CREATE TABLE IF NOT EXISTS ${TABLE} (
  run text, at timestamptz NOT NULL, cluster text NOT NULL, profile text, workload text, nodes integer, host text,
  tps double precision NOT NULL, repetitions integer NOT NULL, p50_ms double precision, p99_ms double precision,
  max_ms double precision, verdict text NOT NULL, change double precision, primary_host text NOT NULL,
  PRIMARY KEY (run, profile, workload, nodes, host))`;

const KEY = ['run', 'profile', 'workload', 'nodes', 'host'];

/** Writes rows into a table of a PostgreSQL of somebody's own, for Grafana and its like; rows that are there are replaced. */
export async function writeToPostgres(url: string, rows: readonly HistoryRow[]): Promise<void> {
  const client = new pg.Client({
    connectionString: url,
    application_name: 'polarplay-bench',
    connectionTimeoutMillis: 15_000,
    statement_timeout: 60_000,
  });
  client.on('error', () => {});
  try {
    await client.connect();
    await client.query('BEGIN');
    await client.query(CREATE);
    for (const row of rows)
      await client.query(
        UPSERT,
        ROW_NAMES.map(name => row[name] ?? null),
      );
    await client.query('COMMIT');
  } finally {
    await client.end().catch(() => {});
  }
}

const UPSERT = `INSERT INTO ${TABLE} (${ROW_NAMES.join(', ')}) VALUES (${ROW_NAMES.map((_, i) => `$${i + 1}`).join(', ')})
  ON CONFLICT (${KEY.join(', ')}) DO UPDATE SET ${ROW_NAMES.filter(n => !KEY.includes(n))
    .map(name => `${name} = excluded.${name}`)
    .join(', ')}`;
