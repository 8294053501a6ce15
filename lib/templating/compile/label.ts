import { PythonRegexError } from '../../source/python/python-regex.ts';
import { Fault } from '../fault.ts';

/** What Node throws for files it can not read and the like. */
function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return (
    error instanceof Error &&
    !(error instanceof RangeError) &&
    /^E[A-Z_]+$/.test((error as NodeJS.ErrnoException).code ?? '')
  );
}

/** Runs a filter, test or method; its complaints begin with its name. */
export function withLabel<T>(what: string, name: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof PythonRegexError || isSystemError(error)) {
      const words = error.message;
      throw new Fault('TEMPLATE_RUNTIME', `${what} "${name}": ${words}`, { words });
    }
    if (!(error instanceof Fault) || error.code !== 'TEMPLATE_RUNTIME') throw error;
    const { hint, site, words } = error;
    throw new Fault(error.code, `${what} "${name}": ${error.message}`, { hint, site, words });
  }
}
