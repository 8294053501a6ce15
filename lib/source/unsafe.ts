import { type Dict, Float, type Json, OMIT, Unsafe, type Value } from './value.ts';

/**
 * Text from outside (of a host, a file that a lookup read, `!unsafe`) is `Unsafe` wherever it is kept: in results, facts,
 * set and loop variables. Nothing that is Unsafe is ever read as a template or an expression.
 *
 * Templates work on plain text. What they take in is opened, and the rendering remembers that it was; all text of a result
 * of such a rendering is sealed again. So no filter, test or operator needs to know about it.
 */

/** A mapping that makes its values when they are asked for; it opens what it hands out by itself. */
export abstract class LazyMapping extends Map<Value, Value> {
  /** The same mapping as templates see it; `onUnsafe` is told when it hands out unsafe text. */
  abstract opened(onUnsafe: () => void): Dict;
  /** The value of a key as its author wrote it. */
  abstract written(key: Value): Value | undefined;
}

type Container = Value[] | Dict;

interface View {
  readonly value: Container;
  readonly unsafe: boolean;
}

/** What templates see of a container. Containers that are kept as variables do not change, so each is opened once. */
const views = new WeakMap<Container, View>();
/** The container behind a view. */
const origins = new WeakMap<object, Container>();
/** Mappings whose keys came from outside. */
const foreignKeys = new WeakSet<Dict>();

const isContainer = (value: Value): value is Container => Array.isArray(value) || value instanceof Map;

/** A value from JSON of a host: all text in it is unsafe. */
export function fromHost(json: Json): Value {
  if (typeof json === 'string') return new Unsafe(json);
  if (Array.isArray(json)) return json.map(fromHost);
  if (json === null || typeof json !== 'object' || json instanceof Float) return json;
  return withForeignKeys(new Map<Value, Value>(Object.entries(json).map(([k, v]) => [k, fromHost(v)])));
}

/** The mapping, marked: its keys are no more to be trusted than unsafe text. */
export function withForeignKeys(dict: Dict): Dict {
  foreignKeys.add(dict);
  return dict;
}

export const hasForeignKeys = (dict: Dict): boolean => foreignKeys.has(dict);

/** A mapping made of others, its keys no more to be trusted than theirs. */
export function madeOf(dict: Dict, ...sources: readonly Dict[]): Dict {
  return sources.some(hasForeignKeys) ? withForeignKeys(dict) : dict;
}

/** What a mapping comes to that gets `value` on top of what it was before: merged in depth if both are mappings, else replaced. */
export function mergedValue(before: Value | undefined, value: Value): Value {
  if (!(before instanceof Map) || !(value instanceof Map)) return value;
  const merged: Dict = new Map(before);
  for (const [key, item] of value) merged.set(key, mergedValue(merged.get(key), item));
  return madeOf(merged, before, value);
}

/** A value as templates work on it; `onUnsafe` is told when anything in it came from outside. */
export function opened(value: Value, onUnsafe: () => void): Value {
  if (value instanceof Unsafe) {
    onUnsafe();
    return value.text;
  }
  if (!isContainer(value)) return value;
  if (value instanceof LazyMapping) {
    const view = value.opened(onUnsafe);
    origins.set(view, value);
    return view;
  }
  const view = viewOf(value);
  if (view.unsafe) onUnsafe();
  return view.value;
}

function viewOf(container: Container): View {
  const known = views.get(container);
  if (known) return known;
  let unsafe = container instanceof Map && foreignKeys.has(container);
  let copied = false;
  const part = (item: Value): Value => {
    const value = opened(item, () => {
      unsafe = true;
    });
    copied ||= value !== item;
    return value;
  };
  const copy = Array.isArray(container)
    ? container.map(part)
    : new Map([...container].map(([key, item]) => [key, part(item)]));
  const view = { value: copied ? copy : container, unsafe };
  if (copied) origins.set(copy, container);
  views.set(container, view);
  return view;
}

/** A result of a template that took in something unsafe: so is all its text. */
export function sealed(value: Value): Value {
  // What `omit` stands for is not text; nobody outside knows it.
  if (typeof value === 'string') return value === OMIT ? value : new Unsafe(value);
  if (!isContainer(value)) return value;
  const origin = origins.get(value);
  if (origin) return origin;
  if (Array.isArray(value)) return value.map(sealed);
  if (value instanceof LazyMapping) return value;
  return withForeignKeys(new Map([...value].map(([key, item]) => [key, sealed(item)])));
}
