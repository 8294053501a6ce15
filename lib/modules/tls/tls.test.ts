import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { itAgreesWithAnsible, type OracleCase } from '../../../test/support/ansible-module.ts';
import { onlyWithPrograms } from '../../../test/support/requirements.ts';
import { checkFidelity, runModule, withTemporaryDirectory } from '../../../test/support/run-module.ts';
import type { Json } from '../../source/value.ts';
import type { Module } from '../kit/define.ts';
import { opensshKeypair } from './openssh_keypair.ts';
import { opensslCsr } from './openssl_csr.ts';
import { opensslDhparam } from './openssl_dhparam.ts';
import { opensslPrivatekey } from './openssl_privatekey.ts';
import { opensslPublickey } from './openssl_publickey.ts';
import { daysUntil, x509Certificate } from './x509_certificate.ts';

/** What the module prints of the thing does not depend on chance. */
const named = (name: string, args: Record<string, Json>, setup?: string): OracleCase => ({
  name,
  args: { path: '{dir}/key', ...args },
  otherFiles: true,
  ...(setup !== undefined && { setup }),
});

describe('keys and certificates', () => {
  before(function () {
    onlyWithPrograms(this, 'openssl', 'ssh-keygen');
  });

  itAgreesWithAnsible(
    opensslPrivatekey,
    { fields: ['type', 'size', 'curve'], ansibleName: 'community.crypto.openssl_privatekey', via: 'module' },
    [
      named('a new RSA key', { size: 2048 }),
      named('a curve', { type: 'ECC', curve: 'secp384r1' }),
      named('Ed25519', { type: 'Ed25519' }),
      named(
        'another size',
        { size: 2048 },
        'openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out key',
      ),
      named(
        'the same',
        { size: 1024 },
        'openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out key; chmod 600 key',
      ),
      named(
        'another mode',
        { size: 1024, mode: '0640' },
        'openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out key',
      ),
      named('a passphrase', { size: 2048, passphrase: "it's", cipher: 'auto' }),
      named('broken', { size: 2048 }, 'echo nonsense >key'),
    ],
  );

  itAgreesWithAnsible(
    opensshKeypair,
    { fields: ['type', 'size', 'comment'], ansibleName: 'community.crypto.openssh_keypair', via: 'module' },
    [
      named('ed25519', { type: 'ed25519', comment: 'me@here' }),
      named('rsa', { size: 2048 }),
      named('the same', { type: 'ed25519' }, "ssh-keygen -q -t ed25519 -N '' -C x -f key"),
      named('another kind', { type: 'ecdsa' }, "ssh-keygen -q -t ed25519 -N '' -f key"),
      named('no public key', { type: 'ed25519' }, "ssh-keygen -q -t ed25519 -N '' -C '' -f key; rm key.pub"),
      { ...named('absent', { state: 'absent' }), except: ['type', 'size', 'comment'] },
    ],
  );

  /** Check mode predicts the run, and a second run changes nothing. */
  async function truth(module: Module, args: Record<string, Json>, dir: string, changed = true) {
    const { first } = await checkFidelity(module, args, dir);
    expect(first.failed, String(first.msg)).to.equal(undefined);
    expect(first.changed).to.equal(changed);
    return first;
  }

  it('goes from a key to a certificate of an own authority', () =>
    withTemporaryDirectory(async dir => {
      const at = (name: string) => join(dir, name);
      await truth(opensslPrivatekey, { path: at('k'), type: 'ECC', curve: 'secp256r1' }, dir);
      await truth(opensslPublickey, { path: at('k.pub'), privatekey_path: at('k') }, dir);
      await truth(opensslPublickey, { path: at('k.ssh'), privatekey_path: at('k'), format: 'OpenSSH' }, dir);
      const request = { path: at('r'), privatekey_path: at('k') };
      const full = {
        ...request,
        common_name: "www.o'neil.de",
        organization_name: 'A, B $x #1 "C"',
        subject_alt_name: ['DNS:www.o-neil.de', 'IP:10.0.0.1'],
        key_usage: ['digitalSignature', 'Key Encipherment'],
        extended_key_usage: ['serverAuth'],
        basic_constraints: ['CA:FALSE'],
        basic_constraints_critical: true,
      };
      await truth(opensslCsr, request, dir);
      await truth(opensslCsr, full, dir);
      const self = { path: at('c'), privatekey_path: at('k'), csr_path: at('r') };
      await truth(x509Certificate, { ...self, provider: 'selfsigned' }, dir);
      await truth(opensslPrivatekey, { path: at('ca.k'), type: 'Ed25519' }, dir);
      const ca = {
        path: at('ca.r'),
        privatekey_path: at('ca.k'),
        common_name: 'my CA',
        basic_constraints: ['CA:TRUE'],
      };
      await truth(opensslCsr, ca, dir);
      await truth(
        x509Certificate,
        { path: at('ca.c'), privatekey_path: at('ca.k'), csr_path: at('ca.r') },
        dir,
      );
      const signed = {
        ...self,
        provider: 'ownca',
        ownca_path: at('ca.c'),
        ownca_privatekey_path: at('ca.k'),
      };
      await truth(x509Certificate, signed, dir);
      await truth(opensslCsr, { ...full, subject_alt_name: ['DNS:other'] }, dir);
      await truth(x509Certificate, signed, dir);
      await truth(x509Certificate, { ...signed, state: 'absent' }, dir);
    }));

  it('keeps parameters', () =>
    withTemporaryDirectory(async dir => {
      await truth(opensslDhparam, { path: join(dir, 'p'), size: 512 }, dir);
    }));

  it('keeps SSH keys, and repairs their public half alone', () =>
    withTemporaryDirectory(async dir => {
      const path = join(dir, 'k');
      const args = { path, type: 'ed25519', comment: 'a b' };
      expect(await truth(opensshKeypair, args, dir)).to.include({
        type: 'ed25519',
        size: 256,
        comment: 'a b',
      });
      const key = readFileSync(path, 'utf8');
      writeFileSync(`${path}.pub`, 'ssh-ed25519 AAAA other\n');
      await truth(opensshKeypair, args, dir);
      expect(readFileSync(path, 'utf8')).to.equal(key);
      expect(readFileSync(`${path}.pub`, 'utf8')).to.match(/^ssh-ed25519 \S+ a b\n$/);
      await truth(opensshKeypair, { ...args, comment: 'new' }, dir);
      const secret = { path: join(dir, 's'), type: 'ed25519', passphrase: "p'w \\ %s" };
      await truth(opensshKeypair, secret, dir);
      const wrong = await runModule(opensshKeypair, { ...secret, passphrase: 'wrong' });
      expect(wrong.msg).to.match(/^Unable to read the key/);
    }));

  it('says what is missing', () =>
    withTemporaryDirectory(async dir => {
      const result = await runModule(opensslPublickey, {
        path: join(dir, 'p'),
        privatekey_path: join(dir, 'k'),
      });
      expect(result.failed).to.equal(true);
      expect((await runModule(x509Certificate, { path: join(dir, 'c') })).msg).to.match(
        /needs privatekey_path/,
      );
    }));

  it('counts days', () => {
    expect(['+3650d', '+1w2d', '+1h'].map(daysUntil)).to.deep.equal([3650, 9, 1]);
    expect(() => daysUntil('20300101000000Z')).to.throw('must be written as');
  });
});
