import { Undefined, type Value } from '../../source/value.ts';
import { type Bound, binder } from '../binding.ts';
import type { Context } from '../context.ts';
import { fault } from '../fault.ts';
import { asInteger } from '../python/numbers.ts';
import type { Named } from '../python/objects.ts';
import { str } from '../python/print.ts';
import { itemsOf, typeName } from '../python/types.ts';

/** A filter: what it does with the value on its left and its arguments. */
export interface FilterEntry {
  /** Takes undefined values, which others refuse. */
  readonly lenient: boolean;
  run(context: Context, value: Value, args: readonly Value[], named: Named): Value;
}

export type FilterTable = Readonly<Record<string, FilterEntry>>;

type Body<P extends readonly string[]> = (value: Value, args: Bound<P>, context: Context) => Value;

/** Defines a filter by its parameters (see binder) and its body. */
export function filter<const P extends readonly string[]>(parameters: P, body: Body<P>): FilterEntry {
  const bind = binder(parameters);
  return { lenient: false, run: (context, value, args, named) => body(value, bind(args, named), context) };
}

/** A filter that takes undefined values too. */
export function lenientFilter<const P extends readonly string[]>(parameters: P, body: Body<P>): FilterEntry {
  return { ...filter(parameters, body), lenient: true };
}

/** An argument that must be text. */
export function needText(value: Value, what = 'the value'): string {
  if (typeof value === 'string') return value;
  throw fault(`${what} must be text, not ${typeName(value)}`);
}

/** An optional argument as text; None counts as left out. */
export function optionalText(value: Value | undefined): string | undefined {
  return value === undefined || value === null ? undefined : str(value);
}

/** An optional argument as an integer; None counts as left out. */
export function optionalInteger(value: Value | undefined, what: string): number | undefined {
  if (value === undefined || value === null) return undefined;
  const integer = asInteger(value);
  if (integer === undefined) throw fault(`${what} must be an integer, not ${typeName(value)}`);
  return Number(integer);
}

/** A value that must be a list or a tuple. */
export function needItems(value: Value, what = 'the value'): readonly Value[] {
  const items = itemsOf(value);
  if (!items)
    throw fault(`${what} must be a list, not ${value instanceof Undefined ? 'undefined' : typeName(value)}`);
  return items;
}

/** A value that must be a mapping. */
export function needDict(value: Value, what = 'the value'): Map<Value, Value> {
  if (value instanceof Map) return value;
  throw fault(`${what} must be a mapping, not ${typeName(value)}`);
}
