import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import {
  planAndScript,
  recordsText,
  runModule,
  withTemporaryDirectory,
} from '../../../test/support/run-module.ts';
import type { Json } from '../../source/value.ts';
import { lvg } from './lvg.ts';

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
    const { plan, script } = planAndScript(
      lvg,
      { vg: 'data', pvs: ['/dev/b', '/dev/c'] },
      device('/dev/b') + device('/dev/c', {}, 1) + lvm('', ''),
    );
    expect(plan.changes).to.deep.equal(['make volume group data of /dev/b, /dev/c']);
    expect(script).to.include('pvcreate  -f -y /dev/b').and.include('vgcreate  -s 4 data /dev/b /dev/c');
  });
  it('adds and takes out devices', () => {
    const { script } = planAndScript(
      lvg,
      { vg: 'data', pvs: '/dev/c' },
      device('/dev/c') + lvm(PV, '  data;0\n'),
    );
    expect(script).to.include('vgextend data /dev/c').and.include('vgreduce --force data /dev/b');
    expect(
      planAndScript(
        lvg,
        { vg: 'data', pvs: '/dev/b' },
        device('/dev/b', { signature: 'LVM2_member' }) + lvm(PV, '  data;0\n'),
      ).plan.changes,
    ).to.deep.equal([]);
  });
  it('grows onto larger devices', () => {
    const grown = lvm('  /dev/b;data;9000;1900;100;4\n', '  data;0\n');
    expect(
      planAndScript(lvg, { vg: 'data', pvs: '/dev/b', pvresize: true }, device('/dev/b') + grown).script,
    ).to.include('pvresize /dev/b');
    expect(
      planAndScript(lvg, { vg: 'data', pvs: '/dev/b' }, device('/dev/b') + grown).plan.changes,
    ).to.deep.equal([]);
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
      expect(() => planAndScript(lvg, raw, stdout), message).to.throw(message);
    expect(
      planAndScript(lvg, { vg: 'data', state: 'absent', force: true }, lvm('', '  data;2\n')).script,
    ).to.include('vgremove --force data');
  });
});
