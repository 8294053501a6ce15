import type { Static } from 'typebox';
import { defined } from '../../source/defined.ts';
import { partAt } from '../../source/part-at.ts';
import { A, Type } from '../kit/arguments.ts';
import { defineState, ModuleError, quote, type Steps, sh } from '../kit/define.ts';
import { needsProgram } from '../kit/program.ts';
import { ask } from '../kit/reply.ts';
import { quotedWords } from '../kit/sh.ts';
import { type DeviceFound, deviceScript, parseDevice } from './signatures.ts';

const TYPES = [
  'btrfs',
  'ext2',
  'ext3',
  'ext4',
  'ext4dev',
  'f2fs',
  'lvm',
  'ocfs2',
  'reiserfs',
  'xfs',
  'vfat',
  'swap',
] as const;

const args = Type.Object({
  dev: A.path('The device, or an image file.', { aliases: ['device'] }),
  fstype: A.opt(A.choice(TYPES, 'Type of the file system.', { aliases: ['type'] })),
  state: A.choice(['present', 'absent'], 'Make it if it is missing, or wipe what is there.', {
    default: 'present',
  }),
  force: A.bool('Overwrite whatever the device holds.', { default: false }),
  resizefs: A.bool('Grow the file system to the size of the device.', { default: false }),
  opts: A.opt(A.str('Further arguments for mkfs.')),
});

type Args = Static<typeof args>;

interface Kind {
  /** As blkid names it. */
  readonly signature: string;
  readonly make: string;
  /** Grows it to the size of the device in `$d`; prints "nothing" when there is nothing to grow. */
  readonly grow?: string;
  /** Prints `fs SIZE` in bytes. */
  readonly measure?: string;
}

const EXT_MEASURE = `dumpe2fs -h "$d" 2>/dev/null | awk -F: '/^Block count/ {c=$2} /^Block size/ {s=$2} END {if (c) printf "fs %.0f\\n", c*s}'`;
const ext = (name: string): Kind => ({
  signature: name,
  make: `mkfs.${name} -F`,
  measure: EXT_MEASURE,
  grow: 'e2fsck -fp "$d"; [ $? -lt 4 ] && resize2fs "$d"',
});

// Each is told to overwrite: whether it may has been decided before.
const KINDS: Readonly<Record<(typeof TYPES)[number], Kind>> = {
  ext2: ext('ext2'),
  ext3: ext('ext3'),
  ext4: ext('ext4'),
  ext4dev: { ...ext('ext4'), signature: 'ext4dev' },
  xfs: {
    signature: 'xfs',
    make: 'mkfs.xfs -f',
    grow: 'xfs_growfs "$m"',
    measure: `xfs_info "\${m:-$d}" 2>/dev/null | awk '/^data/ {for (i=1;i<=NF;i++) {if ($i ~ /^bsize=/) b=substr($i,7); if ($i ~ /^blocks=/) c=substr($i,8)}} END {if (c) printf "fs %.0f\\n", b*c}'`,
  },
  btrfs: {
    signature: 'btrfs',
    make: 'mkfs.btrfs -f',
    grow: 'btrfs filesystem resize max "$m"',
    measure: `btrfs filesystem show -b --raw "$d" 2>/dev/null | awk '/devid/ {for (i=1;i<=NF;i++) if ($i=="size") printf "fs %s\\n", $(i+1)}'`,
  },
  f2fs: { signature: 'f2fs', make: 'mkfs.f2fs', grow: 'resize.f2fs "$d"' },
  vfat: { signature: 'vfat', make: 'mkfs.vfat -I', grow: 'fatresize -s max "$d"' },
  lvm: {
    signature: 'LVM2_member',
    make: 'pvcreate -f -y',
    grow: 'pvresize "$d"',
    measure: `pvs --noheadings -o pv_size --units b --nosuffix "$d" 2>/dev/null | awk '{printf "fs %s\\n", $1}'`,
  },
  ocfs2: { signature: 'ocfs2', make: 'mkfs.ocfs2 -Fx' },
  reiserfs: { signature: 'reiserfs', make: 'mkfs.reiserfs -q' },
  swap: { signature: 'swap', make: 'mkswap -f' },
};

interface Found extends DeviceFound {
  /** Size of the file system; undefined when it could not be measured. */
  readonly fileSystem: number | undefined;
}

/** A device that is this much larger than its file system has room to grow into. */
const SLACK = 4 << 20;

type Act = 'make' | 'grow' | 'wipe' | undefined;

/** What there is to do; refuses to touch what must not be touched. Pure. */
export function decide(found: Found, args: Args): Act {
  if (!found.exists) {
    if (args.state === 'absent') return undefined;
    throw new ModuleError(`Device ${args.dev} not found.`);
  }
  const held = found.signature;
  if (args.state === 'absent') {
    if (held === undefined) return undefined;
    refuseInUse(found, args);
    return 'wipe';
  }
  const kind = KINDS[defined(args.fstype, 'state=present needs it')];
  if (held === kind.signature && !(args.force && !args.resizefs)) {
    if (!args.resizefs) return undefined;
    if (!kind.grow) throw new ModuleError(`module does not support resizing ${args.fstype} filesystem yet.`);
    return found.fileSystem !== undefined &&
      found.size - found.fileSystem < Math.max(SLACK, found.size * 0.001)
      ? undefined
      : 'grow';
  }
  if (held !== undefined && !args.force)
    throw new ModuleError(`'${args.dev}' is already used as ${held}, use force=true to overwrite`);
  refuseInUse(found, args);
  return 'make';
}

/** Not even force may pull a device from under what uses it. */
function refuseInUse(found: Found, args: Args): void {
  if (found.mountedAt !== undefined)
    throw new ModuleError(`'${args.dev}' is mounted at ${found.mountedAt}: unmount it first`);
  if (found.holders.length > 0)
    throw new ModuleError(`'${args.dev}' is in use by ${found.holders.join(', ')}`);
}

const PATH = 'PATH=$PATH:/usr/sbin:/sbin';

export const filesystem = defineState({
  name: 'filesystem',
  aliases: ['community.general.filesystem'],
  summary: 'Makes a file system on a device that holds nothing, grows it, or wipes it.',
  examples: `
- name: Make a file system on the disk for backups
  filesystem: {dev: /dev/disk/by-id/virtio-backup, fstype: xfs}
`,
  args,
  rules: { requiredIf: [['state', 'present', ['fstype']]] },
  differences: [
    'Any signature counts as use: a partition table, LVM, RAID or PolarFS is not overwritten without force.',
    'A device that is mounted, or that other devices are built on, is refused even with force.',
    'resizefs reports no change when the file system fills the device already.',
  ],
  touches: args => [args.dev],

  *probe(args): Steps<Found> {
    const measure = args.resizefs && args.fstype ? (KINDS[args.fstype].measure ?? '') : '';
    const reply = yield* ask(
      `${PATH}\n${deviceScript(args.dev)}\n${measure ? `m=; [ -e "$d" ] && { m=$(findmnt -no TARGET "$r" 2>/dev/null | head -n 1); begin measured; ${measure}; }\n` : ''}:`,
    );
    if (reply.rc !== 0) throw new ModuleError(reply.stderr.trim(), { rc: reply.rc });
    const size = /^fs (\d+)$/m.exec(reply.text('measured') ?? '')?.[1];
    return { ...parseDevice(reply), fileSystem: size === undefined ? undefined : Number(size) };
  },

  diff(found, args) {
    const act = decide(found, args);
    const text = {
      make: `make ${args.fstype} on ${args.dev}`,
      grow: `grow ${args.fstype} on ${args.dev}`,
      wipe: `wipe ${found.signature} from ${args.dev}`,
    };
    return { changes: act === undefined ? [] : [text[act]] };
  },

  *apply(found, args) {
    const act = decide(found, args);
    const kind = args.fstype === undefined ? undefined : KINDS[args.fstype];
    const program = (command: string) => partAt(command.split(' '), 0);
    const command =
      act === 'wipe'
        ? 'wipefs -a "$d"'
        : act === 'grow'
          ? `m=$(findmnt -no TARGET "$(readlink -f "$d")" 2>/dev/null | head -n 1); ${defined(kind, 'state=present has a kind').grow}`
          : `${defined(kind, 'state=present has a kind').make} ${quotedWords(args.opts ?? '')} "$d"`;
    const first =
      act === 'grow'
        ? defined(defined(kind, 'state=present has a kind').grow, 'only kinds that grow are grown')
        : command;
    const reply = yield* sh(`${PATH}\n${needsProgram(program(first))}\nd=${quote(args.dev)}\n${command}`, {
      live: true,
    });
    if (reply.rc !== 0)
      throw new ModuleError(reply.stderr.trim() || reply.stdout.trim() || `exit code ${reply.rc}`, {
        rc: reply.rc,
        stdout: reply.stdout,
        stderr: reply.stderr,
      });
    return act === 'grow' ? { msg: reply.stdout } : {};
  },
});
