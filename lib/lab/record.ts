import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UsageError } from '../source/errors.ts';

/** One host of a lab as it was asked for. */
export interface LabHost {
  readonly name: string;
  readonly address: string;
  /** Disks by device name inside the host, in order. */
  readonly disks: readonly LabDisk[];
}

export interface LabDisk {
  /** `vdb`, `vdc`…: the name under /dev in the host, and of the file that holds its blocks. */
  readonly device: string;
  readonly bytes: number;
  /** The name roles export it under. */
  readonly exportName: string;
}

export type DiskKind = 'loop' | 'file';
export type LabKind = 'nspawn' | 'uml' | 'vm';

/** Everything `up` decided, written before anything is made, so that `up` can continue and `down` can clean up. */
export interface LabRecord {
  readonly name: string;
  readonly kind: LabKind;
  /** Codename of the hosts' release; without it, the machine's own. */
  readonly release?: string | undefined;
  /** Third byte of the lab's network 10.77.N.0/24; also names its interface. */
  readonly subnet: number;
  readonly hosts: readonly LabHost[];
  readonly diskKind: DiskKind;
  /** Variables for the whole inventory, as `--var` gave them. */
  readonly vars: Readonly<Record<string, unknown>>;
  /** Of `nspawn`: directories of the base image, the last one lowest. Else: the folder of image and kernel. */
  readonly layers: readonly string[];
  /** Of hosts with a kernel of their own: further words of its command line. */
  readonly kernelArguments: readonly string[];
  /** Of hosts with a kernel of their own: what each is given. */
  readonly memoryBytes?: number | undefined;
}

/** A lab on this machine: its record, and where its files are. */
export interface Lab extends LabRecord {
  readonly root: string;
}

/** Where labs, base images and the package cache live: POLARPLAY_STATE_DIR, or /var/lib/polarplay. */
export function stateRoot(env: NodeJS.ProcessEnv = process.env): string {
  return env.POLARPLAY_STATE_DIR ?? '/var/lib/polarplay';
}

export const labsDir = (root: string): string => join(root, 'lab');
export const labDir = (root: string, lab: string): string => join(labsDir(root), lab);
export const hostDir = (root: string, lab: string, host: string): string =>
  join(labDir(root, lab), 'hosts', host);

const NAME = /^[a-z][a-z0-9-]{0,20}$/;

/** Refuses names that would not do as host name, namespace and folder. */
export function checkName(what: string, name: string): string {
  if (!NAME.test(name)) {
    throw new UsageError(
      `${what} "${name}" is not valid: use lower-case letters, digits and dashes, a letter first, at most 21`,
      5,
    );
  }
  return name;
}

/** Refuses what can be no release: it becomes part of folder names and package sources. */
export function checkRelease(codename: string | undefined): string | undefined {
  if (codename === undefined || /^[a-z]+$/.test(codename)) return codename;
  throw new UsageError(`--release ${codename}: use a codename such as trixie or noble`, 5);
}

/** A lab, or undefined when there is none of that name. */
export async function loadLab(root: string, lab: string): Promise<Lab | undefined> {
  try {
    const text = await readFile(join(labDir(root, lab), 'lab.json'), 'utf8');
    return { ...(JSON.parse(text) as LabRecord), root };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** A lab that must exist. */
export async function requireLab(root: string, lab: string): Promise<Lab> {
  const found = await loadLab(root, lab);
  if (found) return found;
  const others = await labNames(root);
  const known = others.length > 0 ? `; there are: ${others.join(', ')}` : '';
  throw new UsageError(`no lab "${lab}" on this machine${known} (make it with: polarplay lab up)`);
}

export async function saveLab({ root, ...record }: Lab): Promise<void> {
  const dir = labDir(root, record.name);
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const file = join(dir, 'lab.json');
  await writeFile(`${file}.new`, `${JSON.stringify(record, null, 2)}\n`);
  await rename(`${file}.new`, file);
}

/** Names of all labs that left a folder. */
export async function labNames(root: string): Promise<string[]> {
  try {
    return (await readdir(labsDir(root))).filter(name => NAME.test(name)).sort();
  } catch {
    return [];
  }
}

/** Runs `work` while no other command changes this lab. A lock whose holder is dead counts for nothing. */
export async function withLock<T>(root: string, lab: string, work: () => Promise<T>): Promise<T> {
  await mkdir(labsDir(root), { recursive: true, mode: 0o700 });
  const file = join(labsDir(root), `.${lab}.lock`);
  await takeLock(file, lab);
  try {
    return await work();
  } finally {
    await rm(file, { force: true });
  }
}

async function takeLock(file: string, lab: string): Promise<void> {
  for (let tries = 0; tries < 2; tries++) {
    try {
      await writeFile(file, `${process.pid}\n`, { flag: 'wx' });
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const holder = Number((await readFile(file, 'utf8').catch(() => '')).trim());
      if (holder > 0 && isAlive(holder)) {
        throw new UsageError(`lab "${lab}" is being changed by another command (process ${holder})`);
      }
      await rm(file, { force: true });
    }
  }
  throw new UsageError(`lab "${lab}" is being changed by another command`);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
