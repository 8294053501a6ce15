import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { opensshKeypair } from '../../lib/modules/tls/openssh_keypair.ts';
import { onlyAsRoot, onlyWithPrograms } from '../support/requirements.ts';
import { runModule } from '../support/run-module.ts';

/** Every place where the module might put a program, or /tmp alone, so that none can be run there. */
const noexec = (...places: string[]) => {
  const mounts = places.map(
    place => `mount --bind ${place} ${place} && mount -o remount,bind,noexec ${place}`,
  );
  return ['unshare', '-m', 'sh', '-c', `${mounts.join(' && ')} && exec "$@"`, 'x'];
};
const opens = (file: string, passphrase: string): boolean =>
  spawnSync('ssh-keygen', ['-y', '-P', passphrase, '-f', file]).status === 0;

describe('attacks: a passphrase that cannot be set', () => {
  let dir: string;
  before(function () {
    onlyAsRoot(this, 'mounts a /tmp that runs nothing');
    onlyWithPrograms(this, 'ssh-keygen');
  });
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'polarplay-passphrase-'));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  const make = (enter: readonly string[]) =>
    runModule(
      opensshKeypair,
      { path: join(dir, 'key'), type: 'ed25519', passphrase: `it's "secret"` },
      { enter, env: { HOME: '/root' } },
    );

  it('is set where /tmp lets no program run', async () => {
    const result = await make(noexec('/tmp'));
    expect(result.failed, String(result.msg)).to.not.equal(true);
    expect([opens(join(dir, 'key'), ''), opens(join(dir, 'key'), `it's "secret"`)]).to.deep.equal([
      false,
      true,
    ]);
  });

  it('fails, and leaves no key, where no place lets one run', async () => {
    const places = ['/tmp', '/run', '/var/tmp', '/dev/shm', '/root'].filter(place => existsSync(place));
    const failure = await make(noexec(...places)).then(
      result => result,
      error => ({ failed: true, msg: String(error) }),
    );
    expect([failure.failed, failure.msg]).to.match(/true,.*no directory lets a program run/s);
    expect(existsSync(join(dir, 'key'))).to.equal(false);
  });
});
