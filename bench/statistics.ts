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

export interface Interval {
  readonly low: number;
  readonly high: number;
}

/**
 * Percentile-bootstrap confidence interval of the median. With fewer than three values there is nothing to resample
 * and the interval is undefined.
 */
export function bootstrapMedian(
  values: readonly number[],
  { confidence = 0.95, resamples = 4000, seed = 1 } = {},
): Interval | undefined {
  if (values.length < 3) return undefined;
  const random = seededRandom(seed);
  const medians = Array.from({ length: resamples }, () =>
    median(values.map(() => values[Math.floor(random() * values.length)]!)),
  ).sort((a, b) => a - b);
  const tail = (1 - confidence) / 2;
  return {
    low: medians[Math.floor(tail * resamples)]!,
    high: medians[Math.min(resamples - 1, Math.ceil((1 - tail) * resamples) - 1)]!,
  };
}

export interface MannWhitney {
  /** Pairs in which the value of `a` is the larger one; ties count half. */
  readonly u: number;
  /** Two-sided. */
  readonly p: number;
}

/**
 * Are the values of one sample larger than those of the other? Asks nothing of their distribution. Exact for small
 * samples without ties, else the normal approximation with corrections for ties and continuity.
 */
export function mannWhitney(a: readonly number[], b: readonly number[]): MannWhitney {
  if (a.length === 0 || b.length === 0) return { u: 0, p: 1 };
  const { ranks, tieTerm } = rank([...a, ...b]);
  const u = sum(ranks.slice(0, a.length)) - (a.length * (a.length + 1)) / 2;
  const small = a.length <= 20 && b.length <= 20;
  const p = small && tieTerm === 0 ? exactP(u, a.length, b.length) : normalP(u, a.length, b.length, tieTerm);
  return { u, p };
}

function rank(values: readonly number[]): { ranks: number[]; tieTerm: number } {
  const order = values.map((value, index) => ({ value, index })).sort((x, y) => x.value - y.value);
  const ranks = new Array<number>(values.length);
  let tieTerm = 0;
  for (let from = 0; from < order.length; ) {
    let to = from + 1;
    while (to < order.length && order[to]!.value === order[from]!.value) to++;
    const ties = to - from;
    tieTerm += ties ** 3 - ties;
    for (let i = from; i < to; i++) ranks[order[i]!.index] = (from + to + 1) / 2;
    from = to;
  }
  return { ranks, tieTerm };
}

/** How many ways each U can come about, by the recurrence over the last value's sample. */
function exactP(u: number, n: number, m: number): number {
  let counts: number[][] = Array.from({ length: m + 1 }, () => [1]);
  for (let i = 1; i <= n; i++) {
    const next: number[][] = [[1]];
    for (let j = 1; j <= m; j++) {
      const row = new Array<number>(i * j + 1).fill(0);
      counts[j]!.forEach((ways, k) => {
        row[k + j]! += ways;
      });
      next[j - 1]!.forEach((ways, k) => {
        row[k]! += ways;
      });
      next.push(row);
    }
    counts = next;
  }
  const ways = counts[m]!;
  const smaller = Math.min(u, n * m - u);
  return Math.min(1, (2 * sum(ways.slice(0, smaller + 1))) / sum(ways));
}

function normalP(u: number, n: number, m: number, tieTerm: number): number {
  const total = n + m;
  const variance = ((n * m) / 12) * (total + 1 - tieTerm / (total * (total - 1)));
  if (variance === 0) return 1;
  const z = (Math.abs(u - (n * m) / 2) - 0.5) / Math.sqrt(variance);
  return Math.min(1, 2 * normalTail(Math.max(z, 0)));
}

/** Upper tail of the normal distribution, by the continued fraction for large and the series for small z. */
function normalTail(z: number): number {
  const density = Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);
  if (z > 3) {
    let fraction = z;
    for (let k = 60; k >= 1; k--) fraction = z + k / fraction;
    return density / fraction;
  }
  let term = z;
  let series = z;
  for (let k = 1; k < 100; k++) {
    term *= (z * z) / (2 * k + 1);
    series += term;
  }
  return 0.5 - density * series;
}

/** Three verdicts: `suspect` needs a second night (or a rerun) before anybody is woken. */
export type Regression = 'none' | 'suspect' | 'confirmed';

export interface RegressionInput {
  /** Tonight's repetitions, larger is better. */
  readonly tonight: readonly number[];
  /** Repetitions of the comparable nights before. */
  readonly before: readonly number[];
  /** Relative difference of two runs of the same thing (the A/A run of the night). */
  readonly noise: number;
  /** Whether the night before (or an immediate rerun) was suspect as well. */
  readonly suspectBefore: boolean;
}

/**
 * A fall is flagged only if it is unlikely by chance (Mann-Whitney p < 0.01), larger than what is worth a look
 * (5 %, or three times the noise of the night), and seen twice in a row.
 */
export function judgeRegression({ tonight, before, noise, suspectBefore }: RegressionInput): Regression {
  const change = median(tonight) / median(before) - 1;
  const large = -change > Math.max(0.05, 3 * noise);
  if (!large || mannWhitney(tonight, before).p >= 0.01) return 'none';
  return suspectBefore ? 'confirmed' : 'suspect';
}

/** Observed speed-up over the ideal one: 1 means that N nodes together do N times the work of one. */
export function scalingEfficiency(single: number, together: number, nodes: number): number {
  return together / (single * nodes);
}
