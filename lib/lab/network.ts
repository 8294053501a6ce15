import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { UsageError } from '../source/errors.ts';
import { attempt, run } from './command.ts';
import type { LabHost, LabRecord } from './record.ts';

/**
 * A lab's network: one parent namespace holds a bridge, and one namespace per host hangs on it. A veth leads from the
 * machine into the bridge, so that ordinary processes reach the hosts; slirp4netns gives the hosts a way out without
 * root's network or its ip_forward being touched.
 */
const DNS = '10.0.2.3';
const PREFIX = 'polarplay.';

/** Dots are not allowed in names of labs and hosts, so one lab's names never begin another's. */
export const labNetns = (lab: string): string => `${PREFIX}${lab}`;
export const hostNetns = (lab: string, host: string): string => `${PREFIX}${lab}.${host}`;
export const netnsPath = (netns: string): string => `/run/netns/${netns}`;
export const machineLink = (subnet: number): string => `pplab${subnet}`;
export const nameserver = DNS;

export const gateway = (subnet: number): string => `10.77.${subnet}.1`;
const machineAddress = (subnet: number): string => `10.77.${subnet}.254`;

/** Takes a subnet that nothing on this machine uses; making the interface is what claims it. */
export async function claimSubnet(): Promise<number> {
  for (let subnet = 1; subnet < 250; subnet++) {
    if ((await run(['ip', 'route', 'show', 'to', 'match', `10.77.${subnet}.0/24`])).includes('10.77.'))
      continue;
    if ((await run(['ip', 'route', 'show', 'root', `10.77.${subnet}.0/24`])).trim() !== '') continue;
    if (await addMachineLink(subnet)) return subnet;
  }
  throw new UsageError('no free network left in 10.77.0.0/16 for one more lab');
}

/** The far end waits beside the near one until the lab's namespace exists. */
async function addMachineLink(subnet: number): Promise<boolean> {
  const link = machineLink(subnet);
  const done = await attempt(['ip', 'link', 'add', link, 'type', 'veth', 'peer', 'name', `${link}p`]);
  return done.exitCode === 0;
}

/** Makes what is missing of a lab's network. */
export async function ensureNetwork(lab: LabRecord): Promise<void> {
  if (!isWhole(lab)) {
    await dropNetwork(lab.name, undefined);
    await addMachineLink(lab.subnet);
    await makeParent(lab);
  }
  for (const host of lab.hosts) if (!(await hasPort(lab, host))) await makeHostNetwork(lab, host);
}

const isWhole = (lab: LabRecord): boolean =>
  existsSync(netnsPath(labNetns(lab.name))) &&
  existsSync(`/sys/class/net/${machineLink(lab.subnet)}`) &&
  !existsSync(`/sys/class/net/${machineLink(lab.subnet)}p`);

/** The parent namespace, its bridge, and the machine's leg in it. */
async function makeParent(lab: LabRecord): Promise<void> {
  const netns = labNetns(lab.name);
  const link = machineLink(lab.subnet);
  await run(['ip', 'netns', 'add', netns]);
  await run(['ip', 'link', 'set', `${link}p`, 'netns', netns, 'name', 'machine']);
  await run(
    ['ip', '-n', netns, '-batch', '-'],
    [
      'link set lo up',
      'link add br0 type bridge',
      `addr add ${gateway(lab.subnet)}/24 dev br0`,
      'link set br0 up',
      'link set machine master br0 up',
    ].join('\n'),
  );
  await run(['ip', 'addr', 'add', `${machineAddress(lab.subnet)}/24`, 'dev', link]);
  await run(['ip', 'link', 'set', link, 'up']);
  const inside = ['ip', 'netns', 'exec', netns];
  await run([...inside, 'sysctl', '-qw', 'net.ipv4.ip_forward=1']);
  await run([...inside, 'iptables', '-t', 'nat', '-A', 'POSTROUTING', '-o', 'tap0', '-j', 'MASQUERADE']);
}

/** Joining the bridge comes last: a port that is on it is a port that is finished. */
async function makeHostNetwork(lab: LabRecord, host: LabHost): Promise<void> {
  const parent = labNetns(lab.name);
  const port = portOf(host);
  await attempt(['ip', '-n', parent, 'link', 'del', port]);
  if (lab.kind === 'nspawn') await makeVeth(lab, host, port);
  else await run(['ip', '-n', parent, 'tuntap', 'add', 'dev', port, 'mode', 'tap']);
  await run(['ip', '-n', parent, 'link', 'set', port, 'master', 'br0', 'up']);
}

async function makeVeth(lab: LabRecord, host: LabHost, port: string): Promise<void> {
  const netns = hostNetns(lab.name, host.name);
  const veth = ['link', 'add', port, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', netns];
  await attempt(['ip', 'netns', 'add', netns]);
  await run(['ip', '-n', labNetns(lab.name), ...veth]);
  await run(
    ['ip', '-n', netns, '-batch', '-'],
    [
      'link set lo up',
      `addr add ${host.address}/24 broadcast + dev eth0`,
      'link set eth0 up',
      // The way out is narrower than the bridge.
      `route add default via ${gateway(lab.subnet)} mtu 1400`,
    ].join('\n'),
  );
}

/** A port that is down makes the host unreachable, as one without power is. */
export async function setPort(lab: LabRecord, host: LabHost, state: 'up' | 'down'): Promise<void> {
  await run(['ip', '-n', labNetns(lab.name), 'link', 'set', portOf(host), state]);
}

const hasPort = async (lab: LabRecord, host: LabHost): Promise<boolean> =>
  / master br0 /.test(
    (await attempt(['ip', '-n', labNetns(lab.name), 'link', 'show', 'dev', portOf(host)])).stdout,
  );

/** The host's place on the bridge: one end of its veth, or its tap. */
export const portOf = (host: LabHost): string => `v${host.address.split('.')[3]}`;

/** Whether slirp4netns has finished its end of the way out. */
export async function hasWayOut(lab: string): Promise<boolean> {
  const shown = await attempt(['ip', '-n', labNetns(lab), '-o', '-4', 'addr', 'show', 'dev', 'tap0']);
  return shown.stdout.includes('10.0.2.');
}

/** Removes every namespace and interface of a lab; what is gone already is not an error. */
export async function dropNetwork(lab: string, subnet: number | undefined): Promise<void> {
  if (subnet !== undefined) await attempt(['ip', 'link', 'del', machineLink(subnet)]);
  const parent = labNetns(lab);
  for (const name of await namespaces()) {
    if (name === parent || name.startsWith(`${parent}.`)) await run(['ip', 'netns', 'del', name]);
  }
}

/** Names of the network namespaces that labs made. */
export async function namespaces(): Promise<string[]> {
  const all = await readdir('/run/netns').catch(() => []);
  return all.filter(name => name.startsWith(PREFIX));
}
