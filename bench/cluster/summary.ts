import { slowestOf } from './load/together.ts';
import type { MeasuredFigures, Percentiles, RunRecord, Workload } from './result.ts';
import {
  coefficientOfVariation,
  type Interval,
  median,
  medianInterval,
  scalingEfficiency,
  sum,
} from './statistics.ts';

/** All repetitions of one measurement together. */
export interface Summary {
  readonly workload: Workload;
  readonly nodes: number;
  readonly clients: number;
  readonly seconds: number;
  /** Repetitions whose figures count; 0 when none does, and `tps` is what was seen all the same. */
  readonly valid: number;
  readonly repetitions: number;
  /** Why repetitions do not count, each reason once. */
  readonly invalid: readonly string[];
  readonly tps: number;
  readonly interval: Interval | undefined;
  readonly variation: number;
  readonly errors: number;
  /** Of all transactions of all repetitions and nodes together. */
  readonly percentiles: Percentiles | undefined;
  /** Where the log tells no percentiles. */
  readonly slowestMs?: number;
  readonly perNode: readonly NodeSummary[];
}

export interface NodeSummary {
  readonly host: string;
  readonly tps: number;
  readonly latencyMs: number;
  readonly percentiles: Percentiles | undefined;
  readonly slowestMs?: number;
  readonly errors: number;
}

/** In which order workloads are shown. */
export const ORDER: readonly Workload[] = [
  'read-only',
  'read-write',
  'read-write-again',
  'simple-update',
  'mixed-writes',
  'mixed-reads',
  'balanced-writes',
  'balanced-reads',
  'paced',
];

/** One summary per workload and number of nodes, reading first. */
export function summariseRun(record: Pick<RunRecord, 'cells' | 'night'>): readonly Summary[] {
  const kinds = new Map<string, MeasuredFigures[]>();
  for (const cell of record.cells) {
    const key = `${ORDER.indexOf(cell.workload)} ${String(cell.nodes).padStart(4)}`;
    kinds.set(key, [...(kinds.get(key) ?? []), cell]);
  }
  return [...kinds]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, group]) => summariseCells(group, record.night));
}

function summariseCells(group: readonly MeasuredFigures[], night: RunRecord['night']): Summary {
  const { workload, nodes, clients, seconds } = group[0]!;
  const counting = group.filter(cell => cell.invalid === undefined);
  const shown = counting.length > 0 ? counting : group;
  const tps = shown.map(cell => cell.tps);
  const hosts = [...new Set(group.flatMap(cell => cell.perNode.map(node => node.host)))];
  const together = night.find(n => n.workload === workload && n.nodes === nodes);
  return {
    workload,
    nodes,
    clients,
    seconds,
    valid: counting.length,
    repetitions: group.length,
    invalid: [...new Set(group.flatMap(cell => (cell.invalid === undefined ? [] : [cell.invalid])))],
    tps: median(tps),
    interval: medianInterval(tps),
    variation: coefficientOfVariation(tps),
    errors: sum(group.map(cell => cell.errors)),
    percentiles: together?.percentiles,
    ...slowestOf(shown.flatMap(cell => cell.perNode)),
    perNode: hosts.map(host => {
      const runs = shown.flatMap(cell => cell.perNode.filter(node => node.host === host));
      return {
        host,
        tps: runs.length === 0 ? 0 : median(runs.map(run => run.tps)),
        latencyMs: runs.length === 0 ? 0 : median(runs.map(run => run.latencyMs)),
        percentiles: together?.perNode.find(n => n.host === host)?.percentiles,
        ...slowestOf(runs),
        errors: sum(group.flatMap(c => c.perNode.filter(n => n.host === host).map(n => n.errors))),
      };
    }),
  };
}

export interface Scaling {
  readonly nodes: number;
  readonly speedUp: number;
  readonly efficiency: number;
}

/** How reading grows with the nodes; undefined without a measurement of one node and one of several that count. */
export function scalingOf(summaries: readonly Summary[]): Scaling | undefined {
  const reads = summaries.filter(s => s.workload === 'read-only' && s.valid > 0);
  const single = reads.find(s => s.nodes === 1);
  const most = reads.at(-1);
  if (!single || !most || most.nodes === 1 || single.tps === 0) return undefined;
  return {
    nodes: most.nodes,
    speedUp: most.tps / single.tps,
    efficiency: scalingEfficiency(single.tps, most.tps, most.nodes),
  };
}

/** What the title of a measurement says. */
export function titleOf({ workload, nodes }: Pick<Summary, 'workload' | 'nodes'>): string {
  return `${workload}, ${nodes} ${nodes === 1 ? 'node' : 'nodes'}`;
}
