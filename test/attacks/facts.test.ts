import { execFile } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { folderOf } from '../support/program.ts';
import { onlyAsRoot } from '../support/requirements.ts';

const MAIN = join(import.meta.dirname, '../../dist/polarplay.js');
/** Names that a host gives to its network interfaces. */
const NAMES = [
  'become',
  'connection',
  'host',
  'user',
  'port',
  'timeout',
  'ssh_args',
  'remote_tmp',
  'become_user',
];

const PLAY = `
- hosts: all
  tasks:
    - assert:
        that:
          - ansible_facts['{{ item }}'].device == item
          - ansible_{{ item }} is not defined or ansible_{{ item }} is string
      loop: [${NAMES.join(', ')}]
    - command: id -un
      register: told
    - assert: {that: told.stdout == 'root'}
    - debug: {msg: "{{ hostvars[inventory_hostname] | dict2items | map(attribute='key') | select('match', 'ansible_(become|remote)') }}"}
      register: seen
    - assert: {that: "seen.msg == []"}
`;

/** Runs the play in a network namespace whose interfaces have these names. */
function runAmongInterfaces(dir: string): Promise<{ readonly code: number; readonly text: string }> {
  const links = NAMES.map((name, i) => `ip link add ${name} type veth peer name peer${i}`).join(' && ');
  const script = `mount -t sysfs sysfs /sys && ${links} && exec "$0" "$1" site.yml -i hosts`;
  return new Promise(resolve => {
    const args = ['-n', '-m', 'sh', '-c', script, process.execPath, MAIN];
    execFile('unshare', args, { cwd: dir, timeout: 60_000 }, (error, stdout, stderr) =>
      resolve({ code: error ? 1 : 0, text: stdout + stderr }),
    );
  });
}

describe('attacks: names of facts', () => {
  it('change nothing about how a host is reached and whom we become', async function () {
    onlyAsRoot(this, 'makes network interfaces');
    const dir = folderOf({ 'site.yml': PLAY, hosts: 'h1 ansible_connection=local\n' });
    try {
      const { code, text } = await runAmongInterfaces(dir);
      expect(code, text).to.equal(0);
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });
});
