import { ModuleError } from '../../../modules/kit/define.ts';
import { fieldsOf, itemsOf } from '../../../source/json.ts';
import type { Json } from '../../../source/value.ts';

/** What one host saw of a disk, before anything is decided. */
export interface DiskProbe {
  readonly host: string;
  /** What the path is; `other` covers everything that no disk can be. */
  readonly kind: 'block' | 'file' | 'missing' | 'other';
  readonly path: string;
  readonly size: number;
  /** SHA-256 of the first 4 KiB, of the first and of the last MiB; empty when it could not be read. */
  readonly head: string;
  readonly first: string;
  readonly last: string;
  /** A MiB between them that is not empty, looked for where the first one is; 0 when none was found. */
  readonly filled: number;
  /** File systems, partition tables and the like, by name. */
  readonly signatures: readonly string[];
  /** Who has it: mounts, layers above it, processes that may write. */
  readonly uses: readonly string[];
  readonly rootDisk: boolean;
  /** The header of PFS, where there is one. */
  readonly pfs: PfsHeader | undefined;
  /** Unix time at which this host began an mkfs of this disk that never ended; 0 when it knows of none. */
  readonly mkfs: number;
  /** What is in the file system, where somebody looked inside. */
  readonly content: PfsContent | undefined;
}

export interface PfsHeader {
  readonly chunks: number;
  /** Everything mkfs makes is there, to the journal's full length. */
  readonly complete: boolean;
  /** What is missing, in words; empty when complete. */
  readonly missing: string;
  /** Files in the first sector of the inode table, beside those that mkfs makes. */
  readonly files: number;
  /** Unix time at which mkfs wrote the root folder; 0 when it cannot be read. */
  readonly made: number;
}

export interface PfsContent {
  /** Names in the root folder, without those of PFS itself. */
  readonly names: readonly string[];
  /** Of the database in the shared folder; empty when there is none. */
  readonly systemIdentifier: string;
}

declare const BLANK: unique symbol;

/** A disk that every host sees alike, that holds nothing and that nobody uses. Only `decideDisk` makes one. */
export interface BlankDisk {
  readonly [BLANK]: true;
  readonly size: number;
  readonly head: string;
}

/** What the disk is, from the views of all hosts; only BLANK may be formatted. */
export type DiskState =
  | { readonly state: 'BLANK'; readonly blank: BlankDisk }
  | { readonly state: 'PFS_EMPTY' }
  | { readonly state: 'PFS_DATA'; readonly systemIdentifier: string }
  | {
      readonly state: 'HALF_FORMATTED' | 'DAMAGED' | 'FOREIGN' | 'SPLIT_VIEW';
      readonly findings: readonly [string, ...string[]];
      /** System identifier recorded for this cluster; empty when none is. */
      readonly recorded: string;
    };

const CHUNK = 10 * 2 ** 30;
/** SHA-256 of 4 KiB and of a MiB of zeros. */
const ZERO_4K = 'ad7facb2586fc6e966c004d7d1d16b024f5805ff7cb47c7a85dabd8b48892ca7';
export const ZERO_MIB = '30e14955ebf1352266dc2ff8067e68104607e750abb9d3b36582b8af909fcb58';

/**
 * Decides what may be done with a disk; `expected` is the system identifier recorded for this cluster, `witnesses` are
 * the hosts without whose look no disk counts as blank.
 */
export function decideDisk(
  probes: readonly DiskProbe[],
  expected = '',
  witnesses: readonly string[] = [],
): DiskState {
  const [one] = probes;
  if (!one) throw new ModuleError('no host looked at the disk');
  const split = splitView(probes);
  if (split) return { state: 'SPLIT_VIEW', findings: split, recorded: expected };
  if (one.pfs) return decidePfs(probes, one.pfs, expected);
  const decided = decideUnformatted(probes, one, expected);
  const missing = witnesses.filter(host => !probes.some(probe => probe.host === host));
  if (decided.state !== 'BLANK' || missing.length === 0) return decided;
  throw new ModuleError(
    `nothing was written: the disk looks blank, but ${missing.join(', ')} did not look at it. A disk is formatted only when every host of the cluster sees it alike: run without --limit`,
  );
}

function decidePfs(probes: readonly DiskProbe[], pfs: PfsHeader, expected: string): DiskState {
  if (!pfs.complete) return decideIncomplete(probes, pfs, expected);
  const content = probes.find(probe => probe.content)?.content;
  const found = content?.systemIdentifier ?? '';
  if (expected !== '' && content && found === '') {
    return {
      state: 'DAMAGED',
      findings: ['it is a PFS in which no pg_control of a database can be read'],
      recorded: expected,
    };
  }
  if (expected !== '' && content && found !== expected) {
    return {
      state: 'FOREIGN',
      findings: [
        `it is another cluster's disk: its database has system identifier ${found}, not ${expected}, as recorded for this cluster`,
      ],
      recorded: expected,
    };
  }
  if (found !== '' || expected !== '') return { state: 'PFS_DATA', systemIdentifier: found || expected };
  if (content && content.names.length > 0 && !content.names.every(name => name === 'shared_data')) {
    return {
      state: 'FOREIGN',
      findings: [`it is a PFS that holds ${content.names.join(', ')}`],
      recorded: '',
    };
  }
  return { state: 'PFS_EMPTY' };
}

/** Seconds after its beginning in which an mkfs has written the root folder. */
const MKFS_MAY_TAKE = 900;

/**
 * One damaged block makes a PFS that is in use look like the work of an interrupted mkfs. It counts as that only when a
 * host noted the mkfs that made this very file system and that never ended, no file is on it, and no database is recorded.
 */
function decideIncomplete(probes: readonly DiskProbe[], pfs: PfsHeader, expected: string): DiskState {
  const maker = probes.find(({ mkfs }) => mkfs > 0 && pfs.made >= mkfs && pfs.made <= mkfs + MKFS_MAY_TAKE);
  const finding = `it has the header of PFS, but ${pfs.missing}`;
  if (expected === '' && pfs.files === 0 && maker) {
    const since = new Date(maker.mkfs * 1000).toISOString();
    return {
      state: 'HALF_FORMATTED',
      findings: [finding, `${maker.host} began the mkfs at ${since}, and it never ended`],
      recorded: '',
    };
  }
  const more =
    pfs.files > 0 ? ['files are stored on it'] : maker ? [] : ['no host knows of an mkfs that did not end'];
  return { state: 'DAMAGED', findings: [finding, ...more], recorded: expected };
}

function decideUnformatted(probes: readonly DiskProbe[], one: DiskProbe, expected: string): DiskState {
  const findings = [
    // The wrong disk, or a wipe that was interrupted: a new file system would have no database in it.
    ...(expected !== ''
      ? [`it has no PFS, but the database with system identifier ${expected} is recorded for it`]
      : []),
    ...(one.size < CHUNK ? [`it has ${one.size} bytes; PFS needs at least ${CHUNK} (10 GiB)`] : []),
    ...probes.flatMap(({ host, signatures, uses, rootDisk }) => [
      ...(rootDisk ? [`it holds the root file system of ${host}`] : []),
      ...signatures.map(name => `${host} sees ${name}`),
      ...uses.map(use => `on ${host} it is in use: ${use}`),
    ]),
    ...(probes.some(({ head, first }) => head !== ZERO_4K || first !== ZERO_MIB)
      ? ['the first MiB is not empty']
      : []),
    ...(probes.some(({ last }) => last !== ZERO_MIB) ? ['the last MiB is not empty'] : []),
    ...probes.flatMap(({ filled }) =>
      filled > 0 ? [`there is data ${filled} MiB behind its beginning, of no kind that has a name`] : [],
    ),
  ];
  const [first, ...rest] = [...new Set(findings)];
  if (first !== undefined) return { state: 'FOREIGN', findings: [first, ...rest], recorded: expected };
  // Only decide() may call a disk blank: the type is marked, so that nobody else makes one.
  return { state: 'BLANK', blank: { size: one.size, head: one.head } as BlankDisk };
}

/** Whether its beginning could not be read. */
export const cannotBeRead = ({ head, first }: DiskProbe): boolean => head === '' || first === '';

/** Why the hosts do not see the same disk; undefined when they do. */
function splitView(probes: readonly DiskProbe[]): readonly [string, ...string[]] | undefined {
  const unreadable = probes.filter(
    probe => probe.kind === 'missing' || probe.kind === 'other' || cannotBeRead(probe),
  );
  const views = new Set(probes.map(({ size, head, pfs }) => `${size} ${head} ${pfs !== undefined}`));
  const [first, ...rest] = [
    ...unreadable.map(({ host, path, kind }) =>
      kind === 'missing' ? `${host} has no ${path}` : `${host} cannot read ${path} as a disk`,
    ),
    ...(unreadable.length === 0 && views.size > 1
      ? probes.map(
          ({ host, path, size, head }) =>
            `${host} sees ${path} with ${size} bytes, beginning ${head.slice(0, 12)}`,
        )
      : []),
  ];
  return first === undefined ? undefined : [first, ...rest];
}

/** The sentence that stops the run: what was found, and what the operator can do. */
export function explainRefusal(disk: string, state: DiskState): string {
  if (!('findings' in state)) return '';
  return `${disk} is ${state.state}: ${state.findings.join('; ')}. Nothing was written. ${advise(state)}`;
}

/** Emptying a disk is advised only where nothing can have been stored on it. */
function advise({ state, recorded }: Extract<DiskState, { findings: unknown }>): string {
  if (state === 'SPLIT_VIEW')
    return 'Look at the exports on the storage host and at the links below /dev on the nodes: all must lead to one disk.';
  if (state === 'HALF_FORMATTED')
    return 'Nothing was stored on it yet. `polarplay wipe`, which asks for the identity of the device, empties it; then run again.';
  const database = `the database with system identifier ${recorded}`;
  if (state === 'DAMAGED')
    return `Do NOT wipe it: ${recorded === '' ? 'it may hold a database' : `it may hold ${database}, which is recorded for this cluster`}. Leave servers that still run as they are, and see docs/operations.md, "The shared disk is damaged".`;
  if (recorded !== '')
    return `Do NOT wipe it: ${database} is recorded for this cluster, and this disk does not show it. Look on the storage host which device is exported, and whether it is the right one.`;
  return 'Look first whether it is the right disk; only one whose contents may be lost is emptied by `polarplay wipe`, which asks for the identity of the device.';
}

/** Reads back a probe that went through a registered variable. */
export function probeFromJson(json: Json): DiskProbe {
  const outer = fieldsOf(json);
  const inner = 'disk' in outer ? fieldsOf(outer.disk) : outer;
  const text = (key: string) => (typeof inner[key] === 'string' ? inner[key] : '');
  const list = (key: string) => itemsOf(inner[key]).map(String);
  if (text('host') === '') {
    throw new ModuleError(
      'probes must be the results of pfs_probe, one for every host that can reach the disk',
    );
  }
  return {
    host: text('host'),
    kind: (['block', 'file', 'missing'] as const).find(kind => kind === inner.kind) ?? 'other',
    path: text('path'),
    size: Number(inner.size ?? 0),
    head: text('head'),
    first: text('first'),
    last: text('last'),
    filled: Number(inner.filled ?? 0),
    signatures: list('signatures'),
    uses: list('uses'),
    rootDisk: inner.rootDisk === true,
    // Written by probeDisk itself, on the control machine.
    pfs: (inner.pfs ?? undefined) as PfsHeader | undefined,
    mkfs: Number(inner.mkfs ?? 0),
    // As above.
    content: (inner.content ?? undefined) as PfsContent | undefined,
  };
}

/** The sectors of a PFS that tell whether mkfs finished, as bytes. */
export interface PfsSectors {
  /** Chunk 0's header. */
  readonly chunk: Buffer;
  /** First sector of the inode table. */
  readonly inodes: Buffer;
  /** Start of block 1, where the paxos file lies. */
  readonly leader: Buffer;
}

const MAGIC = 0x5046534348n;
const MAGIC_VERSIONS = 16n;
const LEADER_MAGIC = 0x00010002babababan;
const OBJECT = 128;
const NUMBER_AT = 0;
const USED_AT = 33;
const SIZE_AT = 72;
const BORN_AT = 104;
/** Root folder, paxos file and journal. */
const MADE_BY_MKFS = 3;

/** Where the inode table of a PFS begins; undefined when the bytes are not a header of PFS. */
export function inodeTable(chunk: Buffer): number | undefined {
  if (chunk.length < 112) return undefined;
  const version = chunk.readBigUInt64LE(0) - MAGIC;
  if (version < 0n || version >= MAGIC_VERSIONS) return undefined;
  return Number(chunk.readBigUInt64LE(96));
}

/**
 * Reads the header of PFS. mkfs writes the chunk headers first and the journal last, a block at a time; the paxos
 * file holds the length the journal shall have, so a journal shorter than that means mkfs was interrupted. The names
 * of both files are there from the first moment: listing them proves nothing.
 */
export function readPfsHeader({ chunk, inodes, leader }: PfsSectors): PfsHeader | undefined {
  if (inodeTable(chunk) === undefined) return undefined;
  const chunks = chunk.readUInt32LE(40);
  const wanted =
    leader.length >= 248 && leader.readBigUInt64LE(0) === LEADER_MAGIC ? leader.readBigUInt64LE(240) : 0n;
  const journal = inodeSize(inodes, 2);
  const missing =
    wanted === 0n
      ? 'the paxos file was never written'
      : journal < wanted
        ? `its journal has ${journal} of ${wanted} bytes`
        : '';
  return { chunks, complete: missing === '', missing, files: filesIn(inodes), made: bornAt(inodes) };
}

function filesIn(inodes: Buffer): number {
  let files = 0;
  for (let at = MADE_BY_MKFS * OBJECT; at + OBJECT <= inodes.length; at += OBJECT)
    if (inodes.readUInt8(at + USED_AT) !== 0) files++;
  return files;
}

function bornAt(inodes: Buffer): number {
  if (inodes.length < OBJECT) return 0;
  return Math.floor(Number(inodes.readBigUInt64LE(BORN_AT)) / 1e6);
}

function inodeSize(inodes: Buffer, number: number): bigint {
  const at = number * OBJECT;
  if (inodes.length < at + OBJECT) return 0n;
  if (inodes.readBigUInt64LE(at + NUMBER_AT) !== BigInt(number)) return 0n;
  return inodes.readBigUInt64LE(at + SIZE_AT);
}

/** How many chunks PFS makes of a disk, and what it leaves unused. */
export function chunksOf(size: number): { readonly chunks: number; readonly wasted: number } {
  return { chunks: Math.floor(size / CHUNK), wasted: size % CHUNK };
}
