import { median } from '../statistics.ts';

/** One night's figure of one measurement; larger is better. */
export interface NightValue {
  readonly id: string;
  readonly value: number;
}

/**
 * What a night is, compared with the nights before it. `learning`: too few of them. `suspect`: low for the first time.
 * `confirmed`: low for the second time in a row or more. `fine`: all else, a rise included.
 */
export type Verdict = 'learning' | 'fine' | 'suspect' | 'confirmed';

export interface Judgement {
  readonly id: string;
  readonly verdict: Verdict;
  /** Nights in a row that were low, this one included. */
  readonly lowNights: number;
  /** Relative difference from the middle of the nights before: -0.1 is ten percent less. */
  readonly change: number;
  /** Middle of the nights that this one was compared with, and how many they are. */
  readonly centre: number;
  readonly nights: number;
  /** A night below the centre by more than this share is low. */
  readonly threshold: number;
  /** The smallest loss that would be confirmed within three nights, nine times in ten. */
  readonly smallestNoticed: number;
}

/** Nights that are looked back at, and how many there must be before anything is said. */
export const WINDOW = 30;
export const ENOUGH = 7;
/** A fall counts from so many standard deviations on, and at least from this share on. */
export const SIGMAS = 2.5;
const AT_LEAST = 0.05;
/** After so many low nights in a row this is how fast the cluster is: one shift does not alarm for weeks. */
const NEW_LEVEL_AFTER = 14;

/** From a median of absolute deviations to a standard deviation, for values that scatter normally. */
const NORMAL_MAD = 1.4826;

/**
 * A night that is low with this chance is confirmed within three nights nine times in ten, as it takes two in a row:
 * p² + (1 - p) p² = 0.9. And how many standard deviations below the threshold a level lies for that.
 */
const CHANCE_Z = 1.342;

/**
 * Judges every night by those before it, oldest first. `accepted` holds the nights from which on a new level was accepted
 * by somebody. Low nights are kept out of what later ones are compared with, until they are the new level.
 */
export function judgeNights(
  nights: readonly NightValue[],
  accepted: ReadonlySet<string> = new Set(),
): readonly Judgement[] {
  let known: number[] = [];
  let low: number[] = [];
  return nights.map(({ id, value }) => {
    if (accepted.has(id)) {
      known = [];
      low = [];
    }
    const judgement = judge(id, value, known.slice(-WINDOW), low.length);
    if (judgement.lowNights === 0) {
      known.push(...(low.length === 1 ? low : []), value);
      low = [];
    } else {
      low.push(value);
      if (low.length >= NEW_LEVEL_AFTER) {
        known = low;
        low = [];
      }
    }
    return judgement;
  });
}

function judge(id: string, value: number, before: readonly number[], lowBefore: number): Judgement {
  const centre = before.length === 0 ? value : median(before);
  const sigma = spread(before) / centre;
  const threshold = Math.max(AT_LEAST, SIGMAS * sigma);
  const change = value / centre - 1;
  const learning = before.length < ENOUGH;
  const lowNights = !learning && -change > threshold ? lowBefore + 1 : 0;
  return {
    id,
    verdict: learning ? 'learning' : lowNights === 0 ? 'fine' : lowNights === 1 ? 'suspect' : 'confirmed',
    lowNights,
    change,
    centre,
    nights: before.length,
    threshold,
    smallestNoticed: Math.min(1, threshold + CHANCE_Z * sigma),
  };
}

/**
 * Robust standard deviation: one stalled night does not widen it. Of few values the median of deviations comes out too
 * small; the factor is that of Croux and Rousseeuw.
 */
export function spread(values: readonly number[]): number {
  const n = values.length;
  if (n < 2) return 0;
  const centre = median(values);
  return NORMAL_MAD * (n / (n - 0.8)) * median(values.map(value => Math.abs(value - centre)));
}
