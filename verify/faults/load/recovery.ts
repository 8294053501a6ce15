/** A span of time in which nothing happened. */
export interface Pause {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Pauses of at least `leastMs` between events, from one time to another; the last one may go on. */
export function pausesIn(
  events: readonly number[],
  fromMs: number,
  toMs: number,
  leastMs: number,
): readonly Pause[] {
  const times = [fromMs, ...events.filter(t => t > fromMs && t < toMs), toMs];
  return times
    .slice(1)
    .map((at, i) => ({ fromMs: times[i]!, toMs: at }))
    .filter(pause => pause.toMs - pause.fromMs >= leastMs);
}

/** What a client of the cluster had of a fault, for one kind of event (commits, answers of a node, replicas in line). */
export interface Effect {
  /** Seconds from the moment when the cluster could begin to recover until it had; 0: it never stopped after it. */
  readonly recoveredS: number;
  /** The longest pause, in seconds; 0: none. */
  readonly pauseS: number;
}

/**
 * The effect of a fault that struck at `struckMs`, from which the cluster could recover since `sinceMs`: when it healed by
 * itself that is the same moment, else when what was broken was put right. Undefined while a pause goes on.
 */
export function effectOf(
  events: readonly number[],
  { struckMs, sinceMs, nowMs }: { struckMs: number; sinceMs: number; nowMs: number },
  leastMs: number,
): Effect | undefined {
  const pauses = pausesIn(events, struckMs, nowMs, leastMs);
  const last = pauses.at(-1);
  if (last && last.toMs === nowMs) return undefined;
  const seconds = (ms: number) => Math.max(0, Math.round(ms / 100) / 10);
  return {
    recoveredS: last === undefined ? 0 : seconds(last.toMs - sinceMs),
    pauseS: seconds(Math.max(0, ...pauses.map(pause => pause.toMs - pause.fromMs))),
  };
}
