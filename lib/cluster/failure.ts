import { readFileSync } from 'node:fs';
import { SourceError, SourceErrors, UsageError, withHint } from '../source/errors.ts';
import { formatSourceError } from '../source/render.ts';
import { visible } from '../source/visible.ts';
import { BecomeError, ConnectionError } from '../transport/index.ts';
import { UnreachableError } from './open-deployment.ts';

interface Failure {
  readonly text: string;
  readonly code: number;
}

/** What to print for an error that ends the program, and its exit code; only a bug shows its stack. */
export function failureText(program: string, error: unknown): Failure {
  const { text, code } = failureOf(program, error);
  return { text: visible(text), code };
}

function failureOf(program: string, error: unknown): Failure {
  if (error instanceof SourceErrors) return { text: error.errors.map(withExcerpt).join('\n'), code: 4 };
  if (error instanceof SourceError) return { text: withExcerpt(error), code: 4 };
  if (error instanceof UsageError)
    return { text: `${program}: ${withHint(error)} (--help shows the flags)`, code: 5 };
  if (error instanceof UnreachableError) return { text: `${program}: ${error.message}`, code: 4 };
  if (error instanceof ConnectionError) {
    return {
      text: `${program}: ${error.host}: ${error.message}${error.hint ? `\n${error.hint}` : ''}`,
      code: 4,
    };
  }
  if (error instanceof BecomeError) return { text: `${program}: ${error.host}: ${error.message}`, code: 4 };
  const bug = error instanceof TypeError || error instanceof ReferenceError || error instanceof RangeError;
  if (error instanceof Error) return { text: `${program}: ${bug ? error.stack : error.message}`, code: 1 };
  return { text: `${program}: ${String(error)}`, code: 1 };
}

function withExcerpt(error: SourceError): string {
  return formatSourceError(error, file => readFileSync(file, 'utf8'));
}
