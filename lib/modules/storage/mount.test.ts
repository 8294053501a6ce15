import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import {
  itAgreesWithAnsible,
  itPredictsTheRun,
  type OracleCase,
} from '../../../test/support/ansible-module.ts';
import { onlyWhereChangesAreAllowed } from '../../../test/support/requirements.ts';
import { runModule, withTemporaryDirectory } from '../../../test/support/run-module.ts';
import { keepEntry, parseMounts, sourceMatches } from './fstab.ts';
import { mount } from './mount.ts';

const entry = { path: '/mnt/pptest', src: '/dev/vdx', fstype: 'ext4', fstab: '{dir}/fstab' };
const has = (text: string) => `printf '${text}' >fstab`;
const cases: readonly OracleCase[] = [
  { name: 'new file', args: { ...entry, state: 'present' } },
  {
    name: 'added',
    setup: has('# c\\n/dev/a / ext4 rw 0 1\\n'),
    args: { ...entry, state: 'present', opts: 'noatime', passno: 2 },
  },
  {
    name: 'there',
    setup: has('/dev/vdx\\t/mnt/pptest ext4 defaults 0 0\\n'),
    args: { ...entry, state: 'present' },
  },
  {
    name: 'short line',
    setup: has('/dev/vdx /mnt/pptest ext4 defaults\\n'),
    args: { ...entry, state: 'present', passno: 2 },
  },
  {
    name: 'changed',
    setup: has('/dev/vdx /mnt/pptest xfs rw 0 0\\n/dev/b /b ext4 rw 0 0'),
    args: { ...entry, state: 'present' },
  },
  { name: 'not at boot', args: { ...entry, state: 'present', opts: 'rw', boot: false } },
  { name: 'spaces', args: { ...entry, path: '/mnt/a b', src: '//h/a&b', state: 'present' } },
  {
    name: 'swap',
    setup: has('/dev/s1 none swap sw 0 0\\n'),
    args: { ...entry, path: 'none', src: '/dev/s2', fstype: 'swap', opts: 'sw', state: 'present' },
  },
  {
    name: 'out of fstab',
    setup: has('/dev/vdx /mnt/pptest ext4 rw 0 0\\n/dev/b /b ext4 rw 0 0\\n'),
    args: { path: '/mnt/pptest', fstab: '{dir}/fstab', state: 'absent_from_fstab' },
  },
  {
    name: 'absent',
    setup: has('/dev/vdx /mnt/pptest ext4 rw 0 0\\n'),
    args: { path: '/mnt/pptest', fstab: '{dir}/fstab', state: 'absent' },
  },
  {
    name: 'not mounted',
    args: { path: '/mnt/pptest', fstab: '{dir}/fstab', state: 'unmounted' },
    otherFiles: true,
  },
];

describe('mount', () => {
  const fields = ['name', 'src', 'fstype', 'opts', 'dump', 'passno', 'boot'];
  const written = ['name', 'opts', 'dump', 'passno', 'boot'];
  itAgreesWithAnsible(mount, { fields: written, via: 'module', ansibleName: 'ansible.posix.mount' }, cases);
  itAgreesWithAnsible(
    mount,
    { fields, via: 'module', ansibleName: 'ansible.posix.mount' },
    cases.filter(c => 'src' in c.args),
  );
  itPredictsTheRun(mount, cases);

  it('needs to know what to mount', async () => {
    try {
      await runModule(mount, { path: '/x', state: 'mounted' });
      expect.fail('accepted');
    } catch (error) {
      expect(String(error)).to.include('needs src, fstype');
    }
  });

  it('reads mounts', () => {
    const [found] = parseMounts([
      '41 40 254:0 /srv\\040x /mnt/a\\040b rw,relatime shared:1 - ext4 /dev/vda rw',
    ]);
    expect(found).to.deep.equal({ point: '/mnt/a b', root: '/srv x', fstype: 'ext4', source: '/dev/vda' });
    expect(sourceMatches(found!, '/srv x')).to.equal(true);
    expect(sourceMatches(found!, '/dev/vdb')).to.equal(false);
  });

  it('closes a last line without an end', () => {
    const wanted = { src: 's', name: 'n', fstype: 't', opts: 'o', dump: '0', passno: '0' };
    expect(keepEntry('# x', wanted)).to.equal('# x\ns n t o 0 0\n');
  });

  describe('with a real file system', () => {
    before(function () {
      onlyWhereChangesAreAllowed(this);
      const probe = spawnSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'none', '/mnt']);
      if (probe.status === 0) return;
      console.log('      skipped: mounting is not allowed here');
      this.skip();
    });

    const mountedAt = (path: string) => spawnSync('mountpoint', ['-q', path]).status === 0;

    it('mounts, mounts again when options change, and takes everything away', () =>
      withTemporaryDirectory(async dir => {
        const path = join(dir, 'a/b');
        const fstab = join(dir, 'fstab');
        const run = (state: string, more: Record<string, string> = {}, checkMode = false) =>
          runModule(mount, { path, fstab, src: 'tmpfs', fstype: 'tmpfs', state, ...more }, { checkMode });
        try {
          expect((await run('mounted', {}, true)).changed).to.equal(true);
          expect(existsSync(path)).to.equal(false);
          const first = await run('mounted');
          expect(first.changed, JSON.stringify(first)).to.equal(true);
          expect(mountedAt(path)).to.equal(true);
          expect((await run('mounted')).changed).to.equal(false);
          expect((await run('mounted', { opts: 'size=1m' })).changed).to.equal(true);
          expect(spawnSync('findmnt', ['-no', 'OPTIONS', path], { encoding: 'utf8' }).stdout).to.include(
            'size=1024k',
          );
          expect((await run('remounted')).changed).to.equal(true);
          expect((await run('unmounted')).changed).to.equal(true);
          expect(mountedAt(path)).to.equal(false);
          expect((await run('ephemeral')).changed).to.equal(true);
          expect((await run('ephemeral', { src: 'other' })).msg).to.match(
            /already mounted with a different source/,
          );
          expect((await run('absent')).changed).to.equal(true);
          expect(existsSync(path)).to.equal(false);
          expect((await run('absent')).changed).to.equal(false);
        } finally {
          if (mountedAt(path)) spawnSync('umount', [path]);
        }
      }));

    it('leaves fstab and directories as they were when mounting fails', () =>
      withTemporaryDirectory(async dir => {
        const fstab = join(dir, 'fstab');
        writeFileSync(fstab, '# mine\n');
        mkdirSync(join(dir, 'x'));
        const path = join(dir, 'x/y/z');
        const result = await runModule(mount, {
          path,
          fstab,
          src: '/no/such/device',
          fstype: 'ext4',
          state: 'mounted',
        });
        expect(result.failed).to.equal(true);
        expect(result.msg).to.match(/^Error mounting /);
        expect(readFileSync(fstab, 'utf8')).to.equal('# mine\n');
        expect(existsSync(join(dir, 'x/y'))).to.equal(false);
      }));
  });
});
