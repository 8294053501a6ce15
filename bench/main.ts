import '../lib/source/frozen-prototype.ts';

import { failureText } from '../lib/cluster/failure.ts';
import { benchCommand } from './cluster/command.ts';

/** `polarplay bench`: the exit code, with what went wrong said on stderr. */
export const runBenchCommand = (argv: readonly string[]): Promise<number> =>
  benchCommand(argv).catch((error: unknown) => {
    const { text, code } = failureText('bench', error);
    process.stderr.write(`${text}\n`);
    return code;
  });
