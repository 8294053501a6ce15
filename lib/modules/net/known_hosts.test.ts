import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import {
  itAgreesWithAnsible,
  itPredictsTheRun,
  type OracleCase,
} from '../../../test/support/ansible-module.ts';
import { onlyWithPrograms } from '../../../test/support/requirements.ts';
import { runModule, withTemporaryDirectory } from '../../../test/support/run-module.ts';
import { knownHosts } from './known_hosts.ts';
import { editKnownHosts, hashHost, meansHost } from './known-hosts-file.ts';

const KEY = 'AAAAC3NzaC1lZDI1NTE5AAAAIE5vpv36zXY/J2tceM+7ZPpJ9+/iw2hlYdYiQMezXDbP';
const OTHER = 'AAAAC3NzaC1lZDI1NTE5AAAAIJvp36zXYJ2tceM7ZPpJ9iw2hlYdYiQMezXDbPAAAAAA';
const line = (host: string, key = KEY, type = 'ssh-ed25519') => `${host} ${type} ${key}`;
const at = { path: '{dir}/known_hosts' };
const has = (...lines: string[]) => `printf '%s\\n' ${lines.map(l => `'${l}'`).join(' ')} >known_hosts`;
const cases: readonly OracleCase[] = [
  { name: 'new file', args: { ...at, name: 'h1', key: line('h1') } },
  { name: 'added', setup: has('# c', line('h0')), args: { ...at, name: 'h1', key: line('h1') } },
  { name: 'there', setup: has(line('h1')), args: { ...at, name: 'h1', key: `${line('h1')} comment` } },
  {
    name: 'replaced',
    setup: has(line('h1', OTHER), line('h2')),
    args: { ...at, name: 'h1', key: line('h1') },
  },
  {
    name: 'hashed in the file',
    setup: has(line(hashHost('h1'))),
    args: { ...at, name: 'h1', key: line('h1') },
    except: ['changed'],
    otherFiles: true,
    repeats: true,
  },
  { name: 'port', args: { ...at, name: '[h1]:2222', key: line('[h1]:2222') } },
  {
    name: 'several names',
    setup: has(line('h1,10.0.0.1')),
    args: { ...at, name: '10.0.0.1', key: line('h1,10.0.0.1') },
  },
  {
    name: 'absent key',
    setup: has(line('h1'), line('h2')),
    args: { ...at, name: 'h1', key: line('h1'), state: 'absent' },
  },
  {
    name: 'absent other key',
    setup: has(line('h1', OTHER)),
    args: { ...at, name: 'h1', key: line('h1'), state: 'absent' },
  },
  { name: 'absent host', setup: has(line('h2')), args: { ...at, name: 'h1', state: 'absent' } },
  { name: 'no file to be absent from', args: { ...at, name: 'h1', state: 'absent' } },
];

describe('known_hosts', () => {
  itAgreesWithAnsible(
    knownHosts,
    { fields: ['name', 'path'], via: 'module' },
    cases.filter(c => c.name !== 'hashed in the file'),
  );
  itPredictsTheRun(knownHosts, cases);

  it('hides names as ssh-keygen does', async function () {
    onlyWithPrograms(this, 'ssh-keygen');
    await withTemporaryDirectory(async dir => {
      const path = join(dir, 'known_hosts');
      const args = { path, name: 'h1', key: line('h1'), hash_host: true };
      expect((await runModule(knownHosts, args)).changed).to.equal(true);
      expect((await runModule(knownHosts, args)).changed).to.equal(false);
      expect(spawnSync('ssh-keygen', ['-F', 'h1', '-f', path], { encoding: 'utf8' }).stdout).to.include(KEY);
      expect(spawnSync('ssh-keygen', ['-F', 'h2', '-f', path]).status).to.equal(1);
      writeFileSync(path, `${line('h9')}\n`);
      spawnSync('ssh-keygen', ['-H', '-f', path]);
      expect((await runModule(knownHosts, { path, name: 'h9', state: 'absent' })).changed).to.equal(true);
    });
  });

  it('removes all keys of a host', () => {
    const text = `${line('h1')}\n${line('h2')}\n${line('h1', OTHER, 'ssh-rsa')}\n`;
    expect(editKnownHosts(text, { name: 'H1', key: undefined, hash_host: false, state: 'absent' })).to.equal(
      `${line('h2')}\n`,
    );
  });

  it('matches patterns', () => {
    expect(meansHost('*.x.y,!a.x.y', 'b.x.y')).to.equal(true);
    expect(meansHost('*.x.y,!a.x.y', 'a.x.y')).to.equal(false);
    expect(meansHost('h1', 'h11')).to.equal(false);
  });

  it('refuses a key of another host', async () => {
    const result = await runModule(knownHosts, { path: '/tmp/kh', name: 'h1', key: line('h2') });
    expect(result.msg).to.equal('Host parameter does not match hashed host field in supplied key');
    expect((await runModule(knownHosts, { path: '/tmp/kh', name: 'h1' })).msg).to.equal(
      'No key specified when adding a host',
    );
  });
});
