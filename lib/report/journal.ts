import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import type { RunEvent } from '../engine/events.ts';
import { jsonText, parseJson } from '../source/json.ts';
import { visibleJson } from '../source/visible.ts';
import type { Output, Report } from './report.ts';

/** An event with the time it happened, in milliseconds since 1970. */
export type Entry = RunEvent & { readonly at: number };

/**
 * Keeps every event of a run as a line of JSON, at once: what a killed run did until then can be read. Events are
 * censored already; lines of output of running commands are left out, since their end is in the result.
 */
export class Journal implements Report {
  readonly #open: () => string;
  readonly #onFailure: (error: Error) => void;
  /** Undefined before the first event, and when no journal can be kept. */
  #file: number | undefined;
  #isOff = false;

  /** `open` makes the folder and names a file that does not exist yet; without one the run goes on unwritten. */
  constructor(open: () => string, onFailure: (error: Error) => void) {
    this.#open = open;
    this.#onFailure = onFailure;
  }

  on(event: RunEvent): void {
    if (event.type === 'host-output' || this.#isOff) return;
    try {
      // Only its owner reads it.
      this.#file ??= openSync(this.#open(), 'wx', 0o600);
      writeSync(this.#file, `${jsonText({ at: Date.now(), ...event })}\n`);
    } catch (error) {
      this.#isOff = true;
      this.#onFailure(error as Error);
    }
  }

  finish(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#isOff = true;
  }
}

/** The events of a journal; a line that a killed run left unfinished is none. */
export function readJournal(file: string): readonly Entry[] {
  return parseEntries(readFileSync(file, 'utf8').split('\n'));
}

export function parseEntries(lines: readonly string[]): readonly Entry[] {
  return lines.flatMap(line => {
    try {
      return line === '' ? [] : [parseJson(line) as unknown as Entry];
    } catch {
      return [];
    }
  });
}

/** Keeps events in memory, for a report that is made of all of them. */
export class Recording {
  readonly entries: Entry[] = [];

  on(event: RunEvent): void {
    if (event.type !== 'host-output') this.entries.push({ at: Date.now(), ...event });
  }
}

/** Each event as a line of JSON as it happens, for programs; what only a later run needs is left out. */
export class EventLines implements Report {
  readonly #out: Output;

  constructor(out: Output) {
    this.#out = out;
  }

  on(event: RunEvent): void {
    if (event.type === 'host-output' || event.type === 'file-read') return;
    const {
      origin: _origin,
      digest: _digest,
      ...rest
    } = event as Partial<Record<'origin' | 'digest', unknown>>;
    this.#out.write(`${visibleJson({ at: Date.now(), ...rest })}\n`);
  }

  finish(): void {}
}
