import { nearest } from '../../source/suggest.ts';
import { type DiskProbe, ZERO_MIB } from '../modules/pfs/pfs-disk.ts';
import type { FoundDisk, HostSurvey } from '../modules/polardb_preflight.ts';
import type { Wanted } from './plan.ts';

/** What a host answered, or why it did not. */
export type PreflightAnswer =
  | { readonly host: string; readonly failure: string }
  | {
      readonly host: string;
      readonly wanted: Wanted;
      readonly survey: HostSurvey;
      readonly probes: readonly DiskProbe[];
      readonly disks: readonly FoundDisk[];
      /** Unix times of the control machine between which the host read its clock. */
      readonly asked: readonly [from: number, until: number];
    };

type Known = Exclude<PreflightAnswer, { readonly failure: string }>;

export interface PreflightRow {
  readonly host: string;
  readonly part: string;
  readonly system: string;
  readonly memory: string;
  readonly space: string;
  readonly clock: string;
  readonly ports: string;
  readonly packages: string;
  readonly disks: string;
}

export interface PreflightView {
  readonly rows: readonly PreflightRow[];
  /** What stands in the way of a deployment: any of them makes the exit code 2. */
  readonly problems: readonly string[];
  /** What is worth knowing and stands in nobody's way. */
  readonly notes: readonly string[];
}

const GIB = 2 ** 30;
/** MiB that must be free where the programs, the data of a stand-in and a build go. */
const LEAST_SPACE = 1024;
const LEAST_FOR_A_BUILD = 8 * 1024;
/** PFS takes chunks of 10 GiB. */
const LEAST_DISK = 10 * GIB;
const CLOCK_SLACK = 2;

/** The whole picture, from what each host said. Pure. */
export function judgePreflight(answers: readonly PreflightAnswer[]): PreflightView {
  const known = answers.flatMap(answer => ('failure' in answer ? [] : [answer]));
  const silent = answers.flatMap(answer => ('failure' in answer ? [answer] : []));
  const judged = known.map(answer => ({ answer, ...judgeHost(answer) }));
  return {
    rows: answers.map(answer => {
      const own = judged.find(one => one.answer === answer);
      return own ? own.row : silentRow(answer.host);
    }),
    problems: [
      ...byText(silent.map(({ host, failure }) => [host, failure])),
      ...byText(judged.flatMap(({ answer, problems }) => problems.map(text => [answer.host, text] as const))),
      ...between(known),
    ],
    notes: byText(judged.flatMap(({ answer, notes }) => notes.map(text => [answer.host, text] as const))),
  };
}

/** What several hosts have in common is said once. */
function byText(findings: readonly (readonly [host: string, text: string])[]): readonly string[] {
  const hosts = new Map<string, string[]>();
  for (const [host, text] of findings) hosts.set(text, [...(hosts.get(text) ?? []), host]);
  return [...hosts].map(([text, names]) => `${names.join(', ')}: ${text}`);
}

const silentRow = (host: string): PreflightRow => ({
  host,
  part: '-',
  system: 'no answer',
  memory: '-',
  space: '-',
  clock: '-',
  ports: '-',
  packages: '-',
  disks: '-',
});

interface Finding {
  /** A few words for the table. */
  readonly cell: string;
  readonly problems?: readonly string[];
  readonly notes?: readonly string[];
}

function judgeHost(answer: Known) {
  const { host, wanted, survey } = answer;
  const findings = {
    system: judgeSystem(answer),
    memory: judgeMemory(answer),
    space: judgeSpace(answer),
    clock: judgeClock(answer),
    ports: judgePorts(answer),
    packages: judgePackages(answer),
    disks: wanted.hostid === 0 ? judgeDisks(answer) : judgeTransport(answer),
  };
  const all = Object.values<Finding>(findings);
  const part = wanted.hostid === 0 ? 'storage' : `node ${wanted.hostid}`;
  const cells = Object.fromEntries(Object.entries<Finding>(findings).map(([name, { cell }]) => [name, cell]));
  return {
    row: { host, part, ...cells } as unknown as PreflightRow,
    problems: all.flatMap(({ problems = [] }) => problems),
    notes: [
      ...all.flatMap(({ notes = [] }) => notes),
      ...(survey.firewall === ''
        ? []
        : [
            `${survey.firewall} is active: the hosts of the cluster must reach its port ${answer.wanted.hostid === 0 ? 'of nbd-server' : 'of the database'}`,
          ]),
    ],
  };
}

function judgeSystem({ survey }: Known): Finding {
  const problems = survey.systemd ? [] : ['systemd does not run here: the services of the cluster need it'];
  return { cell: survey.system.replace(/ GNU\/Linux/, '').replace(/ \(.*/, ''), problems };
}

function judgeMemory({ survey, wanted }: Known): Finding {
  // A replica of PolarDB has no less of it than its primary, and pfsd and the kernel want their part.
  const needed = wanted.hostid === 0 ? 256 : wanted.memory + (wanted.database === 'polardb' ? 1024 : 256);
  return {
    cell: mebibytes(survey.memoryMib),
    problems:
      survey.memoryMib >= needed
        ? []
        : [
            `${mebibytes(survey.memoryMib)} of memory, and the settings need about ${mebibytes(needed)}: set polardb_shared_buffers lower (inventory/small.yaml has values for small machines)`,
          ],
  };
}

function judgeSpace({ survey, wanted }: Known): Finding {
  const folders = Object.entries(survey.freeMib);
  const sizes = new Map(wanted.files.map(({ file, size = '0' }) => [dirOf(file), sizeOf(size)]));
  const needed = (folder: string) =>
    folder === wanted.build ? LEAST_FOR_A_BUILD : Math.max(LEAST_SPACE, sizes.get(folder) ?? 0);
  const deployed = survey.deployed.length > 0;
  return {
    cell: mebibytes(Math.min(...folders.map(([, free]) => free))),
    problems: folders
      .filter(([folder, free]) => !deployed && free < needed(folder))
      .map(
        ([folder, free]) =>
          `${mebibytes(free)} free in ${folder}, and ${mebibytes(needed(folder))} are needed`,
      ),
  };
}

function judgeClock({ survey, asked: [from, until] }: Known): Finding {
  const off = survey.time < from - CLOCK_SLACK ? survey.time - from : Math.max(0, survey.time - until);
  const wrong = Math.abs(off) > CLOCK_SLACK;
  return {
    cell: wrong ? `${off > 0 ? '+' : ''}${Math.round(off)} s` : 'right',
    problems: wrong
      ? [`its clock is ${Math.abs(Math.round(off))} s ${off > 0 ? 'ahead of' : 'behind'} this machine's`]
      : [],
    notes:
      survey.synchronised || survey.container !== ''
        ? []
        : ['nothing keeps its clock right yet; site.yml installs chrony, which needs a time server'],
  };
}

function judgePorts({ survey, wanted }: Known): Finding {
  const ours = wanted.hostid === 0 ? survey.deployed.includes('storage') : survey.deployed.includes('node');
  const taken = ours ? [] : survey.listeners;
  return {
    cell: ours ? 'ours' : taken.length > 0 ? `${taken[0]!.port} taken` : 'free',
    problems: taken.map(
      ({ port, program }) =>
        `port ${port} is taken by ${program || 'another program'}: stop it, or set ${wanted.hostid === 0 ? 'cluster_nbd_port' : 'polardb_port'}`,
    ),
  };
}

function judgePackages({ survey }: Known): Finding {
  const { missingPackages: missing } = survey;
  return {
    cell: missing.length > 0 ? `${missing.length} missing` : 'found',
    problems:
      missing.length > 0
        ? [`no repository offers ${missing.join(', ')} (is its list of packages up to date?)`]
        : [],
  };
}

/** How a node can attach a shared disk. */
function judgeTransport({ survey, wanted }: Known): Finding {
  const [best] =
    wanted.transport === 'auto' ? survey.transports : survey.transports.filter(t => t === wanted.transport);
  const reason =
    wanted.transport === 'auto'
      ? 'the kernel has neither the nbd module nor FUSE'
      : `nbd_client_transport is ${wanted.transport}, which its kernel does not have`;
  return { cell: best ?? 'none', problems: best === undefined ? [`no way to attach a disk: ${reason}`] : [] };
}

function judgeDisks({ survey, wanted, probes, disks }: Known): Finding {
  const ours = survey.deployed.includes('storage');
  const problems = probes.flatMap(probe => diskProblems(probe, disks, ours, wanted));
  const blank = probes.filter(probe => isBlank(probe)).length;
  const cell =
    probes.length === 0
      ? `${wanted.files.length} files`
      : ours
        ? `${probes.length} in use`
        : `${blank} of ${probes.length} blank`;
  return { cell, problems };
}

const isBlank = ({ kind, signatures, uses, filled, pfs, first, last }: DiskProbe): boolean =>
  kind !== 'missing' &&
  signatures.length + uses.length + filled === 0 &&
  !pfs &&
  first === ZERO_MIB &&
  last === ZERO_MIB;

/** A disk that holds anything is only told, never advised to be emptied: its owner decides. */
function diskProblems(
  probe: DiskProbe,
  disks: readonly FoundDisk[],
  ours: boolean,
  { database, disk }: Wanted,
): readonly string[] {
  const { path, kind, size, rootDisk } = probe;
  if (kind === 'missing') return [`${path} does not exist${otherDisks(path, disks)}`];
  if (kind === 'other') return [`${path} is neither a disk nor a file`];
  if (rootDisk) return [`${path} is the disk that the host runs from`];
  if (ours) return [];
  const holds = [...probe.signatures, ...(probe.pfs ? ['PFS'] : []), ...probe.uses];
  if (holds.length > 0)
    return [`${path} is not blank (${holds.join(', ')}): polarplay never formats it; name another disk`];
  if (!isBlank(probe)) return [`${path} holds data without a known name: name another disk`];
  return database === 'polardb' && path === disk && size < LEAST_DISK
    ? [`${path} has ${gibibytes(size)}: PFS takes whole chunks of 10 GiB`]
    : [];
}

function otherDisks(path: string, disks: readonly FoundDisk[]): string {
  if (disks.length === 0) return '';
  const paths = disks.map(disk => disk.path);
  const near = nearest(path, paths);
  const list = disks
    .map(disk => `${disk.path} (${gibibytes(disk.size)}, ${disk.content || 'blank'})`)
    .join(', ');
  return near === undefined ? `; there are ${list}` : `, did you mean ${near}? There are ${list}`;
}

/** What no host can tell alone. */
function between(known: readonly Known[]): readonly string[] {
  const nodes = known.filter(({ wanted }) => wanted.hostid !== 0);
  return [
    ...twice(nodes, ({ wanted }) => String(wanted.hostid)).map(
      ([id, hosts]) => `${hosts} have the same polar_hostid ${id}: give each its own, from 1 to 30`,
    ),
    ...nodes
      .filter(({ wanted: { hostid } }) => hostid < 1 || hostid > 30)
      .map(({ host, wanted }) => `${host}: polar_hostid is ${wanted.hostid}, and must be from 1 to 30`),
    ...twice(known, ({ wanted }) => wanted.address).map(
      ([address, hosts]) => `${hosts} have the same address ${address}`,
    ),
    ...twice(known, ({ survey }) => survey.machineId).map(
      ([, hosts]) => `${hosts} have the same /etc/machine-id: they are one machine, or copies of one`,
    ),
    ...(new Set(nodes.map(({ survey }) => survey.architecture)).size > 1
      ? [
          `the nodes differ in architecture (${nodes.map(({ host, survey }) => `${host}: ${survey.architecture}`).join(', ')}): they share the data, so it must be one`,
        ]
      : []),
    ...(new Set(nodes.map(release)).size > 1
      ? [
          `the nodes differ in system (${nodes.map(one => `${one.host}: ${release(one)}`).join(', ')}): they share one build, and must sort texts alike`,
        ]
      : []),
  ];
}

/** Name and version of the system, without the point release. */
const release = ({ survey }: Known): string =>
  /^(.*?\d+)/.exec(survey.system.replace(' GNU/Linux', ''))?.[1] ?? survey.system;

/** Values that more than one host has, with the hosts' names. */
function twice(hosts: readonly Known[], value: (host: Known) => string): readonly [string, string][] {
  const names = new Map<string, string[]>();
  for (const host of hosts) names.set(value(host), [...(names.get(value(host)) ?? []), host.host]);
  return [...names]
    .filter(([text, list]) => text !== '' && list.length > 1)
    .map(([text, list]) => [text, list.join(' and ')]);
}

const dirOf = (path: string): string => path.replace(/\/[^/]*$/, '') || '/';

/** `15G` in MiB, as the role reads it. */
function sizeOf(text: string): number {
  const [, number = '0', unit = ''] = /^(\d+(?:\.\d+)?)\s*([KMGT]?)/i.exec(text) ?? [];
  const factor = { K: 1 / 1024, M: 1, G: 1024, T: 1024 ** 2 }[unit.toUpperCase()] ?? 1 / GIB;
  return Math.ceil(Number(number) * factor);
}

const gibibytes = (bytes: number): string => mebibytes(bytes / 2 ** 20);

const mebibytes = (mib: number): string =>
  mib >= 1024 ? `${(mib / 1024).toFixed(mib < 10 * 1024 ? 1 : 0)} GiB` : `${Math.round(mib)} MiB`;
