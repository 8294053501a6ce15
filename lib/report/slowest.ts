import type { HostOutcome, RunEvent } from '../engine/events.ts';
import { visible } from '../source/visible.ts';
import { cutTo, textWidth } from './columns.ts';
import { duration } from './lines.ts';
import type { Output, Report } from './report.ts';
import type { Paint } from './style.ts';
import { padColumns } from './table.ts';

const SHOWN = 20;

interface TaskTime {
  readonly name: string;
  /** On the host where it took longest. */
  readonly ms: number;
  readonly host: string;
}

/** The tasks that took longest, each with its slowest host; a task that came several times counts once. */
export function slowestTasks(
  outcomes: Iterable<Pick<HostOutcome, 'task' | 'host' | 'elapsedMs'>>,
  shown = SHOWN,
): readonly TaskTime[] {
  const times = new Map<string, TaskTime>();
  for (const { task, host, elapsedMs } of outcomes)
    if ((times.get(task.id)?.ms ?? -1) < elapsedMs)
      times.set(task.id, { name: task.name, ms: elapsedMs, host });
  return [...times.values()].sort((a, b) => b.ms - a.ms).slice(0, shown);
}

/** What took longest, below the recap. */
export class TaskTimes implements Report {
  readonly #out: Output;
  readonly #paint: Paint;
  readonly #width: () => number;
  readonly #outcomes: HostOutcome[] = [];

  constructor(out: Output, paint: Paint, width: () => number) {
    this.#out = out;
    this.#paint = paint;
    this.#width = width;
  }

  on(event: RunEvent): void {
    if (event.type === 'outcome') this.#outcomes.push(event);
  }

  finish(): void {
    const tasks = slowestTasks(this.#outcomes);
    if (tasks.length === 0) return;
    const hosts = Math.max(...tasks.map(({ host }) => textWidth(visible(host))));
    const lines = tasks.map(({ name, ms, host }) => {
      const room = Math.max(10, this.#width() - 11 - hosts - 4);
      const short = cutTo(visible(name), room);
      return `${duration(ms).padStart(11)}  ${padColumns(visible(host), hosts)}  ${short}`;
    });
    this.#out.write(
      `\n${this.#paint('bold', 'SLOWEST TASKS, each on its slowest host')}\n${lines.join('\n')}\n`,
    );
  }
}
