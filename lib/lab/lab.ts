import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { open, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { UsageError } from '../source/errors.ts';
import { dropBases, type Extra, ensureBase } from './base.ts';
import { groupName, joinGroup, killGroup, makeGroup, processesOf } from './cgroup.ts';
import { LabError, until } from './command.ts';
import { detachDisks, freeOrphanLoops } from './disks.ts';
import { ensureGuestImage } from './guest-image.ts';
import * as hosts from './host.ts';
import { writeInventory } from './inventory.ts';
import { claimSubnet, dropNetwork, ensureNetwork, hasWayOut, labNetns, netnsPath } from './network.ts';
import { planHosts } from './plan.ts';
import {
  type DiskKind,
  hostDir,
  type Lab,
  type LabDisk,
  type LabHost,
  type LabKind,
  labDir,
  labNames,
  loadLab,
  requireLab,
  saveLab,
  withLock,
} from './record.ts';
import { checkMachine } from './requirements.ts';

const WAY_OUT = '.uplink';

export interface UpOptions {
  readonly name: string;
  readonly kind: LabKind;
  readonly hosts: readonly string[];
  readonly disks: readonly LabDisk[];
  readonly diskKind: DiskKind;
  readonly extra: Extra;
  readonly kernelArguments: readonly string[];
  readonly memoryBytes?: number | undefined;
  readonly vars: Readonly<Record<string, unknown>>;
  readonly install: boolean;
}

export interface UpResult {
  readonly lab: Lab;
  readonly inventory: string;
  /** Hosts that this call powered on; empty when everything was up already. */
  readonly started: readonly string[];
}

type Say = (line: string) => void;

/** Makes a lab, or what is missing of it, and waits until all its hosts are booted. */
export async function up(root: string, options: UpOptions, say: Say): Promise<UpResult> {
  await checkMachine({ hosts: options.hosts.length, kind: options.kind, install: options.install }, say);
  return withLock(root, options.name, async () => {
    const lab = await decide(root, options, say);
    await hosts.ensureSecrets(root, lab.name);
    await ensureNetwork(lab);
    await ensureWayOut(lab);
    const on = await Promise.all(lab.hosts.map(host => hosts.isOn(lab, host)));
    const off = lab.hosts.filter((_, i) => !on[i]);
    await Promise.all(lab.hosts.map(host => hosts.prepareHost(lab, host)));
    const inventory = await writeInventory(lab);
    for (const host of off) await hosts.startHost(lab, host);
    await waitForAll(lab, off);
    return { lab, inventory, started: off.map(host => host.name) };
  });
}

/** A lab keeps what its first `up` decided; another request is refused rather than half done. */
async function decide(root: string, options: UpOptions, say: Say): Promise<Lab> {
  const found = await loadLab(root, options.name);
  const lab = found ? adopt(found, options) : await create(root, options, say);
  await saveLab(lab);
  return lab;
}

function adopt(found: Lab, options: UpOptions): Lab {
  const names = found.hosts.map(host => host.name).join(',');
  const release = options.extra.release ?? found.release;
  if (names === options.hosts.join(',') && found.kind === options.kind && found.release === release) {
    return { ...found, vars: { ...found.vars, ...options.vars } };
  }
  const what = found.release === undefined ? found.kind : `${found.kind}, ${found.release}`;
  throw new UsageError(
    `lab "${options.name}" exists with the hosts ${names} (${what}); take it down first, or choose another --name`,
  );
}

async function create(root: string, options: UpOptions, say: Say): Promise<Lab> {
  if (existsSync(netnsPath(labNetns(options.name)))) {
    throw new UsageError(
      `there is a lab "${options.name}" whose state is not in ${root}; choose another --name, ` +
        'or set POLARPLAY_STATE_DIR to where it is',
    );
  }
  const layers =
    options.kind === 'nspawn'
      ? await ensureBase(root, options.extra, say)
      : [await ensureGuestImage(root, options.kind, options.extra, say)];
  const subnet = await claimSubnet();
  const { name, kind, diskKind, kernelArguments, memoryBytes, vars } = options;
  return {
    root,
    name,
    kind,
    release: options.extra.release,
    subnet,
    hosts: planHosts(options.hosts, subnet, options.disks),
    diskKind,
    vars,
    layers,
    kernelArguments,
    memoryBytes,
  };
}

async function waitForAll(lab: Lab, started: readonly LabHost[]): Promise<void> {
  const timeout = hosts.bootTimeout(lab) + started.length * 5000;
  const states = await Promise.all(started.map(host => hosts.waitForHost(lab, host, timeout)));
  const bad = started.flatMap((host, i) => (states[i] === 'running' ? [] : [{ host, state: states[i]! }]));
  if (bad.length === 0) return;
  const lines = await Promise.all(bad.map(({ host, state }) => describeFailure(lab, host, state)));
  throw new LabError(`lab "${lab.name}" did not come up:\n${lines.join('\n')}`);
}

async function describeFailure(lab: Lab, host: LabHost, state: string): Promise<string> {
  const units = state === 'degraded' ? `, failed units: ${await hosts.failedUnits(lab, host)}` : '';
  const log = join(hostDir(lab.root, lab.name, host.name), 'console.log');
  const tail = (await readFile(log, 'utf8').catch(() => '')).trim().split('\n').slice(-5).join('\n    ');
  return `  ${host.name}: ${state}${units}; end of ${log}:\n    ${tail}`;
}

/** slirp4netns on the lab's parent namespace: how hosts reach package mirrors. */
async function ensureWayOut(lab: Lab): Promise<void> {
  const group = groupName(lab.name, WAY_OUT);
  if ((await processesOf(group)).length > 0) return;
  await makeGroup(group);
  const file = join(labDir(lab.root, lab.name), 'uplink.log');
  const log = await open(file, 'w', 0o600);
  const options = ['--configure', '--mtu=1400', '--disable-host-loopback', '--netns-type=path'];
  const child = spawn('slirp4netns', [...options, netnsPath(labNetns(lab.name)), 'tap0'], {
    cwd: '/',
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
  });
  child.unref();
  await log.close();
  if (child.pid === undefined) throw new LabError('slirp4netns does not start');
  await joinGroup(group, child.pid);
  const opened = await until(10_000, async () => ((await hasWayOut(lab.name)) ? true : undefined));
  if (!opened) throw new LabError(`slirp4netns does not start; see ${file}`);
}

/** Ends a lab and removes everything it made, whatever state it is in. False when there was nothing. */
export function down(root: string, name: string): Promise<boolean> {
  return withLock(root, name, async () => {
    const found = await loadLab(root, name);
    const leftovers = existsSync(labDir(root, name)) || existsSync(netnsPath(labNetns(name)));
    await killGroup(groupName(name));
    await freeOrphanLoops();
    for (const host of await readdir(join(labDir(root, name), 'hosts')).catch(() => [])) {
      await detachDisks(root, name, host);
      await hosts.keepArchives(root, name, host);
    }
    await dropNetwork(name, found?.subnet);
    await rm(labDir(root, name), { recursive: true, force: true });
    return found !== undefined || leftovers;
  });
}

/** Removes base images and downloaded packages, when no lab stands on them. */
export async function clean(root: string): Promise<void> {
  const labs = await labNames(root);
  if (labs.length > 0)
    throw new UsageError(`these labs use the base image: ${labs.join(', ')}; take them down first`);
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
  const lab = await requireLab(root, name);
  return Promise.all(
    lab.hosts.map(async host => {
      const state = await hosts.stateOf(lab, host);
      const uptimeSeconds = state === 'off' ? undefined : await hosts.uptimeOf(lab, host);
      return {
        host,
        state,
        uptimeSeconds,
        memoryBytes: await memory(await processesOf(groupName(name, host.name))),
      };
    }),
  );
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
export async function kill(root: string, name: string, hostName: string): Promise<void> {
  const { lab, host } = await requireHost(root, name, hostName);
  await withLock(root, name, () => hosts.killHost(lab, host));
}

/** Powers a host on and waits until it is up; false when it was on already. */
export async function start(root: string, name: string, hostName: string): Promise<boolean> {
  const { lab, host } = await requireHost(root, name, hostName);
  return withLock(root, name, async () => {
    if (await hosts.isOn(lab, host)) return false;
    await ensureNetwork(lab);
    await ensureWayOut(lab);
    await hosts.startHost(lab, host);
    await waitForAll(lab, [host]);
    return true;
  });
}

/** Reboots a host through its own systemd and waits until it is up again. */
export async function reboot(root: string, name: string, hostName: string): Promise<void> {
  const { lab, host } = await requireHost(root, name, hostName);
  if (!(await hosts.isOn(lab, host))) {
    throw new UsageError(`${hostName} is off; power it on with: polarplay lab start ${hostName}`);
  }
  if (!(await hosts.rebootHost(lab, host)))
    throw new LabError(`${hostName} did not come back from its reboot`);
  await waitForAll(lab, [host]);
}

/** A lab and one of its hosts, which must exist. */
export async function requireHost(
  root: string,
  name: string,
  hostName: string,
): Promise<{ lab: Lab; host: LabHost }> {
  const lab = await requireLab(root, name);
  const host = lab.hosts.find(candidate => candidate.name === hostName);
  if (host) return { lab, host };
  throw new UsageError(
    `lab "${name}" has no host "${hostName}"; it has ${lab.hosts.map(h => h.name).join(', ')}`,
  );
}
