import { type DatabaseNode, type Deployment, nodesOf } from '../../lib/cluster/deployment.ts';
import type { Hosts } from '../../lib/cluster/hosts.ts';
import { askEach, type Down } from './ask-each.ts';
import { CannotMeasure } from './cannot-measure.ts';
import { DATABASE } from './database.ts';
import { requirePgbench } from './load/pgbench-load.ts';
import type { Profile } from './load/profiles.ts';
import type { Statements } from './observe/statements.ts';

/** The nodes that can be measured now, and those that cannot, with the reason. */
export interface Survey {
  readonly up: readonly DatabaseNode[];
  readonly down: readonly Down[];
}

/** Asks every node for a command, for pgbench, and for an answer of its server. */
export async function survey(
  deployment: Deployment,
  hosts: Hosts,
  statements: Statements,
  signal?: AbortSignal,
): Promise<Survey> {
  const { answers: up, down } = await askEach(nodesOf(deployment), async node => {
    await requirePgbench(hosts, node);
    const { host } = node;
    const sql = 'SELECT pg_is_in_recovery() AS standby';
    const [row] = await statements.select<{ standby: boolean }>({ host, kind: 'look', sql }, signal);
    const expected = node.role === 'replica';
    if (row?.standby !== expected)
      throw new Error(`it should be the ${node.role}, and is ${expected ? 'a primary' : 'in recovery'}`);
    return node;
  });
  signal?.throwIfAborted();
  return { up, down };
}

/** What pgbench's tables take, as made, and the WAL and the updates that come on top of that. */
const BYTES_PER_SCALE = 16 * 2 ** 20;
const GROWTH = 3;

/** Throws when a disk has no room for the tables. `scale` is pgbench's. */
export async function requireRoom(
  { deployment, hosts }: { readonly deployment: Deployment; readonly hosts: Hosts },
  nodes: readonly DatabaseNode[],
  statements: Statements,
  { scale }: Pick<Profile, 'scale'>,
  remark: (text: string) => void,
): Promise<void> {
  const needed = scale * BYTES_PER_SCALE * GROWTH;
  const { pfs } = deployment;
  // With PFS the nodes share one disk; otherwise each keeps a copy of its own.
  const rooms = await Promise.all(
    (pfs ? [deployment.primary] : nodes).map(async node => {
      const free = pfs
        ? freeOnPfs(hosts, node, pfs.cluster, pfs.disks)
        : freeBesideData(hosts, node, statements);
      // A disk that does not say it, or hangs, is found by the load.
      return { host: node.host, free: await free.catch(() => undefined) };
    }),
  );
  for (const { host, free } of rooms) {
    if (free === undefined) remark(`${host} does not say how much room its disk has`);
    if (free === undefined || free >= needed) continue;
    throw new CannotMeasure(
      `${host} has ${gib(free)} GiB free, and scale ${scale} with its WAL takes up to ${gib(needed)} GiB: nothing was filled; use a smaller scale`,
    );
  }
}

const gib = (bytes: number): string => (bytes / 2 ** 30).toFixed(1);

async function freeBesideData(
  hosts: Hosts,
  node: DatabaseNode,
  statements: Statements,
): Promise<number | undefined> {
  const [row] = await statements.select<{ dir: string }>({
    host: node.host,
    kind: 'look',
    sql: "SELECT current_setting('data_directory') AS dir",
  });
  const df = await hosts.command(node.host, ['df', '-Pk', row!.dir], { as: node.sql.osUser });
  const free = Number(df.stdout.split('\n')[1]?.split(/\s+/)[3]);
  return Number.isFinite(free) ? free * 1024 : undefined;
}

/** A block tag of PFS stands for 4 MiB of the disk. */
const PFS_BLOCK = 4 * 2 ** 20;

async function freeOnPfs(
  hosts: Hosts,
  node: DatabaseNode,
  cluster: string,
  disks: readonly string[],
): Promise<number | undefined> {
  const { stdout, stderr } = await hosts.command(node.host, [
    'timeout',
    '20',
    '/usr/local/bin/pfs',
    '-C',
    cluster,
    'info',
    disks[0] ?? '',
  ]);
  const [, blocks = ''] = `${stdout}\n${stderr}`.split('Blktag Info:');
  const free = /allocnode.*nfree (\d+)/.exec(blocks.slice(0, 10_000))?.[1];
  return free === undefined ? undefined : Number(free) * PFS_BLOCK;
}

/** Shell that looks at a host for a second: load, processors, shares of busy and stolen time. */
const BUSY = `
at() { sed -n 's/^cpu  *//p' /proc/stat; }
one=$(at); sleep 1; two=$(at)
echo "$(nproc) $(cut -d' ' -f1 /proc/loadavg) $one $two" | awk '{
  for (i = 1; i <= 8; i++) { d[i] = $(i + 12) - $(i + 2); all += d[i] }
  if (all == 0) all = 1
  printf "%d %s %.3f %.3f\\n", $1, $2, 1 - (d[4] + d[5]) / all, d[8] / all }'
`;

const BUSY_SHARE = 0.1;
const STEAL_SHARE = 0.02;

/** What disturbs a measurement before it began: load of others, stolen time, sessions of others. A line each. */
export async function disturbances(
  hosts: Hosts,
  statements: Statements,
  nodes: readonly DatabaseNode[],
  storage: string,
): Promise<readonly string[]> {
  const machines = [storage, ...nodes.map(node => node.host)];
  const busy = await Promise.all(machines.map(host => busyness(hosts, host)));
  const sessions = await Promise.all(nodes.map(({ host }) => otherSessions(statements, host)));
  return [...busy, ...sessions].filter(line => line !== undefined);
}

async function busyness(hosts: Hosts, host: string): Promise<string | undefined> {
  const reply = await hosts.script(host, BUSY).catch(() => undefined);
  const [cpus = 0, load = 0, busy = 0, steal = 0] = (reply?.stdout ?? '').trim().split(' ').map(Number);
  if (!reply || cpus === 0) return `${host}: nobody can tell whether it was idle`;
  const parts = [
    ...(busy > BUSY_SHARE ? [`${percent(busy)} of its processors were busy (load ${load})`] : []),
    ...(steal > STEAL_SHARE ? [`${percent(steal)} of its time went to other machines (steal)`] : []),
  ];
  return parts.length === 0 ? undefined : `${host} was not idle before the start: ${parts.join(', ')}`;
}

const percent = (share: number): string => `${Math.round(100 * share)} %`;

async function otherSessions(statements: Statements, host: string): Promise<string | undefined> {
  const sql = `SELECT count(*)::int AS all, count(*) FILTER (WHERE state <> 'idle')::int AS active FROM pg_stat_activity
    WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND coalesce(datname, '') <> '${DATABASE}'`;
  const [row] = await statements
    .select<{ all: number; active: number }>({ host, kind: 'look', sql })
    .catch(() => []);
  if (!row || row.active === 0) return undefined;
  return `${host}: ${row.active} of ${row.all} other sessions were at work before the start`;
}
