import { randomBytes } from 'node:crypto';
import type { Position } from './errors.ts';
import { Float, type Json, jsonText } from './json.ts';

/**
 * The values that YAML, templates and hosts exchange. They follow Python's model, since the playbook
 * language does: mappings keep the order of insertion and the type of their keys (a plain JavaScript object
 * keeps neither), 1.0 is not 1, a tuple is not a list.
 *
 * `number` is an integer, or a float with a fractional part; a float with an integral value (1.0) is a `Float`.
 */
export type Value =
  | null
  | boolean
  | number
  | bigint
  | string
  | Float
  | Value[]
  | Tuple
  | Dict
  | Undefined
  | Secret
  | Unsafe
  | Opaque;

export type Dict = Map<Value, Value>;

export { Float, type Json } from './json.ts';

/** Python's tuple: a list that prints with parentheses. */
export class Tuple {
  readonly items: readonly Value[];
  constructor(items: readonly Value[]) {
    this.items = items;
  }
}

/** The value of a name that nobody defined; `name` is the path as written, such as `a.b.c`. */
export class Undefined {
  readonly name: string;
  /** Why it is undefined, when there is more to say than that ("'dict object' has no attribute 'x'"). */
  readonly reason: string | undefined;
  constructor(name: string, reason?: string) {
    this.name = name;
    this.reason = reason;
  }
}

/** A `!vault` scalar: decrypted when first used, and shown as `<vault>` by everything that prints. */
export class Secret {
  readonly ciphertext: string;
  readonly position: Position | undefined;
  constructor(ciphertext: string, position?: Position) {
    this.ciphertext = ciphertext;
    this.position = position;
  }
}

/** Text from outside, or an `!unsafe` scalar: never read as a template or an expression. See unsafe.ts. */
export class Unsafe {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
  toString(): string {
    return this.text;
  }
}

/** A value that only templates make and use: a date, a duration, a macro. It leaves a template as its text. */
export abstract class Opaque {
  /** Python's name of the type. */
  abstract readonly typeName: string;
  abstract toString(): string;
}

/** What `default(omit)` yields; an argument equal to it is dropped. No host can guess it: it is another one in each run. */
export const OMIT = `__omit_place_holder__${randomBytes(20).toString('hex')}`;

const ORIGIN = Symbol('origin');

interface Origin {
  readonly self: Position;
  readonly keys: ReadonlyMap<Value, { readonly key: Position; readonly value: Position }>;
}

/** Records where a mapping or list was written. Invisible to everything that reads values. */
export function setOrigin(container: Dict | Value[], origin: Origin): void {
  Object.defineProperty(container, ORIGIN, { value: origin, enumerable: false, configurable: true });
}

/** Remembers for `key` of `to` the place that `from` knows of it. */
export function adoptOrigin(to: Dict, key: Value, from: Dict): void {
  const place = originOf(from)?.keys.get(key);
  if (!place) return;
  const known = originOf(to);
  if (known) (known.keys as Map<Value, typeof place>).set(key, place);
  else setOrigin(to, { self: place.key, keys: new Map([[key, place]]) });
}

function originOf(container: unknown): Origin | undefined {
  if (typeof container !== 'object' || container === null) return undefined;
  return (container as { [ORIGIN]?: Origin })[ORIGIN];
}

/** Where `container` (key omitted), or the value at `key` (a list index counts from 0), was written. */
export function positionOf(container: unknown, key?: Value): Position | undefined {
  const origin = originOf(container);
  if (!origin) return undefined;
  return key === undefined ? origin.self : (origin.keys.get(key)?.value ?? origin.self);
}

/** Where the key itself was written: the place to point at for an unknown key. */
export function keyPositionOf(container: unknown, key: Value): Position | undefined {
  const origin = originOf(container);
  return origin?.keys.get(key)?.key ?? origin?.self;
}

/** Plain JSON from a value: mapping keys become strings, floats numbers, tuples arrays, secrets `<vault>`. */
export const toPlain = (value: Value): Json => plain(value, false);

/** The same for what people and other programs see: 1.0 stays a float. */
export const toJson = (value: Value): Json => plain(value, true);

function plain(value: Value, keepsFloats: boolean): Json {
  const inner = (item: Value) => plain(item, keepsFloats);
  if (value instanceof Float) return keepsFloats ? value : value.value;
  if (value instanceof Tuple) return value.items.map(inner);
  if (value instanceof Undefined) return null;
  if (value instanceof Secret) return '<vault>';
  if (value instanceof Unsafe) return value.text;
  if (value instanceof Opaque) return value.toString();
  if (Array.isArray(value)) return value.map(inner);
  if (value instanceof Map) {
    return Object.fromEntries([...value].map(([k, v]) => [keyText(k), inner(v)]));
  }
  return value;
}

function keyText(key: Value): string {
  const name = toPlain(key);
  return typeof name === 'string' ? name : jsonText(name);
}

/** A value from plain JSON: objects become mappings. */
export function fromPlain(json: Json): Value {
  if (Array.isArray(json)) return json.map(fromPlain);
  if (json !== null && typeof json === 'object' && !(json instanceof Float)) {
    return new Map<Value, Value>(Object.entries(json).map(([k, v]) => [k, fromPlain(v)]));
  }
  return json;
}
