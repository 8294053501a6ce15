import { expect } from 'chai';
import {
  itAgreesWithAnsible,
  itPredictsTheRun,
  type OracleCase,
} from '../../../test/support/ansible-module.ts';
import { runModule } from '../../../test/support/run-module.ts';
import { authorizedKey } from './authorized_key.ts';
import { editKeys, parseKey } from './authorized-keys.ts';

const RSA = 'ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQC1 al@x';
const ED = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE5v bob@y z';
const me = process.env.USER ?? 'root';
const at = { user: me, path: '{dir}/k/authorized_keys' };
const has = (...lines: string[]) =>
  `mkdir -m 700 k; printf '%s\\n' ${lines.map(l => `'${l}'`).join(' ')} >k/authorized_keys; chmod 600 k/authorized_keys`;
const cases: readonly OracleCase[] = [
  { name: 'new file', args: { ...at, key: RSA } },
  { name: 'two keys', args: { ...at, key: `${RSA}\n# no\n\n${ED}\n` } },
  { name: 'added', setup: has('# mine', RSA), args: { ...at, key: ED } },
  { name: 'there', setup: has(RSA, ED), args: { ...at, key: ED } },
  { name: 'other comment', setup: has(RSA, ED), args: { ...at, key: RSA.replace('al@x', 'al@new') } },
  { name: 'comment wanted', setup: has(RSA), args: { ...at, key: RSA, comment: 'hello there' } },
  { name: 'options', setup: has(RSA), args: { ...at, key: RSA, key_options: 'no-pty,command="echo a,b"' } },
  {
    name: 'options there',
    setup: has(`no-pty,from="1.2.3.4" ${RSA}`),
    args: { ...at, key: RSA, key_options: 'from="1.2.3.4",no-pty' },
  },
  { name: 'exclusive', setup: has(RSA, ED), args: { ...at, key: ED, exclusive: true } },
  { name: 'absent', setup: has('# c', RSA, ED), args: { ...at, key: RSA, state: 'absent' } },
  { name: 'absent already', setup: has(ED), args: { ...at, key: RSA, state: 'absent' } },
  { name: 'invalid', args: { ...at, key: 'nonsense' } },
];

describe('authorized_key', () => {
  const table = {
    fields: ['key', 'user', 'exclusive', 'keyfile'],
    via: 'module',
    ansibleName: 'ansible.posix.authorized_key',
  } as const;
  itAgreesWithAnsible(
    authorizedKey,
    table,
    cases.filter(c => c.name !== 'invalid'),
  );
  itPredictsTheRun(authorizedKey, cases);

  it('refuses what is not a key', async () => {
    const result = await runModule(authorizedKey, { user: me, path: '/tmp/none', key: 'nonsense' });
    expect(result).to.deep.include({ failed: true, msg: 'invalid key specified: nonsense' });
  });

  it('refuses an unknown user', async () => {
    const result = await runModule(authorizedKey, { user: 'nosuch-user', key: RSA });
    expect(result.msg).to.match(/^Failed to lookup user nosuch-user/);
  });

  it('knows where the home of a user is', async () => {
    const result = await runModule(authorizedKey, { user: me, key: RSA }, { checkMode: true });
    expect(result.keyfile).to.equal(`${process.env.HOME}/.ssh/authorized_keys`);
  });

  it('reads keys', () => {
    expect(parseKey('sk-ssh-ed25519@openssh.com AAAA c')?.type).to.equal('sk-ssh-ed25519@openssh.com');
    expect(parseKey('command="a ssh-rsa b" ssh-rsa AAAA')?.key).to.equal('AAAA');
    expect(parseKey('# ssh-rsa AAAA')).to.equal(undefined);
  });

  it('closes a last line without an end', () => {
    const args = { key: ED, state: 'present', exclusive: false } as const;
    expect(editKeys('# x', args)).to.equal(`# x\n${ED}\n`);
  });
});
