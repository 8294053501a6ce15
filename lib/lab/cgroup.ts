import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UsageError } from '../source/errors.ts';
import { LabError, until } from './command.ts';

const TOP = 'polarplay';

/** Where this machine shows its cgroup2 tree (at /sys/fs/cgroup/unified when the old controllers are in use too). */
export async function cgroupRoot(): Promise<string> {
  const line = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n').find(l => / - cgroup2 /.test(l));
  const mountPoint = line?.split(' ')[4];
  if (mountPoint === undefined) {
    throw new UsageError('the lab needs cgroup2, and this machine has none mounted (mount -t cgroup2 …)');
  }
  return mountPoint;
}

/** Path of a lab's or a host's group below the root of the tree. */
export const groupName = (lab: string, host?: string): string =>
  host === undefined ? `${TOP}/${lab}` : `${TOP}/${lab}/${host}`;

export async function makeGroup(name: string): Promise<void> {
  await mkdir(join(await cgroupRoot(), name), { recursive: true });
}

/** Puts a process and what it will start into a group. */
export async function joinGroup(name: string, pid: number): Promise<void> {
  await writeFile(join(await cgroupRoot(), name, 'cgroup.procs'), String(pid));
}

/** Process ids of a group and all groups below it. */
export async function processesOf(name: string): Promise<number[]> {
  const dir = join(await cgroupRoot(), name);
  return processesBelow(dir);
}

async function processesBelow(dir: string): Promise<number[]> {
  const text = await readFile(join(dir, 'cgroup.procs'), 'utf8').catch(() => '');
  const own = text
    .split('\n')
    .filter(line => line !== '')
    .map(Number);
  const below = await Promise.all((await subgroups(dir)).map(processesBelow));
  return [...own, ...below.flat()];
}

async function subgroups(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { withFileTypes: true }).catch(() => []);
  return entries.filter(entry => entry.isDirectory()).map(entry => join(dir, entry.name));
}

/** Kills everything in a group at once, waits until it is gone, and removes the group. */
export async function killGroup(name: string): Promise<void> {
  const dir = join(await cgroupRoot(), name);
  if (!existsSync(dir)) return;
  await writeFile(join(dir, 'cgroup.kill'), '1');
  const gone = await until(
    20_000,
    async () => ((await processesBelow(dir)).length === 0 ? true : undefined),
    20,
  );
  if (!gone) throw new LabError(`processes of ${name} do not end: ${(await processesBelow(dir)).join(' ')}`);
  await removeTree(dir);
  // The last lab takes the common parent along; others keep it.
  await rmdir(join(await cgroupRoot(), TOP)).catch(() => undefined);
}

async function removeTree(dir: string): Promise<void> {
  for (const child of await subgroups(dir)) await removeTree(child);
  await until(
    2000,
    () =>
      rmdir(dir).then(
        () => true,
        error => (error.code === 'ENOENT' ? true : undefined),
      ),
    20,
  );
}
