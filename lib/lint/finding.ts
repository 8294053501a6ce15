import type { Position } from '../source/errors.ts';

/** Text to put in place of a stretch of the file. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** What a rule has found. */
export interface Finding {
  readonly rule: string;
  readonly at: Position;
  readonly message: string;
  readonly advice?: string | undefined;
  /** Lines of the task it is about: a `# noqa` in any of them counts. */
  readonly lines?: readonly [first: number, last: number];
  /** The way `--fix` mends it, only where that is safe. */
  readonly fix?: readonly Edit[] | undefined;
}
