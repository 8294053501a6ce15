import { setTimeout as sleep } from 'node:timers/promises';

/** Waits for what comes by itself, however slow the machine: not for a time, but until it is there. */
export async function until(isThere: () => boolean): Promise<void> {
  const limit = Date.now() + 15_000;
  while (!isThere()) {
    if (Date.now() > limit) throw new Error(`not within 15 s: ${isThere}`);
    await sleep(20);
  }
}
