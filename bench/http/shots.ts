import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { PACKAGE_ROOT } from '../../lib/source/package-root.ts';

/** What is asked, again and again. */
export interface Target {
  /** The host that is asked. */
  readonly host: string;
  /** What for: `/primary`, `/write`, … */
  readonly path: string;
  readonly url: string;
}

/** One request and what came of it; times in milliseconds of one clock. */
export interface Shot {
  readonly host: string;
  readonly path: string;
  readonly sentAt: number;
  readonly ms: number;
  /** Undefined: no answer within the limit, or none at all. */
  readonly code: number | undefined;
  readonly body: string;
}

/** What the process that asks gets on its standard input; it asks until that ends. */
export interface Order {
  readonly targets: readonly Target[];
  /** Requests a second, for each target. */
  readonly rate: number;
}

export interface Shooting {
  /** Resolves when the last answer is there. */
  stop(): Promise<void>;
}

/**
 * Asks each target so often a second. autocannon does it in a process of its own: what is measured is not how busy this one
 * is, and autocannon's histograms change prototypes, which are frozen here.
 */
export async function startShooting(order: Order, onShot: (shot: Shot) => void): Promise<Shooting> {
  const child = spawn(process.execPath, [join(PACKAGE_ROOT, 'dist', 'bench-http.mjs')], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (text: Buffer) => {
    said = (said + text.toString()).slice(-2000);
  });
  child.stdin.on('error', () => {});
  child.stdin.write(`${JSON.stringify(order)}\n`);
  const lines = createInterface({ input: child.stdout });
  // Clocks of two processes: both count from the same epoch.
  const ready = once(lines, 'line');
  void ready.then(() => lines.on('line', line => onShot(JSON.parse(line) as Shot)));
  const ended = Promise.all([once(child, 'close'), once(lines, 'close')]).then(([[code]]) => {
    if (code !== 0)
      throw new Error(`the process that asks ended with ${code}: ${said.trim().split('\n').at(-1)}`);
  });
  // Told here or by `stop`.
  ended.catch(() => {});
  // On a busy machine it takes its time to begin.
  await Promise.race([ready, ended]);
  return {
    stop: () => {
      child.stdin.end();
      return ended;
    },
  };
}
