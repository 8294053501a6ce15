import { messageOf } from '../source/errors.ts';

/** How long to wait for something to become true, and how often to look. */
export interface PollOptions {
  readonly withinMs: number;
  readonly everyMs?: number;
}

/** What polling learned: the value, and when it was first there. */
export interface Settled<T> {
  readonly value: T;
  readonly timeToTrueMs: number;
  readonly attempts: number;
}

/** The condition did not become true in time; the message holds what was seen last. */
export class TimeoutError extends Error {
  override readonly name = 'TimeoutError';
}

/**
 * Tries until `attempt` no longer throws, and reports how long that took. A retry of the whole check would hide how
 * close to the limit a cluster runs; this keeps the figure. A mistake in the check itself is not waited for.
 */
export async function eventually<T>(
  attempt: (signal: AbortSignal) => Promise<T>,
  { withinMs, everyMs = 100 }: PollOptions,
  cancelled?: AbortSignal,
): Promise<Settled<T>> {
  const started = performance.now();
  const timeLeft = () => withinMs - (performance.now() - started);
  let last: unknown;
  for (let attempts = 1; ; attempts++) {
    const left = timeLeft();
    if (attempts > 1 && left <= 0) throw timeoutError(withinMs, attempts - 1, last);
    try {
      const value = await withDeadline(attempt, Math.max(left, 1), cancelled);
      return { value, timeToTrueMs: performance.now() - started, attempts };
    } catch (error) {
      cancelled?.throwIfAborted();
      if (error instanceof TypeError || error instanceof ReferenceError) throw error;
      // The deadline cuts the last attempt off: what was seen before says more than that.
      if (!(error instanceof TimeoutError) || last === undefined) last = error;
    }
    await pause(Math.min(everyMs, Math.max(timeLeft(), 0)), cancelled);
  }
}

function timeoutError(withinMs: number, attempts: number, last: unknown): TimeoutError {
  const seen = messageOf(last);
  const tries = attempts === 1 ? '1 attempt' : `${attempts} attempts`;
  return new TimeoutError(
    `not true within ${Number((withinMs / 1000).toPrecision(2))} s (${tries}); last: ${seen}`,
    { cause: last },
  );
}

/**
 * Runs `work` with a signal that fires at the deadline or when the caller gives up, and does not wait longer than it
 * takes `work` to say, at once, what it was waiting for.
 */
export async function withDeadline<T>(
  work: (signal: AbortSignal) => Promise<T>,
  ms: number,
  cancelled?: AbortSignal,
): Promise<T> {
  const timer = new AbortController();
  const signal = cancelled ? AbortSignal.any([cancelled, timer.signal]) : timer.signal;
  const timeout = setTimeout(
    () => timer.abort(new TimeoutError(`no answer within ${Math.round(ms) / 1000} s`)),
    ms,
  );
  try {
    signal.throwIfAborted();
    return await untilAborted(work(signal), signal, setImmediate);
  } finally {
    clearTimeout(timeout);
  }
}

/** An answer, or the reason why nobody waits for it any longer, given by way of `give`. */
export async function untilAborted<T>(
  answer: Promise<T>,
  signal: AbortSignal,
  give = (reject: () => void): unknown => reject(),
): Promise<T> {
  let stop = () => {};
  const aborted = new Promise<never>((_, reject) => {
    stop = () => void give(() => reject(signal.reason));
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([answer, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

function pause(ms: number, cancelled?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(cancelled?.reason);
    };
    const timer = setTimeout(() => {
      cancelled?.removeEventListener('abort', stop);
      resolve();
    }, ms);
    if (cancelled?.aborted) stop();
    else cancelled?.addEventListener('abort', stop, { once: true });
  });
}
