import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { diskFiles, insideGuest, kernelArguments, macOf, memoryMiB, spawnGuest, writeSeed } from './guest.ts';
import type { Machine } from './machine.ts';
import { portOf } from './network.ts';
import { hostDir } from './record.ts';

/** Devices before a host's own disks: its root and its seed. */
const OWN_DEVICES = 2;
const device = (index: number): string => `/dev/ubd${String.fromCharCode('a'.charCodeAt(0) + index)}`;

/**
 * User Mode Linux: Debian's kernel as a process. A kernel of the host's own with the real nbd module, whose programs
 * run on the processor itself, so no KVM is needed and nothing is emulated; system calls cost more than elsewhere.
 */
export const uml: Machine = {
  bootTimeoutMs: 300_000,

  async start(lab, host) {
    const dir = hostDir(lab.root, lab.name, host.name);
    const image = lab.layers[0]!;
    const names = host.disks.map((disk, i) => `${disk.device} ${device(OWN_DEVICES + i)}\n`);
    await writeFile(join(dir, 'upper', 'etc', 'lab-disks'), names.join(''));
    const seed = await writeSeed(lab, host);
    await mkdir(join(dir, 'uml'), { recursive: true });
    await spawnGuest(lab, host, [
      join(image, 'linux'),
      `mem=${memoryMiB(lab)}M`,
      // What the host writes to its root goes to a file of its own.
      `ubd0=${join(dir, 'root.cow')},${join(image, 'root.img')}`,
      `ubd1r=${seed}`,
      ...diskFiles(lab, host).map((file, i) => `ubd${OWN_DEVICES + i}=${file}`),
      `eth0=tuntap,${portOf(host)},${macOf(host)}`,
      ...['con=null', 'con0=null,fd:1', 'ssl=null'],
      ...[`uml_dir=${join(dir, 'uml')}`, 'umid=guest'],
      ...(await kernelArguments(lab, host, device(0))),
    ]);
  },

  inside: insideGuest,
};
