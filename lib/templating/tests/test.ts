import type { Value } from '../../source/value.ts';
import { type Bound, binder } from '../binding.ts';
import type { Context } from '../context.ts';
import type { Named } from '../python/objects.ts';

/** A test: what follows `is`. */
export interface TestEntry {
  /** Takes undefined values, which others refuse. */
  readonly lenient: boolean;
  run(context: Context, value: Value, args: readonly Value[], named: Named): boolean;
}

export type TestTable = Readonly<Record<string, TestEntry>>;

type Body<P extends readonly string[]> = (value: Value, args: Bound<P>, context: Context) => boolean;

/** Defines a test by its parameters (see binder) and its body. */
export function test<const P extends readonly string[]>(parameters: P, body: Body<P>): TestEntry {
  const bind = binder(parameters);
  return { lenient: false, run: (context, value, args, named) => body(value, bind(args, named), context) };
}

/** A test that takes undefined values too. */
export function lenientTest<const P extends readonly string[]>(parameters: P, body: Body<P>): TestEntry {
  return { ...test(parameters, body), lenient: true };
}
