import { type Tuple, Undefined, type Value } from '../../source/value.ts';
import { fault } from '../fault.ts';
import { compare, equals, truthy } from '../python/compare.ts';
import { iterate } from '../python/iterate.ts';
import { checkItems } from '../python/limits.ts';
import { toIndex } from '../python/numbers.ts';
import { repr } from '../python/print.ts';
import { type Method, method } from './method.ts';

/** Where an equal item stands, -1 when nowhere. */
function find(items: readonly Value[], item: Value, start: Value = 0, stop: Value = items.length): number {
  const clamp = (index: number) => (index < 0 ? Math.max(0, index + items.length) : index);
  const end = Math.min(items.length, clamp(toIndex(stop)));
  for (let i = clamp(toIndex(start)); i < end; i++) if (equals(items[i] as Value, item)) return i;
  return -1;
}

function count(items: readonly Value[], item: Value): number {
  return items.filter(other => equals(other, item)).length;
}

function index(items: readonly Value[], item: Value, start?: Value, stop?: Value): number {
  const at = find(items, item, start, stop);
  if (at < 0) throw fault(`${repr(item)} is not in the list`);
  return at;
}

export const tupleMethods: ReadonlyMap<string, Method<Tuple>> = new Map<string, Method<Tuple>>([
  ['count', method(['value'], (self: Tuple, value) => count(self.items, value))],
  [
    'index',
    method(['value', 'start?', 'stop?'], (self: Tuple, value, start, stop) =>
      index(self.items, value, start, stop),
    ),
  ],
]);

export const listMethods: ReadonlyMap<string, Method<Value[]>> = new Map<string, Method<Value[]>>([
  ['count', method(['value'], (self: Value[], value) => count(self, value))],
  [
    'index',
    method(['value', 'start?', 'stop?'], (self: Value[], value, start, stop) =>
      index(self, value, start, stop),
    ),
  ],
  ['copy', method([], (self: Value[]) => [...self])],
  [
    'append',
    method(['item'], (self: Value[], item) => {
      self.push(item);
      return null;
    }),
  ],
  [
    'extend',
    method(['items'], (self: Value[], items) => {
      const more = [...iterate(items)];
      checkItems(self.length + more.length);
      for (const item of more) self.push(item);
      return null;
    }),
  ],
  [
    'insert',
    method(['index', 'item'], (self: Value[], at, item) => {
      self.splice(toIndex(at), 0, item);
      return null;
    }),
  ],
  [
    'pop',
    method(['index?'], (self: Value[], at = -1) => {
      const position = toIndex(at) < 0 ? toIndex(at) + self.length : toIndex(at);
      const item = self[position];
      if (item === undefined)
        throw fault(`the list has ${self.length} items, none at ${toIndex(at)} to take out`);
      self.splice(position, 1);
      return item;
    }),
  ],
  [
    'remove',
    method(['item'], (self: Value[], item) => {
      self.splice(index(self, item), 1);
      return null;
    }),
  ],
  [
    'clear',
    method([], (self: Value[]) => {
      self.length = 0;
      return null;
    }),
  ],
  [
    'reverse',
    method([], (self: Value[]) => {
      self.reverse();
      return null;
    }),
  ],
  [
    'sort',
    method(['reverse?'], (self: Value[], reverse = false) => {
      if (reverse instanceof Undefined) throw fault('reverse must be a boolean');
      const sign = truthy(reverse) ? -1 : 1;
      self.sort((a, b) => sign * compare(a, b));
      return null;
    }),
  ],
  [
    '__setitem__',
    method(['index', 'value'], (self: Value[], at, value) => {
      const position = toIndex(at) < 0 ? toIndex(at) + self.length : toIndex(at);
      if (position < 0 || position >= self.length) throw fault(`the list has no item at ${toIndex(at)}`);
      self[position] = value;
      return null;
    }),
  ],
]);
