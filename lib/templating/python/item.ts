import type { Value } from '../../source/value.ts';
import { dictGet } from './compare.ts';
import { asInteger } from './numbers.ts';
import { substring, textLength } from './text.ts';
import { itemsOf } from './types.ts';

/** The item at a key or index, negative ones from the end; undefined when there is none. */
export function plainItem(object: Value, key: Value): Value | undefined {
  if (object instanceof Map) {
    const isHashable = !Array.isArray(key) && !(key instanceof Map);
    return isHashable ? dictGet(object, key) : undefined;
  }
  const index = asInteger(key);
  if (index === undefined) return undefined;
  const items = itemsOf(object);
  if (items) return items[wrap(Number(index), items.length)];
  if (typeof object !== 'string') return undefined;
  const at = wrap(Number(index), textLength(object));
  const char = at < 0 ? '' : substring(object, at, at + 1);
  return char === '' ? undefined : char;
}

function wrap(index: number, length: number): number {
  return index < 0 ? index + length : index;
}
