import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { UsageError } from '../source/errors.ts';
import { archivesDir, buildInto, type Extra, ensureBase, keyOf } from './base.ts';
import { run } from './command.ts';
import { SEED_SCRIPT, SEED_UNIT, VM_IMAGE_SCRIPT } from './scripts.ts';
import { probeAccelerator } from './vm.ts';

/** Debian's kernel for virtual machines: it has nbd.ko, and little that a lab does not need. */
const KERNELS: Readonly<Record<string, string>> = {
  debian: 'linux-image-cloud-amd64',
  ubuntu: 'linux-image-virtual',
};

/** Folder with root image, kernel and initial RAM disk for virtual machines, built from the base image once. */
export async function ensureVmImage(
  root: string,
  extra: Extra,
  say: (line: string) => void,
): Promise<string> {
  if (process.arch !== 'x64')
    throw new UsageError(`--kind vm is made for x86_64; this machine is ${process.arch}`);
  const layers = await ensureBase(root, extra, say);
  const image = `${layers[0]}.vm-${keyOf([VM_IMAGE_SCRIPT, SEED_SCRIPT, SEED_UNIT])}`;
  if (existsSync(image)) return image;
  say('building the image for virtual machines, once; about a minute');
  await buildInto(image, async dir => {
    const work = `${dir}.work`;
    await mkdir(work);
    try {
      const kernel = KERNELS[layers[0]!.includes('/debian-') ? 'debian' : 'ubuntu']!;
      await run(
        [
          'unshare',
          '--mount',
          '--propagation',
          'slave',
          'sh',
          '-s',
          '--',
          layers.join(':'),
          dir,
          work,
          archivesDir(root),
          kernel,
        ],
        VM_IMAGE_SCRIPT,
      );
    } finally {
      await rm(work, { recursive: true, force: true });
    }
    const accel = await probeAccelerator(dir);
    if (accel === 'tcg') say('KVM does not work here: the machines are emulated, which is slow');
    await writeFile(`${dir}/accel`, `${accel}\n`);
  });
  return image;
}
