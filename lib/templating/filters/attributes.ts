import { Undefined, type Value } from '../../source/value.ts';
import { explainMissing, getItem } from '../python/access.ts';
import { asInteger } from '../python/numbers.ts';
import { str } from '../python/print.ts';
import { Missing, orElse } from '../python/undefined.ts';

type Getter = (item: Value) => Value;

/**
 * Reads the attribute that filters such as `map(attribute='a.b.0')` name. `other` takes the place of an
 * undefined result; without an attribute the item itself is meant.
 */
export function attributeGetter(attribute: Value | undefined, other?: Value): Getter {
  if (attribute === undefined || attribute === null) return item => item;
  const integer = asInteger(attribute);
  const path: Value[] = integer === undefined ? str(attribute).split('.').map(step) : [integer];
  const written = str(attribute);
  return item => {
    let value = item;
    for (const key of path) {
      if (value instanceof Undefined) break;
      const container: Value = value;
      value = orElse(
        getItem(container, key),
        () => new Missing(written, { explain: () => explainMissing(container, 'item', key) }),
      );
    }
    return value instanceof Undefined && other !== undefined ? other : value;
  };
}

function step(part: string): Value {
  return /^\d+$/.test(part) ? Number(part) : part;
}

/** The same for sort, where several attributes may be named with commas between. */
export function attributeGetters(
  attribute: Value | undefined,
  postprocess: (value: Value) => Value,
): Getter[] {
  const names: (Value | undefined)[] = typeof attribute === 'string' ? attribute.split(',') : [attribute];
  return names.map(name => {
    const get = attributeGetter(name);
    return item => postprocess(get(item));
  });
}
