import { spawn } from 'node:child_process';
import { mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { groupName, processesOf } from './cgroup.ts';
import { attempt } from './command.ts';
import { attachDisks } from './disks.ts';
import type { Machine } from './machine.ts';
import { hostNetns, netnsPath } from './network.ts';
import { hostDir, type Lab, type LabHost, labDir } from './record.ts';
import { SUPERVISE_SCRIPT } from './scripts.ts';

/** systemd-nspawn: a host in about a second, on the machine's own kernel. */
export const nspawn: Machine = {
  bootTimeoutMs: 60_000,

  async start(lab, host) {
    const dir = hostDir(lab.root, lab.name, host.name);
    for (const part of ['work', 'root']) await mkdir(join(dir, part), { recursive: true, mode: 0o755 });
    const password = await readFile(join(labDir(lab.root, lab.name), 'become-password'), 'utf8');
    await writeFile(join(dir, 'passwords'), `opspw:${password.trim()}\n`, { mode: 0o600 });
    if (lab.diskKind === 'loop') await attachDisks(lab, host);
    await supervise(lab, host, dir);
  },

  async inside(lab, host, argv) {
    const leader = await leaderOf(lab, host);
    if (leader === undefined) return undefined;
    return attempt(['timeout', '100', 'nsenter', '--target', String(leader), '--all', '--root', ...argv]);
  },
};

/** The supervisor puts itself into the host's cgroup and outlives this process. */
async function supervise(lab: Lab, host: LabHost, dir: string): Promise<void> {
  const log = await open(join(dir, 'console.log'), 'a', 0o600);
  try {
    const child = spawn('unshare', ['--mount', '--propagation', 'slave', 'sh', '-c', SUPERVISE_SCRIPT], {
      cwd: '/',
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
      env: {
        PATH: process.env.PATH,
        LAB_DIR: dir,
        LAB_LOWER: lab.layers.join(':'),
        LAB_CGROUP: groupName(lab.name, host.name),
        LAB_NETNS: netnsPath(hostNetns(lab.name, host.name)),
        LAB_HOST: host.name,
        LAB_MACHINE: `${lab.name}-${host.name}`,
      },
    });
    child.unref();
  } finally {
    await log.close();
  }
}

/** Process that is PID 1 inside the host; undefined when it is off. */
async function leaderOf(lab: Lab, host: LabHost): Promise<number | undefined> {
  for (const pid of await processesOf(groupName(lab.name, host.name))) {
    const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
    if (/^NSpid:(\t\d+)*\t1$/m.test(status)) return pid;
  }
  return undefined;
}
