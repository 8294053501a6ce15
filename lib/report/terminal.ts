import type { RunEvent } from '../engine/events.ts';
import { visible } from '../source/visible.ts';
import { cutTo, textWidth } from './columns.ts';
import { duration, eventText, type LineOptions } from './lines.ts';
import type { Output, Report } from './report.ts';

interface Running {
  readonly task: string;
  readonly since: number;
  line: string;
  /** When this work was last mentioned in a log that is not a terminal. */
  mentioned: number;
}

const SHOW_AFTER_MS = 1000;
const MENTION_EVERY_MS = 30_000;

/**
 * The report people watch. On a terminal, work that takes longer than a second has a live line with its time and its
 * newest output; in a log such work is mentioned every half minute.
 */
export class TerminalReport implements Report {
  readonly #out: Output;
  readonly #options: LineOptions;
  readonly #live: boolean;
  readonly #now: () => number;
  readonly #running = new Map<string, Running>();
  /** Columns of the live lines that stand on the terminal. */
  #shown: readonly number[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(out: Output, options: LineOptions, live: boolean, now: () => number = Date.now) {
    this.#out = out;
    this.#options = options;
    this.#live = live;
    this.#now = now;
  }

  on(event: RunEvent): void {
    this.#track(event);
    const text = eventText(event, this.#options);
    if (text === '') return;
    this.#clear();
    this.#out.write(text);
  }

  finish(): void {
    this.#clear();
    clearInterval(this.#timer);
  }

  #track(event: RunEvent): void {
    if (event.type === 'host-start') {
      const now = this.#now();
      this.#running.set(event.host, { task: event.task.name, since: now, line: '', mentioned: now });
      this.#timer ??= setInterval(() => this.#tick(), 200).unref();
    } else if (event.type === 'host-output') {
      const running = this.#running.get(event.host);
      if (running) running.line = event.line;
    } else if (event.type === 'outcome') this.#running.delete(event.host);
    else if (event.type === 'task-end') this.#running.clear();
  }

  #tick(): void {
    const now = this.#now();
    const slow = [...this.#running].filter(([, { since }]) => now - since >= SHOW_AFTER_MS);
    if (this.#live) this.#draw(slow, now);
    else for (const [host, running] of slow) this.#mention(host, running, now);
  }

  #draw(slow: readonly [string, Running][], now: number): void {
    this.#clear();
    if (slow.length === 0) return;
    // They must fit the window, or those that scrolled away would stay for ever.
    const room = Math.max(1, (this.#options.height?.() ?? 24) - 2);
    const shown = slow.length <= room ? slow : slow.slice(0, room - 1);
    const lines = shown.map(
      ([host, { since, line }]) => `[${host}] ${duration(now - since)}  ${printable(line)}`,
    );
    if (shown.length < slow.length) lines.push(`… and ${slow.length - shown.length} more hosts`);
    const width = this.#width();
    const cut = lines.map(line => this.#options.paint('dim', cutTo(line, width - 1)));
    this.#out.write(cut.join('\n'));
    this.#shown = cut.map(line => textWidth(line));
  }

  #mention(host: string, running: Running, now: number): void {
    if (now - running.mentioned < MENTION_EVERY_MS) return;
    running.mentioned = now;
    const line = printable(running.line);
    const said = line === '' ? '' : `: ${line}`;
    this.#out.write(
      `${visible(`... still running: [${host}] ${running.task}, ${duration(now - running.since)}${said}`)}\n`,
    );
  }

  #clear(): void {
    if (this.#shown.length === 0) return;
    // In a window that has become narrower a line takes several rows.
    const width = Math.max(1, this.#width());
    const rows = this.#shown.reduce((sum, columns) => sum + Math.max(1, Math.ceil(columns / width)), 0);
    this.#out.write(rows === 1 ? '\r\u001b[2K' : `\r\u001b[${rows - 1}A\u001b[0J`);
    this.#shown = [];
  }

  #width(): number {
    return this.#options.liveWidth?.() ?? this.#options.width;
  }
}

/** Output of a host must not move the cursor or colour what follows. */
const printable = (line: string): string =>
  line
    .replace(/\u001b\[[0-9;?]*[ -/]*[@-~]/g, '')
    .replace(/[\u0000-\u001f\u007f-\u009f]/g, ' ')
    .trim();
