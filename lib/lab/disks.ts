import { mkdir, open, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './command.ts';
import { type DiskKind, hostDir, type Lab, type LabHost } from './record.ts';
import { FREE_LOOPS_SCRIPT } from './scripts.ts';

export const disksDir = (root: string, lab: string, host: string): string =>
  join(hostDir(root, lab, host), 'disks');

/** Path by which a host sees a disk. */
export const diskPath = (device: string, kind: DiskKind): string =>
  kind === 'loop' ? `/dev/${device}` : `/srv/disks/${device}`;

/** Makes the sparse files that are missing; blocks of existing ones are kept. */
export async function ensureDisks(lab: Lab, host: LabHost): Promise<void> {
  if (host.disks.length === 0) return;
  const dir = disksDir(lab.root, lab.name, host.name);
  await mkdir(dir, { recursive: true, mode: 0o700 });
  for (const disk of host.disks) {
    const file = await open(join(dir, disk.device), 'a');
    try {
      if ((await file.stat()).size < disk.bytes) await file.truncate(disk.bytes);
    } finally {
      await file.close();
    }
  }
}

/** Attaches a host's disks as loop devices and tells the host which; loops already there are used again. */
export async function attachDisks(lab: Lab, host: LabHost): Promise<void> {
  if (host.disks.length === 0) return;
  const dir = disksDir(lab.root, lab.name, host.name);
  const lines: string[] = [];
  for (const disk of host.disks) {
    const file = join(dir, disk.device);
    const existing = (await loopsOn(file))[0];
    const loop = existing ?? (await run(['losetup', '--find', '--show', file])).trim();
    // Somebody who had this loop device before may have made it read-only, and that outlives losetup.
    await run(['blockdev', '--setrw', loop]);
    lines.push(`${disk.device} ${loop}\n`);
  }
  const etc = join(hostDir(lab.root, lab.name, host.name), 'upper', 'etc');
  await mkdir(etc, { recursive: true });
  await writeFile(join(etc, 'lab-disks'), lines.join(''));
}

/** Lets go of the loop devices on a lab's disk files. */
export async function detachDisks(root: string, lab: string, host: string): Promise<void> {
  const dir = disksDir(root, lab, host);
  for (const name of await readdir(dir).catch(() => [])) {
    for (const loop of await loopsOn(join(dir, name))) await run(['losetup', '--detach', loop]);
  }
}

async function loopsOn(file: string): Promise<string[]> {
  const list = await run(['losetup', '--noheadings', '--output', 'NAME', '--associated', file]);
  return list
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '');
}

/** Frees loop devices that hosts made inside and left behind when they ended. */
export async function freeOrphanLoops(): Promise<void> {
  await run(['sh', '-s'], FREE_LOOPS_SCRIPT);
}
