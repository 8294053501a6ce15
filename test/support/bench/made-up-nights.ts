import { build } from 'hdr-histogram-js';
import { percentileCurve, percentilesOf } from '../../../bench/cluster/load/latency.ts';
import type {
  HostFingerprint,
  MeasuredFigures,
  MeasuredSeries,
  NightFigures,
  RunDetail,
  RunRecord,
  Workload,
} from '../../../bench/cluster/result.ts';
import { seededRandom } from '../../../bench/cluster/statistics.ts';

/** What a made-up night is like. */
export interface NightLike {
  readonly nodes: number;
  /** Day of the made-up year, 0 and up. */
  readonly day: number;
  /** Rate over the usual one, for writing and for reading; 1 is the same. */
  readonly writing?: number;
  readonly reading?: number;
  /** A node that reads slower than the others, and how fast. */
  readonly slow?: { readonly host: string; readonly share: number };
  /** Settings and properties of all hosts that differ from the usual ones. */
  readonly stable?: Readonly<Record<string, string>>;
  readonly primary?: string;
  readonly disk?: number;
  readonly noise?: number;
  readonly complaints?: readonly string[];
}

const KINDS: readonly { readonly workload: Workload; readonly rate: number; readonly ms: number }[] = [
  { workload: 'read-only', rate: 52_000, ms: 0.3 },
  { workload: 'read-write', rate: 6_100, ms: 2.6 },
  { workload: 'simple-update', rate: 9_800, ms: 1.6 },
  { workload: 'mixed-writes', rate: 5_200, ms: 3.1 },
];

/** A night as a run would have written it: for pages and rules over many nights, which no test can wait for. */
export function madeUpNight(like: NightLike): RunDetail {
  const random = seededRandom(like.day * 7919 + 1);
  const noise = like.noise ?? 0.015;
  const near = (value: number) =>
    value * (1 + noise * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()));
  const hosts = Array.from({ length: like.nodes }, (_, i) => (i === 0 ? 'rw1' : `ro${i}`));
  const at = new Date(Date.UTC(2026, 8, 1 + like.day, 2, 0)).toISOString();
  const cells: MeasuredFigures[] = [];
  const night: NightFigures[] = [];
  const series: MeasuredSeries[] = [];
  const measure = (workload: Workload, rate: number, ms: number, where: readonly string[]) => {
    const histogram = build({ lowestDiscernibleValue: 1, highestTrackableValue: 3_600_000_000 });
    for (let i = 0; i < 1000; i++)
      histogram.recordValue(
        Math.max(1, Math.round(1000 * ms * (0.6 + 0.8 * random() + 12 * random() ** 60))),
      );
    const percentiles = percentilesOf(histogram)!;
    const perNode = where.map(host => ({
      host,
      tps: near(rate) * (like.slow?.host === host ? like.slow.share : 1),
      percentiles,
    }));
    const total = perNode.reduce((sum, n) => sum + n.tps, 0);
    for (let repetition = 1; repetition <= 5; repetition++) {
      cells.push({
        workload,
        nodes: where.length,
        repetition,
        clients: 16,
        threads: 8,
        seconds: 60,
        tps: total * (0.985 + 0.03 * random()),
        errors: 0,
        perNode: perNode.map(({ host, tps }) => ({
          host,
          tps,
          latencyMs: ms,
          stddevMs: ms / 3,
          transactions: Math.round(tps * 60),
          errors: 0,
          skipped: 0,
          percentiles,
        })),
        ...(workload === 'read-write' && repetition === 1 ? { lag: lagOf(hosts.slice(1), random) } : {}),
      });
    }
    night.push({ workload, nodes: where.length, tps: total, repetitions: 5, percentiles, perNode });
    series.push(course(workload, perNode, percentileCurve(histogram), hosts, random));
  };
  for (const { workload, rate, ms } of KINDS) {
    const factor = workload === 'read-only' ? (like.reading ?? 1) : (like.writing ?? 1);
    if (workload === 'read-only')
      for (const count of [...new Set([1, 2, 4, 8, 16, like.nodes])].filter(n => n <= like.nodes))
        measure(workload, rate * factor * 0.985 ** count, ms, hosts.slice(0, count));
    else measure(workload, rate * factor, ms / factor, hosts.slice(0, 1));
  }
  const record: RunRecord = {
    schema: 2,
    id: at.replace(/[-:]/g, '').replace(/\..*/, ''),
    at,
    endedAt: at,
    profile: 'nightly',
    scale: 100,
    load: { scale: 100, repetitions: 5, readOnly: { clients: 16, threads: 8, seconds: 60 } },
    deployment: 'PolarDB for PostgreSQL 15 on PFS',
    cluster: {
      name: 'polar',
      database: 'polardb',
      version: '15',
      sync: 'any1',
      primary: like.primary ?? 'rw1',
      nodes: hosts,
    },
    standIn: false,
    fingerprint: [
      fingerprint('st1', 'storage', like),
      ...hosts.map((h, i) => fingerprint(h, i === 0 ? 'primary' : 'replica', like)),
    ],
    failed: (like.complaints ?? []).length > 0,
    complaints: [...(like.complaints ?? [])],
    remarks: [],
    cells,
    night,
    storage: [
      {
        host: 'st1',
        test: 'random writes',
        iops: near(21_000) * (like.disk ?? 1),
        p99Ms: 1.3 / (like.disk ?? 1),
      },
      {
        host: 'st1',
        test: 'random reads',
        iops: near(64_000) * (like.disk ?? 1),
        p99Ms: 0.6 / (like.disk ?? 1),
      },
    ],
  };
  record.sweep = [1, 2, 4, 8, 16, 32, 64].map(clients => ({
    clients,
    tps: near((6_500 * clients) / (clients + 4)) * (like.writing ?? 1),
    errors: 0,
    percentiles: {
      ...night.find(n => n.workload === 'read-write')!.percentiles!,
      p99: 2 + clients / 3,
      p50: 0.6 + clients / 7,
    },
  }));
  return { record, consistent: true, series };
}

function fingerprint(host: string, role: string, { stable }: NightLike): HostFingerprint {
  return {
    host,
    role,
    stable: {
      kernel: '6.1.0-40-amd64',
      cpu: 'Intel(R) Xeon(R) Gold 6338 CPU @ 2.00GHz',
      cpus: '32',
      'memory MiB': '257000',
      version: 'PostgreSQL 15.8 (PolarDB 15.8.2.0 build 1)',
      shared_buffers: '4194304 8kB',
      fsync: 'on',
      random_page_cost: '1.1',
      ...stable,
    },
    momentary: { machine: `${host} 1`, 'load average': '0.02 0.05 0.01' },
  };
}

function lagOf(replicas: readonly string[], random: () => number): NonNullable<MeasuredFigures['lag']> {
  return Object.fromEntries(
    replicas.map(host => [
      host,
      {
        medianBytes: 20_000 + 40_000 * random(),
        maxBytes: 300_000 + 600_000 * random(),
        visibleMedianMs: 1.5 + 2 * random(),
        visibleMaxMs: 9 + 20 * random(),
      },
    ]),
  );
}

function course(
  workload: Workload,
  perNode: readonly { readonly host: string; readonly tps: number }[],
  curve: MeasuredSeries['perNode'][number]['curve'],
  hosts: readonly string[],
  random: () => number,
): MeasuredSeries {
  const seconds = Array.from({ length: 59 }, (_, i) => i + 1);
  const writes = workload !== 'read-only';
  const inCheckpoint = (second: number) => writes && second >= 31 && second <= 44;
  return {
    workload,
    nodes: perNode.length,
    repetition: 1,
    perNode: perNode.map(({ host, tps }) => ({
      host,
      progress: seconds.map(atS => {
        const stalled = writes && (atS === 45 || atS === 46);
        const rate = stalled ? 0 : tps * (inCheckpoint(atS) ? 0.78 : 1) * (0.95 + 0.1 * random());
        return { atS, tps: rate, ...(stalled ? {} : { latencyMs: 1 }) };
      }),
      curve,
      statements: writes
        ? [
            {
              ms: 0.21,
              statement: 'UPDATE pgbench_accounts SET abalance = abalance + :delta WHERE aid = :aid;',
            },
          ]
        : [],
    })),
    hosts: ['st1', ...hosts].map(host => ({
      host,
      seconds: seconds.map(atS => ({
        atS,
        cpu: (host === 'st1' ? 0.3 : 0.6) + 0.1 * random(),
        steal: 0,
        diskBusy: host === 'st1' ? (inCheckpoint(atS) ? 0.95 : 0.5) + 0.05 * random() : 0.2,
        diskMs: host === 'st1' && inCheckpoint(atS) ? 4 + random() : 0.4 + 0.2 * random(),
        netMBs: 40 + 20 * random(),
      })),
    })),
    checkpoints: writes ? seconds.filter(inCheckpoint) : [],
    lag: writes
      ? hosts
          .slice(1)
          .map(host => ({ host, points: seconds.map(s => [s, 20_000 + 90_000 * random()] as const) }))
      : [],
  };
}
