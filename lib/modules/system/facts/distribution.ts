import { partAt } from '../../../source/part-at.ts';
import { entryOf } from '../../../source/record.ts';
import { assignments, type Collector, type Facts, line, lines, type Raw } from './collector.ts';

const FAMILIES: Readonly<Record<string, readonly string[]>> = {
  RedHat: [
    'RedHat',
    'RHEL',
    'Fedora',
    'CentOS',
    'Scientific',
    'SLC',
    'Ascendos',
    'CloudLinux',
    'PSBM',
    'OracleLinux',
    'OVS',
    'OEL',
    'Amazon',
    'Virtuozzo',
    'XenServer',
    'Alibaba',
    'EulerOS',
    'openEuler',
    'AlmaLinux',
    'Rocky',
    'TencentOS',
    'EuroLinux',
    'Kylin Linux Advanced Server',
    'Anolis',
    'MIRACLE',
  ],
  Debian: [
    'Debian',
    'Ubuntu',
    'Raspbian',
    'Neon',
    'KDE neon',
    'Linux Mint',
    'SteamOS',
    'Devuan',
    'Kali',
    'Cumulus Linux',
    'Pop!_OS',
    'Parrot',
    'Pardus GNU/Linux',
    'Uos',
    'Deepin',
    'OSMC',
  ],
  Suse: [
    'SuSE',
    'SLES',
    'SLED',
    'openSUSE',
    'openSUSE Tumbleweed',
    'SLES_SAP',
    'SUSE_LINUX',
    'openSUSE Leap',
  ],
  Archlinux: ['Archlinux', 'Antergos', 'Manjaro'],
  Gentoo: ['Gentoo', 'Funtoo'],
};

const FAMILY_OF = new Map(
  Object.entries(FAMILIES).flatMap(([family, members]) => members.map(m => [m, family])),
);

/** A file that identifies a distribution, and what it says; undefined when it belongs to another one. */
interface Source {
  readonly path: string;
  readonly variety: string;
  readonly read: (text: string, release: ReadonlyMap<string, string>, raw: Raw) => Facts | undefined;
}

const versions = (version: string): Facts => ({
  distribution_version: version,
  distribution_major_version: partAt(version.split('.'), 0),
});

const fromRelease = (name: string) => (_: string, release: ReadonlyMap<string, string>) => ({
  distribution: name,
  ...versions(release.get('VERSION_ID') ?? 'NA'),
});

/** Red Hat's relatives say their name in the first word, itself in "Red Hat …". */
const redHatLike = (name: string, mark: string) => (text: string) => ({
  distribution: text.includes(mark) ? name : partAt(text.split(/\s/), 0),
  ...(text.includes(mark) && { distribution_file_search_string: mark }),
});

const SOURCES: readonly Source[] = [
  { path: '/etc/oracle-release', variety: 'OracleLinux', read: redHatLike('OracleLinux', 'Oracle Linux') },
  {
    path: '/etc/centos-release',
    variety: 'CentOS',
    read: text =>
      text.includes('CentOS Stream')
        ? { distribution: 'CentOS', distribution_release: 'Stream' }
        : text.includes('TencentOS Server')
          ? { distribution: 'TencentOS' }
          : undefined,
  },
  { path: '/etc/redhat-release', variety: 'RedHat', read: redHatLike('RedHat', 'Red Hat') },
  { path: '/etc/os-release', variety: 'Amazon', read: amazon },
  {
    path: '/etc/alpine-release',
    variety: 'Alpine',
    read: text => ({ distribution: 'Alpine', distribution_version: text.trim() }),
  },
  {
    path: '/etc/os-release',
    variety: 'Archlinux',
    read: text => (text.includes('Arch Linux') ? { distribution: 'Archlinux' } : undefined),
  },
  { path: '/etc/os-release', variety: 'SUSE', read: suse },
  {
    path: '/etc/gentoo-release',
    variety: 'Gentoo',
    read: () => ({ distribution: 'Gentoo' }),
  },
  { path: '/etc/os-release', variety: 'Debian', read: debian },
  { path: '/etc/lsb-release', variety: 'Debian', read: debian },
  {
    path: '/etc/os-release',
    variety: 'NA',
    read: (_, release) => ({ distribution: release.get('NAME') ?? 'NA' }),
  },
];

function amazon(text: string, release: ReadonlyMap<string, string>): Facts | undefined {
  if (!text.includes('Amazon')) return undefined;
  const version = release.get('VERSION_ID') ?? 'NA';
  return {
    distribution: 'Amazon',
    ...versions(version),
    distribution_minor_version: version.split('.')[1] ?? 'NA',
  };
}

function suse(text: string, release: ReadonlyMap<string, string>, raw: Raw): Facts | undefined {
  if (!text.toLowerCase().includes('suse')) return undefined;
  const version = release.get('VERSION_ID') ?? 'NA';
  const forSap = raw.links.get('/etc/products.d/baseproduct')?.endsWith('SLES_SAP.prod');
  const minor = version.split('.')[1];
  return {
    distribution: forSap ? 'SLES_SAP' : (release.get('NAME') ?? 'SUSE'),
    ...versions(version),
    distribution_release: minor ?? (text.toLowerCase().includes('open') ? '' : '0'),
  };
}

function debian(text: string, release: ReadonlyMap<string, string>, raw: Raw): Facts | undefined {
  if (text.includes('Debian') || text.includes('Raspbian')) {
    const codename = /^\(?([^()]+)\)/.exec(release.get('PRETTY_NAME')?.split('(')[1] ?? '')?.[1];
    const minor = /(?<!\d)\d+\.(\d+)/.exec(line(raw, '/etc/debian_version') ?? '')?.[1];
    return {
      distribution: 'Debian',
      ...(codename && { distribution_release: codename }),
      ...(minor && { distribution_minor_version: minor }),
    };
  }
  if (text.includes('Ubuntu')) return { distribution: 'Ubuntu' };
  const mint = text.includes('Mint') && 'Linux Mint';
  const found = ['SteamOS', 'Kali', 'Parrot', 'Devuan', 'Deepin'].find(name => text.includes(name)) || mint;
  if (found) return fromRelease(found)(text, release);
  return /\b(UOS|Uos|uos)\b/.test(text) ? fromRelease('Uos')(text, release) : undefined;
}

/** The identity every distribution gives in os-release, before its own file is read. */
function guess(release: ReadonlyMap<string, string>, raw: Raw): Facts {
  const id = release.get('ID') ?? '';
  const special: Record<string, string> = { amzn: 'Amazon', rhel: 'Redhat', '': 'OtherLinux' };
  const full =
    id === 'debian'
      ? line(raw, '/etc/debian_version')
      : id === 'centos'
        ? /(\d+(\.\d+)?)/.exec(line(raw, '/etc/centos-release') ?? '')?.[1]
        : undefined;
  const version = (/^\d/.test(full ?? '') ? full : undefined) ?? release.get('VERSION_ID') ?? '';
  const inBrackets = /\(([^()]+)\)/.exec(
    line(raw, '/etc/redhat-release') ?? release.get('VERSION') ?? '',
  )?.[1];
  return {
    distribution: entryOf(special, id) ?? id.charAt(0).toUpperCase() + id.slice(1),
    distribution_release:
      release.get('VERSION_CODENAME') ?? release.get('UBUNTU_CODENAME') ?? inBrackets ?? 'NA',
    distribution_version: version || 'NA',
    distribution_major_version: version.split('.')[0] || 'NA',
  };
}

function distributionFacts(raw: Raw): Facts {
  const release = assignments(lines(raw, '/etc/os-release'));
  const facts: Facts = guess(release, raw);
  for (const source of SOURCES) {
    const text = lines(raw, source.path).join('\n');
    const found = text === '' ? undefined : source.read(text, release, raw);
    if (!found) continue;
    Object.assign(facts, {
      distribution_file_path: source.path,
      distribution_file_variety: source.variety,
      distribution_file_parsed: true,
      ...found,
    });
    break;
  }
  const name = String(facts.distribution);
  return { ...facts, os_family: FAMILY_OF.get(name) ?? name };
}

export const distribution: Collector = {
  name: 'distribution',
  ids: ['distribution_version', 'distribution_release', 'distribution_major_version', 'os_family'],
  files: [...new Set([...SOURCES.map(s => s.path), '/etc/debian_version', '/etc/redhat-release'])],
  links: ['/etc/products.d/baseproduct'],
  parse: distributionFacts,
};

const PACKAGE_MANAGERS: readonly (readonly [path: string, name: string])[] = [
  ['/usr/bin/rpm-ostree', 'atomic_container'],
  ['/usr/bin/yum', 'yum'],
  ['/usr/bin/dnf', 'dnf'],
  ['/usr/bin/dnf5', 'dnf5'],
  ['/usr/bin/apt-get', 'apt'],
  ['/usr/bin/zypper', 'zypper'],
  ['/usr/sbin/urpmi', 'urpmi'],
  ['/usr/bin/pacman', 'pacman'],
  ['/bin/opkg', 'opkg'],
  ['/sbin/apk', 'apk'],
  ['/usr/bin/emerge', 'portage'],
  ['/usr/bin/xbps-install', 'xbps'],
  ['/usr/bin/swupd', 'swupd'],
];

/** The package manager the distribution means one to use, when several are installed. */
function packageManager(raw: Raw, known: Facts): string {
  const found = PACKAGE_MANAGERS.filter(([path]) => raw.paths.has(path)).at(-1)?.[1] ?? 'unknown';
  if (known.os_family === 'Debian') return 'apt';
  if (known.os_family !== 'RedHat') return found;
  if (raw.paths.has('/run/ostree-booted')) return 'atomic_container';
  const major = Number.parseInt(String(known.distribution_major_version), 10);
  const [last, name] = { Fedora: [23, 'dnf'], Amazon: [2022, 'dnf'] }[String(known.distribution)] ?? [
    8,
    'dnf',
  ];
  if (known.distribution === 'Fedora' && major >= 41 && raw.paths.has('/usr/bin/dnf5')) return 'dnf5';
  return major < Number(last) ? 'yum' : String(name);
}

export const pkgMgr: Collector = {
  name: 'pkg_mgr',
  paths: [...PACKAGE_MANAGERS.map(([path]) => path), '/run/ostree-booted'],
  parse: (raw, known) => ({ pkg_mgr: packageManager(raw, known) }),
};

const INIT_NAMES: Readonly<Record<string, string>> = {
  procd: 'openwrt_init',
  'runit-init': 'runit',
  svscan: 'svc',
  'openrc-init': 'openrc',
};

function serviceManager(raw: Raw, known: Facts): string {
  const init = line(raw, '/proc/1/comm');
  // "init" may be anything, and a shell as the first process means a container.
  if (init !== undefined && init !== 'init' && !init.endsWith('sh')) return entryOf(INIT_NAMES, init) ?? init;
  const systemctl = raw.programs.has('systemctl');
  if (known.distribution === 'OpenWrt') return 'openwrt_init';
  if (systemctl && raw.paths.has('/run/systemd/system')) return 'systemd';
  if (raw.programs.has('initctl') && raw.paths.has('/etc/init')) return 'upstart';
  if (raw.paths.has('/sbin/openrc')) return 'openrc';
  if (systemctl && /(^|\/)systemd$/.test(raw.links.get('/sbin/init') ?? '')) return 'systemd';
  return raw.paths.has('/etc/init.d') ? 'sysvinit' : 'service';
}

export const serviceMgr: Collector = {
  name: 'service_mgr',
  files: ['/proc/1/comm'],
  links: ['/sbin/init'],
  programs: ['systemctl', 'initctl'],
  paths: ['/run/systemd/system', '/etc/init', '/sbin/openrc', '/etc/init.d'],
  parse: (raw, known) => ({ service_mgr: serviceManager(raw, known) }),
};
