import { SourceError, SourceErrors, UsageError } from '../source/errors.ts';
import { ConnectionError } from '../transport/connection.ts';

/** Exit codes, as ansible-playbook has them; unreachable wins over failed. */
export const EXIT = {
  ok: 0,
  error: 1,
  failed: 2,
  unreachable: 4,
  parser: 4,
  usage: 5,
  interrupted: 99,
  bug: 250,
} as const;

/** Why a run stops that nobody interrupted: an error outside any task and host. */
export class Crash extends Error {
  override readonly name = 'Crash';
}

/** The exit code of a program that this error ends. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return error.exitCode;
  if (error instanceof ConnectionError) return EXIT.unreachable;
  if (!(error instanceof SourceErrors || error instanceof SourceError)) return EXIT.bug;
  const errors = error instanceof SourceErrors ? error.errors : [error];
  // As in Ansible: a parser's error, but for the password of a vault.
  return errors.every(one => one.code === 'BAD_VAULT') ? EXIT.error : EXIT.parser;
}

/** As in Ansible: unreadable files are a parser's error, a mistake during the run is another code. */
export const exitCodeOfRun = (error: unknown): number =>
  error instanceof SourceError ? EXIT.error : exitCodeOf(error);
