import type { Hosts } from '../../lib/cluster/hosts.ts';
import type { SqlSession } from '../../lib/cluster/sql.ts';
import type { Facts } from './baseline.ts';

const LOOK = `
at() { sed -n 's/^cpu  *//p' /proc/stat; }
one=$(at); sleep 1; two=$(at)
echo "$one $two" | awk '{ for (i = 1; i <= 8; i++) { d[i] = $(i + 10) - $i; all += d[i] } printf "busy=%.3f\\n", all ? 1 - (d[4] + d[5]) / all : 1 }'
echo "cpu=$(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo | head -n 1)"
echo "cpus=$(grep -c ^processor /proc/cpuinfo)"
echo "memory MiB=$(awk '/^MemTotal/ { print int($2 / 1024) }' /proc/meminfo)"
echo "virtualization=$(systemd-detect-virt 2>/dev/null)"
`;

/** Settings that change what a transaction costs by themselves, or how much of the data memory holds. */
const SETTINGS = [
  ...[
    'server_version_num',
    'fsync',
    'full_page_writes',
    'synchronous_commit',
    'wal_level',
    'wal_sync_method',
  ],
  ...['shared_buffers', 'data_checksums', 'jit', 'huge_pages', 'debug_assertions'],
];

/** Looks at a host for a second: how busy it is, as a share of its processors, and what it is made of. */
export async function lookAtMachine(hosts: Hosts, host: string): Promise<{ busy: number; facts: Facts }> {
  const lines = (await hosts.output(host, ['sh', '-c', LOOK])).split('\n');
  const { busy, ...facts } = Object.fromEntries(
    lines.map(line => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
  return { busy: Number(busy), facts };
}

/** Settings of a server, and how many sessions of others are at work on it. */
export async function lookAtServer(session: SqlSession): Promise<{ active: number; facts: Facts }> {
  const settings = await session.select<{ name: string; value: string }>(
    // A minor version more is the same server.
    `SELECT name, CASE name WHEN 'server_version_num' THEN (setting::int / 10000)::text ELSE setting || coalesce(unit, '') END AS value FROM pg_settings WHERE name IN (${SETTINGS.map(name => `'${name}'`).join(', ')}) ORDER BY name`,
  );
  const [others] = await session.select<{ active: number }>(
    "SELECT count(*)::int AS active FROM pg_stat_activity WHERE backend_type = 'client backend' AND state <> 'idle' AND pid <> pg_backend_pid()",
  );
  return {
    active: others!.active,
    facts: Object.fromEntries(settings.map(({ name, value }) => [name, value])),
  };
}
