import { expect } from 'chai';
import fc from 'fast-check';
import { diskProbe } from '../../../../test/support/disk-probe.ts';
import { type DiskProbe, decideDisk, explainRefusal, probeFromJson, readPfsHeader } from './pfs-disk.ts';

const ZERO_MIB = '30e14955ebf1352266dc2ff8067e68104607e750abb9d3b36582b8af909fcb58';
const ZERO_4K = 'ad7facb2586fc6e966c004d7d1d16b024f5805ff7cb47c7a85dabd8b48892ca7';
const GIB = 2 ** 30;

const blank = diskProbe({
  host: 'rw1',
  path: '/dev/nvmeexport1',
  size: 15 * GIB,
  head: ZERO_4K,
  first: ZERO_MIB,
  last: ZERO_MIB,
});
const used = { ...blank, head: 'abc', first: 'def' };
const MADE = 1_700_000_100;
const whole = { chunks: 1, complete: true, missing: '', files: 0, made: MADE };
const pfs = { ...used, pfs: whole };
const damaged = {
  ...used,
  pfs: { ...whole, complete: false, missing: 'its journal has 4 of 8 bytes' },
};
/** The same disk, on the host that noted the beginning of its mkfs, but no end. */
const half = { ...damaged, mkfs: MADE - 5 };
const withDatabase = (systemIdentifier: string): DiskProbe => ({
  ...pfs,
  content: { names: ['shared_data'], systemIdentifier },
});
const on = (host: string, probe: DiskProbe): DiskProbe => ({ ...probe, host });

describe('what a shared disk is', () => {
  const cases: readonly {
    readonly what: string;
    readonly probes: readonly DiskProbe[];
    readonly recorded?: string;
    readonly state: string;
    readonly finding?: RegExp;
  }[] = [
    {
      what: 'zeros, seen by all',
      probes: [blank, on('ro1', blank), on('st1', { ...blank, kind: 'file' })],
      state: 'BLANK',
    },
    { what: 'zeros, seen by one host', probes: [blank], state: 'BLANK' },
    {
      what: 'ext4',
      probes: [{ ...used, signatures: ['ext4'] }, on('ro1', used)],
      state: 'FOREIGN',
      finding: /rw1 sees ext4/,
    },
    {
      what: 'a signature that only one host reports',
      probes: [blank, on('st1', { ...blank, signatures: ['LVM2_member'] })],
      state: 'FOREIGN',
      finding: /st1 sees LVM2_member/,
    },
    {
      what: 'a partition table',
      probes: [{ ...used, signatures: ['gpt', 'PMBR'] }],
      state: 'FOREIGN',
      finding: /gpt/,
    },
    {
      what: 'bytes without a signature',
      probes: [used],
      state: 'FOREIGN',
      finding: /first MiB is not empty/,
    },
    {
      what: 'bytes at the end only',
      probes: [{ ...blank, last: 'abc' }],
      state: 'FOREIGN',
      finding: /last MiB is not empty/,
    },
    {
      what: 'mounted',
      probes: [blank, on('st1', { ...blank, uses: ['vdb is mounted on /srv'] })],
      state: 'FOREIGN',
      finding: /on st1 it is in use: vdb is mounted on \/srv/,
    },
    {
      what: 'open for writing',
      probes: [{ ...blank, uses: ['qemu (process 7) may write'] }],
      state: 'FOREIGN',
      finding: /qemu/,
    },
    {
      what: 'the root disk',
      probes: [{ ...blank, rootDisk: true }],
      state: 'FOREIGN',
      finding: /root file system of rw1/,
    },
    {
      what: 'less than 10 GiB',
      probes: [{ ...blank, size: 9 * GIB }],
      state: 'FOREIGN',
      finding: /at least 10737418240/,
    },
    {
      what: 'a blank disk where a database is recorded',
      probes: [blank, on('ro1', blank)],
      recorded: '7',
      state: 'FOREIGN',
      finding: /no PFS, but the database with system identifier 7 is recorded/,
    },
    { what: 'exactly 10 GiB', probes: [{ ...blank, size: 10 * GIB }], state: 'BLANK' },
    {
      what: 'another size on one host',
      probes: [blank, on('ro1', { ...blank, size: 16 * GIB })],
      state: 'SPLIT_VIEW',
    },
    {
      what: 'another beginning on one host',
      probes: [pfs, on('ro1', blank)],
      state: 'SPLIT_VIEW',
      finding: /ro1 sees/,
    },
    {
      what: 'missing on one host',
      probes: [blank, on('ro1', { ...blank, kind: 'missing', head: '' })],
      state: 'SPLIT_VIEW',
      finding: /ro1 has no \/dev\/nvmeexport1/,
    },
    {
      what: 'unreadable on one host',
      probes: [blank, on('ro1', { ...blank, head: '' })],
      state: 'SPLIT_VIEW',
      finding: /ro1 cannot read/,
    },
    {
      what: 'a folder',
      probes: [{ ...blank, kind: 'other', head: '' }],
      state: 'SPLIT_VIEW',
      finding: /cannot read/,
    },
    {
      what: 'half formatted',
      probes: [half, on('ro1', half)],
      state: 'HALF_FORMATTED',
      finding: /4 of 8 bytes/,
    },
    {
      what: 'half formatted, with a record',
      probes: [half],
      recorded: '7',
      state: 'DAMAGED',
      finding: /Do NOT wipe it: it may hold the database with system identifier 7/,
    },
    {
      what: 'incomplete, and no host noted an mkfs',
      probes: [damaged, on('ro1', damaged)],
      state: 'DAMAGED',
      finding: /no host knows of an mkfs that did not end.*Do NOT wipe it: it may hold a database/,
    },
    {
      what: 'incomplete, but the mkfs that did not end made another file system',
      probes: [{ ...damaged, mkfs: MADE - 86400 }],
      state: 'DAMAGED',
    },
    {
      what: 'incomplete, the mkfs did not end, but there are files',
      probes: [{ ...half, pfs: { ...half.pfs, files: 2 } }],
      state: 'DAMAGED',
      finding: /files are stored on it/,
    },
    {
      what: 'an empty PFS',
      probes: [{ ...pfs, content: { names: [], systemIdentifier: '' } }],
      state: 'PFS_EMPTY',
    },
    { what: 'a PFS with the empty folder', probes: [withDatabase('')], state: 'PFS_EMPTY' },
    {
      what: 'a PFS with other files',
      probes: [{ ...pfs, content: { names: ['mydata'], systemIdentifier: '' } }],
      state: 'FOREIGN',
      finding: /mydata/,
    },
    { what: 'a database, nothing recorded', probes: [withDatabase('7')], state: 'PFS_DATA' },
    { what: 'the recorded database', probes: [withDatabase('7')], recorded: '7', state: 'PFS_DATA' },
    { what: 'the recorded database, not looked into', probes: [pfs], recorded: '7', state: 'PFS_DATA' },
    {
      what: "another cluster's database",
      probes: [withDatabase('8')],
      recorded: '7',
      state: 'FOREIGN',
      finding: /another cluster's disk: .* 8, not 7.*Do NOT wipe it/,
    },
    {
      what: 'no database where one is recorded',
      probes: [withDatabase('')],
      recorded: '7',
      state: 'DAMAGED',
      finding: /no pg_control of a database.*Do NOT wipe it/,
    },
  ];
  for (const { what, probes, recorded, state, finding } of cases) {
    it(`${what}: ${state}`, () => {
      const decided = decideDisk(probes, recorded);
      expect(decided.state).to.equal(state);
      const text = explainRefusal('nvmeexport1', decided);
      if (finding) expect(text).to.match(finding);
      if ('findings' in decided) expect(text).to.include(`nvmeexport1 is ${state}:`);
      else expect(text).to.equal('');
      // What empties a disk is advised only where no database of this cluster can be on it.
      if (recorded !== undefined) expect(text).not.to.match(/`polarplay wipe`|empt/);
    });
  }

  it('is BLANK only when every host sees zeros, no signature, no user and the same size', () => {
    const probe = fc.record({
      host: fc.constantFrom('a', 'b', 'c'),
      kind: fc.constantFrom('block' as const, 'file' as const, 'missing' as const, 'other' as const),
      path: fc.constant('/dev/x'),
      size: fc.constantFrom(9 * GIB, 15 * GIB),
      head: fc.constantFrom(ZERO_4K, 'abc', ''),
      first: fc.constantFrom(ZERO_MIB, 'def', ''),
      last: fc.constantFrom(ZERO_MIB, 'ghi', ''),
      filled: fc.constantFrom(0, 64),
      signatures: fc.constantFrom([], ['ext4']),
      uses: fc.constantFrom([], ['mounted']),
      rootDisk: fc.boolean(),
      pfs: fc.constantFrom(undefined, whole),
      mkfs: fc.constantFrom(0, MADE),
      content: fc.constant(undefined),
    });
    const clean = (p: DiskProbe) =>
      (p.kind === 'block' || p.kind === 'file') &&
      p.size === 15 * GIB &&
      p.head === ZERO_4K &&
      p.first === ZERO_MIB &&
      p.last === ZERO_MIB &&
      p.filled === 0 &&
      p.signatures.length + p.uses.length === 0 &&
      !p.rootDisk &&
      !p.pfs;
    fc.assert(
      fc.property(fc.array(probe, { minLength: 1, maxLength: 4 }), probes => {
        if (decideDisk(probes).state === 'BLANK') expect(probes.every(clean)).to.equal(true);
      }),
      { numRuns: 3000 },
    );
  });
});

describe('the header of PFS', () => {
  const sectors = (journal: bigint, wanted: bigint) => {
    const chunk = Buffer.alloc(128);
    chunk.writeBigUInt64LE(0x504653434an, 0);
    chunk.writeUInt32LE(3, 40);
    chunk.writeBigUInt64LE(0x91000n, 96);
    const inodes = Buffer.alloc(4096);
    inodes.writeBigUInt64LE(2n, 256);
    inodes.writeBigUInt64LE(journal, 256 + 72);
    const leader = Buffer.alloc(256);
    leader.writeBigUInt64LE(0x00010002babababan, 0);
    leader.writeBigUInt64LE(wanted, 240);
    return { chunk, inodes, leader };
  };

  it('is whole when the journal has its full length', () => {
    expect(readPfsHeader(sectors(2n ** 30n, 2n ** 30n))).to.deep.equal({
      chunks: 3,
      complete: true,
      missing: '',
      files: 0,
      made: 0,
    });
  });

  it('tells when mkfs made it, and files beside those of mkfs', () => {
    const { chunk, inodes, leader } = sectors(4n, 8n);
    inodes.writeBigUInt64LE(1_700_000_100_123_456n, 104);
    for (const number of [0, 1, 2, 7]) inodes.writeUInt8(1, number * 128 + 33);
    expect(readPfsHeader({ chunk, inodes, leader })).to.include({ files: 1, made: 1_700_000_100 });
  });

  it('is half when the journal is shorter, or the paxos file was never written', () => {
    expect(readPfsHeader(sectors(12582912n, 2n ** 30n))?.missing).to.equal(
      'its journal has 12582912 of 1073741824 bytes',
    );
    const { chunk, inodes } = sectors(0n, 0n);
    expect(readPfsHeader({ chunk, inodes, leader: Buffer.alloc(256) })?.complete).to.equal(false);
    expect(readPfsHeader({ chunk, inodes: Buffer.alloc(0), leader: Buffer.alloc(0) })?.complete).to.equal(
      false,
    );
  });

  it('is none for anything else', () => {
    for (const chunk of [Buffer.alloc(0), Buffer.alloc(128), Buffer.alloc(128, 0xff)])
      expect(readPfsHeader({ chunk, inodes: Buffer.alloc(0), leader: Buffer.alloc(0) })).to.equal(undefined);
  });
});

describe('a probe that went through a variable', () => {
  it('comes back as it was', () => {
    for (const probe of [blank, half, withDatabase('7')]) {
      const json = JSON.parse(JSON.stringify({ changed: false, disk: probe }));
      expect(JSON.stringify(probeFromJson(json))).to.equal(JSON.stringify(probe));
    }
  });

  it('is refused when it is none', () => {
    for (const json of [null, 'x', {}, { disk: {} }, []])
      expect(() => probeFromJson(json)).to.throw(/results of pfs_probe/);
  });
});
