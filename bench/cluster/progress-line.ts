import { visible } from '../../lib/source/visible.ts';
import { sum } from './statistics.ts';

/** What a node did in the last second. */
interface Rate {
  readonly tps: number;
  readonly latencyMs?: number;
}

/** What is measured now, and what the run still has before it. */
export interface MeasurementProgress {
  readonly title: string;
  readonly seconds: number;
  readonly position: number;
  readonly count: number;
  /** Title of the measurement that comes next. */
  readonly next: string | undefined;
  /** Seconds of load that come after this measurement. */
  readonly secondsAfter: number;
}

/** Beside the load each measurement takes about this long: a checkpoint, a vacuum, replicas that catch up. */
const OVERHEAD_S = 5;

/**
 * A live line on a terminal: workload, time, current rate, what comes next and when the end is expected. Without a terminal
 * only the lines are written that stay.
 */
export class ProgressLine {
  readonly #stream: NodeJS.WriteStream;
  readonly #latest = new Map<string, Rate>();
  #cell: MeasurementProgress | undefined;
  #beganAt = 0;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
  }

  /** A line that stays. */
  readonly say = (line: string): void => {
    this.clear();
    this.#stream.write(`${visible(line)}\n`);
  };

  readonly cell = (cell: MeasurementProgress): void => {
    this.#cell = cell;
    this.#beganAt = Date.now();
    this.#latest.clear();
  };

  readonly second = (host: string, second: Rate): void => {
    this.#latest.set(host, second);
    if (!this.#stream.isTTY || !this.#cell) return;
    const text = progressText(this.#cell, this.#latest, Date.now() - this.#beganAt, new Date());
    this.#stream.write(`\r\u001b[2K${text.slice(0, (this.#stream.columns || 80) - 1)}`);
  };

  clear(): void {
    if (this.#stream.isTTY) this.#stream.write('\r\u001b[2K');
  }
}

export function progressText(
  cell: MeasurementProgress,
  latest: ReadonlyMap<string, Rate>,
  elapsedMs: number,
  now: Date,
): string {
  const elapsed = Math.min(Math.round(elapsedMs / 1000), cell.seconds);
  const left = cell.seconds - elapsed + cell.secondsAfter + OVERHEAD_S * (cell.count - cell.position + 1);
  const end = new Date(now.getTime() + left * 1000).toTimeString().slice(0, 5);
  const rates = [...latest.values()];
  const total = sum(rates.map(({ tps }) => tps));
  const waited = sum(rates.map(({ tps, latencyMs = 0 }) => tps * latencyMs));
  return [
    `${cell.position}/${cell.count} ${cell.title}`,
    `${elapsed} of ${cell.seconds} s`,
    `${Math.round(total)} TPS${total > 0 ? `, ${(waited / total).toFixed(2)} ms` : ''}`,
    ...(cell.next === undefined ? [] : [`next: ${cell.next}`]),
    `ends about ${end}`,
  ].join('  ');
}
