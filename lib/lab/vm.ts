import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { groupName, joinGroup } from './cgroup.ts';
import { attempt, LabError, run } from './command.ts';
import { disksDir } from './disks.ts';
import type { Machine } from './machine.ts';
import { gateway, labNetns, netnsPath, portOf } from './network.ts';
import { hostDir, type Lab, type LabHost, labDir } from './record.ts';

const MEMORY_MIB = 1024;

/** qemu: a kernel of the host's own, so the real nbd module, at the price of emulation where KVM does not work. */
export const vm: Machine = {
  bootTimeoutMs: 600_000,

  async start(lab, host) {
    const dir = hostDir(lab.root, lab.name, host.name);
    const image = lab.layers[0]!;
    const disk = join(dir, 'root.img');
    if (!existsSync(disk))
      await run(['cp', '--sparse=always', '--reflink=auto', join(image, 'root.img'), disk]);
    await writeSeed(lab, host, dir);
    await boot(lab, host, dir, await qemuArguments(lab, host, dir, image));
  },

  async inside(lab, host, argv) {
    const config = join(labDir(lab.root, lab.name), 'ssh_config');
    const options = [
      '-F',
      config,
      '-o',
      'BatchMode=yes',
      '-o',
      'ConnectTimeout=30',
      '-o',
      'ServerAliveInterval=5',
    ];
    const answer = await attempt(['timeout', '100', 'ssh', ...options, host.name, ...argv]);
    return answer.exitCode === 255 ? undefined : answer;
  },
};

/** What makes the common image this host, as an archive that the host unpacks over its root at its first boot. */
async function writeSeed(lab: Lab, host: LabHost, dir: string): Promise<void> {
  const etc = join(dir, 'upper', 'etc');
  const password = await readFile(join(labDir(lab.root, lab.name), 'become-password'), 'utf8');
  await writeFile(join(etc, 'lab-passwords'), `opspw:${password.trim()}\n`, { mode: 0o600 });
  await writeFile(join(etc, 'lab-network'), `${host.address} ${gateway(lab.subnet)}\n`);
  const exclude = '--exclude=./etc/machine-id';
  await run(['tar', '-C', join(dir, 'upper'), exclude, '-cf', join(dir, 'seed.tar'), '.']);
}

async function qemuArguments(lab: Lab, host: LabHost, dir: string, image: string): Promise<string[]> {
  const accel = (await readFile(join(image, 'accel'), 'utf8')).trim();
  const id = (await readFile(join(dir, 'upper', 'etc', 'machine-id'), 'utf8')).trim();
  const kernel = [
    'root=/dev/vda rootfstype=ext4 rw console=ttyS0 quiet net.ifnames=0 mitigations=off',
    `systemd.hostname=${host.name} systemd.machine_id=${id}`,
  ];
  const disks = host.disks.flatMap(disk =>
    virtioDisk(join(disksDir(lab.root, lab.name, host.name), disk.device)),
  );
  const number = host.address
    .split('.')
    .slice(2)
    .map(part => Number(part).toString(16).padStart(2, '0'));
  return [
    ...['-name', `${lab.name}-${host.name}`, '-nodefaults', '-no-user-config', '-display', 'none'],
    ...accelerator(accel),
    ...['-m', String(MEMORY_MIB), '-smp', '1'],
    ...['-kernel', join(image, 'vmlinuz'), '-initrd', join(image, 'initrd'), '-append', kernel.join(' ')],
    ...[
      '-chardev',
      `file,id=console,path=${join(dir, 'console.log')},append=on`,
      '-serial',
      'chardev:console',
    ],
    ...virtioDisk(join(dir, 'root.img'), 'unsafe'),
    ...disks,
    ...['-netdev', `tap,id=net,ifname=${portOf(host)},script=no,downscript=no`],
    ...['-device', `virtio-net-pci,netdev=net,mac=52:54:00:77:${number.join(':')},romfile=`],
    ...['-device', 'virtio-rng-pci'],
    ...['-fw_cfg', `name=opt/polarplay/seed,file=${join(dir, 'seed.tar')}`],
  ];
}

/** Without tb-size, each emulated machine would take half a gigabyte for translated code. */
const accelerator = (accel: string): string[] =>
  accel === 'kvm'
    ? ['-accel', 'kvm', '-cpu', 'host']
    : ['-accel', 'tcg,thread=multi,tb-size=64', '-cpu', 'max'];

const virtioDisk = (file: string, cache = 'writeback'): string[] => [
  '-drive',
  `file=${file},format=raw,if=virtio,cache=${cache},discard=unmap`,
];

/** qemu runs in the lab's network, where its tap is, and in the host's cgroup. */
async function boot(lab: Lab, host: LabHost, dir: string, argv: readonly string[]): Promise<void> {
  const log = await open(join(dir, 'qemu.log'), 'a', 0o600);
  try {
    const enter = [`--net=${netnsPath(labNetns(lab.name))}`, 'qemu-system-x86_64'];
    const child = spawn('nsenter', [...enter, ...argv], {
      cwd: '/',
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
    });
    child.unref();
    if (child.pid === undefined) throw new LabError('qemu does not start');
    await joinGroup(groupName(lab.name, host.name), child.pid);
  } finally {
    await log.close();
  }
}

/**
 * Whether KVM runs this kernel, not only whether its device is there: a kernel without a root panics and ends qemu
 * within seconds; where KVM hangs, emulation is the answer.
 */
export async function probeAccelerator(image: string): Promise<'kvm' | 'tcg'> {
  if (!existsSync('/dev/kvm')) return 'tcg';
  const probe = ['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot', '-m', '256'];
  const kernel = ['-kernel', join(image, 'vmlinuz'), '-append', 'panic=-1'];
  const argv = ['qemu-system-x86_64', ...accelerator('kvm'), ...probe, ...kernel];
  return (await attempt(['timeout', '15', ...argv])).exitCode === 0 ? 'kvm' : 'tcg';
}
