/** Runs `work` for every item, at most `limit` at once, in order of the list. */
export async function forEachLimited<T>(
  items: readonly T[],
  limit: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const queue = items.values();
  const worker = async () => {
    for (const item of queue) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(Math.max(1, limit), items.length) }, worker));
}

/** Lets at most `limit` go on at once; the others wait. */
export class Turnstile {
  #inside = 0;
  readonly #waiting: (() => void)[] = [];

  async pass(limit: number, work: () => Promise<void>): Promise<void> {
    while (this.#inside >= limit) await new Promise<void>(go => void this.#waiting.push(go));
    this.#inside++;
    try {
      await work();
    } finally {
      this.#inside--;
      this.#waiting.shift()?.();
    }
  }
}
