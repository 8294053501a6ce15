import { createHash } from 'node:crypto';
import { fault } from '../fault.ts';
import { cryptBase64 } from './base64.ts';

const DEFAULT_ROUNDS = 5000;

/** The order in which crypt writes the bytes of a digest. */
const ORDERS = {
  sha512: order(21, (i, [a, b, c]) => (i % 3 === 0 ? [a, b, c] : i % 3 === 1 ? [b, c, a] : [c, a, b]), [63]),
  sha256: order(
    10,
    (i, [a, b, c]) => (i % 3 === 0 ? [a, b, c] : i % 3 === 1 ? [c, a, b] : [b, c, a]),
    [31, 30],
  ),
};

type Triple = readonly [number, number, number];

function order(groups: number, turn: (i: number, triple: Triple) => Triple, rest: readonly number[]) {
  const triples = Array.from({ length: groups }, (_, i) => turn(i, [i, i + groups, i + 2 * groups]));
  return [...triples, rest];
}

/** SHA-crypt as glibc has it: `$6$salt$…` and `$5$salt$…`. */
export function shaCrypt(password: string, type: 'sha512' | 'sha256', salt: string, wanted?: number): string {
  const rounds = wanted ?? DEFAULT_ROUNDS;
  if (rounds < 1000 || rounds > 999_999_999) throw fault('rounds must be from 1000 to 999999999');
  const [key, seasoning] = [Buffer.from(password), Buffer.from(salt)];
  const hash = (...parts: readonly Buffer[]) => {
    const digest = createHash(type);
    for (const part of parts) digest.update(part);
    return digest.digest();
  };
  const start = initial(key, seasoning, hash);
  const size = start.length;
  const p = stretch(hash(...Array.from({ length: key.length }, () => key)), key.length);
  const s = stretch(
    hash(...Array.from({ length: 16 + (start[0] as number) }, () => seasoning)),
    seasoning.length,
  );
  let digest = start;
  for (let i = 0; i < rounds; i++) {
    const parts = [i % 2 ? p : digest];
    if (i % 3) parts.push(s);
    if (i % 7) parts.push(p);
    parts.push(i % 2 ? digest : p);
    digest = hash(...parts);
  }
  const prefix = type === 'sha512' ? '$6$' : '$5$';
  const shown = wanted === undefined || wanted === DEFAULT_ROUNDS ? '' : `rounds=${rounds}$`;
  if (digest.length !== size) throw new Error('the digest changed its length');
  return `${prefix}${shown}${salt}$${cryptBase64(digest, ORDERS[type])}`;
}

function initial(key: Buffer, salt: Buffer, hash: (...parts: readonly Buffer[]) => Buffer): Buffer {
  const alternate = hash(key, salt, key);
  const parts = [key, salt, stretch(alternate, key.length)];
  for (let bits = key.length; bits > 0; bits >>= 1) parts.push(bits & 1 ? alternate : key);
  return hash(...parts);
}

/** A digest repeated to a length. */
function stretch(digest: Buffer, length: number): Buffer {
  return Buffer.alloc(length, digest);
}
