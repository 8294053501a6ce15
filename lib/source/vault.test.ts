import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { SourceError } from './errors.ts';
import { isVault, Vault } from './vault.ts';

const secret = (password: string, id = 'default') => ({ id, password: Buffer.from(password) });
const CONTENTS = [
  '',
  'a',
  'db_password: s3cret\n',
  'x'.repeat(15),
  'x'.repeat(16),
  'ümlaut € \n\n',
  'y'.repeat(5000),
];

function failure(work: () => unknown): SourceError {
  try {
    work();
  } catch (error) {
    if (error instanceof SourceError) return error;
    throw error;
  }
  throw new Error('expected a SourceError');
}

describe('vault', () => {
  it('reads what it wrote', () => {
    const vault = new Vault([secret('pw')]);
    for (const text of CONTENTS) {
      const sealed = vault.encrypt(Buffer.from(text));
      expect(isVault(Buffer.from(sealed))).to.equal(true);
      expect(new Vault([secret('pw')]).decrypt(sealed).toString()).to.equal(text);
    }
  });

  it('writes the label of a password and tries that one first, then the others', () => {
    const both = new Vault([secret('a', 'dev'), secret('b', 'prod')]);
    expect(() => both.encrypt(Buffer.from('x'))).to.throw('vault-ids dev, prod are available');
    expect(() => both.secretFor('test')).to.throw('no vault password with label "test"');
    const sealed = both.encrypt(Buffer.from('x'), both.secretFor('prod'));
    expect(sealed).to.match(/^\$ANSIBLE_VAULT;1\.2;AES256;prod\n/);
    expect(new Vault([secret('no', 'prod'), secret('b', 'other')]).decrypt(sealed).toString()).to.equal('x');
  });

  it('says what is wrong', () => {
    const two = [secret('a', 'dev'), secret('b', 'prod')];
    const labelled = new Vault(two, { encryptWith: 'prod' }).encrypt(Buffer.from('x'));
    expect(labelled).to.match(/^\$ANSIBLE_VAULT;1\.2;AES256;prod\n/);
    const swapped = [secret('b', 'dev'), secret('a', 'prod')];
    expect(new Vault(swapped).decrypt(labelled).toString()).to.equal('x');
    expect(failure(() => new Vault(swapped, { sameLabel: true }).decrypt(labelled)).code).to.equal(
      'BAD_VAULT',
    );
    const sealed = new Vault([secret('pw')]).encrypt(Buffer.from('x'));
    const wrong = new Vault([secret('other')]);
    expect(failure(() => wrong.decrypt(sealed)).message).to.equal(
      'the vault password does not fit this text',
    );
    expect(failure(() => new Vault().decrypt(sealed)).hint).to.contain('--ask-vault-pass');
    expect(failure(() => wrong.decrypt('hello')).message).to.contain('does not begin with');
    expect(failure(() => wrong.decrypt('$ANSIBLE_VAULT;1.0;AES\n00')).message).to.contain('not supported');
    expect(failure(() => wrong.decrypt('$ANSIBLE_VAULT;1.1;AES256\nxyz')).message).to.contain('damaged');
    expect(failure(() => wrong.decrypt('$ANSIBLE_VAULT;1.1;AES256\n6162')).message).to.contain('damaged');
  });

  it('never shows a bit flipped: a changed text is refused', () => {
    const sealed = new Vault([secret('pw')]).encrypt(Buffer.from('some content'));
    const start = sealed.indexOf('\n') + 1;
    fc.assert(
      fc.property(fc.integer({ min: start, max: sealed.length - 2 }), at => {
        const other = sealed[at] === '0' ? '1' : '0';
        if (sealed[at] === '\n') return;
        const changed = sealed.slice(0, at) + other + sealed.slice(at + 1);
        expect(failure(() => new Vault([secret('pw')]).decrypt(changed)).code).to.equal('BAD_VAULT');
      }),
      { numRuns: 60 },
    );
  });

  describe('against ansible-vault', () => {
    let dir = '';
    before(function () {
      if (spawnSync('ansible-vault', ['--version']).status !== 0) {
        console.log('      skipped: ansible-vault is not installed; runs where it is');
        this.skip();
      }
      dir = mkdtempSync(path.join(tmpdir(), 'vault-'));
      writeFileSync(path.join(dir, 'pw'), 'pass word\n');
    });
    after(() => dir !== '' && rmSync(dir, { recursive: true }));

    const ansible = (...args: string[]) =>
      execFileSync('ansible-vault', args, { cwd: dir, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

    it('each reads what the other wrote', () => {
      for (const text of CONTENTS.slice(1, 6)) {
        writeFileSync(path.join(dir, 'theirs'), text);
        ansible('encrypt', '--vault-password-file', 'pw', 'theirs');
        const theirs = readFileSync(path.join(dir, 'theirs'), 'utf8');
        expect(new Vault([secret('pass word')]).decrypt(theirs).toString()).to.equal(text);
        writeFileSync(path.join(dir, 'ours'), new Vault([secret('pass word')]).encrypt(Buffer.from(text)));
        ansible('decrypt', '--vault-password-file', 'pw', 'ours');
        expect(readFileSync(path.join(dir, 'ours'), 'utf8')).to.equal(text);
      }
    });

    it('labels go both ways', () => {
      const theirs = ansible('encrypt_string', '--vault-id', 'dev@pw', 'hello');
      const sealed = theirs.replace(/^!vault \|\n/, '');
      expect(new Vault([secret('pass word', 'dev')]).decrypt(sealed).toString()).to.equal('hello');
      writeFileSync(
        path.join(dir, 'labelled'),
        new Vault([secret('pass word', 'dev')]).encrypt(Buffer.from('hi\n')),
      );
      expect(ansible('view', '--vault-id', 'dev@pw', 'labelled').trim()).to.equal('hi');
    });
  });
});
