/** The middle value; of an even number of values the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  if (sorted.length === 0) return Number.NaN;
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The arithmetic mean. */
export function mean(values: readonly number[]): number {
  return sum(values) / values.length;
}

export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** Sample standard deviation over mean: how much repetitions scatter. 0 for fewer than two values. */
export function coefficientOfVariation(values: readonly number[]): number {
  if (values.length < 2) return 0;
  const centre = mean(values);
  const squares = values.map(value => (value - centre) ** 2);
  return Math.sqrt(sum(squares) / (values.length - 1)) / centre;
}

/** A generator of numbers in [0, 1) that gives the same sequence for the same seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** The same values in an order that depends on the seed only (Fisher and Yates). */
export function shuffled<T>(values: readonly T[], random: () => number): T[] {
  const result = [...values];
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [result[i], result[j]] = [result[j]!, result[i]!];
  }
  return result;
}

/** An interval and how surely it holds the true median. */
export interface Interval {
  readonly low: number;
  readonly high: number;
  /** Between 0 and 1: a few repetitions cannot promise 95 %. */
  readonly coverage: number;
}

/**
 * Interval for the median from the values in order: that of the k-th smallest and k-th largest holds it with a chance that
 * depends on their number alone, whatever the distribution. The narrowest one with 95 %, or the widest there is.
 */
export function medianInterval(values: readonly number[], wanted = 0.95): Interval | undefined {
  const n = values.length;
  if (n < 3) return undefined;
  const sorted = [...values].sort((a, b) => a - b);
  let k = 1;
  while (k < Math.floor(n / 2) && coverageOf(n, k + 1) >= wanted) k++;
  return { low: sorted[k - 1]!, high: sorted[n - k]!, coverage: coverageOf(n, k) };
}

/** 1 - 2 P(fewer than k of n values lie below the median). */
function coverageOf(n: number, k: number): number {
  let ways = 1;
  let below = 0;
  for (let i = 0; i < k; i++) {
    below += ways;
    ways = (ways * (n - i)) / (i + 1);
  }
  return 1 - (2 * below) / 2 ** n;
}

/** Observed speed-up over the ideal one: 1 means that N nodes together do N times the work of one. */
export function scalingEfficiency(single: number, together: number, nodes: number): number {
  return together / (single * nodes);
}
