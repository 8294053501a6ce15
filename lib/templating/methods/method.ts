import type { Value } from '../../source/value.ts';
import { type Bound, binder } from '../binding.ts';
import type { Named } from '../python/objects.ts';
import { defined } from '../python/undefined.ts';

/** A method of one of Python's types. */
export type Method<Self extends Value = Value> = (self: Self, args: readonly Value[], named: Named) => Value;

/** Defines a method by its parameters (see binder) and its body. */
export function method<Self extends Value, const P extends readonly string[]>(
  parameters: P,
  run: (self: Self, ...args: Bound<P>) => Value,
): Method<Self> {
  const bind = binder(parameters);
  return (self, args, named) => run(self, ...bind(args, named));
}

/** The same, refusing undefined arguments. */
export function strictMethod<Self extends Value, const P extends readonly string[]>(
  parameters: P,
  run: (self: Self, ...args: Bound<P>) => Value,
): Method<Self> {
  const bind = binder(parameters);
  return (self, args, named) => {
    for (const arg of args) defined(arg);
    return run(self, ...bind(args, named));
  };
}
