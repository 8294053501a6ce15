import { type Position, SourceError, type SourceErrorCode, SourceErrors } from '../source/errors.ts';

/**
 * Collects the mistakes of one load, each once, so an author sees all of them together. What makes a task fail and is no
 * mistake of the playbook's form (an argument, a template, a missing file) stops the run only where the task is certain to
 * be reached: elsewhere it is a warning, since such a task may never run.
 */
export class Problems {
  private readonly errors = new Map<string, SourceError>();
  private readonly warned = new Map<string, SourceError>();
  private readonly strict: boolean;
  /** For each part of the playbook around: whether a run that comes to what is around it comes to it as well. */
  private readonly certain: boolean[] = [true];
  private judging: boolean | undefined;

  constructor(strict: boolean) {
    this.strict = strict;
  }

  add(code: SourceErrorCode, message: string, at?: Position, hint?: string): void {
    this.keep(new SourceError(code, message, at, hint));
  }

  /** Runs `work`; mistakes it throws are kept and `undefined` comes back. Anything else is a bug and goes on. */
  attempt<T>(work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      for (const one of mistakesOf(error)) this.keep(one);
      return undefined;
    }
  }

  /** Runs `work` for a part of the playbook. */
  within<T>(certain: boolean, work: () => T): T {
    this.certain.push(certain && this.isCertain());
    try {
      return work();
    } finally {
      this.certain.pop();
    }
  }

  /** Runs `work`, whose mistakes only show when the part is reached; `before` what decides about that. */
  whenReached<T>(work: () => T, before = false): T {
    const outer = this.judging;
    this.judging = before ? (this.certain.at(-2) ?? true) : this.isCertain();
    try {
      return work();
    } finally {
      this.judging = outer;
    }
  }

  /** Whether a run comes to the part at hand. */
  isCertain(): boolean {
    return this.certain.at(-1) ?? true;
  }

  /** Mistakes that do not stop the run. */
  warnings(): SourceError[] {
    return [...this.warned].filter(([key]) => !this.errors.has(key)).map(([, error]) => error);
  }

  throwIfAny(): void {
    if (this.errors.size > 0) throw new SourceErrors([...this.errors.values()]);
  }

  keep(error: SourceError): void {
    const { file, line, col } = error.position ?? { file: '', line: 0, col: 0 };
    const key = `${file}:${line}:${col} ${error.message}`;
    const list = this.judging === false && !this.strict ? this.warned : this.errors;
    if (!list.has(key)) list.set(key, error);
  }
}

/** The mistakes an error stands for; it is thrown again when it is none. */
export function mistakesOf(error: unknown): readonly SourceError[] {
  if (error instanceof SourceError) return [error];
  if (error instanceof SourceErrors) return error.errors;
  throw error;
}
