import type { HostFingerprint, RunRecord } from '../result.ts';

/**
 * What a difference between two runs means: one that `breaks` makes figures of the two incomparable; one that is
 * `noted` is drawn into the trend, which goes on; all others do not matter.
 */
export type Weight = 'breaks' | 'noted';

export interface Difference {
  readonly weight: Weight;
  /** What differs, in words: a setting, a property of the hosts. */
  readonly what: string;
  /** Whose it is: a host's role, or the run's. */
  readonly where: string;
  readonly before: string;
  readonly after: string;
}

/** Facts of hosts that decide how fast anything can be. */
const HARDWARE = ['cpu', 'cpus', 'memory MiB', 'virtualization'];

/** Settings that change what a transaction costs by themselves, or how much of the data memory holds. */
const DECIDING_SETTINGS = [
  'fsync',
  'full_page_writes',
  'synchronous_commit',
  'wal_sync_method',
  'wal_level',
  'shared_buffers',
  'data_checksums',
  'block_size',
  'wal_block_size',
  'debug_assertions',
  'huge_pages',
  'jit',
  'nbd exports',
];

/** What says nothing about speed, or differs on each host and run. */
const IGNORED =
  /^(log_|lc_|stats_|cluster_name|application_name|TimeZone|timezone|DateStyle|datestyle|default_text_search|IntervalStyle|client_encoding|logging_|syslog_|event_source|bonjour|update_process_title|search_path|polar_hostid|port$|password_encryption|ssl)/;

const IGNORED_LOAD = new Set([
  'name',
  'seed',
  'pacedShare',
  'aaPair',
  'sweep',
  'storageSeconds',
  'warmUpSeconds',
]);

/** More or fewer repetitions, or other kinds of load beside, leave each measurement what it was. */
const NOTED_LOAD = new Set(['repetitions', 'readOnlyNodes', 'writes', 'logSampling']);

/** A host whose memory differs by less than this is the same machine after an update of its kernel. */
const SAME_MEMORY = 0.03;

/** What differs between an earlier run and a later one, what breaks the comparison first. */
export function differences(before: RunRecord, after: RunRecord): readonly Difference[] {
  const found = [
    ...clusterDifferences(before, after),
    ...loadDifferences(before, after),
    ...hostDifferences(before, after),
  ];
  return [...found.filter(d => d.weight === 'breaks'), ...found.filter(d => d.weight === 'noted')];
}

/** Whether figures of the two runs can be set side by side. */
export function comparable(before: RunRecord, after: RunRecord): boolean {
  // A page of a hundred nights asks this thousands of times, and nearly always nothing that breaks is different.
  if (signatureOf(before) === signatureOf(after)) return true;
  return differences(before, after).every(d => d.weight !== 'breaks');
}

const signatures = new WeakMap<RunRecord, string>();

/** All that could break a comparison, as text. */
function signatureOf(run: RunRecord): string {
  const known = signatures.get(run);
  if (known !== undefined) return known;
  const roles = [...new Set(run.fingerprint.map(f => f.role))].sort();
  const hosts = roles.map(role =>
    alike(run.fingerprint.filter(f => f.role === role)).map(({ stable }) =>
      [...HARDWARE, ...DECIDING_SETTINGS].map(key => stable[key]),
    ),
  );
  const load = Object.entries(run.load).filter(([key]) => !IGNORED_LOAD.has(key) && !NOTED_LOAD.has(key));
  const { database, version, sync, nodes } = run.cluster;
  const signature = JSON.stringify([database, version, sync, nodes.length, load.sort(), hosts]);
  signatures.set(run, signature);
  return signature;
}

/** A difference as a reader of the report wants it. */
export function differenceText({ what, where, before, after }: Difference): string {
  const from = before === '' ? 'nothing' : before;
  const to = after === '' ? 'nothing' : after;
  return `${where === '' ? '' : `${where}: `}${what} ${from} → ${to}`;
}

function clusterDifferences(before: RunRecord, after: RunRecord): Difference[] {
  const one = (weight: Weight, what: string, a: string, b: string): Difference[] =>
    a === b ? [] : [{ weight, what, where: '', before: a, after: b }];
  const major = ({ cluster }: RunRecord) => `${cluster.database} ${cluster.version.split('.')[0]}`;
  return [
    ...one('breaks', 'database', major(before), major(after)),
    ...one('breaks', 'number of nodes', `${before.cluster.nodes.length}`, `${after.cluster.nodes.length}`),
    ...one('breaks', 'commits wait for', before.cluster.sync, after.cluster.sync),
    ...one('noted', 'primary', before.cluster.primary, after.cluster.primary),
  ];
}

function loadDifferences(before: RunRecord, after: RunRecord): Difference[] {
  const keys = new Set([...Object.keys(before.load), ...Object.keys(after.load)]);
  return [...keys]
    .filter(key => !IGNORED_LOAD.has(key))
    .flatMap((key): Difference[] => {
      const [a, b] = [before.load[key], after.load[key]].map(v => (v === undefined ? '' : JSON.stringify(v)));
      const weight = NOTED_LOAD.has(key) ? 'noted' : 'breaks';
      return a === b ? [] : [{ weight, what: key, where: 'profile', before: a ?? '', after: b ?? '' }];
    });
}

/**
 * Hosts are compared by what they are used for, not by their names: after a switchover the primary is another host, and
 * when that is a machine of the same kind, nothing has changed.
 */
function hostDifferences(before: RunRecord, after: RunRecord): Difference[] {
  const roles = [...new Set([...before.fingerprint, ...after.fingerprint].map(f => f.role))];
  return roles.flatMap(role => {
    const [a, b] = [before, after].map(run => alike(run.fingerprint.filter(f => f.role === role)));
    // Hosts that are missing on one side were down or came later; the number of nodes says the rest.
    const pairs = Array.from({ length: Math.min(a!.length, b!.length) }, (_, i) => [a![i]!, b![i]!] as const);
    return unique(pairs.flatMap(([one, other]) => stableDifferences(role, one, other)));
  });
}

/** Hosts of a role in an order that depends on what they are. */
function alike(hosts: readonly HostFingerprint[]): readonly HostFingerprint[] {
  const key = ({ stable, host }: HostFingerprint) =>
    JSON.stringify([HARDWARE.map(name => stable[name] ?? ''), host]);
  return [...hosts].sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

function stableDifferences(role: string, before: HostFingerprint, after: HostFingerprint): Difference[] {
  const keys = new Set([...Object.keys(before.stable), ...Object.keys(after.stable)]);
  return [...keys]
    .filter(key => !IGNORED.test(key) && key !== 'server_version')
    .flatMap((key): Difference[] => {
      const [a = '', b = ''] = [before.stable[key], after.stable[key]];
      if (a === b || (key === 'memory MiB' && sameMemory(a, b))) return [];
      return [{ weight: weightOf(key), what: key, where: role, before: shorten(a), after: shorten(b) }];
    });
}

const weightOf = (key: string): Weight =>
  HARDWARE.includes(key) || DECIDING_SETTINGS.includes(key) ? 'breaks' : 'noted';

const sameMemory = (a: string, b: string): boolean => Math.abs(Number(a) / Number(b) - 1) < SAME_MEMORY;

const shorten = (text: string): string => (text.length > 60 ? `${text.slice(0, 57)}…` : text);

function unique(all: readonly Difference[]): Difference[] {
  return [...new Map(all.map(d => [JSON.stringify(d), d])).values()];
}
