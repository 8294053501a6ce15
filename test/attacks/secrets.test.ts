import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { findModule } from '../../lib/engine/module-list.ts';
import { Secrecy } from '../../lib/engine/task/secrecy.ts';
import { Vault } from '../../lib/source/vault.ts';
import { folderOf, runIn } from '../support/program.ts';

/** Told apart by number, so that a failure says which one was shown. */
const secret = (n: number) => `S3cret-${n}-of the "test"`;
const SHOWN = /S3cret-(\d+)/;

const PLAY = `
- hosts: all
  gather_facts: false
  vars:
    one: '${secret(1)}'
    users: [{name: a, hide: true, pw: '${secret(2)}'}]
  tasks:
    - debug: {msg: "{{ one }}"}
      no_log: "{{ nowhere }}"
    - debug: {msg: "{{ one }}"}
      no_log: "{{ nowhere | default('yes please') }}"
    - debug: {msg: "{{ item.pw }}"}
      loop: "{{ users }}"
      no_log: "{{ item.hide }}"
    - command: sh -c "echo {{ item.pw }}; exit 3"
      loop: "{{ users }}"
      no_log: "{{ item.hide }}"
      ignore_errors: true
    - command: sh -c "echo {{ item.pw | quote }}; exit 3"
      loop: "{{ users }}"
      no_log: true
      register: tried
      until: tried.rc == 0
      retries: 1
      delay: 0
      ignore_errors: true
    - debug: {msg: "{{ item.pw }}"}
      loop: "{{ users }}"
      loop_control: {label: "{{ item.pw }}"}
      no_log: true
    - copy: {content: "{{ one }}", dest: "{{ playbook_dir }}/one"}
      no_log: true
    - fail: {msg: "{{ one }}"}
      no_log: "{{ nowhere }}"
      ignore_errors: true
    - debug: {msg: "{{ one }} {{ nowhere }}"}
      no_log: true
      ignore_errors: true
    - include_vars: vaulted.yml
    - copy: {src: vaulted.conf, dest: "{{ playbook_dir }}/conf"}
    - template: {src: vaulted.conf, dest: "{{ playbook_dir }}/conf2"}
    - yum_repository:
        name: repo
        description: some
        baseurl: http://127.0.0.1/
        reposdir: "{{ playbook_dir }}/repos"
        password: '${secret(4)}'
        proxy_password: "{{ item.pw }}"
      loop: "{{ users }}"
    - yum_repository: {name: other, description: '${secret(5)}', password: '${secret(5)}', baseurl: "x\\ny", reposdir: "{{ playbook_dir }}/nowhere"}
      ignore_errors: true
    - user: {name: "no such:name", password: '${secret(6)}', uid: "${secret(6).length}x"}
      ignore_errors: true
    - uri: {url: "http://127.0.0.1:9/${secret(7).replaceAll(/[ "]/g, '.')}", url_password: '${secret(7).replaceAll(/[ "]/g, '.')}', url_username: u}
      ignore_errors: true
    - command: sh -c 'echo "$KEPT"'
      environment: {KEPT: "{{ one }}"}
      no_log: true
      async: 20
      poll: 1
    - command: sh -c 'echo "$KEPT"'
      environment: {KEPT: "{{ one }}"}
      no_log: true
      async: 20
      poll: 0
      register: job
    - async_status: {jid: "{{ job.ansible_job_id }}"}
      register: done
      until: done.finished
      retries: 100
      delay: 0.1
      no_log: true
    - assert: {that: ["done.stdout is search('S3cret-1')", "tried.results[0].stdout is search('S3cret-2')"]}
`;

describe('attacks: secrets', () => {
  let dir: string;
  beforeEach(() => {
    const vault = new Vault([{ id: 'default', password: Buffer.from('pw') }]);
    dir = folderOf({
      'site.yml': PLAY,
      hosts: 'h1 ansible_connection=local\n',
      pw: 'pw\n',
      'vars/vaulted.yml': vault.encrypt(Buffer.from(`three: '${secret(3)}'\n`)),
      'files/vaulted.conf': vault.encrypt(Buffer.from(`key = ${secret(10)}\n`)),
      'templates/vaulted.conf': vault.encrypt(Buffer.from(`key = ${secret(11)} {{ one | length }}\n`)),
      'repos/repo.repo': `[repo]\nname = some\npassword = ${secret(8)}\n`,
    });
    mkdirSync(join(dir, 'home'));
    writeFileSync(join(dir, 'one'), secret(9));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  for (const args of [
    ['--diff', '-vvv'],
    ['--diff', '--check', '-v'],
    ['--format', 'json'],
    ['--format', 'junit'],
  ]) {
    it(`are shown by nothing: ${args.join(' ')}`, async () => {
      const all = ['site.yml', '-i', 'hosts', '--vault-password-file', 'pw', ...args];
      const { code, stdout, stderr } = await runIn(dir, all, { env: { HOME: join(dir, 'home') } });
      const text = stdout + stderr;
      expect(SHOWN.exec(text)?.[0], text).to.equal(undefined);
      expect(code, text).to.equal(0);
      expect(text).to.include(args.includes('junit') ? 'testsuite' : 'no_log');
      const jobs = join(dir, 'home/.ansible_async');
      expect(existsSync(jobs) ? readdirSync(jobs) : []).to.deep.equal([]);
    });
  }

  it('are shown by an ad-hoc task neither', async () => {
    const given = { name: 'repo', description: 'd', baseurl: 'http://x', reposdir: dir, password: secret(1) };
    const args = [
      'run',
      'all',
      '-i',
      'hosts',
      '-m',
      'yum_repository',
      '-a',
      JSON.stringify(given),
      '-D',
      '-vvv',
    ];
    const { code, stdout, stderr } = await runIn(dir, args);
    expect(SHOWN.exec(stdout + stderr)?.[0]).to.equal(undefined);
    expect(code).to.equal(0);
    expect(readFileSync(join(dir, 'repo.repo'), 'utf8')).to.include(secret(1));
  });

  it('stand in no form in a result', () => {
    const secrecy = new Secrecy();
    const password = `it's "a\\b" ü & more`;
    secrecy.learn(findModule('yum_repository')!, { name: 'x', password, alias: password });
    const forms = [
      password,
      `echo 'it'\\''s "a\\b" ü & more'`,
      JSON.stringify([password]),
      encodeURIComponent(password),
    ];
    for (const form of forms) {
      const masked = JSON.stringify(secrecy.mask({ a: [form], [`msg`]: `before ${form} after` }));
      expect(masked, form).not.to.match(/more/);
    }
    expect(secrecy.mask(password)).to.equal('VALUE_SPECIFIED_IN_NO_LOG_PARAMETER');
  });

  it('are no secrets where another argument says so, nor words that stand everywhere', () => {
    const secrecy = new Secrecy();
    secrecy.learn(findModule('debconf')!, { name: 'x', vtype: 'boolean', value: 'true' });
    secrecy.learn(findModule('user')!, { name: 'x', password: '*' });
    expect(secrecy.mask({ a: 'true', b: '*' })).to.deep.equal({ a: 'true', b: '*' });
    secrecy.learn(findModule('debconf')!, { name: 'x', vtype: 'password', answer: 'secret' });
    expect(secrecy.mask('a secret')).to.equal('a ********');
  });
});
