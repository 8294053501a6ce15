import { readFileSync } from 'node:fs';
import { SourceError, SourceErrors, UsageError } from '../source/errors.ts';
import { formatSourceError } from '../source/render.ts';
import { ConnectionError } from '../transport/connection.ts';

/** What to print for an error that ends the program, and its exit code; a bug keeps its stack. */
export function failureText(error: unknown): { readonly text: string; readonly code: number } {
  if (error instanceof SourceErrors || error instanceof SourceError) {
    const errors = error instanceof SourceErrors ? error.errors : [error];
    const blocks = errors.map(one => formatSourceError(one, readIfThere));
    const count = errors.length === 1 ? '' : `\n${errors.length} mistakes; no host was contacted for them\n`;
    // As in Ansible: a parser's error, but for the password of a vault.
    const code = errors.every(one => one.code === 'BAD_VAULT') ? 1 : 4;
    return { text: `${blocks.join('\n')}\n${count}`, code };
  }
  if (error instanceof UsageError) return { text: `polarplay: ${error.message}\n`, code: error.exitCode };
  if (error instanceof ConnectionError)
    return { text: `polarplay: ${error.host}: ${error.message}\n${error.hint ?? ''}\n`, code: 4 };
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { text: `polarplay: internal error, please report it\n${stack}\n`, code: 250 };
}

/** A file's text for showing the place of a mistake. */
export function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
