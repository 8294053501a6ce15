import { createHash, getHashes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { SourceError } from '../../source/errors.ts';
import { Secret, type Value } from '../../source/value.ts';
import { isVault, Vault, type VaultSecret } from '../../source/vault.ts';
import { passwordHash } from '../crypt/password-hash.ts';
import { uuid5 } from '../crypt/uuid.ts';
import { fault } from '../fault.ts';
import { str } from '../python/print.ts';
import { type FilterTable, filter, needText, optionalInteger, optionalText } from './filter.ts';

const ENCODINGS: ReadonlyMap<string, BufferEncoding> = new Map([
  ['utf8', 'utf8'],
  ['ascii', 'latin1'],
  ['usascii', 'latin1'],
  ['latin1', 'latin1'],
  ['iso88591', 'latin1'],
  ['utf16le', 'utf16le'],
]);

function encodingOf(name: Value): BufferEncoding {
  const encoding = ENCODINGS.get(str(name).toLowerCase().replace(/[-_]/g, ''));
  if (!encoding) throw fault(`the encoding "${str(name)}" is not known`);
  return encoding;
}

/** Hashes that Python and OpenSSL call by different names. */
const OPENSSL_NAMES: Readonly<Record<string, string>> = { blake2b: 'blake2b512', blake2s: 'blake2s256' };

/** The digest of a text as hexadecimal digits. */
export function digest(text: string, type: string): string {
  const wanted = type.toLowerCase().replaceAll('_', '-');
  const name = OPENSSL_NAMES[wanted] ?? wanted;
  const known = getHashes().find(hash => hash.toLowerCase() === name);
  if (!known) throw fault(`unsupported hash type ${type}`);
  return createHash(known).update(text).digest('hex');
}

/** The label that the filters use, as Ansible's. */
const VAULT_LABEL = 'filter_default';

const vaultSecret = (password: Value, id: Value): VaultSecret => ({
  id: str(id),
  password: Buffer.from(needText(password, 'the secret')),
});

/** Ansible's word for a mistake in a vault, at the place of the filter. */
function opened(text: string, secret: VaultSecret): string {
  try {
    return new Vault([secret]).decrypt(text).toString();
  } catch (error) {
    if (!(error instanceof SourceError)) throw error;
    throw fault(`Unable to decrypt: ${error.message}`);
  }
}

export const encodingFilters: FilterTable = {
  vault: filter(['secret', 'salt?', 'vaultid?'], (value, [password, salt = null, id = VAULT_LABEL]) => {
    const content = Buffer.from(needText(value));
    const given = optionalText(salt);
    return new Vault().encrypt(content, vaultSecret(password, id), given ? Buffer.from(given) : undefined);
  }),
  unvault: filter(['secret', 'vaultid?'], (value, [password, id = VAULT_LABEL]) => {
    const secret = vaultSecret(password, id);
    const text = value instanceof Secret ? value.ciphertext : needText(value);
    return isVault(Buffer.from(text)) ? opened(text, secret) : text;
  }),
  b64encode: filter(['encoding?'], (value, [encoding = 'utf-8']) => {
    return Buffer.from(str(value), encodingOf(encoding)).toString('base64');
  }),
  b64decode: filter(['encoding?'], (value, [encoding = 'utf-8']) => {
    const text = str(value).replace(/\s/g, '');
    if (text.length % 4 !== 0) throw fault('the text is not base64: its padding is wrong');
    return Buffer.from(text, 'base64').toString(encodingOf(encoding));
  }),
  md5: filter([], value => digest(str(value), 'md5')),
  sha1: filter([], value => digest(str(value), 'sha1')),
  checksum: filter([], value => digest(str(value), 'sha1')),
  hash: filter(['hashtype?'], (value, [type = 'sha1']) => digest(str(value), str(type))),
  crc32: filter([], value => crc32(str(value)).toString(16)),
  to_uuid: filter(['namespace?'], (value, [namespace]) => uuid5(str(value), optionalText(namespace))),
  password_hash: filter(
    ['hashtype?', 'salt?', 'salt_size?', 'rounds?', 'ident?'],
    (value, [type = 'sha512', salt, saltSize, rounds]) => {
      return passwordHash(str(value), {
        type: str(type),
        salt: optionalText(salt),
        saltSize: optionalInteger(saltSize, 'salt_size'),
        rounds: optionalInteger(rounds, 'rounds'),
      });
    },
  ),
};
