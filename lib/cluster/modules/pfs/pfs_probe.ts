import { basename } from 'node:path';
import { A, Type } from '../../../modules/kit/arguments.ts';
import { defineAction, quote, type Steps } from '../../../modules/kit/define.ts';
import { mustAsk, type Records } from '../../../modules/kit/reply.ts';
import { awaitEnd } from '../../../modules/kit/to-the-end.ts';
import { textOf } from '../../../source/bytes.ts';
import { escapeRegExp } from '../../../source/escape-regexp.ts';
import { asJson } from '../../../source/json.ts';
import { chunksOf, type DiskProbe, type PfsContent, readPfsHeader, ZERO_MIB } from './pfs-disk.ts';

const args = Type.Object({
  path: A.path('The disk: /dev/NAME on a node, the exported device or file on the storage host.'),
  look_inside: A.bool('List what a PFS holds and read the system identifier of the database in it.', {
    default: false,
  }),
  cluster: A.str('Cluster name given to PFS.', { default: 'disk' }),
  shared: A.str('Folder of the database below the root of the PFS.', { default: 'shared_data' }),
  ignore_processes: A.list(
    'Programs that may have the disk open for writing, such as nbd-server on the storage host.',
    {
      default: [],
    },
  ),
});
type Args = Type.Static<typeof args>;

export const pfsProbe = defineAction({
  name: 'pfs_probe',
  summary:
    'Looks at a shared disk without writing: size, content hashes, signatures, users, state of the PFS on it.',
  examples: `
- name: Look at the disk from every node
  pfs_probe: {path: /dev/nvmepolar1}
  register: pfs_view
`,
  args,
  returns: {
    disk: 'What this host sees, for the probes of pfs_format.',
    chunks: 'Chunks of 10 GiB that PFS makes of a disk of this size.',
    wasted: 'Bytes that PFS leaves unused, since it takes whole chunks only.',
  },
  readOnly: true,
  batch: true,

  *run(args, ctx) {
    // The storage host looks for a node (delegate_to): whose eyes it were counts, not for whom.
    const disk = yield* probeDisk(args, ctx.reach().delegate ?? ctx.host);
    return { changed: false, disk: asJson(disk), ...chunksOf(disk.size) };
  },
});

/** Seconds for which a look waits for an mkfs or growfs that an earlier run began. */
const MKFS_MAY_TAKE = 900;

/** One host's view of the disk. */
export function* probeDisk(args: Args, host: string): Steps<DiskProbe> {
  const script = `${awaitEnd(`pfs-${basename(args.path)}`, MKFS_MAY_TAKE)}\n${probeScript(args)}`;
  const records = yield* mustAsk(`cannot look at ${args.path}`, script, { timeout: MKFS_MAY_TAKE + 120 });
  const disk = parseProbe(records, args.path, host);
  if (!args.look_inside || !disk.pfs?.complete) return disk;
  return { ...disk, content: yield* lookInside(args) };
}

/** What the probe script found. */
function parseProbe(records: Records, path: string, host: string): DiskProbe {
  const one = (key: string) => records.output(key) ?? '';
  const all = (key: string) => records.all(key).map(textOf);
  const bytes = (key: string) => Buffer.from(one(key), 'hex');
  const kind = (['block', 'file', 'missing'] as const).find(k => k === one('kind')) ?? 'other';
  return {
    host,
    kind,
    path,
    size: Number(one('size') || 0),
    head: one('head'),
    first: one('first'),
    last: one('last'),
    filled: Number(one('filled') || 0),
    signatures: all('signature'),
    uses: all('use'),
    rootDisk: one('root') === 'yes',
    pfs: readPfsHeader({ chunk: bytes('chunk'), inodes: bytes('inodes'), leader: bytes('leader') }),
    mkfs: Number(one('mkfs') || 0),
    content: undefined,
  };
}

/**
 * Shell function `spots`: the MiB, beside the first and the last, in which a look at a disk without a name finds data.
 * Partitions whose table was lost begin at the first of them; copies of superblocks, and the chunks of a PFS, lie at
 * others; the rest is spread evenly.
 */
export const SPOTS = `
spots() {
  count=$((size / 1048576 - 1))
  {
    for at in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 64 128 384 262144; do echo $at; done
    at=1
    while [ $at -le 64 ]; do echo $((at * 10240)); at=$((at + 1)); done
    at=1
    while [ $at -lt 16 ]; do echo $((size / 1048576 * at / 16)); at=$((at + 1)); done
  } | awk -v count=$count '$1 > 0 && $1 < count && !seen[$1]++'
}`;

/** For a script that looks once more and compares itself: the records of `probeScript` as lines of `name=value`. */
export const AS_LINES = `field() { printf '%s=%s\\n' "$1" "$(printf %s "\${2-}" | tr '\\n' ' ')"; }`;

/**
 * Everything a host can tell without writing; what it cannot tell makes it fail, or counts as in use. Reads go past the
 * page cache, since another host may have written meanwhile. A process counts as a user only when it may write; the one
 * that attaches the disk (kernel transport) is none.
 */
export function probeScript({ path, ignore_processes }: Pick<Args, 'path' | 'ignore_processes'>): string {
  const ignored = ['dd', 'nbd-client', ...ignore_processes].map(name => `${escapeRegExp(name)} `).join('|');
  return `
path=${quote(path)}
each() { while IFS= read -r each; do field "$1" "$each"; done; }
for program in awk blkid blockdev dd losetup lsblk od readlink sed sha256sum wipefs; do
  command -v $program >/dev/null 2>&1 || { echo "the program $program is missing: what the disk holds cannot be told" >&2; exit 1; }
done
disk=$(readlink -f "$path" 2>/dev/null)
if [ -b "$disk" ]; then field kind block; size=$(blockdev --getsize64 "$disk") || exit 1
elif [ -f "$disk" ]; then field kind file; size=$(stat -c %s "$disk") || exit 1
elif [ -e "$path" ]; then field kind other; exit 0
else field kind missing; exit 0; fi
field size "$size"
mib=1048576
read_at() { dd if="$disk" bs=$2 skip=$1 count=1 iflag=direct,skip_bytes,fullblock 2>/dev/null || dd if="$disk" bs=$2 skip=$1 count=1 iflag=skip_bytes,fullblock 2>/dev/null; }
# The hash of so many bytes from there on; nothing when they cannot be read.
sum_at() {
  answer=$( { { read_at $1 $2; echo "read $?" >&3; } | sha256sum | cut -d ' ' -f 1; } 3>&1)
  case $answer in *'read 0'*) printf '%s\\n' "$answer" | grep -v '^read ' ;; esac
}
hex() { od -An -v -tx1 | tr -d ' \\n'; }
head=$(sum_at 0 4096)
first=$(sum_at 0 $mib)
last=
[ "$size" -lt $mib ] || last=$(sum_at $((size - mib)) $mib)
field head "$head"
field first "$first"
field last "$last"
chunk=$(read_at 0 4096 | head -c 128 | hex)
case $chunk in
??43534650000000*)
  field chunk "$chunk"
  table=$(read_at 0 4096 | od -An -v -tu8 -j 96 -N 8 | tr -d ' ')
  block=$(read_at 0 4096 | od -An -v -tu8 -j 16 -N 8 | tr -d ' ')
  field inodes "$(read_at $((table / 4096 * 4096)) 4096 | hex)"
  field leader "$(read_at $((block / 4096 * 4096)) 4096 | head -c 256 | hex)"
  # The last mkfs that this host began, when it did not note that it ended.
  awk '/ mkfs begins at / { began = $NF } / mkfs ended$/ { began = "" } END { if (began != "") print began }' \
    "/var/log/polar-mkfs-\${path##*/}.log" 2>/dev/null | each mkfs ;;
esac
${SPOTS}
if [ "$first" = ${ZERO_MIB} ]; then
  all=$(for at in $(spots); do read_at $((at * mib)) $mib; done | sha256sum)
  [ "$all" = "$(head -c $(($(spots | wc -l) * mib)) /dev/zero | sha256sum)" ] ||
    for at in $(spots); do
      [ "$(sum_at $((at * mib)) $mib)" = ${ZERO_MIB} ] || { field filled "$at"; break; }
    done
  # Opens it for itself alone, as every part of the kernel does that uses a disk, and only looks.
  if [ -b "$disk" ]; then
    said=$(wipefs --all --no-act "$disk" 2>&1 >/dev/null) || field use "it cannot be opened exclusively: \${said##*: }"
  fi
fi
seen=$(wipefs --no-act "$disk" 2>&1) || { echo "wipefs cannot read $disk: $seen" >&2; exit 1; }
printf '%s\\n' "$seen" | awk 'NR > 1 { print ($NF ~ /^[0-9a-f-]+$/ ? $(NF - 1) : $NF) }' | sort -u | each signature
blkid -p -o export "$disk" 2>/dev/null | awk -F = '/^(TYPE|PTTYPE)=/ { print $2 }' | sort -u | each signature
if [ -b "$disk" ]; then
  tree=$(lsblk -nro NAME,MOUNTPOINT "$disk") || { echo "lsblk does not know $disk" >&2; exit 1; }
  printf '%s\\n' "$tree" | awk 'NR > 1 { print $1 " lies on it" } $2 != "" { print $1 " is mounted on " $2 }' | each use
  if printf '%s\\n' "$tree" | grep -q ' /$'; then field root yes; fi
  numbers=$(lsblk -ndro MAJ:MIN "$disk" | tr -d ' ')
  grep -l " $numbers " /proc/[0-9]*/mountinfo 2>/dev/null | head -n 1 | sed 's,/proc/\\([0-9]*\\)/.*,mounted in the name space of process \\1,' | each use
else
  losetup -n -O NAME -j "$disk" | sed 's,^ *\\(/dev/\\)*,,; s, *$, lies on it,' | each use
fi
awk -v disk="$disk" 'NR > 1 && $1 == disk { print "swap" }' /proc/swaps | each use
# A disk may be open under other names for it: its number counts.
number=$(stat -L -c '%t:%T' "$disk")
ls -l /proc/[0-9]*/fd 2>/dev/null | awk -v disk="$disk" '
  /^\\/proc\\// { split($1, part, "/"); pid = part[3]; next }
  (at = index($0, " -> ")) {
    to = substr($0, at + 4)
    fd = substr($0, 1, at - 1); sub(/.* /, "", fd)
    if (to == disk || to ~ /^\\/dev\\// && to !~ /^\\/dev\\/(null|zero|full|tty|random|urandom|console|kmsg|fuse|pts|shm|net)/) print pid, fd, (to == disk)
  }' |
while read -r pid fd same; do
  [ "$same" = 1 ] || { [ -b "/proc/$pid/fd/$fd" ] && [ "$(stat -L -c '%t:%T' "/proc/$pid/fd/$fd" 2>/dev/null)" = "$number" ]; } || continue
  flags=$(sed -n 's/^flags:[[:space:]]*//p' "/proc/$pid/fdinfo/$fd" 2>/dev/null)
  case $flags in *[1267]) echo "$(tr '\\n' ' ' <"/proc/$pid/comm" 2>/dev/null)(process $pid) may write" ;; esac
done | grep -vE ${quote(`^(${ignored})`)} | sort -u | each use
exit 0
`;
}

/** Lists a complete PFS and reads the system identifier, the first 8 bytes of pg_control. */
function* lookInside({ path, cluster, shared }: Args): Steps<PfsContent> {
  const disk = path.replace(/^\/dev\//, '');
  const script = `
cd / || exit 1
pfs="timeout -k 5 60 /usr/local/bin/pfs -C ${quote(cluster)}"
listing=$($pfs ls ${quote(`/${disk}/`)} 2>/dev/null) || { echo "pfs ls "${quote(`/${disk}/`)}" failed or took longer than 60 s" >&2; exit 1; }
echo "$listing" | awk '$NF !~ /^\\.pfs-/ && ($1 == "File" || $1 == "Dir") { print $NF }' | while IFS= read -r name; do field name "$name"; done
control=${quote(`/${disk}/${shared}/global/pg_control`)}
case $listing in *${quote(shared)}*)
  file=$(mktemp) || exit 1; trap 'rm -f "$file"' 0
  $pfs stat "$control" >/dev/null 2>&1 && $pfs read "$control" >"$file" 2>/dev/null &&
    head -c 8 "$file" | od -An -v -tu8 | tr -d ' ' | { read -r system; field system "$system"; }
  ;;
esac
exit 0
`;
  const records = yield* mustAsk(`cannot look inside ${path}`, script, { timeout: 200 });
  return { names: records.all('name').map(textOf), systemIdentifier: records.text('system') ?? '' };
}
