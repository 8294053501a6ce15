import type { NodeFigures, NodeSeries, Second } from '../result.ts';
import { sum } from '../statistics.ts';
import { encodeHistogram, mergeHistograms, percentileCurve, percentilesOf } from './latency.ts';

/** What one node did under load. */
export interface NodeResult {
  readonly figures: NodeFigures;
  readonly series: NodeSeries;
  readonly histogram: string;
  readonly complaint: string | undefined;
  /** Seconds after the common start that the load began, where its host could tell. */
  readonly late?: number | undefined;
}

/** What several generators saw of one node at the same time, as one. */
export function together(host: string, results: readonly NodeResult[]): NodeResult {
  if (results.length === 1) return results[0]!;
  const figures = results.map(r => r.figures);
  const histogram = mergeHistograms(results.map(r => r.histogram));
  const sampled = figures.some(f => f.percentiles !== undefined && f.percentiles.max === undefined);
  const known = percentilesOf(histogram, sampled);
  const invalid = figures.flatMap(f => (f.invalid === undefined ? [] : [f.invalid]));
  const total = (of: (f: NodeFigures) => number) => sum(figures.map(of));
  const mean = weighted(figures.map(f => [f.latencyMs, f.transactions]));
  const squares = weighted(figures.map(f => [f.stddevMs ** 2 + f.latencyMs ** 2, f.transactions]));
  return {
    figures: {
      host,
      tps: total(f => f.tps),
      latencyMs: mean,
      stddevMs: Math.sqrt(Math.max(0, squares - mean ** 2)),
      transactions: total(f => f.transactions),
      errors: total(f => f.errors),
      skipped: total(f => f.skipped),
      ...(known ? { percentiles: known } : {}),
      ...slowestOf(figures),
      ...(invalid.length === 0 ? {} : { invalid: invalid.join('; ') }),
    },
    series: {
      host,
      progress: everySecondOf(results.map(r => r.series.progress)),
      curve: percentileCurve(histogram),
      statements: statementsOf(results.map(r => r.series.statements)),
    },
    histogram: encodeHistogram(histogram),
    complaint: invalid.length === 0 ? undefined : `${host}: ${invalid.join('; ')}`,
    late: Math.max(...results.map(r => r.late ?? 0)),
  };
}

/** The slowest transaction, where logs of intervals tell it. */
export function slowestOf(all: readonly { readonly slowestMs?: number }[]): { readonly slowestMs?: number } {
  const known = all.flatMap(({ slowestMs }) => (slowestMs === undefined ? [] : [slowestMs]));
  return known.length === 0 ? {} : { slowestMs: Math.max(...known) };
}

function everySecondOf(all: readonly (readonly Second[])[]): Second[] {
  const last = Math.max(...all.map(seconds => seconds.length));
  return Array.from({ length: last }, (_, i) => {
    const seen = all.flatMap(seconds => (seconds[i] === undefined ? [] : [seconds[i]]));
    const known = seen.filter(s => s.latencyMs !== undefined);
    return {
      atS: i + 1,
      tps: sum(seen.map(s => s.tps)),
      ...(known.length === 0 ? {} : { latencyMs: weighted(known.map(s => [s.latencyMs!, s.tps])) }),
    };
  });
}

function statementsOf(all: readonly NodeSeries['statements'][]): NodeSeries['statements'] {
  const known = all.filter(statements => statements.length > 0);
  return (known[0] ?? []).map(({ statement }, i) => ({
    statement,
    ms: sum(known.map(statements => statements[i]?.ms ?? 0)) / known.length,
  }));
}

/** The mean, each value as often as it occurred. */
function weighted(values: readonly (readonly [value: number, times: number])[]): number {
  const times = sum(values.map(([, n]) => n));
  return times === 0 ? 0 : sum(values.map(([value, n]) => value * n)) / times;
}
