import type { Hosts } from '../../../lib/cluster/hosts.ts';
import { AWAIT_START, type CommonStart } from '../load/common-start.ts';
import type { HostSecond } from '../result.ts';

/** Shell that prints the kernel's counters once a second from `$2` on, `$1` times and once more; one process a second. */
const SAMPLE = `
${AWAIT_START}
await_start "$2"
i=0
while [ $i -le "$1" ]; do
  read -r up rest </proc/uptime
  echo "at $up"
  sed -n -e '/^cpu /p' -e '/^ *[0-9]/p' -e '/:/p' /proc/stat /proc/diskstats /proc/net/dev
  i=$((i + 1))
  [ $i -gt "$1" ] || sleep 1
done
`;

/** What one host did, by the second, while a measurement ran. A host that does not answer has none. */
export async function sampleHost(
  hosts: Hosts,
  host: string,
  seconds: number,
  start: CommonStart,
  signal?: AbortSignal,
): Promise<readonly HostSecond[]> {
  const reply = await hosts
    .command(host, ['sh', '-c', SAMPLE, 'sample', `${seconds}`, start.on(host)], {
      as: null,
      timeoutMs: seconds * 1000 + 30_000,
      ...(signal ? { signal } : {}),
    })
    .catch(() => undefined);
  return reply?.rc === 0 ? readSamples(reply.stdout) : [];
}

interface Sample {
  readonly at: number;
  /** Ticks: all, idle and waiting, stolen. */
  readonly cpu: readonly [all: number, idle: number, steal: number];
  readonly disks: ReadonlyMap<
    string,
    { readonly requests: number; readonly waitMs: number; readonly busyMs: number }
  >;
  readonly netBytes: number;
}

/** Turns the counters into what happened in each second. */
export function readSamples(text: string): readonly HostSecond[] {
  const samples = text.split(/^at /m).slice(1).map(readSample);
  return samples.slice(1).map((now, i) => {
    const before = samples[i]!;
    const seconds = Math.max(now.at - before.at, 0.001);
    const ticks = Math.max(now.cpu[0] - before.cpu[0], 1);
    const disk = busiest(before, now, seconds);
    return {
      atS: Math.round(now.at - samples[0]!.at),
      cpu: share(1 - (now.cpu[1] - before.cpu[1]) / ticks),
      steal: share((now.cpu[2] - before.cpu[2]) / ticks),
      ...disk,
      netMBs: round((now.netBytes - before.netBytes) / seconds / 1e6),
    };
  });
}

function readSample(text: string): Sample {
  const [at = '', ...lines] = text.split('\n');
  let cpu: Sample['cpu'] = [0, 0, 0];
  const disks = new Map<string, { requests: number; waitMs: number; busyMs: number }>();
  let netBytes = 0;
  for (const line of lines) {
    const words = line.trim().split(/\s+/);
    if (words[0] === 'cpu') {
      // user nice system idle iowait irq softirq steal; guest time is part of user's.
      const ticks = words.slice(1, 9).map(Number);
      cpu = [ticks.reduce((sum, n) => sum + n, 0), (ticks[3] ?? 0) + (ticks[4] ?? 0), ticks[7] ?? 0];
    } else if (/^\d+ +\d+ +\S/.test(line.trim()) && words.length >= 14) {
      // Whole disks and loop devices; partitions would count their disk twice.
      const [, , name = ''] = words;
      if (/^(ram|zram|sr|fd)\d|^(sd|vd|xvd|hd)[a-z]+\d+$|p\d+$/.test(name)) continue;
      const n = words.map(Number);
      disks.set(name, { requests: n[3]! + n[7]!, waitMs: n[6]! + n[10]!, busyMs: n[12]! });
    } else if (/^\S+:/.test(words[0] ?? '') && !/^lo:/.test(words[0]!)) {
      const [, received = 0, , , , , , , , sent = 0] = line.trim().replace(':', ' ').split(/\s+/).map(Number);
      netBytes += received + sent;
    }
  }
  return { at: Number(at), cpu, disks, netBytes };
}

function busiest(before: Sample, now: Sample, seconds: number): Pick<HostSecond, 'diskBusy' | 'diskMs'> {
  let found = { diskBusy: 0, diskMs: 0 };
  for (const [name, { requests, waitMs, busyMs }] of now.disks) {
    const was = before.disks.get(name);
    if (!was) continue;
    const busy = share((busyMs - was.busyMs) / 1000 / seconds);
    if (busy <= found.diskBusy) continue;
    const count = requests - was.requests;
    found = { diskBusy: busy, diskMs: count > 0 ? round((waitMs - was.waitMs) / count) : 0 };
  }
  return found;
}

const round = (value: number): number => Math.round(value * 1000) / 1000;
const share = (value: number): number => round(Math.min(Math.max(value, 0), 1));
