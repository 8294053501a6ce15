/** A place in a text file. `line` and `col` count from 1. */
export interface Position {
  readonly file: string;
  readonly line: number;
  readonly col: number;
  /** How many characters the caret line underlines; 1 when unknown. */
  readonly length?: number;
}

/** Every mistake an author can make has one code; the reference page lists them. */
export type SourceErrorCode =
  | 'YAML_SYNTAX'
  | 'YAML_TAB'
  | 'NOT_UTF8'
  | 'DUPLICATE_KEY'
  | 'FILE_NOT_FOUND'
  | 'WRONG_TYPE'
  | 'UNKNOWN_KEY'
  | 'MISSING_KEY'
  | 'BAD_VALUE'
  | 'CONFLICTING_KEYS'
  | 'UNKNOWN_MODULE'
  | 'UNKNOWN_ARGUMENT'
  | 'MISSING_ARGUMENT'
  | 'UNKNOWN_ROLE'
  | 'NO_TASK_LIST'
  | 'UNKNOWN_FILTER'
  | 'UNKNOWN_TEST'
  | 'UNKNOWN_LOOKUP'
  | 'TEMPLATE_SYNTAX'
  | 'UNDEFINED_VARIABLE'
  | 'UNKNOWN_VARIABLE'
  | 'RECURSIVE_VARIABLE'
  | 'TEMPLATE_RUNTIME'
  | 'BAD_PATTERN'
  | 'BAD_INVENTORY'
  | 'BAD_VAULT'
  | 'INCLUDE_LOOP';

/** A mistake in a file its author can mend: says where, what is wrong and what was expected. */
export class SourceError extends Error {
  override readonly name = 'SourceError';
  readonly code: SourceErrorCode;
  readonly position: Position | undefined;
  /** What would have been right, or the nearest known name, as a sentence. */
  readonly hint: string | undefined;
  /** The message as Ansible words it, which playbooks compare with: the `msg` of a task's result. */
  readonly words: string;

  constructor(
    code: SourceErrorCode,
    message: string,
    position?: Position,
    hint?: string,
    words: string = message,
  ) {
    super(message);
    this.code = code;
    this.position = position;
    this.hint = hint;
    this.words = words;
  }

  /** The same mistake with what Ansible says around it. */
  within(words: (inner: string) => string): SourceError {
    return new SourceError(this.code, this.message, this.position, this.hint, words(this.words));
  }
}

/** All mistakes found in one pass, reported together before any host is contacted. */
export class SourceErrors extends Error {
  override readonly name = 'SourceErrors';
  readonly errors: readonly SourceError[];

  constructor(errors: readonly SourceError[]) {
    super(errors.map(e => e.message).join('\n'));
    this.errors = errors;
  }
}

/** A mistake on the command line. `exitCode` 1 (as Ansible: bad limit, missing playbook) or 5 (bad option). */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly exitCode: number;
  /** The nearest known name, or what would have been right. */
  readonly hint: string | undefined;

  constructor(message: string, exitCode: 1 | 5 = 1, hint?: string) {
    super(message);
    this.exitCode = exitCode;
    this.hint = hint;
  }
}

/** A mistake and its hint as one sentence for people; programs get the two apart. */
export const withHint = ({
  message,
  hint,
}: {
  readonly message: string;
  readonly hint?: string | undefined;
}): string => (hint === undefined ? message : `${message}, ${hint}`);

/** The first lines of an error, without a stack. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** What to do where this machine, not the host, has no more to give. */
export const resourceHint = (code: string | undefined): string | undefined =>
  code === 'EMFILE' || code === 'ENFILE'
    ? 'too many files are open here: raise the limit (ulimit -n) or work on fewer hosts at a time (--forks)'
    : undefined;
