import { type Dict, Tuple, type Value } from '../../source/value.ts';
import { fault } from '../fault.ts';
import { dictDelete, dictGet, dictSet } from '../python/compare.ts';
import { iterate } from '../python/iterate.ts';
import { repr } from '../python/print.ts';
import { defined, orElse } from '../python/undefined.ts';
import { type Method, method } from './method.ts';

/** Fills `dict` from a mapping or from a list of pairs, as dict() and update() do. */
export function fillDict(dict: Dict, source: Value): Dict {
  if (source instanceof Map) {
    for (const [key, value] of source) dictSet(dict, key, value);
    return dict;
  }
  for (const pair of iterate(source)) {
    const items = iterate(pair);
    if (items.length !== 2) throw fault(`a pair needs 2 items, not ${items.length}`);
    dictSet(dict, items[0] as Value, items[1] as Value);
  }
  return dict;
}

export const dictMethods: ReadonlyMap<string, Method<Dict>> = new Map<string, Method<Dict>>([
  [
    'get',
    method(['key', 'default?'], (self: Dict, key, other = null) =>
      orElse(dictGet(self, defined(key)), () => other),
    ),
  ],
  ['keys', method([], (self: Dict) => [...self.keys()])],
  ['values', method([], (self: Dict) => [...self.values()])],
  ['items', method([], (self: Dict) => [...self].map(pair => new Tuple(pair)))],
  ['copy', method([], (self: Dict) => new Map(self))],
  [
    'update',
    method(['other?', '**named'], (self: Dict, other, named) => {
      if (other !== undefined) fillDict(self, other);
      for (const [key, value] of named) dictSet(self, key, value);
      return null;
    }),
  ],
  [
    'setdefault',
    method(['key', 'default?'], (self: Dict, key, other = null) => {
      const found = dictGet(self, defined(key));
      if (found !== undefined) return found;
      dictSet(self, key, other);
      return other;
    }),
  ],
  [
    'pop',
    method(['key', 'default?'], (self: Dict, key, other) => {
      const taken = dictDelete(self, defined(key));
      const found = taken === undefined ? other : taken;
      if (found === undefined) throw fault(`there is no key ${repr(key)} to take out`);
      return found;
    }),
  ],
  [
    'popitem',
    method([], (self: Dict) => {
      const last = [...self].at(-1);
      if (!last) throw fault('the mapping is empty, so there is nothing to take out');
      self.delete(last[0]);
      return new Tuple(last);
    }),
  ],
  [
    'clear',
    method([], (self: Dict) => {
      self.clear();
      return null;
    }),
  ],
  [
    'fromkeys',
    method(['keys', 'value?'], (_self: Dict, keys, value = null) => {
      return new Map(iterate(keys).map(key => [key, value] as const));
    }),
  ],
  [
    '__setitem__',
    method(['key', 'value'], (self: Dict, key, value) => {
      dictSet(self, defined(key), value);
      return null;
    }),
  ],
  [
    '__delitem__',
    method(['key'], (self: Dict, key) => {
      if (dictDelete(self, defined(key)) === undefined) throw fault(`there is no key ${repr(key)}`);
      return null;
    }),
  ],
]);
