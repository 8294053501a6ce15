import type { RunEvent } from '../engine/events.ts';

/** A way to show a run: a fold over its events. `finish` is called once, after the last event, also after a failure. */
export interface Report {
  on(event: RunEvent): void;
  finish(): void;
}

/** Where a report writes; a terminal, a file, or a test's buffer. */
export interface Output {
  write(text: string): void;
}
