import type { Scenario } from './prove.ts';

/** What a host for the scenarios below has installed. */
export const KERNEL_PACKAGES: readonly string[] = [
  'lvm2',
  'netbase',
  'policycoreutils-python-utils',
  'selinux-policy-default',
  'thin-provisioning-tools',
];

export const KERNEL_ARGUMENTS: readonly string[] = ['security=selinux', 'selinux=1'];

/** Gives loop devices of these numbers a file each. */
const loops = (size: string, ...numbers: readonly number[]) =>
  `modprobe loop; for n in ${numbers.join(' ')}; do
  [ -b /dev/loop$n ] || mknod -m 660 /dev/loop$n b 7 $n
  truncate -s ${size} disk$n; losetup /dev/loop$n $PWD/disk$n
done`;

const SELINUX = 'getenforce; getsebool -a';

/** What needs a kernel with device mapper, with modules that can be loaded, and with SELinux. */
export const ON_ITS_OWN_KERNEL: Readonly<Record<string, Scenario>> = {
  lvg: {
    args: { vg: 'pp', pvs: ['/dev/loop20'] },
    setup: loops('64M', 20, 21),
    look: 'pvs',
    next: [
      { pvs: ['/dev/loop20', '/dev/loop21'] },
      { pvs: ['/dev/loop21'] },
      [
        { pvs: ['/dev/loop21'], pvresize: true },
        { before: 'truncate -s 96M disk21; losetup -c /dev/loop21' },
      ],
      { state: 'absent', pvs: null },
    ],
  },
  lvol: {
    args: { vg: 'pp2', lv: 'one', size: '32m' },
    setup: `${loops('256M', 23)}; vgcreate -q pp2 /dev/loop23 >/dev/null`,
    look: 'lvs -a',
    next: [
      { size: '64m' },
      { size: '32m', force: true },
      { active: false },
      {},
      { size: '40%VG' },
      [{ size: '+8m' }, { repeats: true }],
      { snapshot: 'snap', size: '16m' },
      { lv: 'snap', size: null, state: 'absent', force: true },
      { lv: null, thinpool: 'pool' },
      { lv: 'thin', thinpool: 'pool', size: '64m' },
      { size: null, state: 'absent', force: true },
    ],
  },
  modprobe: {
    args: { name: 'dummy' },
    next: [
      { state: 'absent' },
      { params: 'numdummies=2', persistent: 'present' },
      { params: 'numdummies=2', persistent: 'absent' },
      { state: 'absent', persistent: 'present' },
      { state: 'absent', persistent: 'absent' },
    ],
  },
  seboolean: {
    args: { name: 'allow_execheap', state: true },
    look: SELINUX,
    next: [{ persistent: true }, { state: false }, { state: false, persistent: true }],
  },
  selinux: {
    args: { state: 'enforcing', policy: 'default' },
    look: SELINUX,
    next: [{ state: 'permissive' }, { state: 'disabled' }, { state: 'permissive' }],
  },
  seport: {
    args: { ports: ['8888'], proto: 'tcp', setype: 'http_port_t' },
    look: SELINUX,
    next: [
      { ports: ['8888', '9000-9010'] },
      { setype: 'ssh_port_t' },
      { setype: 'ssh_port_t', state: 'absent' },
    ],
  },
};
