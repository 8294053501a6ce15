import type { Workload } from './load.ts';
import type { Profile } from './profiles.ts';
import { seededRandom, shuffled } from './statistics.ts';

/** One measurement: a workload on the first so many nodes (the primary is the first), one repetition of it. */
export interface Cell {
  readonly workload: Workload;
  readonly nodes: number;
  readonly repetition: number;
  readonly randomSeed: number;
}

/**
 * What is measured, in which order. Repetitions come in a random order, so that a slow drift of the machines falls on
 * all workloads alike; the seed makes the order the same every time.
 */
export function planCells(profile: Profile, clusterSize: number): readonly Cell[] {
  const counts = profile.readOnlyNodes.map(n => (n === 'all' ? clusterSize : Math.min(n, clusterSize)));
  const kinds: { workload: Workload; nodes: number }[] = [
    ...[...new Set(counts)].sort((a, b) => a - b).map(nodes => ({ workload: 'read-only' as const, nodes })),
    { workload: 'read-write', nodes: 1 },
  ];
  const random = seededRandom(profile.seed);
  return Array.from({ length: profile.repetitions }, (_, i) => i + 1).flatMap(repetition => {
    // A single repetition keeps the guide's order: reading first, while nothing has been changed.
    const order = profile.repetitions === 1 ? kinds : shuffled(kinds, random);
    return order.map((kind, index) => ({
      ...kind,
      repetition,
      randomSeed: profile.seed + repetition * 100 + index,
    }));
  });
}
