import { until as poll } from '../../lab/command.ts';

/** Waits for what comes by itself, however slow the machine: not for a time, but until it is there. */
export async function until(isThere: () => boolean): Promise<void> {
  const found = await poll(15_000, async () => isThere() || undefined, 20);
  if (!found) throw new Error(`not within 15 s: ${isThere}`);
}
