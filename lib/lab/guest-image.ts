import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { UsageError } from '../source/errors.ts';
import { archivesDir, buildInto, type Extra, ensureBase, keyOf } from './base.ts';
import { run } from './command.ts';
import type { LabKind } from './record.ts';
import { GUEST_IMAGE_SCRIPT, SEED_SCRIPT, SEED_UNIT } from './scripts.ts';
import { probeAccelerator } from './vm.ts';

type GuestKind = Exclude<LabKind, 'nspawn'>;

/** Kernels that have nbd.ko; the ones for virtual machines have little that a lab does not need. */
const KERNELS: Readonly<Record<GuestKind, Readonly<Record<'debian' | 'ubuntu', string>>>> = {
  uml: { debian: 'user-mode-linux', ubuntu: 'user-mode-linux' },
  vm: { debian: 'linux-image-cloud-amd64', ubuntu: 'linux-image-virtual' },
};

/** Folder with root image and kernel for hosts with a kernel of their own, built from the base image once. */
export async function ensureGuestImage(
  root: string,
  kind: GuestKind,
  extra: Extra,
  say: (line: string) => void,
): Promise<string> {
  if (process.arch !== 'x64')
    throw new UsageError(`--kind ${kind} is made for x86_64; this machine is ${process.arch}`);
  const layers = await ensureBase(root, extra, say);
  const kernel = KERNELS[kind][layers[0]!.includes('/debian-') ? 'debian' : 'ubuntu'];
  const recipe = [kernel, GUEST_IMAGE_SCRIPT, SEED_SCRIPT, SEED_UNIT, ...extra.prepareFor];
  const image = `${layers[0]}.${kind}-${keyOf(recipe)}`;
  if (existsSync(image)) return image;
  say(`building the image for hosts of kind ${kind}, once; about a minute`);
  await buildInto(image, async dir => {
    const work = `${dir}.work`;
    await mkdir(work);
    await mkdir(archivesDir(root), { recursive: true });
    const words = [layers.join(':'), dir, work, archivesDir(root), kernel, extra.prepareFor.join(' ')];
    try {
      const unshare = ['unshare', '--mount', '--propagation', 'slave'];
      await run([...unshare, 'sh', '-s', '--', ...words], GUEST_IMAGE_SCRIPT);
    } finally {
      await rm(work, { recursive: true, force: true });
    }
    if (kind === 'vm') await settleAccelerator(dir, say);
  });
  return image;
}

async function settleAccelerator(dir: string, say: (line: string) => void): Promise<void> {
  const accel = await probeAccelerator(dir);
  if (accel === 'tcg') say('KVM does not work here: the machines are emulated, which is slow');
  await writeFile(`${dir}/accel`, `${accel}\n`);
}
