import type { Scenario } from './prove.ts';

/** What a lab host for the scenarios below has installed. */
export const LAB_PACKAGES: readonly string[] = [
  'apache2',
  'createrepo-c',
  'dbus',
  'dnf',
  'firewalld',
  'gpg',
  'gpg-agent',
  'iptables',
  'nftables',
  'python3-pip',
  'python3-venv',
  'rpm',
  'ufw',
];

/** A noarch package of one file for each version, and a repository of them. */
const REPOSITORY = `rpm=$PWD/rpm; mkdir -p rpm repo
for v in 1 2; do
  printf 'Name: pptest\\nVersion: %s\\nRelease: 1\\nSummary: x\\nLicense: x\\nBuildArch: noarch\\n%%description\\nx\\n%%install\\nmkdir -p %%{buildroot}/opt\\necho %s >%%{buildroot}/opt/pptest\\n%%files\\n/opt/pptest\\n' $v $v >pptest.spec
  rpmbuild -bb --quiet --define "_topdir $rpm" pptest.spec >/dev/null 2>&1
done
cp rpm/RPMS/noarch/*.rpm repo; createrepo_c -q repo
systemctl stop pprepo 2>/dev/null || :
systemd-run -q --unit=pprepo python3 -m http.server -b 127.0.0.1 -d "$PWD/repo" 8099
mkdir -p /etc/yum.repos.d; printf '[pp]\\nname=pp\\nbaseurl=http://127.0.0.1:8099\\ngpgcheck=0\\n' >/etc/yum.repos.d/pp.repo
dnf -q makecache; dnf -q --assumeno install pptest || :`;

// The file itself changes when what was written before is only put in order.
const HISTORY = `rpm -qa; python3 -c "import sqlite3; print(*sqlite3.connect('file:/var/lib/dnf/history.sqlite?mode=ro', uri=True).iterdump(), sep='\\n')"`;

const UNIT = `mkdir -p /usr/local/lib/systemd/system; printf '[Service]\\nExecStart=/bin/sleep 1000\\nExecReload=/bin/true\\n[Install]\\nWantedBy=multi-user.target\\n' >/usr/local/lib/systemd/system/pptest.service; systemctl daemon-reload`;
const SERVICE: Scenario = {
  args: { name: 'pptest', state: 'started' },
  setup: UNIT,
  next: [
    { enabled: true },
    [{ state: 'restarted' }, { repeats: true }],
    [{ state: 'reloaded' }, { repeats: true }],
    { state: 'stopped', enabled: false },
    { state: null, enabled: true },
    { state: 'started', enabled: false },
    { state: 'stopped' },
  ],
};

/** Two versions of a Python package of one file. */
const WHEELS = `mkdir wheels; echo 'pptest>=1.0' >requirements.txt; python3 -c "
import zipfile
for v in '1.0', '2.0':
    with zipfile.ZipFile(f'wheels/pptest-{v}-py3-none-any.whl', 'w') as z:
        info = f'pptest-{v}.dist-info'
        z.writestr('pptest.py', '')
        z.writestr(f'{info}/METADATA', f'Metadata-Version: 2.1\\nName: pptest\\nVersion: {v}\\n')
        z.writestr(f'{info}/WHEEL', 'Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')
        z.writestr(f'{info}/RECORD', f'pptest.py,,\\n{info}/METADATA,,\\n{info}/WHEEL,,\\n{info}/RECORD,,\\n')
"`;

/** What is tried on a lab host: a running systemd, a packet filter of its own, and packages that CI has not. */
export const ON_A_LAB_HOST: Readonly<Record<string, Scenario>> = {
  apache2_module: {
    args: { name: 'rewrite' },
    next: [{ state: 'absent' }, { name: 'ssl' }, { name: 'ssl', state: 'absent' }],
  },
  dnf: {
    args: { name: 'pptest-1' },
    setup: REPOSITORY,
    look: HISTORY,
    next: [
      { name: 'pptest', state: 'latest' },
      { name: 'pptest', state: 'absent' },
      { name: ['pptest'], state: 'present' },
      { name: 'pptest-1', allow_downgrade: true },
      { name: '*', state: 'latest' },
      { name: 'pptest', autoremove: true, state: 'absent' },
      { name: '~t/repo/pptest-1-1.noarch.rpm' },
      { name: 'pptest', state: 'removed' },
    ],
  },
  firewalld: {
    args: { port: '8080/tcp', state: 'enabled' },
    // It has its name on the bus before it has its rules in the kernel.
    setup: "systemctl start firewalld; timeout 30 sh -c 'until firewall-cmd -q --state; do sleep 0.2; done'",
    next: [
      { permanent: true },
      { permanent: true, state: 'disabled' },
      { state: 'disabled' },
      { permanent: true, immediate: true, port: '9090/udp' },
      { permanent: true, immediate: true, port: '9090/udp', state: 'disabled' },
      { port: null, service: 'https' },
      { port: null, service: 'https', state: 'disabled' },
      { port: null, rich_rule: 'rule family="ipv4" source address="10.0.0.0/8" accept', permanent: true },
      { port: null, masquerade: true, permanent: true, immediate: true, zone: 'external', state: 'disabled' },
      { port: null, interface: 'dummy0', permanent: true, zone: 'trusted' },
      { port: null, permanent: true, zone: 'pp', state: 'present' },
      { port: null, permanent: true, zone: 'pp', state: 'absent' },
    ],
  },
  pip: {
    args: { name: 'pptest==1.0', virtualenv: '~t/env', extra_args: '--no-index --find-links ~t/wheels' },
    setup: WHEELS,
    next: [
      { name: 'pptest', state: 'latest' },
      { name: 'pptest', state: 'absent', extra_args: null },
      { name: null, requirements: '~t/requirements.txt' },
      { name: 'pptest~=1.0' },
      [{ name: 'pptest', state: 'forcereinstall' }, { repeats: true }],
      { name: null, requirements: '~t/requirements.txt', state: 'absent', extra_args: null },
    ],
  },
  reboot: { args: {}, look: 'cat /proc/sys/kernel/random/boot_id', repeats: true },
  rpm_key: {
    args: { key: '~t/key' },
    setup: `rpm --initdb; mkdir -m 700 g; export GNUPGHOME=$PWD/g; gpg --batch -q --passphrase '' --quick-gen-key pptest rsa2048 2>/dev/null; gpg --export -a >key; gpgconf --kill all`,
    look: 'rpm -q gpg-pubkey || :',
    next: [{ state: 'absent' }],
  },
  service: SERVICE,
  systemd: {
    ...SERVICE,
    setup: `systemctl disable -q --now pptest 2>/dev/null || :; ${UNIT}`,
    next: [
      ...SERVICE.next!,
      { state: null, masked: true },
      { state: 'started', enabled: true, masked: false },
      { name: 'pptest.service', state: 'stopped', enabled: false, daemon_reload: true },
    ],
  },
  ufw: {
    args: { rule: 'allow', port: '8080', proto: 'tcp' },
    setup: 'systemctl stop firewalld',
    look: 'ufw status verbose',
    next: [
      { rule: 'allow', port: '8080', proto: 'tcp', delete: true },
      { rule: 'allow', port: '22', proto: null },
      { rule: null, port: null, proto: null, state: 'enabled' },
      { rule: 'deny', port: '25', proto: null },
      { rule: 'limit', port: 'ssh', proto: 'tcp' },
      { rule: 'allow', port: null, proto: null, name: 'OpenSSH' },
      { rule: 'allow', from_ip: '192.0.2.0/24', port: '5432', comment: 'a b' },
      { rule: 'reject', interface: 'eth0', direction: 'in', port: '81' },
      { rule: 'allow', from_ip: '192.0.2.1', port: null, proto: null, insert: 1 },
      { rule: null, port: null, proto: null, default: 'allow', direction: 'incoming' },
      { rule: null, port: null, proto: null, default: 'deny' },
      { rule: null, port: null, proto: null, logging: 'medium' },
      { rule: null, port: null, proto: null, logging: 'off' },
      [{ rule: null, port: null, proto: null, state: 'reloaded' }, { repeats: true }],
      { rule: 'deny', port: '25', proto: null, delete: true },
      { rule: null, port: null, proto: null, state: 'disabled' },
      [{ rule: null, port: null, proto: null, state: 'reset' }, { repeats: true }],
    ],
  },
};
