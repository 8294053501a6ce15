import { visible } from '../../lib/source/visible.ts';

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
  readonly #rates = new Map<string, number>();
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
    this.#rates.clear();
  };

  readonly second = (host: string, tps: number): void => {
    this.#rates.set(host, tps);
    if (!this.#stream.isTTY || !this.#cell) return;
    const text = progressText(this.#cell, this.#rates, Date.now() - this.#beganAt, new Date());
    this.#stream.write(`\r\u001b[2K${text.slice(0, (this.#stream.columns || 80) - 1)}`);
  };

  clear(): void {
    if (this.#stream.isTTY) this.#stream.write('\r\u001b[2K');
  }
}

export function progressText(
  cell: MeasurementProgress,
  rates: ReadonlyMap<string, number>,
  elapsedMs: number,
  now: Date,
): string {
  const elapsed = Math.min(Math.round(elapsedMs / 1000), cell.seconds);
  const left = cell.seconds - elapsed + cell.secondsAfter + OVERHEAD_S * (cell.count - cell.position + 1);
  const end = new Date(now.getTime() + left * 1000).toTimeString().slice(0, 5);
  const sum = [...rates.values()].reduce((total, tps) => total + tps, 0);
  const latest = `${cell.position}/${cell.count} ${cell.title}  ${elapsed} of ${cell.seconds} s  ${Math.round(sum)} TPS`;
  return `${latest}${cell.next === undefined ? '' : `  next: ${cell.next}`}  ends about ${end}`;
}
