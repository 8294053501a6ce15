import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import * as lab from '../../lib/lab/lab.ts';
import { stateRoot } from '../../lib/lab/record.ts';
import { checkMachine } from '../../lib/lab/requirements.ts';
import { UsageError } from '../../lib/source/errors.ts';
import { type LabHost, labHost } from '../check-mode/lab-host.ts';
import { folderOf, runIn } from '../support/program.ts';

type Results = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

const play = (tasks: string, hosts = 'h1', facts = false) =>
  `- hosts: ${hosts}\n  gather_facts: ${facts}\n  tasks:\n${tasks.replaceAll(/^/gm, '    ')}\n`;

/** What a user of the host calls files: line breaks, marks of old replies, commands, no UTF-8, as long as it can be. */
const HOSTILE = `cd /home/mallory; mkdir x; cd x
for n in "$(printf 'a\\nb')" "$(printf '\\036path etc\\nstat 0')" '== Word ==' "$(printf '\\377\\376')" ./-rf \\
  '$(touch took-over)' '{{ 7 * 7 }}' ..b "$(printf %0255d 0)"; do echo content >"$n"; done
ln -s /etc/passwd passwd; ln -s /etc etc; chown -hR mallory: /home/mallory`;

/** Whatever root does in this user's home meets the directory, a link to root's, or nothing. */
const RACE = `cat >/home/mallory/race <<'END'
cd /home/mallory; while :; do rm -rf .ssh; ln -s /root/.ssh .ssh; rm -f .ssh; mkdir .ssh; done
END
setsid runuser -u mallory -- timeout 20 sh /home/mallory/race >/dev/null 2>&1 </dev/null &`;

const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDJ0nq3Zr0kQ7c1Zz0kWb3R2Xb8sN0e7VfY2m1cQd5Zt mallory';

describe('attacks: a lab host over SSH', function () {
  this.timeout(300_000);
  const name = `attacks-${process.pid}`;
  let host: LabHost | undefined;
  let inventory = '';

  const onHost = (script: string) => host!.prepare(script);

  /** Runs the tasks against the lab's host and this machine; gives the results by task. */
  async function run(
    site: string,
    check: (run: { code: number; tasks: Results[]; dir: string; stderr: string }) => void | Promise<void>,
    args: readonly string[] = [],
  ): Promise<void> {
    const dir = folderOf({ 'site.yml': site, control: 'control ansible_connection=local\n' });
    try {
      const { code, stdout, stderr } = await runIn(dir, [
        ...['site.yml', '-i', inventory, '-i', 'control', '--format', 'json'],
        ...args,
      ]);
      const tasks: Results[] = JSON.parse(stdout).plays.flatMap((one: { tasks: { hosts: Results }[] }) =>
        one.tasks.map(({ hosts }) => hosts),
      );
      await check({ code, tasks, dir, stderr });
      expect(existsSync(join(dir, 'took-over'))).to.equal(false);
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  }

  before(async function () {
    try {
      await checkMachine({ hosts: 1, kind: 'nspawn', install: false }, () => undefined);
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      console.log(`    skipped: ${error.message}. Runs as root on Debian or Ubuntu.`);
      this.skip();
    }
    const extra = { packages: [], prepareFor: [] };
    const options = { name, kind: 'nspawn', hosts: ['h1'], disks: [], diskKind: 'loop', extra } as const;
    const up = await lab.up(
      stateRoot(),
      { ...options, kernelArguments: [], vars: {}, install: false },
      () => {},
    );
    inventory = up.inventory;
    host = labHost(up);
    await onHost('useradd -m mallory');
  });

  after(async () => {
    await host?.close();
    await lab.down(stateRoot(), name);
  });

  it('facts reach no other host, and are no templates', async () => {
    await onHost(`mkdir -p /etc/ansible/facts.d; cd /etc/ansible/facts.d
printf '[__proto__]\\nshell=/bin/false\\nconnection=local\\nansible_host=127.0.0.1\\n[constructor]\\nconnection=local\\n' >ini.fact
printf '%s\\n' '#!/bin/sh' "echo '{\\"__proto__\\": {\\"connection\\": \\"local\\"}, \\"ansible_connection\\": \\"local\\", \\"text\\": \\"{{ lookup(\\\\\\"pipe\\\\\\", \\\\\\"touch took-over\\\\\\") }}\\"}'" >json.fact; chmod 755 json.fact`);
    const tasks = `- command: uname -n
- set_fact: {told: "{{ ansible_local.json | default({}) }}"}
- debug: {var: told}
- assert: {that: "told.text | default('') is string"}
- debug: {msg: "{{ told.text | default('none') }}"}`;
    await run(play(tasks, 'all', true), ({ code, tasks: [, uname, , , , said], stderr }) => {
      expect(code, stderr).to.equal(0);
      expect(uname?.h1?.stdout).to.equal('h1');
      expect(uname?.control?.stdout).to.equal(hostname());
      expect(said?.h1?.msg).to.match(/^\{\{ lookup/);
    });
    await onHost('rm -r /etc/ansible/facts.d');
  });

  it('names are names: find, file with recurse, fetch and copy stay where they were sent', async () => {
    await onHost(HOSTILE);
    const tasks = `- find: {paths: /home/mallory/x, recurse: true, hidden: true}
  register: found
- file: {path: /home/mallory/x, state: directory, recurse: true, follow: false, owner: mallory, mode: "u=rwX,go="}
- fetch: {src: "{{ item.path }}", dest: fetched/}
  loop: "{{ found.files }}"
- copy: {src: "{{ playbook_dir }}/fetched/h1/home/mallory/x/", dest: /srv/copy/}`;
    await run(play(tasks), async ({ code, tasks: [found], dir, stderr }) => {
      expect(code, stderr).to.equal(0);
      const files = (found?.h1?.files ?? []) as { path: string }[];
      const paths = files.map(({ path }) => path);
      expect(paths).to.have.length(9);
      for (const path of paths) expect(path).to.match(/^\/home\/mallory\/x\/[^/]+$/s);
      expect(readdirSync(join(dir, 'fetched'))).to.deep.equal(['h1']);
      expect(readdirSync(join(dir, 'fetched/h1/home/mallory/x'))).to.have.length(9);
      await onHost(`[ "$(stat -c %U:%a /etc/passwd /etc)" = "$(printf 'root:644\\nroot:755')" ]
[ ! -e /root/took-over ]; diff -r --no-dereference /srv/copy /home/mallory/x | grep -v ': etc$\\|: passwd$' | grep . && exit 1; :`);
    });
  });

  it('what a program prints is no result, and half of a lie is the failure of this host alone', async () => {
    const forged = `printf '\\\\001polarplay {"rc": 0, "changed": false}\\\\n\\\\036path /etc\\\\n' >&2; exit 3`;
    await onHost(`printf '#!/bin/sh\\nprintf "path /etc/shadow\\\\nstat 0|0|0\\\\n\\\\036"; exit 0\\n' >/usr/local/bin/stat
chmod 755 /usr/local/bin/stat; cp /usr/local/bin/stat /usr/local/bin/sha1sum`);
    const tasks = `- shell: ${JSON.stringify(forged.replaceAll('\\\\', '\\'))}
  ignore_errors: true
- copy: {content: text, dest: "{{ playbook_dir }}/lies"}
- command: uname -n`;
    await run(play(tasks, 'all'), async ({ code, tasks: [said, , last], dir }) => {
      expect(code).to.equal(2);
      expect([said?.h1?.rc, said?.h1?.failed]).to.deep.equal([3, true]);
      expect([last?.control?.stdout, last?.h1]).to.deep.equal([hostname(), undefined]);
      expect(readFileSync(join(dir, 'lies'), 'utf8')).to.equal('text');
    });
    await onHost(
      'rm /usr/local/bin/stat /usr/local/bin/sha1sum; [ "$(stat -c %U:%G:%a /etc/shadow)" = root:shadow:640 ]',
    );
  });

  it("fetch stays in this host's folder, and endless output costs what the limit allows", async () => {
    await onHost('mkdir -p /control/etc; echo evil >/control/etc/key');
    const tasks = `- command: printf /../control/etc/key
  register: told
- fetch: {src: "{{ told.stdout }}", dest: fetched/}
  ignore_errors: true
- shell: timeout 2 yes endless`;
    await run(
      play(tasks),
      ({ tasks: [, , endless], dir }) => {
        expect(existsSync(join(dir, 'fetched/control'))).to.equal(false);
        expect([endless?.h1?.rc, endless?.h1?.stdout_truncated]).to.deep.equal([124, true]);
        expect(String(endless?.h1?.stdout).length).to.be.at.most(2 ** 20);
      },
      ['--output-limit', '1M'],
    );
  });

  it("a race of links in a user's home leads root nowhere", async () => {
    await onHost(`ls -la /root/.ssh >/root/before; ${RACE}`);
    const tasks = `- authorized_key: {user: mallory, key: "${KEY}"}
  loop: "{{ range(6) }}"
  ignore_errors: true
- copy: {content: "{{ item }}", dest: /home/mallory/.ssh/config, owner: mallory}
  loop: "{{ range(6) }}"
  ignore_errors: true
- file: {path: /home/mallory/.ssh, state: directory, owner: mallory, mode: "0777"}
  loop: "{{ range(6) }}"
  ignore_errors: true`;
    await run(play(tasks), async () => {
      await onHost(`pgrep -u mallory >/dev/null; ls -la /root/.ssh | diff /root/before -; ! grep -q mallory /root/.ssh/authorized_keys
[ "$(stat -c %U:%a /root/.ssh)" = root:700 ]`);
    });
  });
});
