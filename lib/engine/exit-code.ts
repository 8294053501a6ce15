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

/** Why a run is told to stop that nobody interrupted: an error that no task and no host was at. */
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

/** As in Ansible: what cannot be read is a parser's error, one mistake of the run itself is another's. */
export const exitCodeOfRun = (error: unknown): number =>
  error instanceof SourceError ? EXIT.error : exitCodeOf(error);
