import { spawnSync } from 'node:child_process';
import { closeSync, ftruncateSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { onlyWithPrograms } from '../../../test/support/requirements.ts';
import {
  planAndScript,
  recordsText,
  runModule,
  withTemporaryDirectory,
} from '../../../test/support/run-module.ts';
import type { Json } from '../../source/value.ts';
import { filesystem } from './filesystem.ts';

describe('filesystem', () => {
  before(function () {
    onlyWithPrograms(this, 'mkfs.ext4', 'blkid', 'wipefs');
  });

  const image = (dir: string, megabytes = 16) => {
    const path = join(dir, 'disk');
    const file = openSync(path, 'w');
    ftruncateSync(file, megabytes << 20);
    closeSync(file);
    return path;
  };
  const run = (raw: Record<string, Json>, checkMode = false) => runModule(filesystem, raw, { checkMode });
  const type = (path: string) =>
    spawnSync('blkid', ['-p', '-o', 'value', '-s', 'TYPE', path], { encoding: 'utf8' }).stdout.trim();

  it('makes, grows and wipes', () =>
    withTemporaryDirectory(async dir => {
      const dev = image(dir);
      expect((await run({ dev, fstype: 'ext4' }, true)).changed).to.equal(true);
      expect(type(dev)).to.equal('');
      expect((await run({ dev, fstype: 'ext4', opts: '-L data -m 0' })).changed).to.equal(true);
      expect(type(dev)).to.equal('ext4');
      expect((await run({ dev, fstype: 'ext4' })).changed).to.equal(false);
      expect((await run({ dev, fstype: 'ext4', resizefs: true })).changed).to.equal(false);
      ftruncateSync(openSync(dev, 'r+'), 64 << 20);
      expect((await run({ dev, fstype: 'ext4', resizefs: true }, true)).changed).to.equal(true);
      expect((await run({ dev, fstype: 'ext4', resizefs: true })).changed).to.equal(true);
      expect((await run({ dev, fstype: 'ext4', resizefs: true })).changed).to.equal(false);
      expect((await run({ dev, state: 'absent' })).changed).to.equal(true);
      expect(type(dev)).to.equal('');
      expect((await run({ dev, state: 'absent' })).changed).to.equal(false);
    }));

  const contents: readonly [string, (path: string) => void, string][] = [
    ['another file system', path => spawnSync('mkfs.ext2', ['-q', '-F', path]), 'ext2'],
    ['a swap area', path => spawnSync('mkswap', [path]), 'swap'],
    ['a partition table', path => writeAt(path, 446, PARTITION), 'dos'],
    ['PolarFS', path => writeAt(path, 0, Buffer.from('HCSFP\0\0\0')), 'PolarFS'],
    [
      'two signatures at once',
      path => {
        spawnSync('mkfs.ext2', ['-q', '-F', path]);
        writeAt(path, 4086, Buffer.from('SWAPSPACE2'));
      },
      '(ext2|swap|[a-z0-9]+)',
    ],
  ];
  for (const [name, fill, held] of contents) {
    it(`never overwrites ${name} without force`, () =>
      withTemporaryDirectory(async dir => {
        const dev = image(dir);
        fill(dev);
        const before = readFileSync(dev);
        for (const checkMode of [true, false]) {
          const result = await run({ dev, fstype: 'ext4' }, checkMode);
          expect(result.failed, JSON.stringify(result)).to.equal(true);
          expect(result.msg).to.match(
            new RegExp(`^'${dev}' is already used as ${held}, use force=true to overwrite$`),
          );
        }
        expect(readFileSync(dev).equals(before)).to.equal(true);
        const forced = await run({ dev, fstype: 'ext4', force: true });
        expect(forced.failed, JSON.stringify(forced)).to.equal(undefined);
        expect(type(dev)).to.equal('ext4');
      }));
  }

  it('leaves what is in use alone, even with force', () => {
    const is = { device: '/dev/x', exists: '', size: '1' };
    const used = recordsText({ ...is, signature: 'ext4', mounted: '/srv' });
    expect(() => planAndScript(filesystem, { dev: '/dev/x', fstype: 'xfs', force: true }, used)).to.throw(
      "'/dev/x' is mounted at /srv",
    );
    expect(() => planAndScript(filesystem, { dev: '/dev/x', state: 'absent' }, used)).to.throw(
      'unmount it first',
    );
    const held = recordsText({ ...is, signature: 'LVM2_member', holder: 'dm-3' });
    expect(() => planAndScript(filesystem, { dev: '/dev/x', fstype: 'ext4', force: true }, held)).to.throw(
      'in use by dm-3',
    );
  });

  it('says that a device is missing', async () => {
    expect((await run({ dev: '/no/such', fstype: 'ext4' })).msg).to.equal('Device /no/such not found.');
    expect((await run({ dev: '/no/such', state: 'absent' })).changed).to.equal(false);
  });

  it('names a program that is missing', () =>
    withTemporaryDirectory(async dir => {
      const dev = image(dir);
      const result = await runModule(
        filesystem,
        { dev, fstype: 'reiserfs' },
        { env: { PATH: '/usr/bin:/bin:/usr/sbin:/sbin' } },
      );
      if (result.failed) expect(result.msg).to.equal('the program mkfs.reiserfs is missing on this host');
    }));
});

/** A DOS partition table with one Linux partition from sector 2048 on. */
const PARTITION = Buffer.alloc(66);
PARTITION[4] = 0x83;
PARTITION.writeUInt32LE(2048, 8);
PARTITION.writeUInt32LE(4096, 12);
PARTITION.writeUInt16LE(0xaa55, 64);
function writeAt(path: string, offset: number, bytes: Buffer): void {
  const all = readFileSync(path);
  bytes.copy(all, offset);
  writeFileSync(path, all);
}
