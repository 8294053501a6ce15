import type { RunEvent } from '../engine/events.ts';
import type { Output, Report } from './report.ts';

/** A report that is one document: its text tells of the run as far as it has come. */
export interface DocumentReport {
  on(event: RunEvent): void;
  text(): string;
}

/** Writes a document when the run ends. */
export class AtTheEnd implements Report {
  readonly #document: DocumentReport;
  readonly #out: Output;

  constructor(document: DocumentReport, out: Output) {
    this.#document = document;
    this.#out = out;
  }

  on(event: RunEvent): void {
    this.#document.on(event);
  }

  finish(): void {
    this.#out.write(this.#document.text());
  }
}

const EVERY_MS = 1000;
/** Writing takes at most this share of the time: of a long run the document is long. */
const SHARE = 1 / 50;

/** Keeps a file up to date while the run is under way, so that one of a run that was killed can be read. */
export class KeptFile implements Report {
  readonly #document: DocumentReport;
  readonly #save: (text: string) => void;
  readonly #now: () => number;
  #next = 0;

  /** `save` replaces the file as a whole. */
  constructor(
    document: DocumentReport,
    save: (text: string) => void,
    now: () => number = () => performance.now(),
  ) {
    this.#document = document;
    this.#save = save;
    this.#now = now;
  }

  on(event: RunEvent): void {
    this.#document.on(event);
    if (event.type !== 'run-start' && event.type !== 'task-end') return;
    const start = this.#now();
    if (start < this.#next) return;
    this.#save(this.#document.text());
    const end = this.#now();
    this.#next = end + Math.max(EVERY_MS, (end - start) / SHARE);
  }

  finish(): void {
    this.#save(this.#document.text());
  }
}
