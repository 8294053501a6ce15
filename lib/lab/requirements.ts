import { existsSync } from 'node:fs';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { UsageError } from '../source/errors.ts';
import { installPackages, refreshLists } from './apt.ts';
import { cgroupRoot } from './cgroup.ts';
import { run } from './command.ts';
import type { LabKind } from './record.ts';

/** Programs the lab uses, with the Debian package each comes from. */
const TOOLS: Readonly<Record<string, string>> = {
  'systemd-nspawn': 'systemd-container',
  mmdebstrap: 'mmdebstrap',
  slirp4netns: 'slirp4netns',
  ip: 'iproute2',
  iptables: 'iptables',
  sysctl: 'procps',
  losetup: 'mount',
  mountpoint: 'util-linux',
  unshare: 'util-linux',
  nsenter: 'util-linux',
  'ssh-keygen': 'openssh-client',
  ssh: 'openssh-client',
};

/** What other kinds of hosts need besides; the kernel comes with their image. */
const KIND_TOOLS: Readonly<Record<LabKind, Readonly<Record<string, string>>>> = {
  nspawn: {},
  uml: { mke2fs: 'e2fsprogs' },
  vm: { mke2fs: 'e2fsprogs', 'qemu-system-x86_64': 'qemu-system-x86' },
};

/** Each booted systemd holds about this many inotify instances, all counted on the machine's root. */
const INOTIFY_PER_HOST = 7;

/** Refuses, saying why and what to do, where the lab cannot work. Installs missing packages when told to. */
export async function checkMachine(
  wanted: { readonly hosts: number; readonly kind: LabKind; readonly install: boolean },
  say: (line: string) => void,
): Promise<void> {
  if (process.platform !== 'linux')
    throw new UsageError(`the lab runs on Linux only; this is ${process.platform}`);
  if (process.getuid?.() !== 0)
    throw new UsageError('the lab makes namespaces and mounts: run it as root (sudo)');
  await checkNamespaces();
  await checkPackages({ ...TOOLS, ...KIND_TOOLS[wanted.kind] }, wanted.install, say);
  await cgroupRoot();
  await checkKernel();
  if (wanted.kind === 'nspawn') await checkInotify(wanted.hosts);
}

async function checkNamespaces(): Promise<void> {
  const map = (await readFile('/proc/self/uid_map', 'utf8')).trim().split(/\s+/);
  if (map[0] !== '0' || map[1] !== '0' || map[2] !== '4294967295') {
    throw new UsageError(
      'this root is root of a user namespace (a rootless container?); the lab needs the real one',
    );
  }
  const status = await readFile('/proc/self/status', 'utf8');
  const held = BigInt(`0x${/^CapEff:\s*(\w+)/m.exec(status)?.[1] ?? '0'}`);
  for (const [name, bit] of [
    ['CAP_NET_ADMIN', 12n],
    ['CAP_SYS_ADMIN', 21n],
    ['CAP_MKNOD', 27n],
  ] as const) {
    if ((held & (1n << bit)) === 0n)
      throw new UsageError(`root lacks ${name} here (a container?); the lab needs it`);
  }
}

/** Debian packages of the tools that are missing here. */
export function missingPackages(
  tools: Readonly<Record<string, string>>,
  path = process.env.PATH ?? '',
): string[] {
  const folders = [...path.split(delimiter), '/usr/sbin', '/sbin'];
  const missing = Object.entries(tools).filter(([tool]) => !folders.some(dir => existsSync(join(dir, tool))));
  return [...new Set(missing.map(([, debian]) => debian))];
}

async function checkPackages(
  tools: Readonly<Record<string, string>>,
  install: boolean,
  say: (line: string) => void,
): Promise<void> {
  const missing = missingPackages(tools);
  if (missing.length === 0) return;
  const command = `apt-get install ${missing.join(' ')}`;
  if (!install)
    throw new UsageError(`the lab needs packages that are missing here: ${command} (or add --install)`);
  say(`installing ${missing.join(' ')}`);
  await refreshLists(say);
  await installPackages(missing);
  const still = missingPackages(tools);
  if (still.length > 0) throw new UsageError(`still missing after installing: ${still.join(' ')}`);
}

async function checkKernel(): Promise<void> {
  const known = await readFile('/proc/filesystems', 'utf8');
  if (!/\toverlay$/m.test(known) && !existsSync('/sys/module/overlay')) {
    await run(['modprobe', 'overlay']).catch(() => {
      throw new UsageError('this kernel has no overlay file system; the lab needs it');
    });
  }
  if (!existsSync('/dev/loop-control')) {
    await run(['modprobe', 'loop']).catch(() => {
      throw new UsageError('this kernel has no loop devices; the lab needs them');
    });
  }
}

async function checkInotify(hosts: number): Promise<void> {
  const file = '/proc/sys/fs/inotify/max_user_instances';
  const limit = Number(await readFile(file, 'utf8'));
  const used = await inotifyInUse();
  if (used + hosts * INOTIFY_PER_HOST <= limit) return;
  const wanted = Math.max(512, used + hosts * INOTIFY_PER_HOST * 2);
  throw new UsageError(
    `${hosts} hosts need about ${hosts * INOTIFY_PER_HOST} inotify instances, and ${limit - used} of ${limit} are ` +
      `free: sysctl -w fs.inotify.max_user_instances=${wanted}`,
  );
}

async function inotifyInUse(): Promise<number> {
  const counts = (await readdir('/proc'))
    .filter(name => /^\d+$/.test(name))
    .map(async pid => {
      const fds = await readdir(`/proc/${pid}/fd`).catch(() => []);
      const links = await Promise.all(fds.map(fd => readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')));
      return links.filter(target => target === 'anon_inode:inotify').length;
    });
  return (await Promise.all(counts)).reduce((sum, n) => sum + n, 0);
}
