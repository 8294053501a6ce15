import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { folderOf, runIn } from '../support/program.ts';

const MAIN = join(import.meta.dirname, '../../dist/polarplay.js');
/** Not UTF-8, with white space around it that does not count. */
const ODD = Buffer.from([0x20, 0xff, 0xfe, 0x41, 0xa0, 0x0a]);

describe('attacks: vaults', () => {
  let dir: string;
  beforeEach(() => {
    dir = folderOf({
      dev: 'dev password\n',
      prod: 'prod password\n',
      'plain.yml': 'a: 1\n',
      'editor.sh': '#!/bin/sh\necho "b: 2" >>"$1"\n',
      'waits.sh': '#!/bin/sh\nprintf %s "$1" >seen.new; mv seen.new seen; exec sleep 60\n',
      'fails.sh': '#!/bin/sh\necho "b: 2" >>"$1"; exit 1\n',
    });
    writeFileSync(join(dir, 'odd'), ODD);
    for (const name of ['editor.sh', 'waits.sh', 'fails.sh']) chmodSync(join(dir, name), 0o755);
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  it('the settings choose the label to encrypt with, and whether other labels are tried', () => {
    writeFileSync(
      join(dir, 'ansible.cfg'),
      '[defaults]\nvault_encrypt_identity = prod\nvault_id_match = true\n',
    );
    const ids = ['--vault-id', 'dev@dev', '--vault-id', 'prod@prod'];
    expect(
      spawnSync(process.execPath, [MAIN, 'vault', 'encrypt', 'plain.yml', ...ids], { cwd: dir }).status,
    ).to.equal(0);
    expect(readFileSync(join(dir, 'plain.yml'), 'utf8')).to.match(/^\$ANSIBLE_VAULT;1\.2;AES256;prod\n/);
    const view = (...words: string[]) =>
      spawnSync(process.execPath, [MAIN, 'vault', 'view', 'plain.yml', ...words], {
        cwd: dir,
        encoding: 'utf8',
      });
    expect(view(...ids).stdout).to.equal('a: 1\n');
    expect(view('--vault-id', 'dev@prod').status).not.to.equal(0);
    rmSync(join(dir, 'ansible.cfg'));
    expect(view('--vault-id', 'dev@prod').stdout).to.equal('a: 1\n');
  });

  const ansibleVault = (...args: string[]) =>
    execFileSync('ansible-vault', args, { cwd: dir, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  const vault = (args: readonly string[], editor = 'editor.sh') =>
    runIn(dir, ['vault', ...args], { env: { EDITOR: join(dir, editor) } });
  const hasOracle = () => !spawnSync('ansible-vault', ['--version']).error;
  const header = (file: string) => readFileSync(join(dir, file), 'utf8').split('\n')[0];

  it('keep label, owner, mode and link when they are edited or get another password', async function () {
    if (!hasOracle()) return this.skip();
    ansibleVault('encrypt', '--vault-id', 'dev@dev', 'plain.yml');
    const file = join(dir, 'plain.yml');
    chmodSync(file, 0o640);
    const owner = process.getuid?.() === 0 ? 1234 : process.getuid!();
    if (owner === 1234) chownSync(file, owner, owner);
    symlinkSync('plain.yml', join(dir, 'link.yml'));
    const same = () => {
      expect(lstatSync(join(dir, 'link.yml')).isSymbolicLink()).to.equal(true);
      expect([statSync(file).uid, statSync(file).mode & 0o777]).to.deep.equal([owner, 0o640]);
      expect(header('plain.yml')).to.equal('$ANSIBLE_VAULT;1.2;AES256;dev');
    };
    const edited = await vault(['edit', 'link.yml', '--vault-id', 'prod@prod', '--vault-id', 'dev@dev']);
    expect(edited.code, edited.stderr).to.equal(0);
    same();
    expect(ansibleVault('view', '--vault-id', 'dev@dev', 'plain.yml')).to.equal('a: 1\nb: 2\n');

    const rekeyed = await vault([
      'rekey',
      'link.yml',
      '--vault-id',
      'dev@dev',
      '--new-vault-password-file',
      'odd',
    ]);
    expect(rekeyed.code, rekeyed.stderr).to.equal(0);
    same();
    // A password that is no UTF-8 is the same to both.
    expect(ansibleVault('view', '--vault-id', 'dev@odd', 'plain.yml')).to.equal('a: 1\nb: 2\n');
    const again = await vault(['rekey', 'plain.yml', '--vault-id', 'dev@odd', '--new-vault-id', 'prod@prod']);
    expect(again.code, again.stderr).to.equal(0);
    expect(header('plain.yml')).to.equal('$ANSIBLE_VAULT;1.2;AES256;prod');
    expect(ansibleVault('view', '--vault-id', 'prod@prod', 'plain.yml')).to.equal('a: 1\nb: 2\n');
  });

  it('are encrypted with a password that somebody chose among several', async () => {
    const ids = ['--vault-id', 'dev@dev', '--vault-id', 'prod@prod'];
    const refused = await vault(['encrypt', 'plain.yml', ...ids]);
    expect([refused.code, refused.stderr]).to.deep.equal([
      1,
      'polarplay: the vault-ids dev, prod are available to encrypt; choose one with --encrypt-vault-id\n',
    ]);
    expect(readFileSync(join(dir, 'plain.yml'), 'utf8')).to.equal('a: 1\n');
    const { code } = await vault(['encrypt', 'plain.yml', ...ids, '--encrypt-vault-id', 'prod']);
    expect([code, header('plain.yml')]).to.deep.equal([0, '$ANSIBLE_VAULT;1.2;AES256;prod']);
    if (hasOracle()) expect(ansibleVault('view', '--vault-id', 'x@prod', 'plain.yml')).to.equal('a: 1\n');
  });

  it('stay as they were when the editor fails', async () => {
    await vault(['encrypt', 'plain.yml', '--vault-id', 'dev@dev']);
    const before = readFileSync(join(dir, 'plain.yml'), 'utf8');
    const { code, stderr } = await vault(['edit', 'plain.yml', '--vault-id', 'dev@dev'], 'fails.sh');
    expect([code, stderr]).to.match(/1,.*the file stays as it was/s);
    expect(readFileSync(join(dir, 'plain.yml'), 'utf8')).to.equal(before);
  });

  for (const signal of ['SIGTERM', 'SIGHUP'] as const) {
    it(`leave no text in clear behind after ${signal}`, async () => {
      await vault(['encrypt', 'plain.yml', '--vault-id', 'dev@dev']);
      const args = [MAIN, 'vault', 'edit', 'plain.yml', '--vault-id', 'dev@dev'];
      const env = { ...process.env, EDITOR: join(dir, 'waits.sh') };
      const child = spawn(process.execPath, args, { cwd: dir, env, stdio: 'ignore' });
      const ended = new Promise<number | null>(resolve => child.on('exit', resolve));
      const seen = join(dir, 'seen');
      while (!existsSync(seen) && child.exitCode === null) await new Promise(done => setTimeout(done, 20));
      const copy = readFileSync(seen, 'utf8');
      expect(readFileSync(copy, 'utf8')).to.equal('a: 1\n');
      expect([statSync(copy).mode & 0o777, statSync(dirname(copy)).mode & 0o777]).to.deep.equal([
        0o600, 0o700,
      ]);
      child.kill(signal);
      expect(await ended).to.equal(signal === 'SIGTERM' ? 143 : 129);
      expect(existsSync(dirname(copy))).to.equal(false);
      expect(header('plain.yml')).to.match(/^\$ANSIBLE_VAULT/);
    });
  }
});
