import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmdirSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { cgroupRoot } from '../runner/measure.ts';

/** Takes a limit away again. */
export type Lift = () => void;

/** A lab host's control group, below the root of the cgroup2 tree. */
export const groupOf = (lab: string, host: string): string => `polarplay/${lab}/${host}`;

const PERIOD_US = 100_000;

/** Leaves a host a share of one processor. */
export function limitProcessors(group: string, share: number): Lift {
  const quota = Math.round(share * PERIOD_US);
  return (
    limitUnified(group, 'cpu', 'cpu.max', `${quota} ${PERIOD_US}`, `max ${PERIOD_US}`) ??
    limitOld(group, 'cpu', {
      'cpu.cfs_period_us': `${PERIOD_US}`,
      'cpu.cfs_quota_us': `${quota}`,
    })
  );
}

/** Leaves a host so many reads and writes a second of the disk that a folder is on. */
export function limitDisk(group: string, folder: string, operations: number): Lift {
  const disk = diskOf(folder);
  return (
    limitUnified(
      group,
      'io',
      'io.max',
      `${disk} riops=${operations} wiops=${operations}`,
      `${disk} riops=max wiops=max`,
    ) ??
    limitOld(group, 'blkio', {
      'blkio.throttle.read_iops_device': `${disk} ${operations}`,
      'blkio.throttle.write_iops_device': `${disk} ${operations}`,
    })
  );
}

/** Where cgroup2 has the controller; undefined where the old hierarchies keep it. */
function limitUnified(
  group: string,
  controller: string,
  file: string,
  limit: string,
  none: string,
): Lift | undefined {
  const root = cgroupRoot();
  if (!readFileSync(join(root, 'cgroup.controllers'), 'utf8').split(/\s/).includes(controller))
    return undefined;
  let above = root;
  for (const part of group.split('/')) {
    writeFileSync(join(above, 'cgroup.subtree_control'), `+${controller}`);
    above = join(above, part);
  }
  writeFileSync(join(above, file), limit);
  return () => writeFileSync(join(above, file), none);
}

/** In a group of the old kind, made for this; what the host's processes start stays in it. */
function limitOld(group: string, controller: string, limits: Readonly<Record<string, string>>): Lift {
  const top = mountOf(controller);
  const made = join(top, group.replaceAll('/', '-'));
  mkdirSync(made, { recursive: true });
  for (const [file, text] of Object.entries(limits)) writeFileSync(join(made, file), text);
  const members = () => processesBelow(join(cgroupRoot(), group));
  moveAll(members, made);
  return () => {
    moveAll(() => processesOf(made), top);
    rmdirSync(made);
  };
}

function mountOf(controller: string): string {
  for (const line of readFileSync('/proc/self/mountinfo', 'utf8').split('\n')) {
    const [before = '', after = ''] = line.split(' - ');
    if (after.startsWith('cgroup ') && after.split(' ').at(-1)?.split(',').includes(controller))
      return before.split(' ')[4]!;
  }
  throw new Error(`this machine cannot limit lab hosts: no control group has the controller ${controller}`);
}

/** Again until nobody is missing: a process may start another one while it is moved. */
function moveAll(members: () => readonly number[], to: string): void {
  for (let i = 0; i < 20; i++) {
    const there = new Set(processesOf(to));
    const missing = members().filter(pid => !there.has(pid));
    if (missing.length === 0) return;
    for (const pid of missing) {
      try {
        writeFileSync(join(to, 'cgroup.procs'), `${pid}`);
      } catch {
        // It has ended.
      }
    }
  }
}

function processesOf(group: string): number[] {
  return readFileSync(join(group, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean).map(Number);
}

function processesBelow(group: string): number[] {
  const below = readdirSync(group, { withFileTypes: true }).filter(entry => entry.isDirectory());
  return [...processesOf(group), ...below.flatMap(entry => processesBelow(join(group, entry.name)))];
}

/** `MAJOR:MINOR` of the whole disk below a folder. */
function diskOf(folder: string): string {
  const { dev } = statSync(folder);
  // As the C library takes a device's number apart.
  const number = `${((dev >> 8) & 0xfff) >>> 0}:${((dev & 0xff) | ((dev >> 12) & 0xfff00)) >>> 0}`;
  const known = `/sys/dev/block/${number}`;
  if (!existsSync(known)) throw new Error(`${folder} is not on a disk that can be limited`);
  const real = realpathSync(known);
  return existsSync(join(real, 'partition'))
    ? readFileSync(join(dirname(real), 'dev'), 'utf8').trim()
    : number;
}
