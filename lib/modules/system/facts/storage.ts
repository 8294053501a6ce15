import { partAt } from '../../../source/part-at.ts';
import { addTo, emptyRecord } from '../../../source/record.ts';
import type { Json } from '../../../source/value.ts';
import { type Collector, type Facts, line, lines, names, type Raw } from './collector.ts';

type Dict = { [key: string]: Json };

const UNITS = ['YB', 'ZB', 'EB', 'PB', 'TB', 'GB', 'MB', 'KB'] as const;

/** `268435456` → `256.00 MB`, the way device facts show sizes. */
export function humanSize(bytes: number): string {
  for (const [i, unit] of UNITS.entries()) {
    const limit = 1024 ** (UNITS.length - i);
    if (bytes >= limit) return `${(bytes / limit).toFixed(2)} ${unit}`;
  }
  return `${bytes.toFixed(2)} Bytes`;
}

const base = (path: string) => path.slice(path.lastIndexOf('/') + 1);

const sorted = (lists: ReadonlyMap<string, string[]>) =>
  new Map([...lists].map(([key, list]) => [key, list.sort()]));

/** Device name → names under which /dev/disk/by-… knows it. */
function linksBelow(raw: Raw, dir: string): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const [path, target] of raw.links) {
    if (!path.startsWith(`${dir}/`)) continue;
    const device = base(target);
    addTo(found, device, base(path));
  }
  return sorted(found);
}

interface DeviceLinks {
  readonly ids: ReadonlyMap<string, string[]>;
  readonly uuids: ReadonlyMap<string, string[]>;
  readonly labels: ReadonlyMap<string, string[]>;
  readonly masters: ReadonlyMap<string, string[]>;
}

function deviceLinks(raw: Raw): DeviceLinks {
  const masters = new Map<string, string[]>();
  for (const path of raw.paths) {
    const match = /^\/sys\/block\/([^/]+)\/slaves\/([^/]+)$/.exec(path);
    if (match) addTo(masters, partAt(match, 2), partAt(match, 1));
  }
  return {
    ids: linksBelow(raw, '/dev/disk/by-id'),
    uuids: linksBelow(raw, '/dev/disk/by-uuid'),
    labels: linksBelow(raw, '/dev/disk/by-label'),
    masters: sorted(masters),
  };
}

const linksOf = (links: DeviceLinks, device: string): Dict =>
  Object.fromEntries(
    Object.entries(links).map(([kind, map]: [string, ReadonlyMap<string, string[]>]) => [
      kind,
      map.get(device) ?? [],
    ]),
  );

/** Device-mapper devices on top of a device, by their own names. */
function holders(raw: Raw, sysdir: string): Json[] {
  return names(raw, `${sysdir}/holders/`)
    .filter(name => name.startsWith('dm-'))
    .map(name => line(raw, `/sys/block/${name}/dm/name`) ?? name);
}

function partitions(raw: Raw, disk: string, links: DeviceLinks, sectorsize: string): Dict {
  const dir = `/sys/block/${disk}`;
  const found = names(raw, `${dir}/`).filter(
    name => name.startsWith(disk) && /^p?\d+$/.test(name.slice(disk.length)),
  );
  return Object.fromEntries(
    found.map(name => {
      const sectors = line(raw, `${dir}/${name}/size`) ?? '0';
      const facts: Dict = {
        links: linksOf(links, name),
        start: line(raw, `${dir}/${name}/start`) ?? '0',
        sectors,
        sectorsize,
        size: humanSize(Number(sectors) * 512),
        uuid: links.uuids.get(name)?.[0] ?? null,
        holders: holders(raw, `${dir}/${name}`),
      };
      return [name, facts];
    }),
  );
}

function deviceFacts(raw: Raw): Facts {
  const links = deviceLinks(raw);
  const pci = new Map(
    (raw.sections.get('lspci') ?? '')
      .split('\n')
      .map(entry => [partAt(entry.split(' '), 0), entry.slice(entry.indexOf(' ') + 1)]),
  );
  const devices: Dict = emptyRecord();
  for (const disk of names(raw, '/sys/block/')) {
    const dir = `/sys/block/${disk}`;
    const value = (file: string) => line(raw, `${dir}/${file}`) ?? null;
    const sectors = value('size') ?? '0';
    const sectorsize = value('queue/logical_block_size') ?? value('queue/hw_sector_size') ?? '512';
    const serial = value('device/serial');
    const wwn = links.ids
      .get(disk)
      ?.find(name => name.startsWith('wwn-'))
      ?.slice(4);
    const bus = /^[\s\S]+\/([a-f0-9]{4}:[a-f0-9]{2}:[01][a-f0-9]\.[0-7])\//.exec(
      raw.links.get(dir) ?? '',
    )?.[1];
    devices[disk] = {
      virtual: 1,
      links: linksOf(links, disk),
      vendor: value('device/vendor'),
      model: value('device/model'),
      sas_address: value('device/sas_address'),
      sas_device_handle: value('device/sas_device_handle'),
      ...(serial !== null && { serial }),
      removable: value('removable'),
      support_discard: value('queue/discard_granularity'),
      ...(wwn !== undefined && { wwn }),
      partitions: partitions(raw, disk, links, sectorsize),
      rotational: value('queue/rotational'),
      scheduler_mode: /\[([^\][]*)\]/.exec(value('queue/scheduler') ?? '')?.[1] ?? '',
      sectors,
      sectorsize,
      size: humanSize(Number(sectors) * 512),
      host: (bus && pci.get(bus)) || '',
      holders: holders(raw, dir),
    };
  }
  const device_links = Object.fromEntries(
    Object.entries(links).map(([kind, map]: [string, ReadonlyMap<string, string[]>]) => [
      kind,
      Object.fromEntries(map),
    ]),
  );
  return { devices, device_links };
}

const unescapeOctal = (text: string) =>
  text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));

/** Mount points that show a directory of a file system rather than its root. */
function bindMounts(raw: Raw): Set<string> {
  const found = lines(raw, '/proc/self/mountinfo').map(entry => entry.split(' '));
  return new Set(found.filter(fields => fields[3] !== '/').map(fields => unescapeOctal(fields[4] ?? '')));
}

function mountSizes(raw: Raw): Map<string, Dict> {
  const sizes = new Map<string, Dict>();
  for (const entry of (raw.sections.get('statfs') ?? '').split('\n')) {
    const match = /^(\d+) (\d+) (\d+) (\d+) (\d+) (\d+) (.*)$/.exec(entry);
    if (!match) continue;
    const [unit = 0, block = 0, total = 0, free = 0, inodes = 0, inodesFree = 0] = match
      .slice(1, 7)
      .map(Number);
    sizes.set(partAt(match, 7), {
      size_total: unit * total,
      size_available: unit * free,
      block_size: block,
      block_total: total,
      block_available: free,
      block_used: total - free,
      inode_total: inodes,
      inode_available: inodesFree,
      inode_used: inodes - inodesFree,
    });
  }
  return sizes;
}

function mountFacts(raw: Raw): Facts {
  const bound = bindMounts(raw);
  const sizes = mountSizes(raw);
  const uuids = new Map(
    (raw.sections.get('lsblk') ?? '').split('\n').flatMap(entry => {
      const [device, uuid] = entry.trim().split(/\s+/);
      return device && uuid ? [[device, uuid] as const] : [];
    }),
  );
  // The last mount on a place hides the earlier ones.
  const mounts = new Map<string, Json>();
  for (const entry of lines(raw, '/proc/self/mounts')) {
    const [device = '', mount = '', fstype = '', options = ''] = entry.split(' ').map(unescapeOctal);
    if ((!device.startsWith('/') && !device.includes(':/')) || fstype === 'none') continue;
    const found: Json = {
      mount,
      device,
      fstype,
      options: bound.has(mount) ? `${options},bind` : options,
      ...sizes.get(mount),
      ...(!sizes.has(mount) && { note: 'Could not get extra information due to timeout' }),
      uuid: uuids.get(device) ?? 'N/A',
    };
    mounts.set(mount, found);
  }
  return { mounts: [...mounts.values()] };
}

/** Rows of vgs, lvs and pvs. */
function lvmFacts(raw: Raw): Facts {
  if (!raw.sections.has('vgs')) return { lvm: 'N/A' };
  const rows = (name: string) =>
    (raw.sections.get(name) ?? '')
      .split('\n')
      .map(row => row.trim().split(','))
      .filter(row => row.length > 2);
  const table = (name: string, pick: (row: string[]) => Dict): Dict =>
    Object.fromEntries(rows(name).map(row => [partAt(row, 0), pick(row)]));
  const at = (row: string[], index: number) => row.at(index) ?? '';
  return {
    lvm: {
      vgs: table('vgs', row => ({
        size_g: at(row, -2),
        free_g: at(row, -1),
        num_lvs: at(row, 2),
        num_pvs: at(row, 1),
      })),
      lvs: table('lvs', row => ({ size_g: at(row, 3), vg: at(row, 1) })),
      pvs: table('pvs', row => ({ size_g: at(row, 4), free_g: at(row, 5), vg: at(row, 1) })),
    },
  };
}

// Mounts of real devices first, in one stat; each network mount in a stat of its own, since a dead server hangs it.
const script = ({ timeout }: { timeout: number }) => `section statfs
limit=; command -v timeout >/dev/null 2>&1 && limit='timeout ${timeout}'
set --; remote=
while read -r device mount type rest; do
  case $device in /*|*:/*) ;; *) continue;; esac
  case $mount in *\\\\*) mount=$(printf '%s' "$mount" | sed 's/\\\\\\([0-7][0-7][0-7]\\)/\\\\0\\1/g'); mount=$(printf '%b' "$mount");; esac
  case $type in nfs*|cifs|smb*|fuse*|ceph|9p|glusterfs|lustre) $limit stat -f -c '%S %s %b %a %c %d %n' "$mount" 2>/dev/null;; *) set -- "$@" "$mount";; esac
done </proc/self/mounts
[ $# -gt 0 ] && stat -f -c '%S %s %b %a %c %d %n' "$@" 2>/dev/null
section lsblk; command -v lsblk >/dev/null 2>&1 && lsblk --list --noheadings --paths --output NAME,UUID --exclude 2 2>/dev/null
section lspci; command -v lspci >/dev/null 2>&1 && lspci -D 2>/dev/null
if [ -w /etc/passwd ] && command -v vgs >/dev/null 2>&1; then
  for p in vgs lvs pvs; do section $p; $p --noheadings --nosuffix --units g --separator , 2>/dev/null; done
fi`;

export const storage: Collector = {
  name: 'hardware',
  files: [
    '/proc/self/mounts',
    '/proc/self/mountinfo',
    ...[
      'size',
      'removable',
      'queue/rotational',
      'queue/scheduler',
      'queue/logical_block_size',
      'queue/hw_sector_size',
      'queue/discard_granularity',
      'device/vendor',
      'device/model',
      'device/sas_address',
      'device/sas_device_handle',
      'device/serial',
      'dm/name',
      '*/start',
      '*/size',
    ].map(file => `/sys/block/*/${file}`),
  ],
  links: ['/sys/block/*', '/dev/disk/by-id/*', '/dev/disk/by-uuid/*', '/dev/disk/by-label/*'],
  paths: ['/sys/block/*/slaves/*', '/sys/block/*/holders/*', '/sys/block/*/*/holders/*'],
  script,
  parse: raw => ({ ...deviceFacts(raw), ...mountFacts(raw), ...lvmFacts(raw) }),
};
