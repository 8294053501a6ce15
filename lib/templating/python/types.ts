import { Float, Opaque, Secret, Tuple, Undefined, Unsafe, type Value } from '../../source/value.ts';

/** Python's name of a value's type, as `type_debug` shows it. */
export function typeName(value: Value): string {
  switch (typeof value) {
    case 'string':
      return 'str';
    case 'boolean':
      return 'bool';
    case 'bigint':
      return 'int';
    case 'number':
      return Number.isInteger(value) ? 'int' : 'float';
  }
  if (value === null) return 'NoneType';
  if (value instanceof Float) return 'float';
  if (Array.isArray(value)) return 'list';
  if (value instanceof Map) return 'dict';
  if (value instanceof Tuple) return 'tuple';
  if (value instanceof Undefined) return 'AnsibleUndefined';
  if (value instanceof Opaque) return value.typeName;
  if (value instanceof Unsafe) return 'AnsibleUnsafeText';
  return value instanceof Secret ? 'str' : 'object';
}

/** Python's print of a value's type, as messages show it. */
export const className = (value: Value): string => `<class '${typeName(value)}'>`;

/** A sequence other than text: a list or a tuple. */
export function itemsOf(value: Value): readonly Value[] | undefined {
  if (Array.isArray(value)) return value;
  return value instanceof Tuple ? value.items : undefined;
}
