import { mergeHistograms, percentilesOf } from './load/latency.ts';
import type { Measurement, NightFigures, Percentiles } from './result.ts';
import { median } from './statistics.ts';

/**
 * One row for each workload and number of nodes: the median rate of the repetitions that count, and the latencies of all of
 * them together. Repetitions that are not a measure are left out.
 */
export function nightFigures(measurements: readonly Measurement[]): NightFigures[] {
  const groups = new Map<string, Measurement[]>();
  for (const measurement of measurements) {
    const { workload, nodes, invalid } = measurement.figures;
    if (invalid !== undefined) continue;
    const key = `${workload} ${nodes}`;
    groups.set(key, [...(groups.get(key) ?? []), measurement]);
  }
  return [...groups.values()].map(group => {
    const [{ figures }] = group as [Measurement];
    const hosts = [...new Set(group.flatMap(m => m.figures.perNode.map(n => n.host)))];
    return {
      workload: figures.workload,
      nodes: figures.nodes,
      tps: median(group.map(m => m.figures.tps)),
      repetitions: group.length,
      ...percentiles(group, hosts),
      perNode: hosts.map(host => ({
        host,
        tps: median(group.flatMap(m => m.figures.perNode.filter(n => n.host === host).map(n => n.tps))),
        ...percentiles(group, [host]),
      })),
    };
  });
}

function percentiles(
  group: readonly Measurement[],
  hosts: readonly string[],
): { readonly percentiles?: Percentiles } {
  const texts = group.flatMap(m =>
    hosts.flatMap(host => (m.histograms[host] === undefined ? [] : [m.histograms[host]])),
  );
  const sampled = group.some(m =>
    m.figures.perNode.some(n => n.percentiles !== undefined && n.percentiles.max === undefined),
  );
  const known = percentilesOf(mergeHistograms(texts), sampled);
  return known ? { percentiles: known } : {};
}
