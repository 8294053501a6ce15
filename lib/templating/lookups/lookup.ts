import type { Dict, Value } from '../../source/value.ts';
import type { Context } from '../context.ts';

/** A lookup: gives a list for its terms and options. */
export interface LookupEntry {
  /** It gives nothing but what it was given or variables hold; what others read is unsafe. */
  readonly plain: boolean;
  run(context: Context, terms: readonly Value[], options: Dict): Value[];
}

export type LookupTable = Readonly<Record<string, LookupEntry>>;

/** Defines a lookup by its body. */
export function lookup(run: LookupEntry['run']): LookupEntry {
  return { run, plain: false };
}

/** Defines one that gives only what it was given, or what variables hold. */
export function plainLookup(run: LookupEntry['run']): LookupEntry {
  return { run, plain: true };
}
