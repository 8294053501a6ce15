import type { Value } from '../source/value.ts';
import { fault } from './fault.ts';
import type { Named } from './python/objects.ts';

/**
 * Parameters of a filter, test or method, in order: `name` is required, `name?` may be left out, `*rest` takes
 * the other positional and `**named` the other named arguments.
 */
type Slot<P> = P extends `**${string}`
  ? Named
  : P extends `*${string}`
    ? readonly Value[]
    : P extends `${string}?`
      ? Value | undefined
      : Value;

export type Bound<P extends readonly string[]> = { -readonly [K in keyof P]: Slot<P[K]> };

interface Signature {
  readonly names: readonly string[];
  readonly required: number;
  readonly hasRest: boolean;
  readonly hasNamed: boolean;
}

const EMPTY: Named = new Map();

function signatureOf(parameters: readonly string[]): Signature {
  const plain = parameters.filter(p => !p.startsWith('*'));
  return {
    names: plain.map(p => p.replace(/\?$/, '')),
    required: plain.filter(p => !p.endsWith('?')).length,
    hasRest: parameters.some(p => /^\*[^*]/.test(p)),
    hasNamed: parameters.some(p => p.startsWith('**')),
  };
}

/** Makes a function that puts the arguments of a call into the order of `parameters`. */
export function binder<const P extends readonly string[]>(
  parameters: P,
): (args: readonly Value[], named: Named) => Bound<P> {
  const signature = signatureOf(parameters);
  return (args, named) => bind(signature, args, named) as unknown as Bound<P>;
}

function bind(signature: Signature, args: readonly Value[], named: Named): unknown[] {
  const { names, required, hasRest, hasNamed } = signature;
  const bound: unknown[] = args.slice(0, names.length);
  if (args.length > names.length && !hasRest) throw fault(`takes ${count(names.length)}, not ${args.length}`);
  while (bound.length < names.length) bound.push(undefined);
  const others = named.size > 0 ? bindNamed(signature, bound, named) : EMPTY;
  const missing = names.findIndex((_, i) => i < required && bound[i] === undefined);
  if (missing >= 0) throw fault(`needs the argument "${names[missing]}"`);
  if (hasRest) bound.push(args.slice(names.length));
  if (hasNamed) bound.push(others);
  return bound;
}

function bindNamed(signature: Signature, bound: unknown[], named: Named): Named {
  const others = new Map<string, Value>();
  for (const [name, value] of named) {
    const at = signature.names.indexOf(name);
    if (at >= 0) {
      if (bound[at] !== undefined) throw fault(`got the argument "${name}" twice`);
      bound[at] = value;
    } else if (signature.hasNamed) others.set(name, value);
    else {
      const known = signature.names.length > 0 ? `it knows: ${signature.names.join(', ')}` : undefined;
      throw fault(`has no argument "${name}"`, known);
    }
  }
  return others;
}

function count(n: number): string {
  return n === 0 ? 'no arguments' : n === 1 ? 'at most one argument' : `at most ${n} arguments`;
}
