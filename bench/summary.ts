import type { CellFigures, RunRecord } from './result.ts';
import {
  bootstrapMedian,
  coefficientOfVariation,
  type Interval,
  median,
  scalingEfficiency,
  sum,
} from './statistics.ts';

/** All repetitions of one measurement together. */
export interface Summary {
  readonly workload: CellFigures['workload'];
  readonly nodes: number;
  readonly clients: number;
  readonly seconds: number;
  readonly repetitions: number;
  readonly tps: number;
  readonly interval: Interval | undefined;
  readonly variation: number;
  readonly errors: number;
  readonly perNode: readonly NodeSummary[];
}

export interface NodeSummary {
  readonly host: string;
  readonly tps: number;
  readonly latencyMs: number;
  readonly p50: number | undefined;
  readonly p99: number | undefined;
  readonly p999: number | undefined;
  readonly max: number | undefined;
  readonly errors: number;
}

/** One summary per workload and number of nodes, reading first. */
export function summariseRun({ cells }: Pick<RunRecord, 'cells'>): readonly Summary[] {
  const kinds = new Map<string, CellFigures[]>();
  for (const cell of cells) {
    const key = `${cell.workload} ${String(cell.nodes).padStart(4)}`;
    kinds.set(key, [...(kinds.get(key) ?? []), cell]);
  }
  return [...kinds].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => summariseCells(group));
}

function summariseCells(group: readonly CellFigures[]): Summary {
  const { workload, nodes, clients, seconds } = group[0]!;
  const tps = group.map(cell => cell.tps);
  const hosts = [...new Set(group.flatMap(cell => cell.perNode.map(node => node.host)))];
  return {
    workload,
    nodes,
    clients,
    seconds,
    repetitions: group.length,
    tps: median(tps),
    interval: bootstrapMedian(tps),
    variation: coefficientOfVariation(tps),
    errors: sum(group.map(cell => cell.errors)),
    perNode: hosts.map(host => summariseNode(host, group)),
  };
}

function summariseNode(host: string, group: readonly CellFigures[]): NodeSummary {
  const runs = group.flatMap(cell => cell.perNode.filter(node => node.host === host));
  const percentile = (name: 'p50' | 'p99' | 'p999' | 'max') => {
    const values = runs.flatMap(run => (run.percentiles ? [run.percentiles[name]] : []));
    return values.length > 0 ? median(values) : undefined;
  };
  return {
    host,
    tps: median(runs.map(run => run.tps)),
    latencyMs: median(runs.map(run => run.latencyMs)),
    p50: percentile('p50'),
    p99: percentile('p99'),
    p999: percentile('p999'),
    max: percentile('max'),
    errors: sum(runs.map(run => run.errors)),
  };
}

export interface Scaling {
  readonly nodes: number;
  readonly speedUp: number;
  readonly efficiency: number;
}

/** How reading grows with the nodes; undefined without a measurement of one node and one of several. */
export function scalingOf(summaries: readonly Summary[]): Scaling | undefined {
  const reads = summaries.filter(s => s.workload === 'read-only');
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
