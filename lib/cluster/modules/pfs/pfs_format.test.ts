import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, copyFileSync, existsSync, openSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { runModule, withTemporaryDirectory } from '../../../../test/support/run-module.ts';
import {
  GIB,
  gptHeader,
  lvmLabel,
  MIB,
  noLoopDevices,
  partitionTable,
  pretendPfs,
  raidMember,
  run,
  stateOf,
  withDisk,
  write,
} from '../../../../test/support/trial-disk.ts';
import type { Json } from '../../../source/value.ts';
import { pfsFormat } from './pfs_format.ts';
import { pfsProbe } from './pfs_probe.ts';

const probe = async (path: string) => (await runModule(pfsProbe, { path })) as unknown as Json;

/** Tries to format as a run with two more hosts would, and gives the refusal. */
async function tryFormat(
  disk: string,
  others: readonly Json[],
  options: Record<string, Json> = {},
): Promise<string> {
  const result = await runModule(pfsFormat, { disk, probes: [...others], ...options });
  expect(result.failed, JSON.stringify(result)).to.equal(true);
  return String(result.msg);
}

/** The probe as another host would send it. */
const seenBy = (host: string, found: Json): Json => {
  const { disk } = found as { disk: { [key: string]: Json } };
  return { disk: { ...disk, host } };
};

describe('formatting a shared disk, on block devices', function () {
  this.timeout(180_000);
  before(function () {
    const reason = noLoopDevices();
    if (reason) {
      console.log(`      skipped: ${reason}`);
      this.skip();
    }
  });

  const refused: readonly {
    readonly what: string;
    readonly prepare: (file: string) => void;
    readonly size?: number;
    readonly message: RegExp;
  }[] = [
    { what: 'ext4', prepare: file => void run('mkfs.ext4', '-q', '-F', file), message: /FOREIGN.*ext4/ },
    { what: 'LVM', prepare: file => write(file, 512, lvmLabel()), message: /FOREIGN.*LVM2_member/ },
    { what: 'a partition table', prepare: file => write(file, 0, partitionTable()), message: /FOREIGN.*dos/ },
    { what: 'swap', prepare: file => void run('mkswap', '-q', file), message: /FOREIGN.*swap/ },
    {
      what: 'unknown bytes at the start',
      prepare: f => write(f, 700_000, Buffer.from('x')),
      message: /FOREIGN.*first MiB/,
    },
    {
      what: 'unknown bytes at the end',
      prepare: f => write(f, 15 * GIB - 5000, Buffer.from('x')),
      message: /FOREIGN.*last MiB/,
    },
    {
      what: 'unknown bytes in the last sector of a disk that is not a whole number of MiB',
      prepare: f => write(f, 15 * GIB + 700 * 512 - 10, Buffer.from('x')),
      size: 15 * GIB + 700 * 512,
      message: /FOREIGN.*last MiB/,
    },
    {
      what: 'a file system in a partition whose table was lost',
      prepare: f => {
        run('mkfs.ext4', '-q', '-F', '-E', `offset=${MIB}`, f, '1G');
        write(f, 0, Buffer.alloc(MIB));
      },
      message: /FOREIGN.*there is data 1 MiB behind/,
    },
    {
      what: 'data far from both ends, of no kind',
      prepare: f => write(f, 7.5 * GIB + 5000, Buffer.from('x')),
      message: /FOREIGN.*there is data 7680 MiB behind/,
    },
    {
      what: 'a copy of the table of partitions at the end',
      prepare: f => write(f, 15 * GIB - 512, gptHeader(15 * GIB)),
      message: /FOREIGN/,
    },
    ...(['0.90', '1.0'] as const).map(version => ({
      what: `a member of a RAID, its superblock of version ${version} at the end`,
      prepare: (f: string) => raidMember(f, 15 * GIB, version),
      message: /FOREIGN.*linux_raid_member/,
    })),
    {
      what: 'a PFS with a damaged block',
      prepare: file => pretendPfs(file, 12582912n),
      message: /DAMAGED.*12582912 of 1073741824.*Do NOT wipe it/,
    },
    { what: 'less than 10 GiB', prepare: () => {}, size: 9 * GIB, message: /FOREIGN.*10 GiB/ },
  ];
  for (const { what, prepare, size, message } of refused) {
    it(`${what}: refused, nothing written`, () =>
      withDisk(
        prepare,
        async (disk, file) => {
          const before = stateOf(file);
          const view = await probe(`/dev/${disk}`);
          expect(await tryFormat(disk, [seenBy('st1', view), seenBy('ro1', view)])).to.match(message);
          expect(stateOf(file)).to.equal(before);
        },
        size,
      ));
  }

  it('a PFS whose mkfs this host began and never ended: half formatted; with its end noted, damaged', () =>
    withDisk(
      file => pretendPfs(file, 12582912n, 1_700_000_100),
      async disk => {
        const log = `/var/log/polar-mkfs-${disk}.log`;
        try {
          writeFileSync(
            log,
            'x mkfs begins at 1600000000\ny mkfs ended\nz mkfs begins at 1700000095\nterminated\n',
          );
          expect(await tryFormat(disk, [])).to.match(/HALF_FORMATTED.*began the mkfs at 2023-11-14T22:14:55/);
          expect(await tryFormat(disk, [], { system_identifier: '7' })).to.match(/DAMAGED.*Do NOT wipe it/);
          writeFileSync(log, 'x mkfs begins at 1700000095\ny mkfs ended\n');
          expect(await tryFormat(disk, [])).to.match(/DAMAGED.*no host knows of an mkfs/);
        } finally {
          run('rm', '-f', log);
        }
      },
    ));

  it("another cluster's PFS: refused, nothing written", () =>
    withDisk(
      file => pretendPfs(file, 2n ** 30n),
      async (disk, file) => {
        const before = stateOf(file);
        const { disk: seen } = (await probe(`/dev/${disk}`)) as { disk: { [key: string]: Json } };
        const inside = {
          disk: { ...seen, host: 'ro1', content: { names: ['shared_data'], systemIdentifier: '8' } },
        };
        expect(await tryFormat(disk, [inside], { system_identifier: '7' })).to.match(
          /FOREIGN.*identifier 8, not 7.*Do NOT wipe it/,
        );
        expect(stateOf(file)).to.equal(before);
      },
    ));

  it('mounted: refused, nothing written', () =>
    withDisk(
      file => void run('mkfs.ext4', '-q', '-F', file),
      async (disk, file) => {
        await withTemporaryDirectory(async mountpoint => {
          run('mount', '-o', 'ro', `/dev/${disk}`, mountpoint);
          try {
            const before = stateOf(file);
            expect(await tryFormat(disk, [])).to.match(/FOREIGN.*is mounted on/);
            expect(stateOf(file)).to.equal(before);
          } finally {
            run('umount', mountpoint);
          }
        });
      },
    ));

  it('open for writing by another process: refused', () =>
    withDisk(
      () => {},
      async (disk, file) => {
        const fd = openSync(`/dev/${disk}`, 'r+');
        try {
          const before = stateOf(file);
          expect(await tryFormat(disk, [])).to.match(/FOREIGN.*may write/);
          expect(stateOf(file)).to.equal(before);
        } finally {
          closeSync(fd);
        }
      },
    ));

  it('open for writing by the client that attaches it: nobody uses it', () =>
    withDisk(
      () => {},
      async (disk, file) => {
        const client = join(dirname(file), 'nbd-client');
        copyFileSync(run('sh', '-c', 'readlink -f "$(command -v sleep)"'), client);
        const fd = openSync(`/dev/${disk}`, 'r+');
        const holder = spawn(client, ['60'], { stdio: [fd, 'ignore', 'ignore'] });
        closeSync(fd);
        try {
          expect(run('cat', `/proc/${holder.pid}/comm`)).to.equal('nbd-client');
          expect(await probe(`/dev/${disk}`))
            .to.have.nested.property('disk.uses')
            .that.deep.equals([]);
        } finally {
          holder.kill('SIGKILL');
          await once(holder, 'exit');
        }
      },
    ));

  it('open under another name for it: refused', () =>
    withDisk(
      () => {},
      async disk => {
        const [major = '', minor = ''] = run('lsblk', '-ndro', 'MAJ:MIN', `/dev/${disk}`).split(':');
        const other = `/dev/polar-other-${process.pid}`;
        run('mknod', other, 'b', major, minor);
        const fd = openSync(other, 'r+');
        try {
          expect(await tryFormat(disk, [])).to.match(/FOREIGN.*may write/);
        } finally {
          closeSync(fd);
          run('rm', other);
        }
      },
    ));

  it('in use by the kernel alone: refused', () =>
    withDisk(
      file => void run('mkswap', '-q', file),
      async (disk, file) => {
        run('swapon', `/dev/${disk}`);
        try {
          // Nothing on it tells any more; what uses it does.
          write(file, 4086, Buffer.alloc(10));
          write(file, 1024, Buffer.alloc(512));
          expect(await tryFormat(disk, [])).to.match(/FOREIGN.*it cannot be opened exclusively/);
        } finally {
          run('swapoff', `/dev/${disk}`);
        }
      },
    ));

  it('an exported file that a loop device of the storage host has: refused', () =>
    withDisk(
      () => {},
      async (disk, file) => {
        const view = seenBy('st1', await probe(file));
        expect(await tryFormat(disk, [view])).to.match(/FOREIGN.*on st1 it is in use: loop\d+ lies on it/);
      },
    ));

  it('a disk that not every host has looked at: refused', () =>
    withDisk(
      () => {},
      async (disk, file) => {
        const before = stateOf(file);
        const view = await probe(`/dev/${disk}`);
        const options = { witnesses: ['st1', 'ro1', 'ro2'] };
        expect(await tryFormat(disk, [seenBy('st1', view)], options)).to.match(
          /looks blank, but ro1, ro2 did not look at it.*without --limit/,
        );
        expect(stateOf(file)).to.equal(before);
      },
    ));

  it('a look that is delegated is that of the host that looks', () =>
    withDisk(
      () => {},
      async disk => {
        const context = { reach: () => ({ delegate: 'st1', become: undefined }) };
        const result = await runModule(pfsProbe, { path: `/dev/${disk}` }, { context });
        expect((result as { disk?: { host?: string } }).disk?.host).to.equal('st1');
      },
    ));

  it('no look without the programs that tell what a disk holds', () =>
    withDisk(
      () => {},
      async disk => {
        await withTemporaryDirectory(async dir => {
          for (const program of ['readlink', 'blockdev', 'awk', 'dd', 'sed', 'sh'])
            run('sh', '-c', `ln -s "$(readlink -f "$(command -v ${program})")" ${join(dir, program)}`);
          const result = await runModule(pfsProbe, { path: `/dev/${disk}` }, { env: { PATH: dir } });
          expect(result.msg).to.match(/the program blkid is missing/);
        });
      },
    ));

  it('different on two hosts: refused, nothing written', () =>
    withDisk(
      () => {},
      async (disk, file) => {
        await withTemporaryDirectory(async dir => {
          const other = join(dir, 'other');
          writeFileSync(other, 'y');
          truncateSync(other, 15 * GIB);
          const before = stateOf(file);
          const said = await tryFormat(disk, [seenBy('ro1', await probe(other))]);
          expect(said).to.match(/SPLIT_VIEW.*ro1 sees/);
          expect(await tryFormat(disk, [seenBy('ro1', await probe(join(dir, 'none')))])).to.match(
            /SPLIT_VIEW.*ro1 has no/,
          );
          expect(stateOf(file)).to.equal(before);
        });
      },
    ));

  it('changed between the look and mkfs: refused in the last moment', () =>
    withDisk(
      () => {},
      async (disk, file) => {
        let requests = 0;
        const meddle = () => {
          if (++requests === 2) write(file, 4096, Buffer.from('somebody else was faster'));
        };
        const result = await runModule(pfsFormat, { disk, probes: [] }, { onRequest: meddle });
        expect(result.failed).to.equal(true);
        expect(result.msg).to.match(/has changed since it was looked at \(first MiB\): nothing was written/);
      },
    ));

  it('blank: check mode predicts the format and writes nothing', () =>
    withDisk(
      () => {},
      async (disk, file) => {
        const before = stateOf(file);
        const view = await probe(`/dev/${disk}`);
        const result = await runModule(
          pfsFormat,
          { disk, probes: [seenBy('st1', view)] },
          { checkMode: true },
        );
        expect(result).to.deep.include({ changed: true, state: 'BLANK' });
        expect(stateOf(file)).to.equal(before);
      },
    ));

  it('blank: formatted once, then left alone', function () {
    if (!existsSync('/usr/local/bin/pfs')) {
      console.log('        skipped: PFS is not installed here; it runs in the lab, with the bundle');
      this.skip();
    }
    return withDisk(
      () => {},
      async (disk, file) => {
        const first = await runModule(pfsFormat, { disk, probes: [] });
        expect(first).to.deep.include({ changed: true, state: 'BLANK' });
        const formatted = stateOf(file);
        const second = await runModule(pfsFormat, { disk, probes: [] });
        expect(second).to.deep.include({ changed: false, state: 'PFS_EMPTY' });
        expect(stateOf(file)).to.equal(formatted);
      },
    );
  });
});
