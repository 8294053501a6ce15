import { spawnSync } from 'node:child_process';
import { closeSync, ftruncateSync, openSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { onlyWithPrograms } from '../../../test/support/requirements.ts';
import {
  finishedArguments,
  recordsText,
  replaySteps,
  runModule,
  testContext,
  withTemporaryDirectory,
} from '../../../test/support/run-module.ts';
import type { Json } from '../../source/value.ts';
import type { Module } from '../kit/define.ts';
import { filesystem } from './filesystem.ts';
import { lvg } from './lvg.ts';
import { lvol } from './lvol.ts';
import { parseSize, wantedBytes } from './volume-size.ts';

/** Changes and commands of a module, given the answer of the host. */
function planOf(module: Module, raw: Record<string, Json>, stdout: string) {
  if (module.kind !== 'state') throw new Error(`${module.name} has a state`);
  const args = finishedArguments(module, raw) as never;
  const found = replaySteps(module.probe(args, testContext()), [{ stdout }]).value as never;
  const plan = module.diff(found, args, testContext());
  if (plan.changes.length === 0) return { plan, script: '' };
  const { requests } = replaySteps(module.apply(found, args, testContext(), plan), [{}]);
  return { plan, script: requests.map(r => (r.kind === 'sh' ? r.script : '')).join('\n') };
}

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
    expect(() => planOf(filesystem, { dev: '/dev/x', fstype: 'xfs', force: true }, used)).to.throw(
      "'/dev/x' is mounted at /srv",
    );
    expect(() => planOf(filesystem, { dev: '/dev/x', state: 'absent' }, used)).to.throw('unmount it first');
    const held = recordsText({ ...is, signature: 'LVM2_member', holder: 'dm-3' });
    expect(() => planOf(filesystem, { dev: '/dev/x', fstype: 'ext4', force: true }, held)).to.throw(
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

describe('lvg', () => {
  const device = (name: string, more: Record<string, string> = {}, at = 0) => {
    const told = { device: name, exists: '', size: '1000', real: name, ...more };
    return recordsText(
      Object.fromEntries(Object.entries(told).map(([key, value]) => [`d${at}.${key}`, value])),
    );
  };
  const lvm = (pvs: string, vgs: string) => recordsText({ 'lvm.pvs': pvs, 'lvm.vgs': vgs });
  const PV = '  /dev/b;data;2000;1900;100;4\n';

  it('makes a group', () => {
    const { plan, script } = planOf(
      lvg,
      { vg: 'data', pvs: ['/dev/b', '/dev/c'] },
      device('/dev/b') + device('/dev/c', {}, 1) + lvm('', ''),
    );
    expect(plan.changes).to.deep.equal(['make volume group data of /dev/b, /dev/c']);
    expect(script).to.include('pvcreate  -f -y /dev/b').and.include('vgcreate  -s 4 data /dev/b /dev/c');
  });
  it('adds and takes out devices', () => {
    const { script } = planOf(lvg, { vg: 'data', pvs: '/dev/c' }, device('/dev/c') + lvm(PV, '  data;0\n'));
    expect(script).to.include('vgextend data /dev/c').and.include('vgreduce --force data /dev/b');
    expect(
      planOf(
        lvg,
        { vg: 'data', pvs: '/dev/b' },
        device('/dev/b', { signature: 'LVM2_member' }) + lvm(PV, '  data;0\n'),
      ).plan.changes,
    ).to.deep.equal([]);
  });
  it('grows onto larger devices', () => {
    const grown = lvm('  /dev/b;data;9000;1900;100;4\n', '  data;0\n');
    expect(
      planOf(lvg, { vg: 'data', pvs: '/dev/b', pvresize: true }, device('/dev/b') + grown).script,
    ).to.include('pvresize /dev/b');
    expect(planOf(lvg, { vg: 'data', pvs: '/dev/b' }, device('/dev/b') + grown).plan.changes).to.deep.equal(
      [],
    );
  });
  it('knows a device by any of its names', () =>
    withTemporaryDirectory(async dir => {
      const [link, other] = [join(dir, 'link'), join(dir, 'other')];
      writeFileSync(join(dir, 'disk'), '');
      for (const name of [link, other]) symlinkSync('disk', name);
      const program = (name: string, answer: string) =>
        writeFileSync(join(dir, name), `#!/bin/sh\necho '${answer}'\n`, { mode: 0o755 });
      program('pvs', `  ${other};data;1000;1000;0;4`);
      program('vgs', '  data;1');
      const env = { PATH: `${dir}:${process.env.PATH}` };
      const result = await runModule(lvg, { vg: 'data', pvs: link }, { env, checkMode: true });
      expect(result).to.include({ changed: false }).and.not.property('failed');
    }));
  it('refuses what would lose data', () => {
    const refused: readonly [Record<string, Json>, string, string][] = [
      [
        { vg: 'data', pvs: '/dev/b' },
        device('/dev/b', { signature: 'ext4' }) + lvm('', ''),
        'Device /dev/b holds ext4',
      ],
      [
        { vg: 'data', pvs: '/dev/b', force: true },
        device('/dev/b', { signature: 'ext4', mounted: '/' }) + lvm('', ''),
        'is mounted at /',
      ],
      [
        { vg: 'data', pvs: '/dev/b' },
        device('/dev/b') + lvm('  /dev/b;other;1;1;1;4\n', ''),
        'Device /dev/b is already in other volume group.',
      ],
      [
        { vg: 'data', state: 'absent' },
        lvm('', '  data;2\n'),
        'Refuse to remove non-empty volume group data without force=true',
      ],
      [
        { vg: 'data', pvs: '/dev/z' },
        recordsText({ 'd0.device': '/dev/z', 'd0.real': '/dev/z' }) + lvm('', ''),
        'Device /dev/z not found.',
      ],
    ];
    for (const [raw, stdout, message] of refused)
      expect(() => planOf(lvg, raw, stdout), message).to.throw(message);
    expect(
      planOf(lvg, { vg: 'data', state: 'absent', force: true }, lvm('', '  data;2\n')).script,
    ).to.include('vgremove --force data');
  });
});

describe('lvol', () => {
  const MiB = 2 ** 20;
  const group = (volumes = '') =>
    recordsText({ group: `  ${1000 * MiB};${600 * MiB};${4 * MiB}\n`, volumes });
  const volume = (name: string, megabytes: number, attributes = '-wi-a-----') =>
    `  ${name};${megabytes * MiB};${attributes}\n`;
  const script = (raw: Record<string, Json>, stdout: string) =>
    planOf(lvol, { vg: 'data', lv: 'db', ...raw }, stdout)
      .script.split('\n')
      .slice(1);

  it('makes volumes of every kind', () => {
    expect(script({ size: 512 }, group())).to.deep.equal(['lvcreate --yes -n db -L 512m  data || exit $?']);
    expect(script({ size: '100%FREE', opts: '-i 2' }, group())).to.deep.equal([
      'lvcreate --yes -n db -l 100%FREE -i 2 data || exit $?',
    ]);
    expect(script({ size: '1g', pvs: '/dev/b,/dev/c' }, group())).to.deep.equal([
      'lvcreate --yes -n db -L 1g  data /dev/b /dev/c || exit $?',
    ]);
    expect(script({ size: '1g', snapshot: 's' }, group(volume('db', 100)))).to.deep.equal([
      'lvcreate --yes -L 1g -s -n s  data/db || exit $?',
    ]);
    expect(script({ size: '1g', thinpool: 'p' }, group(volume('p', 100, 'twi-a-t---')))).to.deep.equal([
      'lvcreate --yes -n db -V 1g  -T data/p || exit $?',
    ]);
  });
  it('resizes', () => {
    expect(script({ size: '200m' }, group(volume('db', 200)))).to.deep.equal([]);
    expect(script({ size: '201m', resizefs: true }, group(volume('db', 200)))).to.deep.equal([
      'lvextend --resizefs -L 201m data/db || exit $?',
    ]);
    expect(script({ size: '201m' }, group(volume('db', 204)))).to.deep.equal([]);
    expect(script({ size: '100m', shrink: false }, group(volume('db', 200)))).to.deep.equal([]);
    expect(script({ size: '100m', force: true }, group(volume('db', 200)))).to.deep.equal([
      'lvreduce --force -L 100m data/db || exit $?',
    ]);
    expect(script({ size: '+100%FREE' }, group(volume('db', 200)))).to.deep.equal([
      'lvextend -l +100%FREE data/db || exit $?',
    ]);
    expect(script({ size: '100%VG' }, group(volume('db', 1000)))).to.deep.equal([]);
  });
  it('activates', () => {
    expect(script({ active: false }, group(volume('db', 8)))).to.deep.equal([
      'lvchange -an data/db || exit $?',
    ]);
    expect(script({}, group(volume('db', 8, '-wi-------')))).to.deep.equal([
      'lvchange -ay data/db || exit $?',
    ]);
  });
  it('refuses what would lose data, and nonsense', () => {
    const refused: readonly [Record<string, Json>, string, string][] = [
      [
        { state: 'absent' },
        group(volume('db', 8)),
        'Sorry, no removal of logical volume db without force=true.',
      ],
      [{ size: '4m' }, group(volume('db', 8)), 'Sorry, no shrinking of db without force=true.'],
      [{}, group(), 'No size given.'],
      [{ size: '1x' }, group(), "Bad size specification of '1x'"],
      [{ size: '101%VG' }, group(), 'Size percentage cannot be larger than 100%'],
      [{ size: '1g' }, '', 'Volume group data does not exist.'],
      [{ size: '90%VG' }, group(volume('db', 8)), 'Not enough free space left'],
    ];
    for (const [raw, stdout, message] of refused)
      expect(() => script(raw, stdout), message).to.throw(message);
    expect(script({ state: 'absent' }, '')).to.deep.equal([]);
  });
  it('reckons in whole extents', () => {
    const space = { size: 1000, free: 500, extent: 4 };
    expect(wantedBytes(parseSize('10b'), space, 0)).to.equal(12);
    expect(wantedBytes(parseSize('33%VG'), space, 0)).to.equal(328);
    expect(wantedBytes(parseSize('-10%FREE'), space, 100)).to.equal(48);
    expect(parseSize('2s').bytes).to.equal(1024);
    expect(parseSize('1G').bytes).to.equal(2 ** 30);
  });
});
