import { letsIn } from '../modules/polardb_fence.ts';
import type { Fill, HostStatus, NodeStatus, PfsStatus, StorageStatus } from '../modules/polardb_status.ts';

/** What a host answered, or why it did not. */
export type HostAnswer =
  | { readonly host: string; readonly status: HostStatus }
  | { readonly host: string; readonly failure: string };

export type Role = 'storage' | 'primary' | 'replica' | 'fenced' | 'unknown';

export interface NodeRow {
  readonly host: string;
  readonly role: Role;
  readonly hostid: number | null;
  /** State of the service and, when it does not answer, why. */
  readonly database: string;
  readonly writer: boolean | null;
  readonly version: string;
  readonly disks: readonly { readonly name: string; readonly service: string; readonly size: number }[];
  readonly pfsd: string;
  readonly slot: string;
  readonly streams: string;
  readonly lag: number | null;
  readonly kept: number | null;
}

export interface ClusterView {
  readonly cluster: string;
  readonly standIn: boolean;
  readonly primary: string;
  readonly epoch: number | null;
  readonly storage: readonly {
    readonly host: string;
    readonly service: string;
    readonly exports: readonly {
      readonly name: string;
      readonly size: number;
      readonly backing: string;
      readonly attachedBy: readonly string[];
      /** How full the PFS on it is; null where there is none, or nobody can tell. */
      readonly pfs: PfsStatus | null;
    }[];
  }[];
  readonly nodes: readonly NodeRow[];
  /** What is wrong: any of them makes the exit code 2. */
  readonly problems: readonly string[];
  /** What is worth knowing and not wrong. */
  readonly notes: readonly string[];
}

interface Known {
  readonly host: string;
  readonly node: NodeStatus;
}

/** The whole cluster from what its hosts say; `maxLag` in bytes is what a replica may be behind. Pure. */
export function viewCluster(answers: readonly HostAnswer[], maxLag: number): ClusterView {
  const problems: string[] = [];
  const notes: string[] = [];
  const silent = answers.flatMap(a => ('failure' in a ? [a] : []));
  const nodes = answers.flatMap(a =>
    'status' in a && a.status.node ? [{ host: a.host, node: a.status.node }] : [],
  );
  const storages = answers.flatMap(a =>
    'status' in a && a.status.storage ? [{ host: a.host, storage: a.status.storage }] : [],
  );
  for (const { host, failure } of silent) problems.push(`${host} cannot be asked: ${failure}`);
  for (const a of answers)
    if ('status' in a && !a.status.node && !a.status.storage)
      problems.push(`${a.host}: nothing is deployed here yet (site.yml)`);
  if (storages.length > 1)
    problems.push(
      `${storages.map(({ host }) => host).join(' and ')} are storage hosts of one inventory: only the first counts; one inventory per cluster`,
    );
  for (const { host, storage } of storages) judgeStorage(host, storage, problems, notes);
  if (storages.length === 0)
    problems.push('no storage host answers: who is primary is unknown, and no database can start');
  const record = storages[0]?.storage.record ?? null;
  const roleOf = (host: string): Role =>
    record === null
      ? 'unknown'
      : record.fenced.includes(host)
        ? 'fenced'
        : record.primary === host
          ? 'primary'
          : host in record.nodes
            ? 'replica'
            : 'unknown';
  const primary = nodes.find(({ host }) => host === record?.primary);
  const rows = nodes.map(known => nodeRow(known, roleOf(known.host), primary?.node));
  for (const [i, row] of rows.entries())
    judgeNode(nodes[i]!, row, primary !== undefined, maxLag, problems, notes);
  if (record !== null)
    for (const { host, role } of rows)
      if (role === 'unknown') problems.push(`${host} is not a node of the role record`);
  judgeTogether(nodes, storages[0]?.storage, problems, notes);
  for (const name of Object.keys(record?.nodes ?? {}))
    if (!answers.some(({ host }) => host === name))
      notes.push(`${name} is in the role record but not among the hosts asked`);
  return {
    cluster: record?.cluster ?? '',
    standIn: nodes.some(({ node }) => node.database === 'postgresql'),
    primary: record?.primary ?? '',
    epoch: record?.epoch ?? null,
    storage: storages.map(({ host, storage }) => ({
      host,
      service: storage.service,
      exports: storage.exports.map(({ name, size, backing }) => ({
        name,
        size,
        backing,
        attachedBy: nodes
          .filter(({ node }) => node.disks.some(d => d.export === name && d.service === 'active'))
          .map(n => n.host),
        pfs: pfsOn(nodes, name),
      })),
    })),
    nodes: rows,
    problems,
    notes,
  };
}

function pfsOn(nodes: readonly Known[], name: string): PfsStatus | null {
  const disks = nodes.flatMap(({ node }) => node.disks).filter(disk => disk.export === name);
  return disks.find(({ pfs }) => pfs !== null)?.pfs ?? null;
}

/** Used part in percent. */
export const percentUsed = ({ all, free }: Fill): number => Math.round((100 * (all - free)) / all);

/** From here on a disk counts as full: a database that finds no room any more stops. */
const FULL_PERCENT = 90;

/** From here on it is worth knowing; a fresh cluster uses about this part of the files of 10 GiB. */
const FILLING_PERCENT = 60;

const WHAT_TAKES: Readonly<Record<keyof PfsStatus, string>> = {
  files: 'a database takes about 300, each table and index at least one',
  blocks: 'each of 4 MiB',
};

function judgeStorage(host: string, storage: StorageStatus, problems: string[], notes: string[]): void {
  if (storage.service !== 'active') problems.push(`${host}: nbd-server is ${storage.service}`);
  for (const { name, size, backing } of storage.exports)
    if (size === 0) problems.push(`${host}: export ${name} has no ${backing}`);
  if (storage.recordProblem !== '') problems.push(`${host}: ${storage.recordProblem}`);
  for (const name of storage.record?.fenced ?? [])
    problems.push(`${name} is fenced: rejoin.yml lets it in again, as a replica`);
  for (const client of storage.clients)
    if (!storage.allowed.some(line => letsIn(line, client)))
      problems.push(`${host}: ${client} is connected to the disks, but not on the list of those who may be`);
  if (storage.lockedBy !== '') notes.push(`a run is at work: ${storage.lockedBy}`);
}

function nodeRow({ host, node }: Known, role: Role, primary: NodeStatus | undefined): NodeRow {
  const slotName = role === 'primary' ? '' : (node.server?.slot ?? `replica${node.hostid - 1}`);
  const stream = primary?.server?.replication.find(({ name }) => name === slotName);
  const slot = primary?.server?.slots.find(({ name }) => name === slotName);
  return {
    host,
    role,
    hostid: node.hostid,
    database: node.server ? 'up' : node.service === 'active' ? 'silent' : node.service,
    writer: node.server ? !node.server.recovering : null,
    version: versionOf(node),
    disks: node.disks.map(({ name, service, size }) => ({ name, service, size })),
    pfsd: [...new Set(node.disks.map(d => d.pfsd).filter(Boolean))].join(',') || '-',
    slot: slotName,
    streams: role === 'primary' ? '' : stream ? `${stream.state} (${stream.sync})` : 'no',
    lag: stream?.lag ?? null,
    kept: slot?.kept ?? null,
  };
}

/** `PostgreSQL 15.8 (PolarDB 15.8.2.0 build …) …` → `PolarDB 15.8.2.0`. */
function versionOf({ server }: NodeStatus): string {
  if (!server) return '-';
  const polar = /\((POLARDB|PolarDB) ([\d.]+)/.exec(server.version);
  return polar ? `PolarDB ${polar[2]}` : server.version.split(' ').slice(0, 2).join(' ');
}

/** For so long a restart that systemd did by itself is told. */
const RECENT_SECONDS = 3600;

function judgeNode(
  { host, node }: Known,
  row: NodeRow,
  primaryKnown: boolean,
  maxLag: number,
  problems: string[],
  notes: string[],
): void {
  if (row.role === 'fenced') {
    if (row.writer) problems.push(`${host} is fenced and still a writer`);
    return;
  }
  for (const disk of node.disks) {
    if (disk.service !== 'active')
      problems.push(`${host}: disk ${disk.name} is not attached (polar-nbd@${disk.name} is ${disk.service})`);
    else if (disk.size === 0) problems.push(`${host}: disk ${disk.name} is attached but has no size`);
    if (disk.pfsd !== '' && disk.pfsd !== 'active')
      problems.push(`${host}: polar-pfsd@${disk.name} is ${disk.pfsd}`);
  }
  if (node.database === 'polardb' && !node.disks.some(({ pfsd }) => pfsd !== ''))
    problems.push(`${host}: no pfsdaemon belongs to any disk`);
  if (!node.server) {
    problems.push(
      node.service === 'active'
        ? `${host}: the database does not answer: ${node.serverProblem}`
        : `${host}: the database is ${node.service}`,
    );
    return;
  }
  // What is long over is no news: systemd counts until somebody starts the service by hand.
  if (node.restarts > 0 && node.upSeconds < RECENT_SECONDS)
    notes.push(
      `${host}: systemd has restarted the database ${node.restarts} time(s) by itself, the last time ${Math.ceil(node.upSeconds / 60)} min ago`,
    );
  const { server } = node;
  if (row.role === 'primary' && server.recovering)
    problems.push(`${host} is the primary of the role record but takes no writes`);
  if (row.role === 'replica' && !server.recovering)
    problems.push(`${host} takes writes, but the role record makes it a replica`);
  if (server.hostid !== null && Number(server.hostid) !== node.hostid)
    problems.push(`${host} runs with polar_hostid ${server.hostid}, not ${node.hostid}`);
  for (const line of server.refused ?? [])
    problems.push(`${host}: the next start would fail, the file on disk is refused: ${line}`);
  if (server.pendingRestart.length > 0)
    notes.push(`${host}: waits for a restart: ${server.pendingRestart.join(', ')} (configure.yml)`);
  if (row.role !== 'replica' || !primaryKnown) return;
  if (row.streams === 'no') problems.push(`${host} does not stream from the primary`);
  else if (!row.streams.startsWith('streaming'))
    problems.push(`${host}: replication is in state ${row.streams}`);
  if (row.lag !== null && row.lag > maxLag) problems.push(`${host} is ${bytes(row.lag)} behind the primary`);
}

/** What only shows when the hosts are seen together. */
function judgeTogether(
  nodes: readonly Known[],
  storage: StorageStatus | undefined,
  problems: string[],
  notes: string[],
): void {
  const writers = nodes.filter(({ node }) => node.server?.recovering === false).map(({ host }) => host);
  if (writers.length > 1)
    problems.push(`more than one writer: ${writers.join(', ')}. Stop all but the primary at once`);
  const ids = new Map<number, string>();
  for (const { host, node } of nodes) {
    const other = ids.get(node.hostid);
    if (other !== undefined) problems.push(`${other} and ${host} have the same identity, ${node.hostid}`);
    ids.set(node.hostid, host);
  }
  for (const what of ['version', 'bundle'] as const) {
    const values = new Set(
      nodes
        .map(n => (what === 'bundle' ? n.node.bundle : versionOf(n.node)))
        .filter(v => v !== '-' && v !== ''),
    );
    if (values.size > 1) notes.push(`the nodes differ in ${what}: ${[...values].join(', ')}`);
  }
  for (const { host, node } of nodes)
    for (const disk of node.disks) {
      const exported = storage?.exports.find(({ name }) => name === disk.export);
      if (exported && disk.size > 0 && exported.size > 0 && disk.size !== exported.size)
        problems.push(
          `${host} sees ${disk.name} with ${bytes(disk.size)}, the storage host has ${bytes(exported.size)} (grow.yml)`,
        );
    }
  for (const { name } of storage?.exports ?? []) {
    const pfs = pfsOn(nodes, name);
    for (const [what, fill] of Object.entries(pfs ?? {}) as [keyof PfsStatus, Fill][])
      if (percentUsed(fill) >= FILLING_PERCENT && percentUsed(fill) < FULL_PERCENT)
        notes.push(
          `the PFS on ${name} has ${fill.free} of ${fill.all} ${what} left: ${WHAT_TAKES[what]}; grow.yml adds more of them with each 10 GiB`,
        );
      else if (percentUsed(fill) >= FULL_PERCENT)
        problems.push(
          `the PFS on ${name} has ${fill.free} of ${fill.all} ${what} left: it gets more of them with each 10 GiB (grow.yml)`,
        );
  }
  const primary = nodes.find(({ node }) => node.server?.recovering === false)?.node;
  for (const { name, active, kept } of primary?.server?.slots ?? [])
    if (primary && !active)
      problems.push(
        `slot ${name} is unused and keeps ${bytes(kept ?? 0)} of WAL: ${dangerOfSlot(primary)}: start its replica, or remove it (remove_replica.yml)`,
      );
}

/**
 * What an unused slot leads to. PolarDB counts the replica's last position as the oldest one needed for as long as its
 * slot is there: no checkpoint ends, and a newer page is written only while there is room for a snapshot of the older one.
 * After that, with all shared buffers full of such pages, the primary hangs, new sessions included (seen on 15.8).
 */
const dangerOfSlot = (primary: NodeStatus): string =>
  versionOf(primary).startsWith('PolarDB')
    ? 'the primary keeps snapshots of pages for this replica, and hangs once they have no room and all shared buffers hold such pages'
    : 'it fills the disk up to max_slot_wal_keep_size';

/** 16777216 → `16 MiB`. */
export function bytes(count: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = count;
  let unit = 0;
  while (Math.abs(value) >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${Number.isInteger(value) || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}
