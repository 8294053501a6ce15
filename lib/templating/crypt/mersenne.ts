import { createHash } from 'node:crypto';
import type { Value } from '../../source/value.ts';
import { asInteger } from '../python/numbers.ts';
import { str } from '../python/print.ts';

const N = 624;
const M = 397;

/** Python's random.Random: the same seed gives the same numbers, so choices made with Ansible stay. */
export class Random {
  private readonly state = new Uint32Array(N);
  private index = N;

  constructor(seed: Value) {
    this.seedWith(keyOf(seed));
  }

  private seedWith(key: readonly number[]): void {
    const { state } = this;
    state[0] = 19650218;
    for (let i = 1; i < N; i++) state[i] = Math.imul(1812433253, mixed(state, i)) + i;
    let [i, j] = [1, 0];
    const advance = () => {
      if (++i < N) return;
      state[0] = state[N - 1] as number;
      i = 1;
    };
    for (let k = Math.max(N, key.length); k > 0; k--) {
      state[i] = ((state[i] as number) ^ Math.imul(mixed(state, i), 1664525)) + (key[j] as number) + j;
      advance();
      j = (j + 1) % key.length;
    }
    for (let k = N - 1; k > 0; k--) {
      state[i] = ((state[i] as number) ^ Math.imul(mixed(state, i), 1566083941)) - i;
      advance();
    }
    state[0] = 0x80000000;
  }

  private next(): number {
    if (this.index >= N) this.refill();
    let y = this.state[this.index++] as number;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  private refill(): void {
    const { state } = this;
    for (let k = 0; k < N; k++) {
      const y = ((state[k] as number) & 0x80000000) | ((state[(k + 1) % N] as number) & 0x7fffffff);
      state[k] = (state[(k + M) % N] as number) ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    this.index = 0;
  }

  private bits(count: number): bigint {
    let value = 0n;
    let shift = 0n;
    for (let left = count; left > 0; left -= 32) {
      const word = left < 32 ? this.next() >>> (32 - left) : this.next();
      value |= BigInt(word) << shift;
      shift += 32n;
    }
    return value;
  }

  /** A number from 0 up to, not including, `limit`. */
  below(limit: number): number {
    return Number(this.belowBig(BigInt(limit)));
  }

  belowBig(size: bigint): bigint {
    const width = size.toString(2).length;
    let value = this.bits(width);
    while (value >= size) value = this.bits(width);
    return value;
  }

  shuffle<T>(items: readonly T[]): T[] {
    const shuffled = [...items];
    for (let i = shuffled.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [shuffled[i], shuffled[j]] = [shuffled[j] as T, shuffled[i] as T];
    }
    return shuffled;
  }
}

function mixed(state: Uint32Array, i: number): number {
  const before = state[i - 1] as number;
  return before ^ (before >>> 30);
}

/** A seed as 32-bit words: an integer's own bits, a text with its digest behind it. */
function keyOf(seed: Value): number[] {
  const integer = asInteger(seed);
  let value: bigint;
  if (integer === undefined) {
    const bytes = Buffer.from(str(seed));
    const digest = createHash('sha512').update(bytes).digest();
    value = BigInt(`0x${Buffer.concat([bytes, digest]).toString('hex')}`);
  } else value = BigInt(integer) < 0n ? -BigInt(integer) : BigInt(integer);
  const words: number[] = [];
  for (; value > 0n; value >>= 32n) words.push(Number(value & 0xffffffffn));
  return words.length > 0 ? words : [0];
}
