import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, chown, link, mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { archivesDir } from './base.ts';
import { groupName, killGroup, makeGroup, processesOf } from './cgroup.ts';
import { run, until } from './command.ts';
import { ensureDisks, freeOrphanLoops } from './disks.ts';
import type { Machine } from './machine.ts';
import { nameserver, setPort } from './network.ts';
import { nspawn } from './nspawn.ts';
import { hostDir, type Lab, type LabHost, type LabKind, labDir } from './record.ts';
import { uml } from './uml.ts';
import { vm } from './vm.ts';

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

const MACHINES: Readonly<Record<LabKind, Machine>> = { nspawn, uml, vm };
const machineOf = (lab: Lab): Machine => MACHINES[lab.kind];

export const bootTimeout = (lab: Lab): number => machineOf(lab).bootTimeoutMs;

/** Fills the writable layer of a host that has none yet: name, addresses, keys, the packages others downloaded. */
export async function prepareHost(lab: Lab, host: LabHost): Promise<void> {
  const dir = hostDir(lab.root, lab.name, host.name);
  await ensureDisks(lab, host);
  if (existsSync(join(dir, 'prepared'))) return;
  await mkdir(join(dir, 'upper'), { recursive: true, mode: 0o755 });
  await ensureKey(join(dir, 'ssh_host_ed25519_key'), host.name);
  await writeIdentity(lab, host);
  for (const user of USERS) await writeLogin(lab, host, user);
  if (lab.kind === 'nspawn') await shareArchives(archivesDir(lab.root), join(dir, 'upper', ARCHIVES));
  await writeFile(join(dir, 'prepared'), '');
}

async function writeIdentity(lab: Lab, host: LabHost): Promise<void> {
  const dir = hostDir(lab.root, lab.name, host.name);
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

async function writeLogin(lab: Lab, host: LabHost, user: (typeof USERS)[number]): Promise<void> {
  const home = join(hostDir(lab.root, lab.name, host.name), 'upper', user.home);
  const ssh = join(home, '.ssh');
  await mkdir(ssh, { recursive: true });
  const file = join(ssh, 'authorized_keys');
  await writeFile(file, await readFile(join(labDir(lab.root, lab.name), 'id_ed25519.pub')), { mode: 0o600 });
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

/** Powers a host on. Returns as soon as it begins to boot; `waitForHost` tells when it is up. */
export async function startHost(lab: Lab, host: LabHost): Promise<void> {
  const group = groupName(lab.name, host.name);
  await killGroup(group);
  await setPort(lab, host, 'up');
  await makeGroup(group);
  await machineOf(lab).start(lab, host);
}

/** Cuts a host's power: everything in it ends at once, its disks stay. */
export async function killHost(lab: Lab, host: LabHost): Promise<void> {
  await setPort(lab, host, 'down');
  await killGroup(groupName(lab.name, host.name));
  await freeOrphanLoops();
}

export const isOn = async (lab: Lab, host: LabHost): Promise<boolean> =>
  (await processesOf(groupName(lab.name, host.name))).length > 0;

/** What systemd in the host says of itself: `running`, `degraded`, `starting`…; `off` when the host is. */
export async function stateOf(lab: Lab, host: LabHost, wait = false): Promise<string> {
  if (!(await isOn(lab, host))) return 'off';
  const asked = ['systemctl', 'is-system-running', ...(wait ? ['--wait'] : [])];
  const answer = await machineOf(lab).inside(lab, host, asked);
  return answer?.stdout.trim() || 'starting';
}

/** Waits until a host is booted and its sshd answers; says in which state it is. */
export async function waitForHost(lab: Lab, host: LabHost, timeoutMs: number): Promise<string> {
  const end = Date.now() + timeoutMs;
  // The supervisor needs a moment to be there; then a host that is off has failed to boot.
  const answered = await until(timeoutMs, async () => {
    if (await greets(host.address)) return 'yes';
    return Date.now() > end - timeoutMs + 5000 && !(await isOn(lab, host)) ? 'off' : undefined;
  });
  if (answered !== 'yes') return answered ?? 'no answer on port 22';
  const state = await until(end - Date.now(), async () => {
    const now = await stateOf(lab, host, true);
    return now === 'running' || now === 'degraded' ? now : undefined;
  });
  return state ?? stateOf(lab, host);
}

/** Units that failed, for the message about a degraded host. */
export async function failedUnits(lab: Lab, host: LabHost): Promise<string> {
  const list = ['systemctl', 'list-units', '--failed', '--plain', '--no-legend'];
  const answer = await machineOf(lab).inside(lab, host, list);
  return (answer?.stdout ?? '')
    .split('\n')
    .map(line => line.split(' ')[0])
    .join(' ')
    .trim();
}

/** Changes at each boot; undefined while the host cannot be asked. */
export async function bootId(lab: Lab, host: LabHost): Promise<string | undefined> {
  const answer = await machineOf(lab).inside(lab, host, ['cat', '/proc/sys/kernel/random/boot_id']);
  return answer?.stdout.trim() || undefined;
}

/** Seconds since the host's last boot. */
export async function uptimeOf(lab: Lab, host: LabHost): Promise<number | undefined> {
  const answer = await machineOf(lab).inside(lab, host, ['cat', '/proc/1/stat', '/proc/uptime']);
  const [stat, uptime] = answer?.stdout.trim().split('\n') ?? [];
  if (stat === undefined || uptime === undefined) return undefined;
  const startTicks = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
  return Math.max(0, Number(uptime.split(' ')[0]) - startTicks / 100);
}

/** Restarts a host through its own systemd and waits until it is another boot. False when it does not come back. */
export async function rebootHost(lab: Lab, host: LabHost): Promise<boolean> {
  const before = await bootId(lab, host);
  await machineOf(lab).inside(lab, host, ['systemctl', 'reboot', '--no-block']);
  const again = await until(machineOf(lab).bootTimeoutMs + 60_000, async () => {
    const now = await bootId(lab, host);
    return now !== undefined && now !== before ? true : undefined;
  });
  return again ?? false;
}

function greets(address: string): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect({ host: address, port: 22, timeout: 10_000 });
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
