import type { Workload } from '../result.ts';
import { seededRandom, shuffled } from '../statistics.ts';
import type { Profile } from './profiles.ts';

/** A workload on so many nodes: the first ones of the cluster, or for `mixed-reads` the first replicas. */
export interface Part {
  readonly workload: Workload;
  readonly nodes: number;
}

/** One measurement: parts that run at the same time, one repetition of them. */
export interface PlannedMeasurement {
  readonly parts: readonly Part[];
  readonly repetition: number;
  readonly randomSeed: number;
}

/**
 * What is measured, in which order. Repetitions come in a random order, so that a slow drift of the machines falls on
 * all workloads alike; the seed makes the order the same every time. `clusterSize` is how many nodes can be measured.
 */
export function planMeasurements(profile: Profile, clusterSize: number): readonly PlannedMeasurement[] {
  const kinds = kindsOf(profile, clusterSize);
  const random = seededRandom(profile.seed);
  return Array.from({ length: profile.repetitions }, (_, i) => i + 1).flatMap(repetition => {
    // A single repetition keeps the guide's order: reading first, while nothing has been changed.
    const order = profile.repetitions === 1 ? kinds : shuffled(kinds, random);
    return order.map((parts, index) => ({
      parts,
      repetition,
      randomSeed: profile.seed + repetition * 100 + index,
    }));
  });
}

function kindsOf(profile: Profile, clusterSize: number): readonly (readonly Part[])[] {
  const counts = profile.readOnlyNodes.flatMap(n => {
    if (n === 'each') return Array.from({ length: clusterSize }, (_, i) => i + 1);
    return [n === 'all' ? clusterSize : Math.min(n, clusterSize)];
  });
  const reads = [...new Set(counts)].sort((a, b) => a - b);
  const writes = profile.writes ?? ['read-write'];
  return [
    ...reads.map(nodes => [{ workload: 'read-only' as const, nodes }]),
    ...writes.flatMap((kind): Part[][] => {
      if (kind === 'balanced')
        return [
          [
            { workload: 'balanced-writes', nodes: 1 },
            // Without a replica the port for reads leads nowhere.
            ...(clusterSize < 2 ? [] : [{ workload: 'balanced-reads' as const, nodes: 1 }]),
          ],
        ];
      if (kind === 'read-write' && profile.aaPair)
        return [[{ workload: kind, nodes: 1 }], [{ workload: 'read-write-again', nodes: 1 }]];
      if (kind !== 'mixed') return [[{ workload: kind, nodes: 1 }]];
      // Without a replica there is nothing to mix.
      if (clusterSize < 2) return [];
      return [
        [
          { workload: 'mixed-writes', nodes: 1 },
          { workload: 'mixed-reads', nodes: clusterSize - 1 },
        ],
      ];
    }),
  ];
}

/** What cannot be measured because nodes are missing: the measurements of the whole cluster that no planned one has. */
export function missingParts(profile: Profile, clusterSize: number, up: number): readonly Part[] {
  const planned = kindsOf(profile, up).flat();
  return kindsOf(profile, clusterSize)
    .flat()
    .filter(part => !planned.some(p => p.workload === part.workload && p.nodes === part.nodes));
}

/** Whether a workload goes through a balancer. */
export function balanced(workload: Workload): boolean {
  return workload === 'balanced-writes' || workload === 'balanced-reads';
}

/** Whether a workload writes. */
export function writes(workload: Workload): boolean {
  return !['read-only', 'mixed-reads', 'balanced-reads'].includes(workload);
}
