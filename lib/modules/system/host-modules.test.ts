import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { itAgreesWithAnsible } from '../../../test/support/ansible-module.ts';
import { onlyWithPrograms } from '../../../test/support/requirements.ts';
import {
  checkFidelity,
  finishedArguments,
  replaySteps,
  runModule,
  testContext,
  withTemporaryDirectory,
} from '../../../test/support/run-module.ts';
import type { Json } from '../../source/value.ts';
import { htpasswd } from '../accounts/htpasswd.ts';
import { acl, aclEntry } from '../files/acl.ts';
import { parseCapabilities } from '../files/capabilities.ts';
import { gitConfig } from '../git/git_config.ts';
import type { Module, Reply } from '../kit/define.ts';
import { apache2Module, identifierOf } from './apache2_module.ts';
import { seboolean } from './seboolean.ts';
import { parsePorts, seport } from './seport.ts';

/** What the module would change, given the answer of the host. */
function changes(module: Module, raw: Record<string, Json>, answer: Partial<Reply>): readonly string[] {
  if (module.kind !== 'state') throw new Error(`${module.name} has a state`);
  const args = finishedArguments(module, raw) as never;
  const found = replaySteps(module.probe(args, testContext()), [answer]).value;
  return module.diff(found as never, args, testContext({ checkMode: true })).changes;
}

describe('seboolean', () => {
  const raw = { name: 'httpd_can_network_connect', state: true, persistent: true };
  const answer = (now: string, kept: string) => ({
    stdout: `httpd_can_network_connect --> ${now}\nhttpd_can_network_connect  (${now}   ,  ${kept})  Allow httpd\n`,
  });
  it('compares what is now and what is kept', () => {
    expect(changes(seboolean, raw, answer('on', 'on'))).to.deep.equal([]);
    expect(changes(seboolean, raw, answer('on', 'off'))).to.have.length(1);
    expect(changes(seboolean, { ...raw, persistent: false }, answer('on', 'off'))).to.deep.equal([]);
    expect(changes(seboolean, { ...raw, state: false }, answer('on', 'off'))).to.have.length(1);
  });
  it('says that SELinux is off', () => {
    expect(() => changes(seboolean, raw, { rc: 95, stderr: 'SELinux is disabled on this host.\n' })).to.throw(
      'disabled',
    );
  });
});

describe('seport', () => {
  const text =
    'http_port_t                    tcp      80, 81, 8000-8100\nssh_port_t                     tcp      22\n';
  it('reads the list', () => {
    expect(parsePorts(text)[0]).to.deep.equal({
      type: 'http_port_t',
      proto: 'tcp',
      ports: ['80', '81', '8000-8100'],
    });
  });
  const cases: readonly [Record<string, Json>, string[]][] = [
    [{ ports: '80' }, []],
    [{ ports: ['8888', '80'] }, ['semanage port -a -t http_port_t -p tcp 8888']],
    [{ ports: '22' }, ['semanage port -m -t http_port_t -p tcp 22']],
    [{ ports: '80', state: 'absent' }, ['semanage port -d -t http_port_t -p tcp 80']],
    [{ ports: '22', state: 'absent' }, []],
  ];
  for (const [raw, expected] of cases)
    it(JSON.stringify(raw), () => {
      expect(
        changes(seport, { proto: 'tcp', setype: 'http_port_t', ...raw }, { stdout: text }),
      ).to.deep.equal(expected);
    });
});

describe('apache2_module', () => {
  const loaded = { stdout: 'Loaded Modules:\n core_module (static)\n rewrite_module (shared)\n' };
  it('compares with what Apache loads', () => {
    expect(changes(apache2Module, { name: 'rewrite' }, loaded)).to.deep.equal([]);
    expect(changes(apache2Module, { name: 'ssl' }, loaded)).to.deep.equal(['Module ssl enabled']);
    expect(changes(apache2Module, { name: 'rewrite', state: 'absent' }, loaded)).to.deep.equal([
      'Module rewrite disabled',
    ]);
    expect(() => changes(apache2Module, { name: 'ssl' }, { rc: 1, stderr: 'Syntax error' })).to.throw(
      'Syntax error',
    );
  });
  it('knows how modules are called', () => {
    expect(['php8.2', 'php7.4', 'evasive', 'ssl'].map(name => identifierOf({ name }))).to.deep.equal([
      'php_module',
      'php7_module',
      'evasive20_module',
      'ssl_module',
    ]);
  });
});

describe('acl', () => {
  const entry = (raw: Record<string, Json>) =>
    aclEntry(finishedArguments(acl, { path: '/x', ...raw }) as never);
  it('reads entries in all their forms', () => {
    expect(entry({ state: 'present', entry: 'u:joe:rw' })).to.deep.equal({
      entry: 'user:joe:rw',
      isDefault: false,
    });
    expect(entry({ state: 'present', entry: 'default:group:x:r' })).to.deep.equal({
      entry: 'group:x:r',
      isDefault: true,
    });
    expect(entry({ state: 'absent', etype: 'user', entity: 'joe' })).to.deep.equal({
      entry: 'user:joe',
      isDefault: false,
    });
    expect(() => entry({ state: 'present', etype: 'user' })).to.throw("'permissions' is required");
    expect(() => entry({ state: 'absent', entry: 'u:joe:rw' })).to.throw('2 or 3 sections');
  });
});

describe('capabilities', () => {
  it('reads what getcap prints', () => {
    expect(parseCapabilities('cap_net_raw,cap_chown=pe')).to.deep.equal([
      { name: 'cap_net_raw', operator: '=', flags: 'ep' },
      { name: 'cap_chown', operator: '=', flags: 'ep' },
    ]);
    expect(() => parseCapabilities('nonsense')).to.throw("Couldn't find operator");
  });
});

describe('htpasswd', () => {
  for (const hash_scheme of ['apr_md5_crypt', 'sha512_crypt', 'ldap_sha1', 'plaintext'])
    it(`keeps users with ${hash_scheme}`, function () {
      onlyWithPrograms(this, 'openssl');
      return withTemporaryDirectory(async dir => {
        const path = join(dir, 'users');
        writeFileSync(path, 'alice:x');
        const args = { path, name: 'bob', password: "it's $x", hash_scheme };
        const { first } = await checkFidelity(htpasswd, args, dir);
        expect([first.changed, first.msg]).to.deep.equal([true, 'Add bob']);
        expect((await runModule(htpasswd, { ...args, password: 'other' })).msg).to.equal('Update bob');
        expect(readFileSync(path, 'utf8')).to.match(/^alice:x\nbob:\S+\n$/);
        await checkFidelity(htpasswd, { path, name: 'bob', state: 'absent' }, dir);
        expect(readFileSync(path, 'utf8')).to.equal('alice:x\n');
      });
    });
});

describe('git_config', () => {
  before(function () {
    onlyWithPrograms(this, 'git');
  });
  itAgreesWithAnsible(
    gitConfig,
    { fields: ['config_value'], ansibleName: 'community.general.git_config', via: 'module', needs: ['git'] },
    [
      {
        name: 'sets',
        args: { name: 'user.name', value: 'x y', scope: 'local', repo: '{dir}' },
        setup: 'git init -q .',
      },
      {
        name: 'reads',
        args: { name: 'a.B', scope: 'local', repo: '{dir}' },
        setup: 'git init -q .; git config a.b 7',
      },
      {
        name: 'same',
        args: { name: 'a.b', value: '7', scope: 'local', repo: '{dir}' },
        setup: 'git init -q .; git config a.b 7',
      },
      {
        name: 'removes',
        args: { name: 'a.b', state: 'absent', scope: 'local', repo: '{dir}' },
        setup: 'git init -q .; git config a.b 7',
      },
    ],
  );
});
