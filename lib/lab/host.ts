import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, chown, link, mkdir, open, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { archivesDir } from './base.ts';
import { groupName, killGroup, makeGroup, processesOf } from './cgroup.ts';
import { attempt, run, until } from './command.ts';
import { attachDisks, ensureDisks, freeOrphanLoops } from './disks.ts';
import { hostNetns, nameserver, netnsPath, setPort } from './network.ts';
import { hostDir, type LabHost, type LabRecord, labDir } from './record.ts';
import { SUPERVISE_SCRIPT } from './scripts.ts';

/** `ops` may use sudo freely, `opspw` with its password; both log in with the lab's key. */
const USERS = [
  { name: 'root', home: 'root', id: 0 },
  { name: 'ops', home: 'home/ops', id: 1000 },
  { name: 'opspw', home: 'home/opspw', id: 1001 },
];

const ARCHIVES = 'var/cache/apt/archives';

/** Key pair and password of a lab, made once. */
export async function ensureSecrets(root: string, lab: string): Promise<void> {
  const dir = labDir(root, lab);
  await mkdir(dir, { recursive: true, mode: 0o700 });
  await ensureKey(join(dir, 'id_ed25519'), `lab ${lab}`);
  const file = join(dir, 'become-password');
  if (!existsSync(file)) await writeFile(file, `${randomBytes(9).toString('base64url')}\n`, { mode: 0o600 });
}

async function ensureKey(file: string, comment: string): Promise<void> {
  if (existsSync(`${file}.pub`)) return;
  await run(['sh', '-c', 'yes | ssh-keygen -q -t ed25519 -N "" -C "$2" -f "$1"', 'sh', file, comment]);
}

/** Fills the writable layer of a host that has none yet: name, addresses, keys, the packages others downloaded. */
export async function prepareHost(root: string, lab: LabRecord, host: LabHost): Promise<void> {
  const dir = hostDir(root, lab.name, host.name);
  await ensureDisks(root, lab.name, host);
  if (existsSync(join(dir, 'prepared'))) return;
  for (const part of ['upper', 'work', 'root'])
    await mkdir(join(dir, part), { recursive: true, mode: 0o755 });
  await ensureKey(join(dir, 'ssh_host_ed25519_key'), host.name);
  await writeIdentity(root, lab, host);
  for (const user of USERS) await writeLogin(root, lab, host, user);
  const password = (await readFile(join(labDir(root, lab.name), 'become-password'), 'utf8')).trim();
  await writeFile(join(dir, 'passwords'), `opspw:${password}\n`, { mode: 0o600 });
  await shareArchives(archivesDir(root), join(dir, 'upper', ARCHIVES));
  await writeFile(join(dir, 'prepared'), '');
}

async function writeIdentity(root: string, lab: LabRecord, host: LabHost): Promise<void> {
  const dir = hostDir(root, lab.name, host.name);
  const etc = join(dir, 'upper', 'etc');
  await mkdir(join(etc, 'ssh'), { recursive: true });
  const names = lab.hosts.map(other => `${other.address} ${other.name}\n`).join('');
  await writeFile(join(etc, 'hosts'), `127.0.0.1 localhost\n::1 localhost\n${names}`);
  await writeFile(join(etc, 'hostname'), `${host.name}\n`);
  await writeFile(join(etc, 'resolv.conf'), `nameserver ${nameserver}\n`);
  await writeFile(join(etc, 'machine-id'), `${randomBytes(16).toString('hex')}\n`, { mode: 0o444 });
  for (const [suffix, mode] of [
    ['', 0o600],
    ['.pub', 0o644],
  ] as const) {
    const key = `ssh_host_ed25519_key${suffix}`;
    await writeFile(join(etc, 'ssh', key), await readFile(join(dir, key)), { mode });
  }
}

async function writeLogin(
  root: string,
  lab: LabRecord,
  host: LabHost,
  user: (typeof USERS)[number],
): Promise<void> {
  const home = join(hostDir(root, lab.name, host.name), 'upper', user.home);
  const ssh = join(home, '.ssh');
  await mkdir(ssh, { recursive: true });
  const file = join(ssh, 'authorized_keys');
  await writeFile(file, await readFile(join(labDir(root, lab.name), 'id_ed25519.pub')), { mode: 0o600 });
  for (const path of [home, ssh, file]) await chown(path, user.id, user.id);
  for (const path of [home, ssh]) await chmod(path, 0o700);
}

/** Hard links cost nothing; a host that removes its copy leaves the shared one. */
async function shareArchives(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const name of await readdir(from).catch(() => [])) {
    if (name.endsWith('.deb')) await link(join(from, name), join(to, name)).catch(() => undefined);
  }
}

/** Moves packages that a host downloaded to where later hosts find them. */
export async function keepArchives(root: string, lab: string, host: string): Promise<void> {
  const from = join(hostDir(root, lab, host), 'upper', ARCHIVES);
  const to = archivesDir(root);
  await mkdir(to, { recursive: true });
  for (const name of await readdir(from).catch(() => [])) {
    const kept = join(to, name);
    if (name.endsWith('.deb') && !existsSync(kept))
      await rename(join(from, name), kept).catch(() => undefined);
  }
}

/** Powers a host on. Returns as soon as its supervisor runs; `waitForHost` tells when it is up. */
export async function startHost(root: string, lab: LabRecord, host: LabHost): Promise<void> {
  const dir = hostDir(root, lab.name, host.name);
  const group = groupName(lab.name, host.name);
  await killGroup(group);
  await attachDisks(root, lab.name, host);
  await setPort(lab.name, host, 'up');
  await makeGroup(group);
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
        LAB_CGROUP: group,
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

/** Cuts a host's power: everything in it ends at once, its disks stay. */
export async function killHost(lab: string, host: LabHost): Promise<void> {
  await setPort(lab, host, 'down');
  await killGroup(groupName(lab, host.name));
  await freeOrphanLoops();
}

/** Process that is PID 1 inside the host; undefined when it is off. */
export async function leaderOf(lab: string, host: string): Promise<number | undefined> {
  for (const pid of await processesOf(groupName(lab, host))) {
    const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
    if (/^NSpid:(\t\d+)*\t1$/m.test(status)) return pid;
  }
  return undefined;
}

/** What systemd in the host says of itself: `running`, `degraded`, `starting`…; `off` when the host is. */
export async function stateOf(lab: string, host: string, wait = false): Promise<string> {
  const leader = await leaderOf(lab, host);
  if (leader === undefined) return (await processesOf(groupName(lab, host))).length > 0 ? 'starting' : 'off';
  const asked = ['systemctl', 'is-system-running', ...(wait ? ['--wait'] : [])];
  const answer = await attempt(['timeout', '90', 'nsenter', '--target', String(leader), '--all', ...asked]);
  return answer.stdout.trim() || 'starting';
}

/** Waits until a host is booted and its sshd answers; says in which state it is. */
export async function waitForHost(lab: string, host: LabHost, timeoutMs: number): Promise<string> {
  const end = Date.now() + timeoutMs;
  const answered = await until(timeoutMs, async () => ((await greets(host.address)) ? true : undefined));
  if (!answered) return (await leaderOf(lab, host.name)) === undefined ? 'off' : 'no answer on port 22';
  const state = await until(end - Date.now(), async () => {
    const now = await stateOf(lab, host.name, true);
    return now === 'running' || now === 'degraded' ? now : undefined;
  });
  return state ?? (await stateOf(lab, host.name));
}

/** Units that failed, for the message about a degraded host. */
export async function failedUnits(lab: string, host: string): Promise<string> {
  const leader = await leaderOf(lab, host);
  if (leader === undefined) return '';
  const list = ['systemctl', 'list-units', '--failed', '--plain', '--no-legend'];
  const answer = await attempt(['nsenter', '--target', String(leader), '--all', ...list]);
  return answer.stdout
    .split('\n')
    .map(line => line.split(' ')[0])
    .join(' ')
    .trim();
}

/** Asks the host's systemd for a reboot, as the keys Ctrl-Alt-Del would, and gives the PID 1 that will end. */
export async function askForReboot(lab: string, host: string): Promise<number | undefined> {
  const leader = await leaderOf(lab, host);
  if (leader !== undefined)
    await run(['nsenter', '--target', String(leader), '--all', 'systemctl', 'reboot', '--no-block']);
  return leader;
}

function greets(address: string): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect({ host: address, port: 22, timeout: 1000 });
    const end = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.on('data', data => end(data.toString('latin1').startsWith('SSH-')));
    socket.on('error', () => end(false));
    socket.on('timeout', () => end(false));
    socket.on('close', () => end(false));
  });
}
