import {
  build,
  decodeFromCompressedBase64,
  encodeIntoCompressedBase64,
  type Histogram,
} from 'hdr-histogram-js';
import type { Percentiles } from '../result.ts';

/** What a transaction log says: how often each latency came, and the transactions that did not succeed. */
export interface LatencyCounts {
  readonly histogram: Histogram;
  readonly failures: number;
}

/**
 * Shell that reads pgbench's per-transaction logs (all files of a prefix: each thread writes its own) and prints every
 * latency once with its count. The log stays on the host: a run of two minutes may write gigabytes.
 */
export const COUNT_LATENCIES = `awk '{ n[$3]++ } END { for (us in n) print us, n[us] }'`;

/**
 * The same for logs with one line for each interval (`--aggregate-interval`): prints the slowest transaction in microseconds,
 * and how many failed. Such a line holds start, number, sum, sum of squares, least and most; from version 15 on always also
 * four figures of waiting, skipped, retried, retries, and two kinds of failures.
 */
export const SUM_INTERVALS = `awk '{ if ($6 > most) most = $6; if (NF >= 15) failed += $14 + $15 }
END { printf "intervals %.0f %.0f\\n", most, failed }'`;

/** What logs of intervals say. */
export interface IntervalSums {
  readonly slowestMs: number;
  readonly failures: number;
}

export function readIntervalSums(text: string): IntervalSums | undefined {
  const found = /^intervals (\d+) (\d+)$/m.exec(text);
  return found ? { slowestMs: Number(found[1]) / 1000, failures: Number(found[2]) } : undefined;
}

/** Reads `COUNT_LATENCIES`' lines: `microseconds count`, or pgbench's word for a transaction that did not succeed. */
export function readLatencyCounts(lines: Iterable<string>): LatencyCounts {
  const histogram = emptyHistogram();
  let failures = 0;
  for (const line of lines) {
    const [what = '', count = ''] = line.split(' ');
    if (what === '' || count === '') continue;
    if (/^\d+$/.test(what)) histogram.recordValueWithCount(Math.max(1, Number(what)), Number(count));
    // "skipped" is a transaction that a rate limit left out, not an error.
    else if (what !== 'skipped') failures += Number(count);
  }
  return { histogram, failures };
}

function emptyHistogram(): Histogram {
  return build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: 3_600_000_000,
    numberOfSignificantValueDigits: 3,
  });
}

/** A histogram as text, to keep until the run's end. */
export function encodeHistogram(histogram: Histogram): string {
  return encodeIntoCompressedBase64(histogram);
}

/** All transactions of several histograms in one: the percentiles of repetitions together are not those of each. */
export function mergeHistograms(encoded: Iterable<string>): Histogram {
  const merged = emptyHistogram();
  for (const text of encoded) merged.add(decodeFromCompressedBase64(text) as Histogram);
  return merged;
}

/** The usual percentiles in milliseconds; undefined when nothing was logged. A sample does not know the slowest one. */
export function percentilesOf(histogram: Histogram, sampled = false): Percentiles | undefined {
  if (histogram.totalCount === 0) return undefined;
  const ms = (percentile: number) => histogram.getValueAtPercentile(percentile) / 1000;
  return {
    count: histogram.totalCount,
    p50: ms(50),
    p90: ms(90),
    p95: ms(95),
    p99: ms(99),
    p999: ms(99.9),
    ...(sampled ? {} : { max: histogram.maxValue / 1000 }),
  };
}

/**
 * Points of the percentile curve: `[nines, milliseconds]`, where 1 stands for the 90th percentile, 2 for the 99th and so
 * on, so that the tail has as much room as the rest. The last point is the slowest transaction.
 */
export function percentileCurve(histogram: Histogram): readonly (readonly [number, number])[] {
  if (histogram.totalCount === 0) return [];
  const deepest = Math.log10(histogram.totalCount);
  const points: [number, number][] = [];
  points.push([0, histogram.getValueAtPercentile(100 / histogram.totalCount) / 1000]);
  for (let nines = 0.1; nines < deepest; nines += 0.1) {
    points.push([nines, histogram.getValueAtPercentile(100 * (1 - 10 ** -nines)) / 1000]);
  }
  return [...points, [deepest, histogram.maxValue / 1000]];
}
