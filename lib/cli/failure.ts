import { readFileSync } from 'node:fs';
import { EXIT, exitCodeOf } from '../engine/exit-code.ts';
import type { GuardedReport } from '../report/guarded.ts';
import { SourceError, SourceErrors, UsageError, withHint } from '../source/errors.ts';
import { formatSourceError } from '../source/render.ts';
import { visible, visibleJson } from '../source/visible.ts';
import { ConnectionError } from '../transport/connection.ts';

/** What to print for an error that ends the program, and its exit code; a bug keeps its stack. */
export function failureText(
  error: unknown,
  when: 'before the run' | 'in the run' = 'before the run',
): { readonly text: string; readonly code: number } {
  const code = exitCodeOf(error);
  if (error instanceof SourceErrors || error instanceof SourceError) {
    const errors = error instanceof SourceErrors ? error.errors : [error];
    const blocks = errors.map(one => formatSourceError(one, readIfThere));
    const count =
      errors.length === 1
        ? ''
        : `\n${errors.length} mistakes${when === 'in the run' ? '' : '; no host was contacted for them'}\n`;
    return { text: `${blocks.join('\n')}\n${count}`, code };
  }
  if (error instanceof UsageError) return { text: `polarplay: ${visible(withHint(error))}\n`, code };
  if (error instanceof ConnectionError)
    return { text: visible(`polarplay: ${error.host}: ${error.message}\n${error.hint ?? ''}\n`), code };
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { text: visible(`polarplay: internal error, please report it\n${stack}\n`), code };
}

/** Mistakes that ended the program before a run, for programs: one JSON document in a line. */
export function mistakesJson(error: unknown): string {
  const all = error instanceof SourceErrors ? error.errors : [error];
  const mistakes = all.map(one => {
    const { message, hint, code, position } = one as Partial<SourceError>;
    return { message: message ?? String(one), hint, code, ...position };
  });
  return `${visibleJson({ mistakes, exit_code: exitCodeOf(error) })}\n`;
}

/** A run with an incomplete report counts as failed: nobody could read its outcome. */
export function withReport(exitCode: number, { failure }: GuardedReport): number {
  if (failure === undefined) return exitCode;
  process.stderr.write(`the report of this run is not complete\n${failureText(failure).text}`);
  return exitCode === EXIT.ok ? EXIT.bug : exitCode;
}

/** A file's text for showing the place of a mistake. */
export function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
