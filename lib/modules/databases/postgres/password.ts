import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from 'node:crypto';
import { partAt } from '../../../source/part-at.ts';

const SCRAM = /^SCRAM-SHA-256\$(\d+):([^$]+)\$([^:]+):(.+)$/;

/** Passwords are compared in a normal form; what cannot be normalised is taken as it is. */
const normal = (password: string) => password.normalize('NFKC');

const md5 = (password: string, user: string) =>
  `md5${createHash('md5')
    .update(password + user)
    .digest('hex')}`;

/** Whether a text is a password that PostgreSQL has hashed already. */
export const isHash = (password: string): boolean =>
  SCRAM.test(password) || /^md5[0-9a-f]{32}$/.test(password);

/** The verifier PostgreSQL stores for SCRAM-SHA-256. */
export function scramVerifier(password: string, salt: Buffer = randomBytes(16), iterations = 4096): string {
  const salted = pbkdf2Sync(normal(password), salt, iterations, 32, 'sha256');
  const key = (name: string) => createHmac('sha256', salted).update(name).digest();
  const stored = createHash('sha256').update(key('Client Key')).digest('base64');
  return `SCRAM-SHA-256$${iterations}:${salt.toString('base64')}$${stored}:${key('Server Key').toString('base64')}`;
}

/** What the server should store for a password, so that the password itself need not travel. */
export function storedPassword(password: string, user: string, method: string): string {
  if (isHash(password)) return password;
  return method === 'scram-sha-256' ? scramVerifier(password) : md5(password, user);
}

/** Whether a stored hash belongs to a password. */
export function matchesPassword(stored: string | null, password: string, user: string): boolean {
  if (password === '') return stored === null;
  if (stored === null) return false;
  if (isHash(password)) return stored === password;
  const scram = SCRAM.exec(stored);
  if (!scram) return stored === md5(password, user);
  const verifier = scramVerifier(password, Buffer.from(partAt(scram, 2), 'base64'), Number(scram[1]));
  return verifier.length === stored.length && timingSafeEqual(Buffer.from(verifier), Buffer.from(stored));
}
