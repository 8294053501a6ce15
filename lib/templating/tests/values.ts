import { Float, Tuple, Undefined, type Value } from '../../source/value.ts';
import { fault } from '../fault.ts';
import { compare, contains, equals, includes, truthy } from '../python/compare.ts';
import { iterate } from '../python/iterate.ts';
import { asInteger, asNumber, isFloat, toIndex } from '../python/numbers.ts';
import { Callable } from '../python/objects.ts';
import { str } from '../python/print.ts';
import { typeName } from '../python/types.ts';
import { lenientTest, type TestTable, test } from './test.ts';

function isIterable(value: Value): boolean {
  return typeof value === 'string' || Array.isArray(value) || value instanceof Map || value instanceof Tuple;
}

/** Python raises for `is subset` on what can not be looped over. */
function isSubset(inner: Value, outer: Value): boolean {
  const items = iterate(outer);
  return iterate(inner).every(item => includes(items, item));
}

function needInteger(value: Value): number {
  const integer = asInteger(value);
  if (integer === undefined) throw fault(`needs an integer, not ${typeName(value)}`);
  return Number(integer);
}

const BOOLEAN_TEXTS: ReadonlyMap<string, boolean> = new Map([
  ...['y', 'yes', 'on', '1', 'true', 't', '1.0'].map(text => [text, true] as const),
  ...['n', 'no', 'off', '0', 'false', 'f', '0.0'].map(text => [text, false] as const),
]);

/** `is truthy(convert_bool=True)` reads words such as "no" as booleans. */
function isTruthy(value: Value, convert: boolean): boolean {
  if (!convert) return truthy(value);
  const known = typeof value === 'string' ? BOOLEAN_TEXTS.get(value.trim().toLowerCase()) : undefined;
  return known ?? truthy(value);
}

const equal = test(['other'], (value, [other]) => equals(value, other));
const unequal = test(['other'], (value, [other]) => !equals(value, other));
const greater = test(['other'], (value, [other]) => compare(value, other) > 0);
const greaterOrEqual = test(['other'], (value, [other]) => compare(value, other) >= 0);
const less = test(['other'], (value, [other]) => compare(value, other) < 0);
const lessOrEqual = test(['other'], (value, [other]) => compare(value, other) <= 0);
const subset = test(['other'], (value, [other]) => isSubset(value, other));
const superset = test(['other'], (value, [other]) => isSubset(other, value));
const isNan = test([], value => Number.isNaN(asNumber(value) ?? 0));

export const valueTests: TestTable = {
  defined: lenientTest([], value => !(value instanceof Undefined)),
  undefined: lenientTest([], value => value instanceof Undefined),
  none: lenientTest([], value => value === null),
  boolean: lenientTest([], value => typeof value === 'boolean'),
  true: lenientTest([], value => value === true),
  false: lenientTest([], value => value === false),
  integer: lenientTest(
    [],
    value => typeof value === 'bigint' || (typeof value === 'number' && Number.isInteger(value)),
  ),
  float: lenientTest([], value => isFloat(value)),
  number: lenientTest([], value => asNumber(value) !== undefined),
  string: lenientTest([], value => typeof value === 'string'),
  mapping: lenientTest([], value => value instanceof Map),
  sequence: lenientTest([], value => isIterable(value)),
  iterable: lenientTest([], value => isIterable(value)),
  callable: lenientTest([], value => value instanceof Callable),
  odd: test([], value => needInteger(value) % 2 !== 0),
  even: test([], value => needInteger(value) % 2 === 0),
  divisibleby: test(['num'], (value, [by]) => needInteger(value) % toIndex(by) === 0),
  lower: test([], value => /\p{Ll}/u.test(str(value)) && str(value) === str(value).toLowerCase()),
  upper: test([], value => /\p{Lu}/u.test(str(value)) && str(value) === str(value).toUpperCase()),
  sameas: lenientTest(['other'], (value, [other]) => {
    if (value instanceof Float && other instanceof Float) return value.value === other.value;
    return value === other;
  }),
  escaped: lenientTest([], () => false),
  in: test(['seq'], (value, [seq]) => contains(seq, value)),
  contains: test(['item'], (value, [item]) => contains(value, item)),
  filter: test([], (value, _args, context) => context.hasFilter(str(value))),
  test: test([], (value, _args, context) => context.hasTest(str(value))),
  eq: equal,
  equalto: equal,
  '==': equal,
  ne: unequal,
  '!=': unequal,
  gt: greater,
  greaterthan: greater,
  '>': greater,
  ge: greaterOrEqual,
  '>=': greaterOrEqual,
  lt: less,
  lessthan: less,
  '<': less,
  le: lessOrEqual,
  '<=': lessOrEqual,
  subset,
  issubset: subset,
  superset,
  issuperset: superset,
  any: test([], value => iterate(value).some(item => truthy(item))),
  all: test([], value => iterate(value).every(item => truthy(item))),
  truthy: test(['convert_bool?'], (value, [convert = false]) => isTruthy(value, truthy(convert))),
  falsy: test(['convert_bool?'], (value, [convert = false]) => !isTruthy(value, truthy(convert))),
  nan: isNan,
  isnan: isNan,
};
