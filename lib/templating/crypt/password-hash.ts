import { randomInt } from 'node:crypto';
import { fault } from '../fault.ts';
import { md5Crypt } from './md5-crypt.ts';
import { shaCrypt } from './sha-crypt.ts';

const SALT = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

export interface PasswordRules {
  readonly type: string;
  readonly salt: string | undefined;
  readonly saltSize: number | undefined;
  readonly rounds: number | undefined;
}

/** A text of characters that salts and generated passwords are made of. */
export function randomText(length: number, alphabet = SALT): string {
  return Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join('');
}

/** The hash of a password as it stands in /etc/shadow. */
export function passwordHash(password: string, { type, salt, saltSize, rounds }: PasswordRules): string {
  const name = type.replace(/_crypt$/, '');
  const largest = name === 'md5' ? 8 : 16;
  const own = salt ?? randomText(saltSize ?? largest);
  if (own.length > largest) throw fault(`the salt is too long: ${largest} characters at most`);
  if (!/^[./0-9A-Za-z]*$/.test(own)) throw fault('the salt may only hold letters, digits, "." and "/"');
  switch (name) {
    case 'sha512':
    case 'sha256':
      return shaCrypt(password, name, own, rounds);
    case 'md5':
      return md5Crypt(password, own);
    default:
      throw fault(`the kind "${type}" is not supported`, 'use sha512, sha256 or md5');
  }
}
