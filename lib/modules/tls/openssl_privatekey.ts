import { createHash } from 'node:crypto';
import type { Static } from 'typebox';
import type { Json } from '../../source/value.ts';
import { A, Type } from '../kit/arguments.ts';
import { ModuleError, quote } from '../kit/define.ts';
import { defineGenerated, generatedArgs } from '../kit/generated-file.ts';
import type { TextFile } from '../kit/text-file.ts';

const args = Type.Object({
  ...generatedArgs,
  size: A.int('Bits of an RSA or DSA key.', { default: 4096 }),
  type: A.choice(['DSA', 'ECC', 'Ed25519', 'Ed448', 'RSA', 'X25519', 'X448'], 'Kind of key.', {
    default: 'RSA',
  }),
  curve: A.opt(A.str('Curve of an ECC key, such as secp384r1.')),
  passphrase: A.opt(A.str('Passphrase of the key.', { secret: true })),
  cipher: A.str('Cipher for a key with a passphrase.', { default: 'auto' }),
  regenerate: A.choice(
    ['never', 'fail', 'partial_idempotence', 'full_idempotence', 'always'],
    'When a key that is there is replaced; partly and fully: when it is not as asked for.',
    { default: 'full_idempotence' },
  ),
  format: A.choice(['pkcs1', 'pkcs8', 'raw', 'auto', 'auto_ignore'], 'Format of a new key.', {
    default: 'auto_ignore',
  }),
  format_mismatch: A.choice(['regenerate', 'convert'], 'Accepted; the format of a key that is there stays.', {
    default: 'regenerate',
  }),
  return_content: A.bool('Give the key in the result.', { default: false }),
  select_crypto_backend: A.choice(['auto', 'cryptography'], 'Accepted; openssl is always used.', {
    default: 'auto',
  }),
});

type Args = Static<typeof args>;

/** What openssl calls curves that others call by the names of SECG. */
const CURVES: Readonly<Record<string, string>> = { secp256r1: 'prime256v1', secp192r1: 'prime192v1' };
const curveName = (args: Args) => {
  if (args.curve === undefined) throw new ModuleError('type is ECC but the following are missing: curve');
  return CURVES[args.curve] ?? args.curve;
};

/** `NAME=value` before a command, and the words that make openssl read it. */
export const passIn = (passphrase: string | undefined) =>
  passphrase === undefined
    ? { before: '', words: '-passin pass:' }
    : { before: `PASSPHRASE=${quote(passphrase)} `, words: '-passin env:PASSPHRASE' };

export const NO_OPENSSL = `command -v openssl >/dev/null 2>&1 || { field no-program; exit 0; }`;

/** Fails the task when the probe found no openssl. */
export function needOpenssl(found: TextFile): void {
  if (found.records.has('no-program'))
    throw new ModuleError('the program openssl is missing on this host (package openssl)');
}

interface Key {
  readonly type: string;
  readonly size: number;
  readonly curve: string | undefined;
}

/** Kind and size, from openssl's text; undefined when it could not read the key. */
export function parseKeyText(text: string): Key | undefined {
  const named = /^(ED25519|ED448|X25519|X448) Private-Key/m.exec(text)?.[1];
  if (named) return { type: named[0] === 'E' ? `Ed${named.slice(2)}` : named, size: 0, curve: undefined };
  const size = Number(/Private-Key: \((\d+) bit/.exec(text)?.[1]);
  if (!size) return undefined;
  const curve = /ASN1 OID: (\S+)/.exec(text)?.[1];
  if (curve) return { type: 'ECC', size, curve };
  return { type: /^modulus:/m.test(text) ? 'RSA' : 'DSA', size, curve: undefined };
}

/** Fingerprints of a public key by the names of their hashes. */
function fingerprints(pem: string): Record<string, Json> {
  const der = Buffer.from(pem.replace(/-----[^-]+-----/g, ''), 'base64');
  const sums = ['md5', 'sha1', 'sha256', 'sha384', 'sha512'].map(name => [
    name,
    createHash(name)
      .update(der)
      .digest('hex')
      .replace(/..(?=.)/g, '$&:'),
  ]);
  return Object.fromEntries(sums);
}

function generateWords(args: Args): string {
  if (args.type === 'RSA') return `-algorithm RSA -pkeyopt rsa_keygen_bits:${args.size}`;
  if (args.type === 'ECC')
    return `-algorithm EC -pkeyopt ${quote(`ec_paramgen_curve:${curveName(args)}`)} -pkeyopt ec_param_enc:named_curve`;
  return `-algorithm ${args.type.toUpperCase()}`;
}

function publicKeyIn(text: string): string | undefined {
  const begin = text.indexOf('-----BEGIN PUBLIC KEY-----');
  const end = text.indexOf('-----END PUBLIC KEY-----', begin);
  return begin < 0 || end < 0 ? undefined : text.slice(begin, end + '-----END PUBLIC KEY-----'.length);
}

export const opensslPrivatekey = defineGenerated({
  name: 'openssl_privatekey',
  aliases: ['community.crypto.openssl_privatekey'],
  summary: 'Keeps a private key for TLS.',
  examples: `
- name: Make the server's key
  openssl_privatekey:
    path: /etc/postgresql/tls/server.key
    size: 3072
    owner: postgres
    mode: "0600"
`,
  args,
  mode: '0600',
  returns: {
    type: 'Kind of key.',
    size: 'Its bits.',
    curve: 'Its curve.',
    fingerprint: 'Fingerprints of its public half, by hash.',
    privatekey: 'The key, with return_content.',
  },
  differences: [
    'Needs the openssl program on the host.',
    'The format of a key that is there is never a reason to change it.',
  ],
  inspect: args => {
    const { before, words } = passIn(args.passphrase);
    return `${NO_OPENSSL}
[ -r "$p" ] || exit 0
begin key; ${before}openssl pkey -in "$p" ${words} -noout -text 2>/dev/null
begin public; ${before}openssl pkey -in "$p" ${words} -pubout 2>/dev/null`;
  },
  reason(found, args) {
    needOpenssl(found);
    if (args.regenerate === 'never') return undefined;
    if (args.regenerate === 'always') return 'always';
    const key = parseKeyText(found.records.text('key') ?? '');
    if (!key) {
      if (args.regenerate === 'full_idempotence') return 'unreadable';
      throw new ModuleError(
        'Unable to read the key. The key is protected with a another passphrase / no passphrase or broken. Will not proceed. To force regeneration, call the module with `generate` set to `full_idempotence` or `always`, or with `force=yes`.',
      );
    }
    const sized = args.type === 'RSA' || args.type === 'DSA';
    const differs =
      key.type !== args.type ||
      (sized && key.size !== args.size) ||
      (args.type === 'ECC' && key.curve !== curveName(args));
    if (!differs) return undefined;
    if (args.regenerate === 'fail')
      throw new ModuleError('Key has wrong type and/or size. Will not proceed.');
    return `${key.type} ${key.curve ?? key.size} → ${args.type} ${args.curve ?? (sized ? args.size : '')}`.trim();
  },
  make: args => {
    const cipher = args.cipher === 'auto' ? 'aes-256-cbc' : args.cipher;
    const lock = args.passphrase === undefined ? '' : ` -${quote(cipher)} -pass env:PASSPHRASE`;
    const before = args.passphrase === undefined ? '' : `PASSPHRASE=${quote(args.passphrase)} `;
    if (args.type === 'DSA') return `openssl dsaparam -genkey -noout ${args.size} 2>/dev/null`;
    const plain =
      args.passphrase === undefined &&
      args.format !== 'pkcs8' &&
      (args.type === 'RSA' || args.type === 'ECC');
    // -traditional is newer than OpenSSL 1.1, which writes that format with rsa and ec.
    const convert = plain
      ? ` | { k=$(cat); printf '%s\\n' "$k" | openssl pkey -traditional 2>/dev/null || printf '%s\\n' "$k"; }`
      : '';
    return `${before}openssl genpkey ${generateWords(args)}${lock} 2>/dev/null${convert}`;
  },
  describe(found, args) {
    const key = parseKeyText(found.records.text('key') ?? '');
    const pem = publicKeyIn(found.records.text('public') ?? '');
    return {
      type: args.type,
      size: args.size,
      ...(key?.curve !== undefined && { curve: key.curve }),
      fingerprint: pem === undefined ? null : fingerprints(pem),
      ...(args.return_content && { privatekey: found.text ?? '' }),
    };
  },
});
