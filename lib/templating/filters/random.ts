import { randomBytes, randomInt } from 'node:crypto';
import type { Value } from '../../source/value.ts';
import { Random } from '../crypt/mersenne.ts';
import { fault } from '../fault.ts';
import { truthy } from '../python/compare.ts';
import { iterate, lengthOf } from '../python/iterate.ts';
import { asInteger, normalizeInteger } from '../python/numbers.ts';
import { str } from '../python/print.ts';
import { missing } from '../python/undefined.ts';
import { type FilterTable, filter, optionalInteger } from './filter.ts';

interface Source {
  below(limit: number): number;
  belowBig(limit: bigint): bigint;
  shuffle<T>(items: readonly T[]): T[];
}

const SYSTEM: Source = {
  below: limit => randomInt(limit),
  // So many more bits than the limit has that no number is likelier than another.
  belowBig: limit => {
    const bytes = limit.toString(16).length / 2 + 16;
    return BigInt(`0x${randomBytes(Math.ceil(bytes)).toString('hex')}`) % limit;
  },
  shuffle: items => {
    const keyed = items.map(item => ({ item, key: randomInt(2 ** 47) }));
    return keyed.sort((a, b) => a.key - b.key).map(({ item }) => item);
  },
};

function sourceOf(seed: Value | undefined): Source {
  return seed === undefined || seed === null ? SYSTEM : new Random(seed);
}

function random(value: Value, start: number, step: number, source: Source): Value {
  const end = asInteger(value);
  if (end === undefined) {
    if (typeof value !== 'string' && lengthOf(value) === undefined)
      throw fault('random can only be used on sequences and integers');
    if (start !== 0 || step !== 1) throw fault('start and step can only be used with integer values');
    const items = iterate(value);
    return items.length === 0
      ? missing('', 'No random item, sequence was empty.')
      : (items[source.below(items.length)] as Value);
  }
  const [from, by] = [BigInt(start), BigInt(step)];
  const span = BigInt(end) - from;
  const count = span / by + (span % by === 0n || span < 0n !== by < 0n ? 0n : 1n);
  if (count < 1n) throw fault(`there is no number from ${start} up to ${end}`);
  return normalizeInteger(from + by * source.belowBig(count));
}

function randomMac(prefix: string, source: Source): string {
  const groups = prefix.toLowerCase().split(':');
  const isValid = groups.length <= 5 && groups.every(group => /^[\da-f]{2}$/.test(group));
  if (!isValid)
    throw fault(`"${prefix}" is not the beginning of a MAC address`, 'write 1 to 5 groups such as 52:54:00');
  const [low, high] = [2 ** 36, 2 ** 40];
  const digits = (low + source.below(high - low)).toString(16).slice(0, 2 * (6 - groups.length));
  return prefix.toLowerCase() + digits.replace(/../g, ':$&');
}

export const randomFilters: FilterTable = {
  random: filter(['start?', 'step?', 'seed?'], (value, [start, step, seed]) => {
    const from = optionalInteger(start, 'start') ?? 0;
    return random(value, from, optionalInteger(step, 'step') || 1, sourceOf(seed));
  }),
  shuffle: filter(['seed?'], (value, [seed]) => {
    const items = lengthOf(value) === undefined ? undefined : iterate(value);
    // Ansible hands back what has no items.
    if (!items) return value;
    return sourceOf(seed !== undefined && truthy(seed) ? seed : undefined).shuffle(items);
  }),
  random_mac: filter(['seed?'], (value, [seed]) => randomMac(str(value), sourceOf(seed))),
};
