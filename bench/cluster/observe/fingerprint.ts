import type { DatabaseNode, Deployment } from '../../../lib/cluster/deployment.ts';
import type { Hosts } from '../../../lib/cluster/hosts.ts';
import { askEach, type Down } from '../ask-each.ts';
import type { HostFingerprint, RunRecord } from '../result.ts';
import type { Statements } from './statements.ts';

/** What a host is made of, as `key=value` lines, from files that every Linux has; `~` marks what differs at every run. */
const LOOK = `
first() { sed -n "s/^$1[[:space:]]*:[[:space:]]*//p" /proc/cpuinfo | head -n 1; }
echo "kernel=$(uname -r)"
echo "system=$(. /etc/os-release && echo "$PRETTY_NAME")"
echo "cpu=$(first 'model name')"
echo "cpus=$(nproc)"
echo "memory MiB=$(awk '/^MemTotal/ { print int($2 / 1024) }' /proc/meminfo)"
echo "virtualization=$(systemd-detect-virt 2>/dev/null)"
echo "governor=$(cat /sys/devices/system/cpu/cpu0/cpufreq/scaling_governor 2>/dev/null)"
echo "transparent hugepages=$(sed 's/.*\\[\\(.*\\)\\].*/\\1/' /sys/kernel/mm/transparent_hugepage/enabled 2>/dev/null)"
echo "swappiness=$(cat /proc/sys/vm/swappiness)"
echo "~machine=$(sed -n 's/^btime //p' /proc/stat) $(cat /sys/class/dmi/id/product_uuid 2>/dev/null)"
echo "~load average=$(cut -d' ' -f1-3 /proc/loadavg)"
echo "~memory available MiB=$(awk '/^MemAvailable/ { print int($2 / 1024) }' /proc/meminfo)"
`;

/** Settings of the server that somebody chose, and how it was built. Left out: what names a node instead of tuning it. */
const CHOSEN_SETTINGS = `SELECT name, setting || coalesce(unit, '') AS value FROM pg_settings
  WHERE (source IN ('configuration file', 'command line', 'environment variable', 'database', 'user')
      OR name IN ('debug_assertions', 'data_checksums', 'block_size', 'wal_block_size', 'server_version', 'fsync', 'full_page_writes'))
    AND name NOT IN ('primary_conninfo', 'primary_slot_name', 'cluster_name', 'polar_hostid', 'listen_addresses', 'data_directory', 'transaction_read_only', 'transaction_deferrable', 'transaction_isolation')
    AND name !~ '(_file|_directory|_directories)$' ORDER BY name`;

/** What the hosts are, and the nodes that no longer answered. */
export interface Taken {
  readonly fingerprint: RunRecord['fingerprint'];
  readonly gone: readonly Down[];
}

/** Looks at the storage host and at every node that answers, before the load begins. */
export async function takeFingerprint(
  deployment: Deployment,
  hosts: Hosts,
  statements: Statements,
  { nodes, clients }: { readonly nodes: readonly DatabaseNode[]; readonly clients: readonly string[] },
): Promise<Taken> {
  const { storage } = deployment;
  const { answers, down: gone } = await askEach(nodes, async ({ host, role }) =>
    fingerprint(hosts, host, role, await serverSettings(statements, host)),
  );
  const others = clients.filter(host => host !== storage.host && !nodes.some(n => n.host === host));
  const servers = [
    ...answers,
    ...(await Promise.all(others.map(host => fingerprint(hosts, host, 'client', {})))),
  ];
  if (nodes.some(node => node.host === storage.host)) return { fingerprint: servers, gone };
  const exports = await exportSettings(hosts, deployment).catch(() => ({}));
  return { fingerprint: [await fingerprint(hosts, storage.host, 'storage', exports), ...servers], gone };
}

async function fingerprint(
  hosts: Hosts,
  host: string,
  role: string,
  more: Record<string, string>,
): Promise<HostFingerprint> {
  const { stdout } = await hosts.script(host, LOOK, { as: null }).catch(() => ({ stdout: '' }));
  const { stable, momentary } = split(stdout);
  return { host, role, stable: { ...stable, ...more }, momentary };
}

function split(text: string): { stable: Record<string, string>; momentary: Record<string, string> } {
  const stable: Record<string, string> = {};
  const momentary: Record<string, string> = {};
  for (const line of text.split('\n')) {
    const at = line.indexOf('=');
    const value = line.slice(at + 1);
    if (at < 0 || value === '') continue;
    if (line.startsWith('~')) momentary[line.slice(1, at)] = value;
    else stable[line.slice(0, at)] = value;
  }
  return { stable, momentary };
}

async function exportSettings(hosts: Hosts, { storage }: Deployment): Promise<Record<string, string>> {
  const reply = await hosts.command(storage.host, ['grep', '-E', '^(sync|flush|fua) *=', storage.configFile]);
  const lines =
    reply.rc === 0
      ? reply.stdout
          .trim()
          .split('\n')
          .map(l => l.replaceAll(' ', ''))
      : [];
  return { 'nbd exports': [...new Set(lines)].sort().join(', ') };
}

async function serverSettings(statements: Statements, host: string): Promise<Record<string, string>> {
  const [version] = await statements.select<{ version: string }>({
    host,
    kind: 'look',
    sql: 'SELECT version()',
  });
  const settings = await statements.select<{ name: string; value: string }>({
    host,
    kind: 'look',
    sql: CHOSEN_SETTINGS,
  });
  return { version: version?.version ?? '', ...Object.fromEntries(settings.map(s => [s.name, s.value])) };
}

const DATABASE = ['primary', 'replica'];

/**
 * Whether two nodes are containers of one machine: then more nodes are not more processors. A container has a boot id of
 * its own, but the second of the kernel's start and the machine's identity are shared.
 */
export function onOneMachine(fingerprint: readonly HostFingerprint[]): boolean {
  const machines = fingerprint.filter(f => DATABASE.includes(f.role)).map(f => f.momentary.machine);
  return new Set(machines).size < machines.length;
}
