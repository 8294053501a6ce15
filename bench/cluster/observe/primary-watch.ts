import { setTimeout as sleep } from 'node:timers/promises';
import type { DatabaseNode } from '../../../lib/cluster/deployment.ts';
import type { Hosts } from '../../../lib/cluster/hosts.ts';
import { Databases, type SqlSession } from '../../../lib/cluster/sql.ts';
import { DATABASE } from '../database.ts';
import type { Lag, MeasuredSeries } from '../result.ts';
import { median } from '../statistics.ts';

/** What was seen on the primary while others put load on it. */
export interface Watched {
  readonly checkpoints: MeasuredSeries['checkpoints'];
  readonly lag: MeasuredSeries['lag'];
  readonly figures: Readonly<Record<string, Lag>>;
}

const NOTHING: Watched = { checkpoints: [], lag: [], figures: {} };

interface Row {
  readonly checkpoints: number;
  readonly written: number;
  readonly replicas: readonly { readonly name: string; readonly bytes: number }[] | null;
}

/** Version 17 moved the counters of checkpoints into a view of their own. */
const counters = (version: number) =>
  version >= 170_000
    ? '(SELECT num_timed + num_requested AS checkpoints, buffers_written AS written FROM pg_stat_checkpointer)'
    : '(SELECT checkpoints_timed + checkpoints_req AS checkpoints, buffers_checkpoint AS written FROM pg_stat_bgwriter)';

const query = (version: number) => `SELECT c.checkpoints::float8 AS checkpoints, c.written::float8 AS written,
    (SELECT json_agg(json_build_object('name', application_name, 'bytes', pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)::float8))
     FROM pg_stat_replication WHERE replay_lsn IS NOT NULL) AS replicas
  FROM ${counters(version)} c`;

/**
 * Looks at the primary once a second, for so many seconds: whether a checkpoint is being written, how far each replica is
 * behind, and how long a fresh row takes until a replica's readers see it. A server that cannot be asked costs only this.
 */
export async function watchPrimary(
  hosts: Hosts,
  primary: DatabaseNode,
  replicas: readonly DatabaseNode[],
  seconds: number,
  signal?: AbortSignal,
): Promise<Watched> {
  const targets = [primary, ...replicas].map(node => ({ ...node.sql, database: DATABASE }));
  const databases = new Databases(hosts, targets);
  try {
    const rows: { readonly atS: number; readonly row: Row }[] = [];
    const [visible] = await Promise.all([
      watchVisibility(databases, primary, replicas, seconds, signal),
      watchCounters(databases, primary, seconds, (atS, row) => rows.push({ atS, row }), signal),
    ]);
    return watched(rows, replicas, visible);
  } catch {
    return NOTHING;
  } finally {
    await databases.close();
  }
}

async function watchCounters(
  databases: Databases,
  { host }: DatabaseNode,
  seconds: number,
  see: (atS: number, row: Row) => void,
  signal?: AbortSignal,
): Promise<void> {
  const session = await databases.reader(host);
  const [known] = await session.select<{ version: number }>(
    "SELECT current_setting('server_version_num')::int AS version",
  );
  const sql = query(known!.version);
  const began = performance.now();
  for (let second = 0; second <= seconds && !signal?.aborted; second++) {
    await sleep(Math.max(0, began + second * 1000 - performance.now()));
    // The load has its own say in how quick this is; the second is when it was asked.
    const [row] = await session.select<Row>(sql);
    if (row) see(Math.round((performance.now() - began) / 1000), row);
  }
}

const POLL_MS = 4;
const VISIBLE_LIMIT_MS = 5_000;

/** Milliseconds from a commit on the primary until each replica shows it, once a second. */
async function watchVisibility(
  databases: Databases,
  primary: DatabaseNode,
  replicas: readonly DatabaseNode[],
  seconds: number,
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, readonly number[]>> {
  const seen = new Map<string, number[]>(replicas.map(r => [r.host, []]));
  if (replicas.length === 0) return seen;
  const writer = await databases.writer(primary.host);
  const readers = await Promise.all(
    replicas.map(async ({ host }) => ({
      host,
      session: await databases.reader(host).catch(() => undefined),
    })),
  );
  // psql on the host starts a program for each look: too slow to time anything with.
  const timely = readers.filter(r => r.session?.timely && writer.timely);
  if (timely.length === 0) return seen;
  await writer.execute('CREATE TABLE IF NOT EXISTS polarplay_visible (n bigint)');
  await writer.execute('TRUNCATE polarplay_visible');
  await writer.execute('INSERT INTO polarplay_visible VALUES (0)');
  const began = performance.now();
  for (let n = 1; n <= seconds && !signal?.aborted; n++) {
    // In the middle of each second: at its ends the load begins or is over.
    await sleep(Math.max(0, began + n * 1000 - 500 - performance.now()));
    if (performance.now() - began > seconds * 1000) break;
    await writer.execute(`UPDATE polarplay_visible SET n = ${n}`);
    const committed = performance.now();
    await Promise.all(
      timely.map(async ({ host, session }) => {
        const ms = await untilVisible(session!, n, committed, signal).catch(() => undefined);
        if (ms !== undefined) seen.get(host)!.push(ms);
      }),
    );
  }
  return seen;
}

async function untilVisible(
  session: SqlSession,
  n: number,
  committed: number,
  signal?: AbortSignal,
): Promise<number | undefined> {
  while (!signal?.aborted) {
    const [row] = await session.select<{ n: number }>('SELECT n::float8 AS n FROM polarplay_visible');
    const ms = performance.now() - committed;
    if ((row?.n ?? -1) >= n) return ms;
    if (ms > VISIBLE_LIMIT_MS) return VISIBLE_LIMIT_MS;
    await sleep(POLL_MS);
  }
  return undefined;
}

function watched(
  rows: readonly { readonly atS: number; readonly row: Row }[],
  replicas: readonly DatabaseNode[],
  visible: ReadonlyMap<string, readonly number[]>,
): Watched {
  const checkpoints = rows
    .slice(1)
    .filter(({ row }, i) => {
      const before = rows[i]!.row;
      return row.checkpoints > before.checkpoints || row.written > before.written;
    })
    .map(({ atS }) => atS);
  const lag = replicas.flatMap(({ host, slot }) => {
    const points = rows.flatMap(({ atS, row }) => {
      const found = row.replicas?.find(r => r.name === slot || r.name === host);
      return found ? [[atS, Math.max(found.bytes, 0)] as const] : [];
    });
    return points.length === 0 ? [] : [{ host, points }];
  });
  const figures = Object.fromEntries(
    lag.map(({ host, points }) => {
      const bytes = points.map(([, behind]) => behind);
      const ms = visible.get(host) ?? [];
      return [
        host,
        {
          medianBytes: median(bytes),
          maxBytes: Math.max(...bytes),
          ...(ms.length === 0 ? {} : { visibleMedianMs: median(ms), visibleMaxMs: Math.max(...ms) }),
        },
      ];
    }),
  );
  return { checkpoints, lag, figures };
}
