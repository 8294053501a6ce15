import type { Json } from '../source/value.ts';
import { A, Type } from './args.ts';
import { defineAction, ModuleError, quote, type Steps, sh } from './module.ts';
import { chunksOf, type DiskProbe, type PfsContent, readPfsHeader } from './pfs_disk.ts';

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
  args,
  returns: {
    disk: 'What this host sees, for the probes of pfs_format.',
    chunks: 'Chunks of 10 GiB that PFS makes of a disk of this size.',
    wasted: 'Bytes that PFS leaves unused, since it takes whole chunks only.',
  },
  readOnly: true,
  batch: true,

  *run(wish, ctx) {
    const disk = yield* probeDisk(wish, ctx.host);
    return { changed: false, disk: disk as unknown as Json, ...chunksOf(disk.size) };
  },
});

/** One host's view of the disk. */
export function* probeDisk(wish: Args, host: string): Steps<DiskProbe> {
  const reply = yield* sh(probeScript(wish), { timeout: 120 });
  if (reply.rc !== 0)
    throw new ModuleError(`cannot look at ${wish.path}: ${reply.stderr.trim()}`, { rc: reply.rc });
  const disk = parseProbe(reply.stdout, wish.path, host);
  if (!wish.look_inside || !disk.pfs?.complete) return disk;
  return { ...disk, content: yield* lookInside(wish) };
}

/** Reads what the probe script printed. */
export function parseProbe(text: string, path: string, host: string): DiskProbe {
  const values = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const at = line.indexOf('=');
    if (at > 0) values.set(line.slice(0, at), [...(values.get(line.slice(0, at)) ?? []), line.slice(at + 1)]);
  }
  const one = (key: string) => values.get(key)?.[0] ?? '';
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
    signatures: values.get('signature') ?? [],
    uses: values.get('use') ?? [],
    rootDisk: one('root') === 'yes',
    pfs: readPfsHeader({ chunk: bytes('chunk'), inodes: bytes('inodes'), leader: bytes('leader') }),
    content: undefined,
  };
}

/**
 * Everything a host can tell without writing. Reads go past the page cache, since another host may have written
 * meanwhile. A process counts as a user only when it may write; the one that attaches the disk (kernel transport) is none.
 */
export function probeScript({ path, ignore_processes }: Pick<Args, 'path' | 'ignore_processes'>): string {
  const ignored = ['dd', 'nbd-client', ...ignore_processes].map(name => `${name} `).join('|');
  return `
path=${quote(path)}
disk=$(readlink -f "$path" 2>/dev/null)
if [ -b "$disk" ]; then echo kind=block; size=$(blockdev --getsize64 "$disk") || exit 1
elif [ -f "$disk" ]; then echo kind=file; size=$(stat -c %s "$disk")
elif [ -e "$path" ]; then echo kind=other; exit 0
else echo kind=missing; exit 0; fi
echo "size=$size"
mib=1048576
read_at() { dd if="$disk" bs=$3 skip=$1 count=$2 iflag=direct 2>/dev/null || dd if="$disk" bs=$3 skip=$1 count=$2 2>/dev/null; }
sum() { sha256sum | cut -d ' ' -f 1; }
hex() { od -An -v -tx1 | tr -d ' \\n'; }
echo "head=$(read_at 0 1 4096 | sum)"
echo "first=$(read_at 0 1 $mib | sum)"
[ "$size" -ge $mib ] && echo "last=$(read_at $((size / $mib - 1)) 1 $mib | sum)"
chunk=$(read_at 0 1 4096 | head -c 128 | hex)
case $chunk in
??43534650000000*)
  echo "chunk=$chunk"
  table=$(read_at 0 1 4096 | od -An -v -tu8 -j 96 -N 8 | tr -d ' ')
  block=$(read_at 0 1 4096 | od -An -v -tu8 -j 16 -N 8 | tr -d ' ')
  echo "inodes=$(read_at $((table / 4096)) 1 4096 | hex)"
  echo "leader=$(read_at $((block / 4096)) 1 4096 | head -c 256 | hex)" ;;
esac
wipefs --no-act "$disk" 2>/dev/null | awk 'NR > 1 { print "signature=" ($NF ~ /^[0-9a-f-]+$/ ? $(NF - 1) : $NF) }' | sort -u
blkid -p -o export "$disk" 2>/dev/null | awk -F = '/^(TYPE|PTTYPE)=/ { print "signature=" $2 }' | sort -u
if [ -b "$disk" ]; then
  lsblk -nro NAME,MOUNTPOINT "$disk" | awk 'NR > 1 { print "use=" $1 " lies on it" } $2 != "" { print "use=" $1 " is mounted on " $2; if ($2 == "/") print "root=yes" }'
  numbers=$(lsblk -ndro MAJ:MIN "$disk" | tr -d ' ')
  grep -l " $numbers " /proc/[0-9]*/mountinfo 2>/dev/null | head -n 1 | sed 's,/proc/\\([0-9]*\\)/.*,use=mounted in the name space of process \\1,'
  awk -v disk="$disk" 'NR > 1 && $1 == disk { print "use=swap" }' /proc/swaps
fi
ls -l /proc/[0-9]*/fd 2>/dev/null | awk -v disk="$disk" '
  /^\\/proc\\// { split($1, part, "/"); pid = part[3] }
  $NF == disk { print pid, $(NF - 2) }' |
while read -r pid fd; do
  flags=$(sed -n 's/^flags:[[:space:]]*//p' "/proc/$pid/fdinfo/$fd" 2>/dev/null)
  case $flags in *[1267]) echo "$(cat "/proc/$pid/comm" 2>/dev/null) (process $pid) may write" ;; esac
done | grep -vE '^(${ignored})' | sort -u | sed 's/^/use=/'
exit 0
`;
}

/** Lists a complete PFS and reads the system identifier, the first 8 bytes of pg_control. */
function* lookInside({ path, cluster, shared }: Args): Steps<PfsContent> {
  const disk = path.replace(/^\/dev\//, '');
  const script = `
cd / || exit 1
pfs="timeout -k 5 60 /usr/local/bin/pfs -C ${quote(cluster)}"
listing=$($pfs ls ${quote(`/${disk}/`)} 2>/dev/null) || { echo "pfs ls /${disk}/ failed or took longer than 60 s" >&2; exit 1; }
echo "$listing" | awk '$NF !~ /^\\.pfs-/ && ($1 == "File" || $1 == "Dir") { print "name=" $NF }'
control=${quote(`/${disk}/${shared}/global/pg_control`)}
case $listing in *${quote(shared)}*)
  file=$(mktemp) || exit 1
  $pfs stat "$control" >/dev/null 2>&1 && $pfs read "$control" >"$file" 2>/dev/null &&
    head -c 8 "$file" | od -An -v -tu8 | tr -d ' ' | sed 's/^/system=/'
  rm -f "$file" ;;
esac
exit 0
`;
  const reply = yield* sh(script, { timeout: 200 });
  if (reply.rc !== 0)
    throw new ModuleError(`cannot look inside ${path}: ${reply.stderr.trim()}`, { rc: reply.rc });
  const lines = reply.stdout.split('\n');
  const after = (key: string) =>
    lines.filter(line => line.startsWith(key)).map(line => line.slice(key.length));
  return { names: after('name='), systemIdentifier: after('system=')[0] ?? '' };
}
