import { spawnSync } from 'node:child_process';
import { existsSync, rmSync, statSync } from 'node:fs';
import { expect } from 'chai';
import { onlyWhereChangesAreAllowed } from '../../../test/support/requirements.ts';
import { runModule, type TestOptions } from '../../../test/support/run-module.ts';
import type { Json } from '../../source/value.ts';
import { group } from './group.ts';
import { user } from './user.ts';

const NAME = 'pptest-bob';
const GROUP = 'pptest-staff';

const output = (command: string, ...words: string[]) =>
  spawnSync(command, words, { encoding: 'utf8' }).stdout.trim();

function cleanUp(): void {
  spawnSync('userdel', ['-f', '-r', NAME]);
  for (const name of [NAME, GROUP]) spawnSync('groupdel', [name]);
  for (const dir of [`/home/${NAME}`, `/tmp/${NAME}`]) rmSync(dir, { recursive: true, force: true });
}

describe('user and group on this machine', () => {
  before(function () {
    onlyWhereChangesAreAllowed(this);
    cleanUp();
  });
  afterEach(cleanUp);

  type Raw = Record<string, Json>;
  const runUser = (raw: Raw, options?: TestOptions) => runModule(user, { name: NAME, ...raw }, options);
  const runGroup = (raw: Raw, options?: TestOptions) => runModule(group, { name: GROUP, ...raw }, options);

  /** Check mode predicts, the first run does, the second has nothing to do. */
  async function thrice(run: (raw: Raw, options?: TestOptions) => ReturnType<typeof runModule>, raw: Raw) {
    const before = output('getent', 'passwd') + output('getent', 'group');
    expect((await run(raw, { checkMode: true })).changed, 'check mode').to.equal(true);
    expect(output('getent', 'passwd') + output('getent', 'group')).to.equal(before);
    const first = await run(raw);
    expect(first.failed, JSON.stringify(first)).to.equal(undefined);
    expect(first.changed).to.equal(true);
    expect((await run(raw)).changed, 'second run').to.equal(false);
    return first;
  }

  it('makes, changes and removes a group', async () => {
    expect(await thrice(runGroup, { gid: 61234 })).to.include({
      gid: 61234,
      system: false,
      state: 'present',
    });
    expect(await thrice(runGroup, { gid: 61235 })).to.include({ gid: 61235 });
    await thrice(runGroup, { state: 'absent' });
  });

  it('makes, changes and removes a user', async () => {
    await runGroup({});
    const made = await thrice(runUser, {
      uid: 61234,
      comment: 'A $x',
      shell: '/bin/sh',
      groups: [GROUP],
      append: true,
    });
    expect(made).to.include({
      uid: 61234,
      comment: 'A $x',
      home: `/home/${NAME}`,
      groups: GROUP,
      create_home: true,
    });
    expect(output('id', '-Gn', NAME).split(' ')).to.include(GROUP);
    await thrice(runUser, {
      shell: '/bin/bash',
      comment: 'B',
      expires: 1_893_456_000,
      password_expire_max: 90,
    });
    await thrice(runUser, { groups: '', group: GROUP });
    await thrice(runUser, { home: `/tmp/${NAME}`, move_home: true });
    expect(existsSync(`/tmp/${NAME}/.profile`)).to.equal(true);
    rmSync(`/tmp/${NAME}`, { recursive: true });
    await thrice(runUser, {});
    expect(statSync(`/tmp/${NAME}`).uid).to.equal(61234);
    expect(existsSync(`/tmp/${NAME}/.profile`)).to.equal(true);
    expect(await thrice(runUser, { state: 'absent', remove: true })).to.include({ remove: true });
    expect(existsSync(`/tmp/${NAME}`)).to.equal(false);
  });

  it('sets, locks and unlocks passwords without showing them to ps', async () => {
    const hash = `$6$salt$${'a'.repeat(86)}`;
    const scripts: string[] = [];
    const onRequest: TestOptions['onRequest'] = request =>
      scripts.push(JSON.stringify(request.kind === 'sh' && request.script));
    const result = await runUser({ password: hash }, { onRequest });
    expect(result).to.include({ changed: true, password: 'NOT_LOGGING_PASSWORD' });
    expect(scripts.join()).not.to.include(hash);
    const shadow = () => output('getent', 'shadow', NAME).split(':')[1];
    expect(shadow()).to.equal(hash);
    await thrice(runUser, { password_lock: true });
    expect(shadow()).to.equal(`!${hash}`);
    await thrice(runUser, { password_lock: false });
    expect(shadow()).to.equal(hash);
    expect(JSON.stringify(await runUser({ password: 'plain' }, { checkMode: true }))).to.include(
      'not to have been hashed',
    );
  });

  it('makes an SSH key, with a passphrase if wanted', async () => {
    const raw = {
      generate_ssh_key: true,
      ssh_key_type: 'ed25519',
      ssh_key_passphrase: 'pass phrase',
      ssh_key_comment: 'c',
    };
    const made = await thrice(runUser, raw);
    expect(made.ssh_public_key).to.match(/^ssh-ed25519 \S+ c$/);
    expect(made.ssh_fingerprint).to.match(/SHA256:/);
    const file = String(made.ssh_key_file);
    expect(file).to.equal(`/home/${NAME}/.ssh/id_ed25519`);
    expect(statSync(file).uid).to.equal(made.uid);
    expect(spawnSync('ssh-keygen', ['-y', '-P', 'pass phrase', '-f', file]).status).to.equal(0);
    expect(spawnSync('ssh-keygen', ['-y', '-P', '', '-f', file]).status).not.to.equal(0);
  });

  it('gives the reason when the host refuses', async () => {
    const result = await runUser({ uid: 0 });
    expect(result).to.deep.include({ failed: true, rc: 4 });
    expect(result.msg).to.match(/UID 0 is not unique/);
  });
});
