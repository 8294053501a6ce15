import { createHash } from 'node:crypto';
import { cryptBase64 } from './base64.ts';

const ORDER = [[0, 6, 12], [1, 7, 13], [2, 8, 14], [3, 9, 15], [4, 10, 5], [11]];

function md5(...parts: readonly (Buffer | string)[]): Buffer {
  const hash = createHash('md5');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** MD5-crypt as old systems have it: `$1$salt$…`. */
export function md5Crypt(password: string, salt: string): string {
  const key = Buffer.from(password);
  const alternate = md5(key, salt, key);
  const parts: (Buffer | string)[] = [key, '$1$', salt, Buffer.alloc(key.length, alternate)];
  for (let bits = key.length; bits > 0; bits >>= 1)
    parts.push(bits & 1 ? Buffer.alloc(1) : key.subarray(0, 1));
  let digest = md5(...parts);
  for (let i = 0; i < 1000; i++) {
    const round: (Buffer | string)[] = [i % 2 ? key : digest];
    if (i % 3) round.push(salt);
    if (i % 7) round.push(key);
    round.push(i % 2 ? digest : key);
    digest = md5(...round);
  }
  return `$1$${salt}$${cryptBase64(digest, ORDER)}`;
}
