import type { RunEvent } from '../engine/events.ts';
import type { Report } from './report.ts';

/**
 * A report whose own failure is not the run's: the hosts' work goes on, and the end says that the report is not whole.
 * Gives the first failure as `failure`.
 */
export class GuardedReport implements Report {
  readonly #report: Report;
  failure: unknown;

  constructor(report: Report) {
    this.#report = report;
  }

  on(event: RunEvent): void {
    this.#guard(() => this.#report.on(event));
  }

  finish(): void {
    this.#guard(() => this.#report.finish());
  }

  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.failure ??= error;
    }
  }
}
