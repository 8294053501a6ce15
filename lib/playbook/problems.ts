import { type Position, SourceError, type SourceErrorCode, SourceErrors } from '../source/errors.ts';

/** Collects the mistakes of one load, each once, so an author sees all of them together. */
export class Problems {
  private readonly found = new Map<string, SourceError>();

  add(code: SourceErrorCode, message: string, at?: Position, hint?: string): void {
    this.keep(new SourceError(code, message, at, hint));
  }

  /** Runs `work`; mistakes it throws are kept and `undefined` comes back. Anything else is a bug and goes on. */
  attempt<T>(work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      if (error instanceof SourceError) this.keep(error);
      else if (error instanceof SourceErrors) for (const one of error.errors) this.keep(one);
      else throw error;
      return undefined;
    }
  }

  throwIfAny(): void {
    if (this.found.size > 0) throw new SourceErrors([...this.found.values()]);
  }

  private keep(error: SourceError): void {
    const { file, line, col } = error.position ?? { file: '', line: 0, col: 0 };
    const key = `${file}:${line}:${col} ${error.message}`;
    if (!this.found.has(key)) this.found.set(key, error);
  }
}
