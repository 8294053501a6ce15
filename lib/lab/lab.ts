import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { open, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { UsageError } from '../source/errors.ts';
import { dropBases, ensureBase } from './base.ts';
import { groupName, joinGroup, killGroup, makeGroup, processesOf } from './cgroup.ts';
import { until } from './command.ts';
import { detachDisks, freeOrphanLoops } from './disks.ts';
import * as hosts from './host.ts';
import { writeInventory } from './inventory.ts';
import { claimSubnet, dropNetwork, ensureNetwork, hasWayOut, labNetns, netnsPath } from './network.ts';
import { planHosts } from './plan.ts';
import {
  type DiskKind,
  hostDir,
  type LabDisk,
  type LabHost,
  type LabRecord,
  labDir,
  labNames,
  loadRecord,
  requireRecord,
  saveRecord,
  withLock,
} from './record.ts';
import { checkMachine } from './requirements.ts';

const WAY_OUT = '.uplink';
const BOOT_TIMEOUT_MS = 60_000;

export interface UpOptions {
  readonly name: string;
  readonly hosts: readonly string[];
  readonly disks: readonly LabDisk[];
  readonly diskKind: DiskKind;
  readonly packages: readonly string[];
  readonly vars: Readonly<Record<string, unknown>>;
  readonly install: boolean;
}

export interface UpResult {
  readonly record: LabRecord;
  readonly inventory: string;
  /** Hosts that this call powered on; empty when everything was up already. */
  readonly started: readonly string[];
}

type Say = (line: string) => void;

/** Makes a lab, or what is missing of it, and waits until all its hosts are booted. */
export async function up(root: string, options: UpOptions, say: Say): Promise<UpResult> {
  await checkMachine(options.hosts.length, options.install, say);
  return withLock(root, options.name, async () => {
    const record = await decide(root, options, say);
    await hosts.ensureSecrets(root, record.name);
    await ensureNetwork(record);
    await ensureWayOut(root, record.name);
    const off = await hostsThatAreOff(record);
    await Promise.all(record.hosts.map(host => hosts.prepareHost(root, record, host)));
    for (const host of off) await hosts.startHost(root, record, host);
    const inventory = await writeInventory(root, record);
    await waitForAll(root, record, off);
    return { record, inventory, started: off.map(host => host.name) };
  });
}

/** A lab keeps what its first `up` decided; another wish is refused rather than half done. */
async function decide(root: string, options: UpOptions, say: Say): Promise<LabRecord> {
  const found = await loadRecord(root, options.name);
  if (found) {
    const names = found.hosts.map(host => host.name).join(',');
    if (names === options.hosts.join(',')) {
      const record = { ...found, vars: { ...found.vars, ...options.vars } };
      await saveRecord(root, record);
      return record;
    }
    throw new UsageError(
      `lab "${options.name}" exists with the hosts ${names}; take it down first, or choose another --name`,
    );
  }
  if (existsSync(netnsPath(labNetns(options.name)))) {
    throw new UsageError(
      `there is a lab "${options.name}" whose state is not in ${root}; choose another --name, ` +
        'or set POLARPLAY_STATE_DIR to where it is',
    );
  }
  const layers = await ensureBase(root, options.packages, say);
  const subnet = await claimSubnet();
  const record: LabRecord = {
    name: options.name,
    kind: 'nspawn',
    subnet,
    hosts: planHosts(options.hosts, subnet, options.disks),
    diskKind: options.diskKind,
    vars: options.vars,
    layers,
  };
  await saveRecord(root, record);
  return record;
}

async function hostsThatAreOff(record: LabRecord): Promise<LabHost[]> {
  const states = await Promise.all(record.hosts.map(host => hosts.stateOf(record.name, host.name)));
  return record.hosts.filter((_, i) => states[i] === 'off');
}

async function waitForAll(root: string, record: LabRecord, started: readonly LabHost[]): Promise<void> {
  const timeout = BOOT_TIMEOUT_MS + started.length * 5000;
  const states = await Promise.all(started.map(host => hosts.waitForHost(record.name, host, timeout)));
  const bad = started.flatMap((host, i) => (states[i] === 'running' ? [] : [{ host, state: states[i]! }]));
  if (bad.length === 0) return;
  const lines = await Promise.all(bad.map(({ host, state }) => describeFailure(root, record, host, state)));
  throw new Error(`lab "${record.name}" did not come up:\n${lines.join('\n')}`);
}

async function describeFailure(
  root: string,
  record: LabRecord,
  host: LabHost,
  state: string,
): Promise<string> {
  const units =
    state === 'degraded' ? `, failed units: ${await hosts.failedUnits(record.name, host.name)}` : '';
  const log = join(hostDir(root, record.name, host.name), 'console.log');
  const tail = (await readFile(log, 'utf8').catch(() => '')).trim().split('\n').slice(-5).join('\n    ');
  return `  ${host.name}: ${state}${units}; end of ${log}:\n    ${tail}`;
}

/** slirp4netns on the lab's parent namespace: how hosts reach package mirrors. */
async function ensureWayOut(root: string, lab: string): Promise<void> {
  const group = groupName(lab, WAY_OUT);
  if ((await processesOf(group)).length > 0) return;
  await makeGroup(group);
  const file = join(labDir(root, lab), 'uplink.log');
  const log = await open(file, 'w', 0o600);
  const options = ['--configure', '--mtu=1400', '--disable-host-loopback', '--netns-type=path'];
  const child = spawn('slirp4netns', [...options, netnsPath(labNetns(lab)), 'tap0'], {
    cwd: '/',
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
  });
  child.unref();
  await log.close();
  if (child.pid === undefined) throw new Error('slirp4netns does not start');
  await joinGroup(group, child.pid);
  const opened = await until(10_000, async () => ((await hasWayOut(lab)) ? true : undefined));
  if (!opened) throw new Error(`slirp4netns does not start; see ${file}`);
}

/** Ends a lab and removes everything it made, whatever state it is in. False when there was nothing. */
export function down(root: string, name: string): Promise<boolean> {
  return withLock(root, name, async () => {
    const record = await loadRecord(root, name);
    const leftovers = existsSync(labDir(root, name)) || existsSync(netnsPath(labNetns(name)));
    await killGroup(groupName(name));
    await freeOrphanLoops();
    for (const host of await readdir(join(labDir(root, name), 'hosts')).catch(() => [])) {
      await detachDisks(root, name, host);
      await hosts.keepArchives(root, name, host);
    }
    await dropNetwork(name, record?.subnet);
    await rm(labDir(root, name), { recursive: true, force: true });
    return record !== undefined || leftovers;
  });
}

/** Removes base images and downloaded packages, when no lab stands on them. */
export async function clean(root: string): Promise<void> {
  const labs = await labNames(root);
  if (labs.length > 0)
    throw new UsageError(`labs stand on the base image: ${labs.join(', ')}; take them down first`);
  await dropBases(root);
}

export interface HostStatus {
  readonly host: LabHost;
  readonly state: string;
  readonly uptimeSeconds: number | undefined;
  readonly memoryBytes: number;
}

/** State, uptime and memory of each host. */
export async function status(root: string, name: string): Promise<readonly HostStatus[]> {
  const record = await requireRecord(root, name);
  return Promise.all(
    record.hosts.map(async host => ({
      host,
      state: await hosts.stateOf(name, host.name),
      uptimeSeconds: await uptime(await hosts.leaderOf(name, host.name)),
      memoryBytes: await memory(await processesOf(groupName(name, host.name))),
    })),
  );
}

async function uptime(pid: number | undefined): Promise<number | undefined> {
  if (pid === undefined) return undefined;
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  if (stat === undefined) return undefined;
  const ticks = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
  const machine = Number((await readFile('/proc/uptime', 'utf8')).split(' ')[0]);
  return Math.max(0, machine - ticks / 100);
}

/** Memory counted once even where processes share it. */
async function memory(pids: readonly number[]): Promise<number> {
  const parts = pids.map(async pid => {
    const text = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(() => '');
    return Number(/^Pss:\s+(\d+)/m.exec(text)?.[1] ?? 0) * 1024;
  });
  return (await Promise.all(parts)).reduce((sum, n) => sum + n, 0);
}

/** Cuts a host's power. */
export async function kill(root: string, name: string, host: string): Promise<void> {
  const { found } = await requireHost(root, name, host);
  await withLock(root, name, () => hosts.killHost(name, found));
}

/** Powers a host on and waits until it is up; false when it was on already. */
export async function start(root: string, name: string, host: string): Promise<boolean> {
  const { record, found } = await requireHost(root, name, host);
  return withLock(root, name, async () => {
    if ((await hosts.stateOf(name, host)) !== 'off') return false;
    await ensureNetwork(record);
    await ensureWayOut(root, name);
    await hosts.startHost(root, record, found);
    await waitForAll(root, record, [found]);
    return true;
  });
}

/** Reboots a host through its own systemd and waits until it is up again. */
export async function reboot(root: string, name: string, host: string): Promise<void> {
  const { record, found } = await requireHost(root, name, host);
  const before = await hosts.askForReboot(name, host);
  if (before === undefined)
    throw new UsageError(`${host} is off; power it on with: polarplay lab start ${host}`);
  const again = await until(120_000, async () => {
    const now = await hosts.leaderOf(name, host);
    return now !== undefined && now !== before ? true : undefined;
  });
  if (!again) throw new Error(`${host} did not come back within two minutes of asking for a reboot`);
  await waitForAll(root, record, [found]);
}

/** The record of a lab and one of its hosts, which must exist. */
export const requireLab = requireRecord;

export async function requireHost(
  root: string,
  name: string,
  host: string,
): Promise<{ record: LabRecord; found: LabHost }> {
  const record = await requireRecord(root, name);
  const found = record.hosts.find(candidate => candidate.name === host);
  if (found) return { record, found };
  throw new UsageError(
    `lab "${name}" has no host "${host}"; it has ${record.hosts.map(h => h.name).join(', ')}`,
  );
}
