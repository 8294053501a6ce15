import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UsageError } from '../source/errors.ts';
import { run } from './command.ts';
import { DEVICES_SCRIPT, DEVICES_UNIT, INSTALL_SCRIPT } from './scripts.ts';

/** What every host has before a playbook touches it: a small server as a distribution installs it. */
const BASE_PACKAGES = [
  'systemd',
  'systemd-sysv',
  'dbus',
  'libpam-systemd',
  'udev',
  'kmod',
  'openssh-server',
  'sudo',
  'iproute2',
  'iputils-ping',
  'procps',
  'ca-certificates',
];

/** Changes when the recipe below does, so that an old image is not taken for a new one. */
const RECIPE = 3;

const basesDir = (root: string): string => join(root, 'base');
/** What hosts have from the start. */
export interface Extra {
  /** Codename of another release of the machine's distribution; without it, the machine's own. */
  readonly release?: string | undefined;
  /** Debian packages besides the base. */
  readonly packages: readonly string[];
  /** Packages that playbooks will install: hosts have what these depend on, not the packages themselves. */
  readonly prepareFor: readonly string[];
}

/** Debian packages that hosts downloaded, shared by later hosts. */
export const archivesDir = (root: string): string => join(root, 'archives');

/**
 * Directories of the base image with these packages, the last one lowest; built at the first call. The image holds
 * the machine's own distribution, from the machine's own package sources, through its proxies; of another release,
 * what these sources have under its name, if the machine has the keys it is signed with.
 */
export async function ensureBase(
  root: string,
  extra: Extra,
  say: (line: string) => void,
): Promise<readonly string[]> {
  const own = await distribution();
  const release = { ...own, codename: extra.release ?? own.codename };
  const recipe = [String(RECIPE), DEVICES_SCRIPT, DEVICES_UNIT, ...BASE_PACKAGES];
  const base = join(basesDir(root), `${release.id}-${release.codename}-${keyOf(recipe)}`);
  if (!existsSync(base)) {
    say(`building the base image (${release.id} ${release.codename}), once; about 40 s`);
    await buildInto(base, dir => debootstrap(dir, own, release.codename));
  }
  const { packages, prepareFor } = extra;
  if (packages.length + prepareFor.length === 0) return [base];
  const derived = `${base}+${keyOf([INSTALL_SCRIPT, ...packages, '', ...prepareFor])}`;
  if (!existsSync(derived)) {
    const wanted = [...packages, ...prepareFor.map(name => `what ${name} needs`)];
    say(`adding to the base image, once: ${wanted.join(', ')}`);
    await buildInto(derived, dir => derive(root, base, dir, extra));
  }
  return [derived, base];
}

/** Removes all images and downloaded packages; the caller has seen that no lab stands on them. */
export async function dropBases(root: string): Promise<void> {
  for (const dir of [basesDir(root), archivesDir(root)]) await rm(dir, { recursive: true, force: true });
}

export const keyOf = (parts: readonly string[]): string =>
  createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, 10);

/** Builds beside the target and renames, so that an interrupted build is never taken for an image. */
export async function buildInto(target: string, build: (dir: string) => Promise<void>): Promise<void> {
  const dir = `${target}.${randomBytes(4).toString('hex')}.part`;
  await mkdir(dir, { recursive: true, mode: 0o755 });
  try {
    await build(dir);
    await rename(dir, target).catch(error => {
      if (!existsSync(target)) throw error;
    });
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

interface Release {
  readonly id: string;
  readonly codename: string;
}

async function distribution(): Promise<Release> {
  const text = await readFile('/etc/os-release', 'utf8').catch(() => '');
  const value = (key: string) => new RegExp(`^${key}="?([^"\n]*)"?$`, 'm').exec(text)?.[1] ?? '';
  const release = { id: value('ID'), codename: value('VERSION_CODENAME') };
  if ((release.id === 'debian' || release.id === 'ubuntu') && release.codename !== '') return release;
  throw new UsageError(`the lab needs Debian or Ubuntu; this is ${value('PRETTY_NAME') || 'another system'}`);
}

async function debootstrap(dir: string, own: Release, codename: string): Promise<void> {
  const tree = join(dir, 'tree');
  const sources = join(dir, 'sources.list');
  await writeFile(sources, sourcesOf(codename, own.codename, await packageSources(own)));
  const options = (await aptOptions()).map(option => `--aptopt=${option}`);
  const keyrings = existsSync('/usr/share/keyrings') ? ['--keyring=/usr/share/keyrings'] : [];
  await run([
    'mmdebstrap',
    '--mode=root',
    '--variant=minbase',
    '--format=directory',
    '--quiet',
    // A fresh list of packages lets a host install without asking the network first.
    '--skip=cleanup/apt/lists',
    '--dpkgopt=force-unsafe-io',
    '--aptopt=Acquire::Languages "none"',
    ...keyrings,
    ...options,
    `--include=${BASE_PACKAGES.join(',')}`,
    codename,
    tree,
    sources,
  ]);
  await rm(sources);
  await settle(tree);
  // The image is the directory itself; its builder wanted an empty one to write to.
  for (const name of await readdir(tree)) await rename(join(tree, name), join(dir, name));
  await rm(tree, { recursive: true });
}

/** What tells a lab host from a bare installation. */
async function settle(tree: string): Promise<void> {
  const put = async (path: string, text: string, mode = 0o644) => {
    const file = join(tree, path);
    await mkdir(join(file, '..'), { recursive: true });
    await writeFile(file, text, { mode });
  };
  await put('usr/local/sbin/lab-devices', DEVICES_SCRIPT, 0o755);
  await put('etc/systemd/system/lab-devices.service', DEVICES_UNIT);
  await put('etc/sudoers.d/ops', 'ops ALL=(ALL:ALL) NOPASSWD: ALL\nopspw ALL=(ALL:ALL) ALL\n', 0o440);
  const inside = ['chroot', tree];
  for (const user of ['ops', 'opspw']) {
    await run([...inside, 'useradd', '--create-home', '--user-group', '--shell', '/bin/bash', user]);
  }
  await run([...inside, 'systemctl', '--quiet', 'enable', 'lab-devices.service']);
  // Nobody sits at a console; and a user manager per login would cost 3 inotify instances and time.
  const unused = ['console-getty.service', 'getty.target', 'user@.service'];
  await run([...inside, 'systemctl', '--quiet', 'mask', ...unused]);
  for (const name of await readdir(join(tree, 'etc/ssh'))) {
    if (name.startsWith('ssh_host_')) await rm(join(tree, 'etc/ssh', name));
  }
  for (const path of ['etc/machine-id', 'etc/hostname', 'etc/resolv.conf']) {
    await rm(join(tree, path), { force: true });
  }
}

/** The machine's own sources of its own distribution, as apt itself understands them. */
async function packageSources(release: Release): Promise<readonly string[]> {
  const origin = release.id === 'debian' ? 'Debian' : 'Ubuntu';
  const lines = await run([
    'apt-get',
    'indextargets',
    'Created-By: Packages',
    `Origin: ${origin}`,
    '--format',
    'deb $(REPO_URI) $(RELEASE) $(COMPONENT)',
  ]);
  const unique = [...new Set(lines.split('\n').filter(line => line.startsWith('deb ')))];
  if (unique.length === 0) throw new UsageError('apt knows no packages yet: run apt-get update first');
  return unique;
}

/** A sources.list for a release, from the lines `deb URI SUITE COMPONENT` of the own one: same places, its suites. */
export function sourcesOf(codename: string, own: string, lines: readonly string[]): string {
  const wanted = lines.flatMap(line => {
    const [type, uri, suite = '', ...components] = line.split(' ');
    const [name, ...pocket] = suite.split(/(?=[-/])/);
    if (name !== own) return codename === own ? [line] : [];
    return [[type, uri, [codename, ...pocket].join(''), ...components].join(' ')];
  });
  if (wanted.length > 0) return `${wanted.join('\n')}\n`;
  throw new UsageError(`--release ${codename}: the machine's package sources do not name ${own}`);
}

/** Proxies and date checks of the machine's apt; without them its sources may not answer. */
async function aptOptions(): Promise<string[]> {
  const dump = await run(['apt-config', 'dump', '--no-empty']);
  const wanted = /^Acquire::(https?::(.+::)?(Proxy|Verify-\w+)|Check-Valid-Until|Check-Date|Retries)\b/i;
  return dump
    .split('\n')
    .filter(line => wanted.test(line))
    .map(line => line.replace(/;$/, ''));
}

/** Installs packages in a layer above the base, with the shared archive at hand. */
async function derive(root: string, base: string, dir: string, extra: Extra): Promise<void> {
  await mkdir(archivesDir(root), { recursive: true });
  const work = `${dir}.work`;
  await mkdir(work);
  const words = [base, dir, work, archivesDir(root), extra.packages.join(' '), extra.prepareFor.join(' ')];
  try {
    await run(['unshare', '--mount', '--propagation', 'slave', 'sh', '-s', '--', ...words], INSTALL_SCRIPT);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
