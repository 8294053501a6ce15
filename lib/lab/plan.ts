import { parse } from 'yaml';
import { UsageError } from '../source/errors.ts';
import { checkName, type LabDisk, type LabHost } from './record.ts';

const DEFAULT_HOSTS = ['st1', 'rw1', 'ro1', 'ro2'];
const MOST_HOSTS = 64;
const UNITS: Readonly<Record<string, number>> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };

/** Bytes of a size as `64M` or `15G`; `option` is who asked for it. */
export function parseSize(option: string, text: string): number {
  const found = /^(\d+)([KMGT]?)i?B?$/i.exec(text);
  const bytes = found ? Number(found[1]) * (UNITS[found[2]!.toUpperCase()] ?? 1) : 0;
  if (bytes < 512 || bytes % 512 !== 0)
    throw new UsageError(`${option}: "${text}" is not a size: use 64M or 15G`, 5);
  return bytes;
}

/** Host names of `--hosts`: a count gives h1…hN, a list gives those, nothing gives the four of a deployment. */
export function parseHosts(text: string | undefined): readonly string[] {
  if (text === undefined) return DEFAULT_HOSTS;
  if (/^\d+$/.test(text)) {
    const count = Number(text);
    if (count < 1 || count > MOST_HOSTS) throw new UsageError(`--hosts ${text}: from 1 to ${MOST_HOSTS}`, 5);
    return Array.from({ length: count }, (_, i) => `h${i + 1}`);
  }
  const names = text.split(',').map(name => checkName('host name', name.trim()));
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice) throw new UsageError(`--hosts names ${twice} twice`, 5);
  if (names.length > MOST_HOSTS) throw new UsageError(`--hosts: at most ${MOST_HOSTS}`, 5);
  return names;
}

/** Disks of `--disk 3x15G` and `--scratch 64M`: vdb, vdc… as export1, export2…, then the scratch one. */
export function parseDisks(data: string, scratch: string): readonly LabDisk[] {
  const found = /^(?:(\d+)x)?([^x]+)$/.exec(data);
  if (!found) throw new UsageError(`--disk ${data}: use 3x15G`, 5);
  const count = found[1] === undefined ? 1 : Number(found[1]);
  if (count > 20) throw new UsageError(`--disk ${data}: at most 20 disks`, 5);
  const bytes = count === 0 ? 0 : parseSize('--disk', found[2]!);
  const disks = Array.from({ length: count }, (_, i) => ({
    device: deviceName(i),
    bytes,
    exportName: `export${i + 1}`,
  }));
  if (scratch === 'none') return disks;
  return [
    ...disks,
    { device: deviceName(count), bytes: parseSize('--scratch', scratch), exportName: 'scratch' },
  ];
}

const deviceName = (index: number): string => `vd${String.fromCharCode('b'.charCodeAt(0) + index)}`;

/** What a host is for, told by its name: st1 storage, rw1 primary, ro1 replica, anything else a plain host. */
export function groupOf(host: string): 'storage' | 'primary' | 'replicas' | undefined {
  if (/^st\d*$/.test(host)) return 'storage';
  if (/^rw\d*$/.test(host)) return 'primary';
  return /^ro\d*$/.test(host) ? 'replicas' : undefined;
}

/** Gives each host its address in 10.77.SUBNET.0/24 and the storage hosts their disks. */
export function planHosts(names: readonly string[], subnet: number, disks: readonly LabDisk[]): LabHost[] {
  return names.map((name, i) => ({
    name,
    address: `10.77.${subnet}.${11 + i}`,
    disks: groupOf(name) === 'storage' ? disks : [],
  }));
}

/** Inventory variables of `--var NAME=VALUE`; values are YAML, so `true` and `5` keep their type. */
export function parseVars(texts: readonly string[]): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    texts.map(text => {
      const found = /^([A-Za-z_]\w*)=(.*)$/s.exec(text);
      if (!found) throw new UsageError(`--var ${text}: use NAME=VALUE`, 5);
      return [found[1]!, parse(found[2]!) as unknown];
    }),
  );
}
