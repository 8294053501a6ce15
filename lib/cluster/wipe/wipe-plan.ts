import { createHash } from 'node:crypto';
import { quote } from '../../modules/kit/define.ts';
import { AS_LINES, probeScript, SPOTS } from '../modules/pfs/pfs_probe.ts';
import { cannotBeRead, type DiskProbe } from '../modules/pfs/pfs-disk.ts';
import type { HostStatus } from '../modules/polardb_status.ts';

/** What the hosts say before anything is asked: each answered, or the command ends. */
export interface Seen {
  readonly storage: string;
  readonly statuses: ReadonlyMap<string, HostStatus>;
  readonly exportName: string;
  readonly probe: DiskProbe;
}

/** Why the disk may not be wiped now, a line each; empty when it may. */
export function refusals({ storage, statuses, exportName, probe }: Seen): readonly string[] {
  const found: string[] = [];
  const status = statuses.get(storage)?.storage;
  // They may use the disk, and nobody has asked them.
  for (const host of Object.keys(status?.record?.nodes ?? {}))
    if (!statuses.has(host))
      found.push(
        `${host} is a node of cluster ${status?.record?.cluster} in the role record of ${storage}, but not in this inventory`,
      );
  if (status?.service === 'active' || status?.service === 'activating')
    found.push(`${storage}: nbd-server still exports it`);
  for (const address of status?.clients ?? []) found.push(`${storage}: ${address} is connected`);
  if (status && status.lockedBy !== '') found.push(`${storage}: another run is at work: ${status.lockedBy}`);
  for (const [host, { node }] of statuses) {
    if (!node) continue;
    for (const disk of node.disks.filter(d => d.export === exportName)) {
      if (!GONE.has(disk.service)) found.push(`${host}: polar-nbd@${disk.name} is ${disk.service}`);
      if (disk.pfsd !== '' && !GONE.has(disk.pfsd))
        found.push(`${host}: polar-pfsd@${disk.name} is ${disk.pfsd}`);
    }
    if (!GONE.has(node.service)) found.push(`${host}: the database is ${node.service}`);
  }
  if (probe.kind !== 'block' && probe.kind !== 'file')
    found.push(`${storage}: ${probe.path} is not a disk (${probe.kind})`);
  if (cannotBeRead(probe)) found.push(`${storage}: ${probe.path} cannot be read`);
  if (probe.rootDisk) found.push(`${storage}: ${probe.path} holds the root file system`);
  for (const use of probe.uses) found.push(`${storage}: ${probe.path} is in use: ${use}`);
  return found;
}

const GONE = new Set(['inactive', 'failed']);

/**
 * What the operator types. It names host and device, and its end comes from size and contents: it can be known only by
 * looking at this very disk.
 */
export function identityOf(storage: string, { path, size, head, first, last }: DiskProbe): string {
  const digest = createHash('sha256')
    .update(`${storage} ${path} ${size} ${head} ${first} ${last}`)
    .digest('hex');
  return `${storage}:${path}:${digest.slice(0, 8)}`;
}

/** What is on the disk, in words. */
export function contentsOf({ pfs, signatures }: DiskProbe): string {
  if (pfs)
    return `PFS, ${pfs.chunks} chunk(s) of 10 GiB${pfs.complete ? '' : `, incomplete: ${pfs.missing}${pfs.files > 0 ? ', and files are stored on it' : ''}`}`;
  return signatures.length > 0 ? [...new Set(signatures)].join(', ') : 'nothing that has a name';
}

/** What belongs to the database on this disk and is renamed with it, so that a new one can be made: host → path. */
export function setAside({ storage, statuses, exportName }: Seen): readonly (readonly [string, string])[] {
  const holders = [...statuses].flatMap(([host, { node }]) =>
    node?.disks.some(d => d.export === exportName && d.name === node.databaseDisk)
      ? [[host, node.data] as const]
      : [],
  );
  const record = statuses.get(storage)?.storage?.recordFile ?? '';
  return holders.length > 0 && record !== '' ? [[storage, record], ...holders] : holders;
}

/**
 * Looks once more in the same script, under the locks that deployments take, and only then writes: signatures, the
 * first and last MiB, the head of every chunk of PFS, and wherever a look at the disk would find data. What lies between
 * is not overwritten, but nothing leads to it.
 */
export function wipeScript({ path, size, head, first, last }: DiskProbe): string {
  return `
mkdir -p /run/polar
exec 8>>/run/polar/cluster.lock 9>>/run/polar/format.lock
flock -n 8 && flock -n 9 || { echo 'another run is at work' >&2; exit 1; }
refuse() { echo "nothing was written: $1" >&2; exit 65; }
systemctl -q is-active polar-nbd-server && refuse 'nbd-server runs again'
look() {
${AS_LINES}
${probeScript({ path, ignore_processes: [] })}
}
view=$(look)
has() { printf '%s\\n' "$view" | grep -qxF -- "$1"; }
has size=${size} && has head=${head} && has first=${first} && has last=${last} || refuse 'the disk has changed since it was looked at'
printf '%s\\n' "$view" | grep -E '^(use|root)=' >&2 && refuse 'it is in use'
disk=$(readlink -f ${quote(path)})
size=${size}
${SPOTS}
zero() { dd if=/dev/zero of="$disk" bs=1048576 seek="$1" count=1 oflag=seek_bytes conv=notrunc 2>/dev/null || { echo "writing at byte $1 failed" >&2; exit 1; }; }
wipefs -q -a "$disk" || exit 1
zero 0
at=10240
while [ $at -lt $((size / 1048576)) ]; do
  zero $((at * 1048576))
  at=$((at + 10240))
done
for at in $(spots); do zero $((at * 1048576)); done
zero $((size - 1048576))
sync "$disk"
`;
}
