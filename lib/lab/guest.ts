import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { groupName, joinGroup } from './cgroup.ts';
import { attempt, LabError, run } from './command.ts';
import { disksDir } from './disks.ts';
import type { Machine } from './machine.ts';
import { gateway, labNetns, netnsPath } from './network.ts';
import { hostDir, type Lab, type LabHost, labDir } from './record.ts';

/** What hosts with a kernel of their own have in common, whoever runs that kernel. */

/** Memory of a host, where `up` was not told. */
const MEMORY_BYTES = 2 ** 30;

export const memoryMiB = (lab: Lab): number => Math.floor((lab.memoryBytes ?? MEMORY_BYTES) / 2 ** 20);

/** Files of a host's disks, in order. */
export const diskFiles = (lab: Lab, host: LabHost): string[] =>
  host.disks.map(disk => join(disksDir(lab.root, lab.name, host.name), disk.device));

/** Address of a host's network card, told by its address in the lab. */
export function macOf(host: LabHost): string {
  const bytes = host.address.split('.').slice(2);
  return ['52:54:00:77', ...bytes.map(byte => Number(byte).toString(16).padStart(2, '0'))].join(':');
}

/** Kernel command line that makes the common image this host. */
export async function kernelArguments(lab: Lab, host: LabHost, root: string): Promise<string[]> {
  const dir = hostDir(lab.root, lab.name, host.name);
  const id = (await readFile(join(dir, 'upper', 'etc', 'machine-id'), 'utf8')).trim();
  return [
    ...[`root=${root}`, 'rootfstype=ext4', 'rw', 'quiet', 'net.ifnames=0'],
    ...[`systemd.hostname=${host.name}`, `systemd.machine_id=${id}`],
    ...lab.kernelArguments,
  ];
}

/** Archive that the host unpacks over the common image at its first boot: names, keys, passwords. */
export async function writeSeed(lab: Lab, host: LabHost): Promise<string> {
  const dir = hostDir(lab.root, lab.name, host.name);
  const seed = join(dir, 'seed.tar');
  if (existsSync(seed)) return seed;
  const etc = join(dir, 'upper', 'etc');
  const password = await readFile(join(labDir(lab.root, lab.name), 'become-password'), 'utf8');
  await writeFile(join(etc, 'lab-passwords'), `opspw:${password.trim()}\n`, { mode: 0o600 });
  await writeFile(join(etc, 'lab-network'), `${host.address} ${gateway(lab.subnet)}\n`);
  await run(['tar', '-C', join(dir, 'upper'), '--exclude=./etc/machine-id', '-cf', seed, '.']);
  return seed;
}

/** Starts what runs the host's kernel: in the lab's network, where its tap is, and in the host's cgroup. */
export async function spawnGuest(lab: Lab, host: LabHost, argv: readonly string[]): Promise<void> {
  const dir = hostDir(lab.root, lab.name, host.name);
  const log = await open(join(dir, 'console.log'), 'a', 0o600);
  try {
    const child = spawn('nsenter', [`--net=${netnsPath(labNetns(lab.name))}`, ...argv], {
      cwd: '/',
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
    });
    child.unref();
    if (child.pid === undefined) throw new LabError(`${argv[0]} does not start`);
    await joinGroup(groupName(lab.name, host.name), child.pid);
  } finally {
    await log.close();
  }
}

/** Runs a program in a host by way of its sshd: another kernel's processes cannot be entered. */
export const insideGuest: Machine['inside'] = async (lab, host, argv) => {
  const config = join(labDir(lab.root, lab.name), 'ssh_config');
  const options = ['BatchMode=yes', 'ConnectTimeout=30', 'ServerAliveInterval=5'].flatMap(o => ['-o', o]);
  const answer = await attempt(['timeout', '100', 'ssh', '-F', config, ...options, host.name, ...argv]);
  return answer.exitCode === 255 ? undefined : answer;
};
