import type { Dict, Value } from '../../source/value.ts';
import type { Context } from '../context.ts';

/** A lookup: gives a list for its terms and options. */
export interface LookupEntry {
  run(context: Context, terms: readonly Value[], options: Dict): Value[];
}

export type LookupTable = Readonly<Record<string, LookupEntry>>;

/** Defines a lookup by its body. */
export function lookup(run: LookupEntry['run']): LookupEntry {
  return { run };
}
