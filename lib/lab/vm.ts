import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { attempt, run } from './command.ts';
import { diskFiles, insideGuest, kernelArguments, macOf, memoryMiB, spawnGuest, writeSeed } from './guest.ts';
import type { Machine } from './machine.ts';
import { portOf } from './network.ts';
import { hostDir, type Lab, type LabHost } from './record.ts';

/** qemu: a kernel of the host's own, so the real nbd module, at the price of emulation where KVM does not work. */
export const vm: Machine = {
  bootTimeoutMs: 600_000,

  async start(lab, host) {
    const disk = join(hostDir(lab.root, lab.name, host.name), 'root.img');
    if (!existsSync(disk))
      await run(['cp', '--sparse=always', '--reflink=auto', join(lab.layers[0]!, 'root.img'), disk]);
    await spawnGuest(lab, host, ['qemu-system-x86_64', ...(await qemuArguments(lab, host, disk))]);
  },

  inside: insideGuest,
};

async function qemuArguments(lab: Lab, host: LabHost, disk: string): Promise<string[]> {
  const dir = hostDir(lab.root, lab.name, host.name);
  const image = lab.layers[0]!;
  const accel = (await readFile(join(image, 'accel'), 'utf8')).trim();
  // Emulated, on a busy machine, journald alone may take longer to start than systemd's 90 s.
  const patience = accel === 'tcg' ? ['systemd.default_timeout_start_sec=600'] : [];
  const kernel = [
    ...['console=ttyS0', 'mitigations=off', ...patience],
    ...(await kernelArguments(lab, host, '/dev/vda')),
  ];
  return [
    ...['-name', `${lab.name}-${host.name}`, '-nodefaults', '-no-user-config', '-display', 'none'],
    ...accelerator(accel),
    ...['-m', String(memoryMiB(lab)), '-smp', '1'],
    ...['-kernel', join(image, 'vmlinuz'), '-initrd', join(image, 'initrd'), '-append', kernel.join(' ')],
    ...[
      '-chardev',
      `file,id=console,path=${join(dir, 'console.log')},append=on`,
      '-serial',
      'chardev:console',
    ],
    ...virtioDisk(disk, 'unsafe'),
    ...diskFiles(lab, host).flatMap(file => virtioDisk(file)),
    ...['-netdev', `tap,id=net,ifname=${portOf(host)},script=no,downscript=no`],
    ...['-device', `virtio-net-pci,netdev=net,mac=${macOf(host)},romfile=`],
    ...['-device', 'virtio-rng-pci'],
    ...['-fw_cfg', `name=opt/polarplay/seed,file=${await writeSeed(lab, host)}`],
  ];
}

/** Without tb-size, each emulated machine would take up to a gigabyte for translated code. */
const accelerator = (accel: string): string[] =>
  accel === 'kvm'
    ? ['-accel', 'kvm', '-cpu', 'host']
    : ['-accel', 'tcg,thread=multi,tb-size=256', '-cpu', 'max'];

const virtioDisk = (file: string, cache = 'writeback'): string[] => [
  '-drive',
  `file=${file},format=raw,if=virtio,cache=${cache},discard=unmap`,
];

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
