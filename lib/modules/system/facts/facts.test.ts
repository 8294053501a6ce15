import { expect } from 'chai';
import { recordsOf, recordsText } from '../../../../test/support/run-module.ts';
import type { Json } from '../../../source/value.ts';
import { type Collector, type Facts, parseGathered, type Raw } from './collector.ts';
import { distribution, pkgMgr, serviceMgr } from './distribution.ts';
import { parseIni } from './local.ts';
import { listSize, memoryAndCpu } from './memory-cpu.ts';
import { ipv4Network, network, parseAddresses, parseRoute } from './network.ts';
import { dateTime } from './platform.ts';
import { humanSize } from './storage.ts';
import { cmdline, dns } from './system.ts';
import { virtual } from './virtual.ts';

interface Host {
  readonly files?: Readonly<Record<string, string>>;
  readonly sections?: Readonly<Record<string, string>>;
  readonly factFiles?: Raw['factFiles'];
  readonly paths?: readonly string[];
  readonly programs?: readonly string[];
  readonly links?: Readonly<Record<string, string>>;
}

const host = (found: Host): Raw => ({
  files: new Map(Object.entries(found.files ?? {}).map(([path, text]) => [path, text.split('\n')])),
  sections: new Map(Object.entries(found.sections ?? {})),
  factFiles: found.factFiles ?? [],
  paths: new Set(found.paths),
  programs: new Set(found.programs),
  links: new Map(Object.entries(found.links ?? {})),
});

const facts = (collector: Collector, found: Host, known: Facts = {}): Facts =>
  collector.parse(host(found), known);

describe('distribution facts', () => {
  const cases: readonly (readonly [string, Record<string, string>, Record<string, Json>])[] = [
    [
      'Rocky',
      {
        '/etc/redhat-release': 'Rocky Linux release 9.3 (Blue Onyx)',
        '/etc/os-release': 'NAME="Rocky Linux"\nVERSION="9.3 (Blue Onyx)"\nID="rocky"\nVERSION_ID="9.3"',
      },
      {
        distribution: 'Rocky',
        distribution_version: '9.3',
        distribution_major_version: '9',
        distribution_release: 'Blue Onyx',
        distribution_file_variety: 'RedHat',
        os_family: 'RedHat',
      },
    ],
    [
      'RedHat',
      {
        '/etc/redhat-release': 'Red Hat Enterprise Linux release 8.9 (Ootpa)',
        '/etc/os-release':
          'NAME="Red Hat Enterprise Linux"\nVERSION="8.9 (Ootpa)"\nID="rhel"\nVERSION_ID="8.9"',
      },
      {
        distribution: 'RedHat',
        distribution_major_version: '8',
        distribution_release: 'Ootpa',
        os_family: 'RedHat',
      },
    ],
    [
      'CentOS 7',
      {
        '/etc/centos-release': 'CentOS Linux release 7.9.2009 (Core)',
        '/etc/redhat-release': 'CentOS Linux release 7.9.2009 (Core)',
        '/etc/os-release': 'NAME="CentOS Linux"\nVERSION="7 (Core)"\nID="centos"\nVERSION_ID="7"',
      },
      {
        distribution: 'CentOS',
        distribution_version: '7.9',
        distribution_major_version: '7',
        distribution_release: 'Core',
        os_family: 'RedHat',
      },
    ],
    [
      'Ubuntu',
      {
        '/etc/os-release':
          'PRETTY_NAME="Ubuntu 22.04.3 LTS"\nNAME="Ubuntu"\nVERSION_ID="22.04"\nVERSION_CODENAME=jammy\nID=ubuntu\nID_LIKE=debian\nHOME_URL="https://www.ubuntu.com/"',
        '/etc/debian_version': 'bookworm/sid',
      },
      {
        distribution: 'Ubuntu',
        distribution_version: '22.04',
        distribution_release: 'jammy',
        os_family: 'Debian',
      },
    ],
    [
      'openEuler',
      {
        '/etc/os-release': 'NAME="openEuler"\nVERSION="22.03 (LTS-SP3)"\nID="openEuler"\nVERSION_ID="22.03"',
      },
      { distribution: 'openEuler', distribution_version: '22.03', os_family: 'RedHat' },
    ],
    [
      'Alpine',
      {
        '/etc/alpine-release': '3.19.1',
        '/etc/os-release': 'NAME="Alpine Linux"\nID=alpine\nVERSION_ID=3.19.1',
      },
      { distribution: 'Alpine', distribution_version: '3.19.1', os_family: 'Alpine' },
    ],
    [
      'openSUSE',
      { '/etc/os-release': 'NAME="openSUSE Leap"\nVERSION="15.5"\nID="opensuse-leap"\nVERSION_ID="15.5"' },
      {
        distribution: 'openSUSE Leap',
        distribution_version: '15.5',
        distribution_release: '5',
        os_family: 'Suse',
      },
    ],
    [
      'Amazon',
      { '/etc/os-release': 'NAME="Amazon Linux"\nVERSION="2023"\nID="amzn"\nVERSION_ID="2023"' },
      {
        distribution: 'Amazon',
        distribution_version: '2023',
        distribution_minor_version: 'NA',
        os_family: 'RedHat',
      },
    ],
  ];
  for (const [name, files, expected] of cases) {
    it(name, () => expect(facts(distribution, { files })).to.deep.include(expected));
  }

  it('picks the package manager the distribution means', () => {
    const both = { paths: ['/usr/bin/yum', '/usr/bin/dnf', '/usr/bin/apt-get'] };
    expect(facts(pkgMgr, both, { os_family: 'Debian' })).to.deep.equal({ pkg_mgr: 'apt' });
    const old = { os_family: 'RedHat', distribution: 'CentOS', distribution_major_version: '7' };
    expect(facts(pkgMgr, both, old)).to.deep.equal({ pkg_mgr: 'yum' });
    expect(facts(pkgMgr, both, { ...old, distribution_major_version: '9' })).to.deep.equal({
      pkg_mgr: 'dnf',
    });
    expect(facts(pkgMgr, { paths: ['/sbin/apk'] }, { os_family: 'Alpine' })).to.deep.equal({
      pkg_mgr: 'apk',
    });
  });

  it('finds the service manager', () => {
    const init = (comm: string, more: Host = {}) =>
      facts(serviceMgr, { ...more, files: { '/proc/1/comm': comm } });
    expect(init('systemd')).to.deep.equal({ service_mgr: 'systemd' });
    expect(init('openrc-init')).to.deep.equal({ service_mgr: 'openrc' });
    expect(init('init', { programs: ['systemctl'], paths: ['/run/systemd/system'] })).to.deep.equal({
      service_mgr: 'systemd',
    });
    expect(init('bash', { paths: ['/etc/init.d'] })).to.deep.equal({ service_mgr: 'sysvinit' });
    expect(init('sh')).to.deep.equal({ service_mgr: 'service' });
  });
});

describe('network facts', () => {
  const ADDRESSES = String.raw`1: lo    inet 127.0.0.1/8 scope host lo\       valid_lft forever preferred_lft forever
2: eth0    inet 10.0.0.5/24 brd 10.0.0.255 scope global dynamic eth0\       valid_lft 86000sec preferred_lft 86000sec
2: eth0    inet 10.0.0.6/24 brd 10.0.0.255 scope global secondary eth0:1\       valid_lft forever preferred_lft forever
2: eth0    inet6 fe80::1/64 scope link \       valid_lft forever preferred_lft forever
3: ppp0    inet 10.9.0.1 peer 10.9.0.2/32 scope global ppp0\       valid_lft forever preferred_lft forever
4: eth1@if7    inet 172.17.0.2/16 brd 172.17.255.255 scope global eth1\       valid_lft forever preferred_lft forever`;

  it('reads addresses', () => {
    expect(
      parseAddresses(ADDRESSES).map(a => [a.device, a.address, a.prefix, a.broadcast, a.secondary]),
    ).to.deep.equal([
      ['lo', '127.0.0.1', '8', '', false],
      ['eth0', '10.0.0.5', '24', '10.0.0.255', false],
      ['eth0', '10.0.0.6', '24', '10.0.0.255', true],
      ['eth0', 'fe80::1', '64', '', false],
      ['ppp0', '10.9.0.1', '32', '', false],
      ['eth1', '172.17.0.2', '16', '172.17.255.255', false],
    ]);
  });

  it('builds interfaces and the default route', () => {
    const found = facts(network, {
      files: {
        '/sys/class/net/eth0/mtu': '1500',
        '/sys/class/net/eth0/address': '52:54:00:00:00:01',
        '/sys/class/net/eth0/type': '1',
        '/sys/class/net/br-lan/mtu': '1500',
        '/sys/class/net/br-lan/bridge/bridge_id': '8000.525400000001',
        '/sys/class/net/br-lan/bridge/stp_state': '0',
      },
      paths: ['/sys/class/net/br-lan/brif/eth1'],
      sections: {
        addresses: ADDRESSES,
        route4: '8.8.8.8 via 10.0.0.1 dev eth0 src 10.0.0.5 uid 0 \n    cache ',
      },
    });
    expect(found.default_ipv4).to.deep.equal({
      interface: 'eth0',
      address: '10.0.0.5',
      gateway: '10.0.0.1',
      prefix: '24',
      netmask: '255.255.255.0',
      network: '10.0.0.0',
      broadcast: '10.0.0.255',
      macaddress: '52:54:00:00:00:01',
      mtu: 1500,
      type: 'ether',
      alias: 'eth0',
    });
    expect(found.interfaces).to.include.members(['eth0', 'br-lan', 'eth0_1', 'ppp0']);
    expect(found.br_lan).to.deep.include({ type: 'bridge', interfaces: ['eth1'], stp: false });
    expect((found.eth0 as { ipv4_secondaries: Json[] }).ipv4_secondaries).to.have.length(1);
    expect(found.all_ipv4_addresses).to.deep.equal(['10.0.0.5', '10.0.0.6', '10.9.0.1', '172.17.0.2']);
    expect(found.default_ipv6).to.deep.equal({});
  });

  it('computes networks', () => {
    expect(ipv4Network('192.168.7.9', 20)).to.deep.equal({
      netmask: '255.255.240.0',
      network: '192.168.0.0',
    });
    expect(ipv4Network('10.1.2.3', 0)).to.deep.equal({ netmask: '0.0.0.0', network: '0.0.0.0' });
    expect(ipv4Network('255.1.2.3', 32)).to.deep.equal({ netmask: '255.255.255.255', network: '255.1.2.3' });
  });

  it('has no route where the host has none', () => expect(parseRoute('')).to.deep.equal({}));
});

describe('processor facts', () => {
  const cpu = (n: number, socket: number, core: number, cores: number, siblings: number) =>
    `processor\t: ${n}\nvendor_id\t: GenuineIntel\nmodel name\t: Xeon\nphysical id\t: ${socket}\nsiblings\t: ${siblings}\ncore id\t\t: ${core}\ncpu cores\t: ${cores}`;
  const counts = (cpuinfo: string) => {
    const found = facts(memoryAndCpu, { sections: { cpuinfo } });
    return [
      found.processor_count,
      found.processor_cores,
      found.processor_threads_per_core,
      found.processor_vcpus,
    ];
  };
  it('counts sockets, cores and threads', () => {
    const two = [0, 1, 2, 3, 4, 5, 6, 7].map(n => cpu(n, n >> 2, n & 1, 2, 4)).join('\n');
    expect(counts(two)).to.deep.equal([2, 2, 2, 8]);
  });
  it('counts ARM processors', () => {
    expect(counts('processor\t: 0\nprocessor\t: 1\nprocessor\t: 2\nprocessor\t: 3')).to.deep.equal([
      4, 1, 1, 4,
    ]);
  });
  it('counts allowed processors', () => expect(listSize('0-3,8,10-11')).to.equal(7));
});

describe('small facts', () => {
  it('sizes for people', () => {
    expect([0, 1536, 20 * 1024 ** 2, 107374182400].map(humanSize)).to.deep.equal([
      '0.00 Bytes',
      '1.50 KB',
      '20.00 MB',
      '100.00 GB',
    ]);
  });
  it('kernel command lines', () => {
    const found = facts(cmdline, { files: { '/proc/cmdline': 'ro console=a console=b x="1 2" console=c' } });
    expect(found.cmdline).to.deep.equal({ ro: true, console: 'c', x: '"1 2"' });
    expect(found.proc_cmdline).to.deep.equal({ ro: true, console: ['a', 'b', 'c'], x: '"1 2"' });
  });
  it('resolv.conf', () => {
    const text = '# c\nnameserver 1.1.1.1\nnameserver 9.9.9.9\nsearch a.b c.d\noptions ndots:2 rotate';
    expect(facts(dns, { files: { '/etc/resolv.conf': text } }).dns).to.deep.equal({
      nameservers: ['1.1.1.1', '9.9.9.9'],
      search: ['a.b', 'c.d'],
      options: { ndots: '2', rotate: true },
    });
  });
  it('dates with summer time', () => {
    const date =
      '2024|07|Monday|1|27|01|12|30|05|1719829805|CEST|+0200|123456789\nCET-1CEST,M3.5.0,M10.5.0/3';
    expect(facts(dateTime, { sections: { date } }).date_time).to.include({
      iso8601: '2024-07-01T10:30:05Z',
      iso8601_micro: '2024-07-01T10:30:05.123456Z',
      tz: 'CEST',
      tz_dst: 'CEST',
      iso8601_basic_short: '20240701T123005',
      date: '2024-07-01',
    });
  });
  it('INI', () => {
    expect(parseIni('[a]\nk = v\n more\n[b]\n')).to.deep.equal({ a: { k: 'v\nmore' }, b: {} });
    expect(parseIni('k=v')).to.equal(undefined);
  });
  it('virtualization', () => {
    const kind = (found: Host) => {
      const { virtualization_type: type, virtualization_role: role } = facts(virtual, found);
      return [type, role];
    };
    expect(kind({})).to.deep.equal(['NA', 'NA']);
    expect(kind({ files: { '/sys/devices/virtual/dmi/id/sys_vendor': 'QEMU' } })).to.deep.equal([
      'kvm',
      'guest',
    ]);
    expect(kind({ paths: ['/dev/kvm'] })).to.deep.equal(['kvm', 'host']);
    expect(kind({ files: { '/run/systemd/container': 'systemd-nspawn' } })).to.deep.equal([
      'systemd-nspawn',
      'guest',
    ]);
    expect(kind({ paths: ['/.dockerenv'] })).to.deep.equal(['docker', 'guest']);
  });
  it('takes a damaged answer without failing', () => {
    expect(parseGathered(recordsOf('')).files.size).to.equal(0);
    expect(
      parseGathered(recordsOf(recordsText({ files: 'no colon\n/a:b:c\n/a:d\n' }))).files.get('/a'),
    ).to.deep.equal(['b:c', 'd']);
  });
});
