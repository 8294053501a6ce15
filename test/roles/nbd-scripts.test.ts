import { spawnSync } from 'node:child_process';
import { existsSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { withTemporaryDirectory } from '../support/run-module.ts';

const ROLES = join(import.meta.dirname, '../../roles');

describe('the names of attached disks', () => {
  const same = (dir: string, ...wanted: readonly string[]) =>
    spawnSync('sh', [join(ROLES, 'nbd_client/files/polar-nbd-same'), ...wanted], {
      encoding: 'utf8',
      env: { PATH: `${dir}:${process.env.PATH}`, POLAR_NBD_DIR: dir },
    });

  it('stay with what they name, as long as it is attached', () =>
    withTemporaryDirectory(dir => {
      const active = (disks: string) =>
        writeFileSync(
          join(dir, 'systemctl'),
          `#!/bin/sh\nfor disk in ${disks}; do [ "$3" != "polar-nbd@$disk" ] || exit 0; done\nexit 3\n`,
          { mode: 0o755 },
        );
      writeFileSync(join(dir, 'nvmea.env'), 'NBD_EXPORT=a\nNBD_DEVICE=/dev/nbd0\n');
      writeFileSync(join(dir, 'nvmeb.env'), 'NBD_EXPORT=b\nNBD_DEVICE=/dev/nbd1\n');
      active('nvmea nvmeb');
      const cases: readonly [readonly string[], RegExp | undefined][] = [
        [['nvmea:a:/dev/nbd0', 'nvmeb:b:/dev/nbd1', 'nvmec:c:/dev/nbd2'], undefined],
        [
          ['nvmeb:b:/dev/nbd0', 'nvmea:a:/dev/nbd1'],
          /nvmeb is on \/dev\/nbd1 now and would move to \/dev\/nbd0/,
        ],
        [['nvmec:c:/dev/nbd0', 'nvmea:a:/dev/nbd1'], /nvmea is on \/dev\/nbd0 now/],
        [['nvmea:b:'], /nvmea is export a now and would become b/],
        [['nvmeb:b:', 'nvmea:a:'], undefined],
      ];
      for (const [wanted, refused] of cases) {
        const { status, stderr } = same(dir, ...wanted);
        expect(status, stderr).to.equal(refused ? 1 : 0);
        if (refused)
          expect(stderr)
            .to.match(refused)
            .and.to.match(/nothing was changed/);
      }
      active('');
      expect(same(dir, 'nvmea:b:/dev/nbd7').status, 'not attached').to.equal(0);
    }));
});

describe('the check of what nbd-server would export', () => {
  const why = existsSync('/usr/bin/nbd-server') || existsSync('/bin/nbd-server');
  it(`refuses two exports of one disk${why ? '' : ' (skipped: runs where nbd-server is installed)'}`, async function () {
    if (!why) this.skip();
    await withTemporaryDirectory(dir => {
      const disk = (name: string) => join(dir, name);
      for (const name of ['a', 'b']) {
        writeFileSync(disk(name), '');
        truncateSync(disk(name), 2 ** 20);
      }
      symlinkSync(disk('a'), disk('by-id'));
      const check = (...names: readonly string[]) => {
        const exports = names.map((name, i) => `\n[e${i}]\nexportname = ${disk(name)}\n`).join('');
        writeFileSync(disk('conf'), `[generic]\nlistenaddr = 127.0.0.1\nport = 1\n${exports}`);
        return spawnSync('sh', [join(ROLES, 'nbd_server/files/check-nbd-conf'), disk('conf')], {
          encoding: 'utf8',
        });
      };
      expect(check('a', 'b').status).to.equal(0);
      const absent = check('a', 'none');
      expect(absent.status).to.equal(1);
      expect(absent.stderr)
        .to.include(`there is no ${disk('none')}`)
        .and.include('its disks:');
      const { status, stderr } = check('a', 'b', 'by-id');
      expect(status).to.equal(1);
      expect(stderr).to.include(`exported twice, or a part of another export: ${disk('a')}`);
    });
  });
});
