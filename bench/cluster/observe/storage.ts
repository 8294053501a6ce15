import type { Deployment } from '../../../lib/cluster/deployment.ts';
import type { Hosts } from '../../../lib/cluster/hosts.ts';
import type { StorageFigures } from '../result.ts';

const SIZE_MIB = 64;
/** What a test may take beyond its time: the file is written first. */
const LAYOUT_S = 60;

const TESTS = [
  { test: 'random reads', rw: 'randread', sync: '0' },
  { test: 'random writes', rw: 'randwrite', sync: '0' },
  // What a commit costs: write, and wait until it is on the disk.
  { test: 'synchronous writes', rw: 'randwrite', sync: '1' },
] as const;

/**
 * Shell that runs fio on a scratch file of its own in the folder `$1`, and removes it whatever happens. A device is only
 * read, and opened so that nothing can write to it. Arguments: folder or device, kind of access, fdatasync after so many
 * writes, seconds.
 */
const FIO = `
command -v fio >/dev/null || exit 127
if [ -b "$1" ]; then
  exec timeout -k 5 $(($4 + ${LAYOUT_S})) fio --name=polarplay --readonly --filename="$1" --rw=randread --bs=8k --iodepth=16 \\
    --ioengine=libaio --direct=1 --time_based --runtime="$4" --ramp_time=1 --randrepeat=0 --output-format=json 2>/dev/null
fi
here=$1
# Beside the data where that is the same file system; in it, a file of this name is left out of backups and goes at a start.
if [ -e "$1/PG_VERSION" ] && [ -w "\${1%/*}" ] && [ "$(stat -c %d "$1")" = "$(stat -c %d "\${1%/*}")" ]; then here=\${1%/*}; fi
[ "$(df -Pk "$here" | awk 'NR == 2 { print $4 }')" -gt ${4 * SIZE_MIB * 1024} ] || exit 28
for old in "$here"/pgsql_tmp_polarplay.*; do [ -f "$old" ] && [ -O "$old" ] && rm -f "$old"; done
file=$(mktemp "$here/pgsql_tmp_polarplay.XXXXXX") || exit 1
trap 'rm -f "$file"' EXIT
trap 'exit 143' HUP INT TERM
timeout -k 5 $(($4 + ${LAYOUT_S})) fio --name=polarplay --filename="$file" --size=${SIZE_MIB}m --rw="$2" --bs=8k --iodepth=16 \\
  --ioengine=libaio --direct=1 --fdatasync="$3" --time_based --runtime="$4" --ramp_time=1 --randrepeat=0 \\
  --output-format=json 2>/dev/null
`;

interface FioJob {
  readonly iops: number;
  readonly clat_ns?: { readonly percentile?: Readonly<Record<string, number>> };
}

/** Where scratch files go: beside the exported files on the storage host, and beside the data of the stand-in's nodes. */
export interface StoragePlace {
  readonly host: string;
  /** A folder for scratch files, or a device that is only read. */
  readonly folder: string;
  /** Whose folder it is. */
  readonly as: string;
}

/** What can be measured: an exported device has no folder beside it, and is never written. */
export function storagePlaces(
  { storage }: Deployment,
  dataFolders: ReadonlyMap<string, { readonly folder: string; readonly as: string }>,
): readonly StoragePlace[] {
  const [backing] = storage.exports.map(e => e.backing);
  const place = backing?.startsWith('/dev/') ? backing : backing?.slice(0, backing.lastIndexOf('/')) || '/';
  return [
    ...(backing === undefined ? [] : [{ host: storage.host, folder: place, as: 'root' }]),
    ...[...dataFolders].map(([host, place]) => ({ host, ...place })),
  ];
}

/** What the storage does without a database, so that a slow disk can be told from a slow server. */
export async function measureStorage(
  hosts: Hosts,
  places: readonly StoragePlace[],
  seconds: number,
  remark: (text: string) => void,
  signal?: AbortSignal,
): Promise<StorageFigures[]> {
  const figures: StorageFigures[] = [];
  for (const { host, folder, as } of places) {
    const tests = folder.startsWith('/dev/') ? TESTS.slice(0, 1) : TESTS;
    for (const { test, rw, sync } of tests) {
      signal?.throwIfAborted();
      const reply = await runFio(hosts, { host, folder, as }, [rw, sync], seconds, signal);
      if (reply.rc === TOO_SLOW) {
        // Nothing was done in time: that is a figure, and the others would not say more.
        figures.push({ host, test, iops: 0, p99Ms: (seconds + LAYOUT_S) * 1000 });
        break;
      }
      const found = reply.rc === 0 ? readFio(reply.stdout, rw) : undefined;
      if (found) figures.push({ host, test, ...found });
      else {
        remark(`the storage of ${host} was not measured: ${reasonOf(reply.rc, folder)}`);
        break;
      }
    }
  }
  return figures;
}

/** How `timeout` ends what takes too long. */
const TOO_SLOW = 124;

/** A host that does not answer, or a disk that does not come back, is no reason to lose the night. */
async function runFio(
  hosts: Hosts,
  { host, folder, as }: StoragePlace,
  access: readonly [rw: string, sync: string],
  seconds: number,
  signal?: AbortSignal,
): Promise<{ readonly rc: number; readonly stdout: string }> {
  const limitMs = (seconds + LAYOUT_S + 30) * 1000;
  const began = performance.now();
  try {
    return await hosts.command(host, ['sh', '-c', FIO, 'fio', folder, ...access, `${seconds}`], {
      as,
      timeoutMs: limitMs,
      ...(signal ? { signal } : {}),
    });
  } catch {
    signal?.throwIfAborted();
    return { rc: performance.now() - began >= limitMs ? TOO_SLOW : 255, stdout: '' };
  }
}

function reasonOf(rc: number, folder: string): string {
  if (rc === 127) return 'fio is not installed there';
  if (rc === 255) return 'it does not answer';
  if (rc === 28) return `there is not enough room in ${folder}`;
  return `fio ended with ${rc}`;
}

function readFio(text: string, rw: string): { readonly iops: number; readonly p99Ms: number } | undefined {
  try {
    const { jobs } = JSON.parse(text.slice(text.indexOf('{'))) as {
      jobs: readonly Readonly<Record<'read' | 'write', FioJob>>[];
    };
    const job = jobs[0]![rw === 'randread' ? 'read' : 'write'];
    return { iops: job.iops, p99Ms: (job.clat_ns?.percentile?.['99.000000'] ?? 0) / 1e6 };
  } catch {
    return undefined;
  }
}
