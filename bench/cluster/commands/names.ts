import { type ParseArgsConfig, parseArgs } from 'node:util';
import { readFlags } from '../../../lib/cluster/flags.ts';

type Options = NonNullable<ParseArgsConfig['options']>;

/** Flags, and the words that are none: the names of runs. */
export function readWithNames<const T extends Options>(argv: readonly string[], options: T) {
  // Unknown flags are named by `readFlags`, which knows no words beside them.
  const { tokens } = parseArgs({
    args: [...argv],
    options,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const places = new Map(tokens.flatMap(t => (t.kind === 'positional' ? [[t.index, t.value] as const] : [])));
  return {
    flags: readFlags(
      argv.filter((_, i) => !places.has(i)),
      options,
    ),
    names: [...places.values()],
  };
}
