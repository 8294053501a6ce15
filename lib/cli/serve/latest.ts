import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../../source/errors.ts';

/** What is known now: the last value that could be read, and why a later one could not. */
export interface Reading<T> {
  readonly value: T | undefined;
  /** When the value was read, in milliseconds of the clock. */
  readonly at: number;
  readonly problem: string | undefined;
}

/**
 * A value that costs something to read. However many ask: one reads at a time, and what was read counts for `maxAgeMs`, a
 * failure too. Nobody asks, nothing is read.
 */
export class Latest<T> {
  readonly #read: () => Promise<T>;
  readonly #maxAgeMs: number;
  #known: Reading<T> = { value: undefined, at: 0, problem: undefined };
  #ended = Number.NEGATIVE_INFINITY;
  #running: Promise<void> | undefined;

  constructor(read: () => Promise<T>, maxAgeMs: number) {
    this.#read = read;
    this.#maxAgeMs = maxAgeMs;
  }

  /** Waits at most `waitMs` for a fresh value; after that what is known has to do. */
  async get(waitMs: number): Promise<Reading<T>> {
    if (performance.now() - this.#ended >= this.#maxAgeMs) {
      this.#running ??= this.#readAgain();
      await within(this.#running, waitMs);
    }
    return this.#known;
  }

  /** Resolves when nothing is being read any more. */
  async settled(): Promise<void> {
    await this.#running;
  }

  async #readAgain(): Promise<void> {
    try {
      const value = await this.#read();
      this.#known = { value, at: Date.now(), problem: undefined };
    } catch (error) {
      this.#known = { ...this.#known, problem: messageOf(error).split('\n')[0]! };
    } finally {
      this.#ended = performance.now();
      this.#running = undefined;
    }
  }
}

async function within(work: Promise<void>, ms: number): Promise<void> {
  const timer = new AbortController();
  await Promise.race([work, sleep(ms, undefined, { signal: timer.signal }).catch(() => {})]);
  timer.abort();
}
