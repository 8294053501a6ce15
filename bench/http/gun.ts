import { createInterface } from 'node:readline';
import autocannon from 'autocannon';
import type { Order, Shot, Target } from './shots.ts';

const TIMEOUT_S = 5;
/** A target that answers slower than it is asked is not asked more and more. */
const MOST_UNDER_WAY = 16;

/** One request with a connection of its own, as a load balancer makes it: health endpoints end it after their answer. */
async function shoot({ host, path, url }: Target): Promise<Shot> {
  const sentAt = now();
  let code: number | undefined;
  let ms: number | undefined;
  let body = '';
  const options: autocannon.Options & { sampleInt: number; skipAggregateResult: boolean } = {
    url,
    connections: 1,
    amount: 1,
    timeout: TIMEOUT_S,
    sampleInt: 10,
    skipAggregateResult: true,
    setupClient: client => {
      // autocannon connects anew at once and without end: to a host that is down, that would be a flood.
      const give = () => (client as unknown as { destroy(): void }).destroy();
      (client as NodeJS.EventEmitter).on('timeout', give).on('connError', give);
    },
    verifyBody: text => {
      body = String(text ?? '');
      return true;
    },
  };
  await new Promise<void>((done, failed) => {
    const instance = autocannon(options, error => (error ? failed(error) : done()));
    instance.on('response', (_client, status) => {
      code = status;
      ms = now() - sentAt;
    });
  });
  return { host, path, sentAt, ms: ms ?? now() - sentAt, code, body };
}

/** Asks each target so often a second, whatever the answers take, until the signal; then waits for what is under way. */
async function shootAtRate(
  targets: readonly Target[],
  rate: number,
  signal: AbortSignal,
  onShot: (shot: Shot) => void,
): Promise<void> {
  const everyMs = 1000 / rate;
  await Promise.all(
    targets.map(async (target, i) => {
      const underWay = new Set<Promise<void>>();
      // Not all at the same moment.
      let next = performance.now() + (everyMs * i) / targets.length;
      while (await waited(next - performance.now(), signal)) {
        next = Math.max(next + everyMs, performance.now() - everyMs);
        if (underWay.size >= MOST_UNDER_WAY) continue;
        const shot = shoot(target).then(onShot);
        underWay.add(shot);
        void shot.finally(() => underWay.delete(shot));
      }
      await Promise.all(underWay);
    }),
  );
}

/** False when there is no more to wait for. */
function waited(ms: number, signal: AbortSignal): Promise<boolean> {
  return new Promise(resolve => {
    if (signal.aborted) return resolve(false);
    const stop = () => {
      clearTimeout(timer);
      resolve(false);
    };
    const timer = setTimeout(
      () => {
        signal.removeEventListener('abort', stop);
        resolve(true);
      },
      Math.max(0, ms),
    );
    signal.addEventListener('abort', stop, { once: true });
  });
}

/** In milliseconds since 1970, never back: other processes of this machine count the same. */
const now = (): number => performance.timeOrigin + performance.now();

const stop = new AbortController();
const input = createInterface({ input: process.stdin });
input.once('line', async line => {
  const { targets, rate } = JSON.parse(line) as Order;
  process.stdout.write('ready\n');
  await shootAtRate(targets, rate, stop.signal, shot => process.stdout.write(`${JSON.stringify(shot)}\n`));
});
// Also when the one who asked for it was killed.
input.once('close', () => stop.abort());
process.stdout.on('error', () => process.exit(1));
