import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { UsageError } from '../source/errors.ts';
import { cgroupRoot, groupName } from './cgroup.ts';
import { attempt, run } from './command.ts';
import * as lab from './lab.ts';
import { namespaces } from './network.ts';
import { parseDisks } from './plan.ts';
import { labDir, labsDir, stateRoot } from './record.ts';
import { checkMachine } from './requirements.ts';

const name = `test-${process.pid}`;
const root = stateRoot();
const options: lab.UpOptions = {
  name,
  kind: 'nspawn',
  hosts: ['st1', 'rw1'],
  disks: parseDisks('1x32M', '8M'),
  diskKind: 'loop',
  extra: { packages: [], prepareFor: [] },
  kernelArguments: [],
  vars: {},
  install: false,
};

const quiet = () => undefined;
const ssh = (target: string, command: string, input?: string) =>
  attempt(['ssh', '-F', join(labDir(root, name), 'ssh_config'), target, command], input);
const states = async () => (await lab.status(root, name)).map(row => row.state);
const loops = async () =>
  (await run(['losetup', '--noheadings', '--output', 'NAME,BACK-FILE'])).trim().split('\n');

/** Everything a lab could leave on the machine. */
async function traces(): Promise<string[]> {
  const found = (await namespaces()).filter(netns => netns.startsWith(`polarplay.${name}`));
  const processes = await Promise.all(
    (await readdir('/proc'))
      .filter(pid => /^\d+$/.test(pid))
      .map(pid => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
  );
  found.push(...processes.filter(line => line.includes(`${name}-`) || line.includes(`polarplay.${name}`)));
  found.push(...(await loops()).filter(line => line.includes(name)));
  found.push(
    ...(await readFile('/proc/self/mountinfo', 'utf8')).split('\n').filter(line => line.includes(name)),
  );
  if (existsSync(join(await cgroupRoot(), groupName(name)))) found.push('cgroup');
  found.push(...(await readdir(labsDir(root))).filter(entry => entry.includes(name)));
  return found;
}

describe('a lab of two hosts', function () {
  this.timeout(240_000);

  before(async function () {
    try {
      await checkMachine({ hosts: options.hosts.length, kind: 'nspawn', install: false }, quiet);
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      console.log(`    skipped: ${error.message}. Runs as root on Debian or Ubuntu.`);
      this.skip();
    }
    const result = await lab.up(root, options, quiet);
    expect(result.started).to.deep.equal(['st1', 'rw1']);
  });

  after(() => lab.down(root, name));

  it('boots hosts that systemd calls running', async () => {
    expect(await states()).to.deep.equal(['running', 'running']);
    expect((await ssh('rw1', 'systemctl --failed --plain --no-legend')).stdout).to.equal('');
  });

  it('lets in root, ops with free sudo, and opspw with its password', async () => {
    expect((await ssh('rw1', 'id -un; hostname')).stdout).to.equal('root\nrw1\n');
    expect((await ssh('ops@rw1', 'sudo -n id -un')).stdout).to.equal('root\n');
    expect((await ssh('opspw@rw1', 'sudo -n id -un')).exitCode).to.not.equal(0);
    const password = await readFile(join(labDir(root, name), 'become-password'), 'utf8');
    expect((await ssh('opspw@rw1', 'sudo -S -p "" id -un', password)).stdout).to.equal('root\n');
  });

  it('gives the storage host its disks, and every host its tools', async () => {
    const sizes = await ssh('st1', 'blockdev --getsize64 /dev/vdb /dev/vdc');
    expect(sizes.stdout).to.equal(`${32 * 2 ** 20}\n${8 * 2 ** 20}\n`);
    const rest = await ssh(
      'rw1',
      'test ! -e /dev/vdb && test -c /dev/loop-control && df -BM --output=size /dev/shm | tail -1',
    );
    expect(rest.stdout.trim()).to.equal('1024M');
  });

  it('connects hosts by name and leaves the clock and the kernel to the machine', async () => {
    expect((await ssh('rw1', 'ping -c 1 -W 2 st1')).exitCode).to.equal(0);
    const held = BigInt(`0x${(await ssh('rw1', 'sed -n "s/^CapBnd:\\t//p" /proc/1/status')).stdout.trim()}`);
    for (const [capability, bit] of Object.entries({ CAP_SYS_MODULE: 16n, CAP_SYS_TIME: 25n })) {
      expect(held & (1n << bit), capability).to.equal(0n);
    }
  });

  it('is harmless to bring up twice, and refuses other hosts under the same name', async () => {
    expect((await lab.up(root, options, quiet)).started).to.deep.equal([]);
    const other = await lab.up(root, { ...options, hosts: ['a'] }, quiet).catch((e: Error) => e.message);
    expect(other).to.contain('st1,rw1');
    const extra = { ...options.extra, release: 'other' };
    const another = await lab.up(root, { ...options, extra }, quiet).catch((e: Error) => e.message);
    expect(another).to.contain('take it down first');
  });

  it('comes back from a reboot with its disk, and without the loop devices it made', async () => {
    const made = await ssh(
      'rw1',
      'truncate -s 1M /var/kept /tmp/gone; losetup -f --show /var/kept; losetup -f --show /tmp/gone',
    );
    expect(made.stdout.trim().split('\n')).to.have.length(2);
    await lab.reboot(root, name, 'rw1');
    expect(await states()).to.deep.equal(['running', 'running']);
    expect((await ssh('rw1', 'ls /var/kept')).exitCode).to.equal(0);
    const left = (await loops()).map(line => line.split(/\s+/)[0]);
    expect(left).not.to.include.members(made.stdout.trim().split('\n'));
  });

  it('can lose its power and get it back', async () => {
    await lab.kill(root, name, 'st1');
    expect(await states()).to.deep.equal(['off', 'running']);
    expect((await ssh('rw1', 'ping -c 1 -W 1 st1')).exitCode).to.not.equal(0);
    const refused = await lab.reboot(root, name, 'st1').catch((e: Error) => e.message);
    expect(refused).to.contain('lab start st1');
    expect(await lab.start(root, name, 'st1')).to.equal(true);
    expect(await lab.start(root, name, 'st1')).to.equal(false);
    expect((await ssh('rw1', 'ping -c 1 -W 2 st1')).exitCode).to.equal(0);
    expect((await ssh('st1', 'blockdev --getsize64 /dev/vdb')).stdout).to.equal(`${32 * 2 ** 20}\n`);
  });

  it('names the hosts it has', async () => {
    const error = await lab.kill(root, name, 'nobody').catch((e: Error) => e.message);
    expect(error).to.contain('it has st1, rw1');
  });

  it('leaves nothing behind', async () => {
    // Its name makes the host's own loop device one of the traces.
    await ssh('rw1', `truncate -s 1M /tmp/${name} && losetup -f /tmp/${name}`);
    expect(await traces()).to.satisfy((found: string[]) => found.some(line => line.endsWith(`/tmp/${name}`)));
    expect(await lab.down(root, name)).to.equal(true);
    expect(await traces()).to.deep.equal([]);
    expect(await lab.down(root, name)).to.equal(false);
  });
});
