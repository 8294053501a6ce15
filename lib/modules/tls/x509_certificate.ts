import type { Static } from 'typebox';
import { defined } from '../../source/defined.ts';
import { partAt } from '../../source/part-at.ts';
import { A, Type } from '../kit/arguments.ts';
import { ModuleError, quote } from '../kit/define.ts';
import { defineGenerated, generatedArgs } from '../kit/generated-file.ts';
import { NO_OPENSSL, needOpenssl, passIn } from './openssl_privatekey.ts';

const args = Type.Object({
  ...generatedArgs,
  provider: A.choice(['selfsigned', 'ownca'], 'Who signs: the key itself, or an authority of your own.', {
    default: 'selfsigned',
  }),
  csr_path: A.opt(A.path('The request.')),
  privatekey_path: A.opt(A.path('The private key.')),
  privatekey_passphrase: A.opt(A.str('Passphrase of that key.', { secret: true })),
  selfsigned_not_after: A.str('End of validity, such as +3650d.', {
    default: '+3650d',
    aliases: ['selfsigned_notAfter'],
  }),
  selfsigned_not_before: A.str('Accepted when it is now.', {
    default: '+0s',
    aliases: ['selfsigned_notBefore'],
  }),
  selfsigned_digest: A.str('Hash of the signature.', { default: 'sha256' }),
  selfsigned_version: A.int('Accepted; 3 is the only one.', { default: 3 }),
  selfsigned_create_subject_key_identifier: A.opt(A.str('Accepted; openssl decides.')),
  ownca_path: A.opt(A.path('Certificate of the authority.')),
  ownca_privatekey_path: A.opt(A.path('Private key of the authority.')),
  ownca_privatekey_passphrase: A.opt(A.str('Passphrase of that key.', { secret: true })),
  ownca_not_after: A.str('End of validity, such as +3650d.', { default: '+3650d' }),
  ownca_not_before: A.str('Accepted when it is now.', { default: '+0s' }),
  ownca_digest: A.str('Hash of the signature.', { default: 'sha256' }),
  ownca_version: A.int('Accepted; 3 is the only one.', { default: 3 }),
  return_content: A.bool('Give the certificate in the result.', { default: false }),
  ignore_timestamps: A.bool('Accepted; the times of a certificate that is there stay.', { default: true }),
  select_crypto_backend: A.choice(['auto', 'cryptography'], 'Accepted; openssl is always used.', {
    default: 'auto',
  }),
});

type Args = Static<typeof args>;

const DAY = 86_400;
const UNITS: Readonly<Record<string, number>> = { w: 7 * DAY, d: DAY, h: 3600, m: 60, s: 1 };

/** Days from now until `+3650d`, `+1w2d` and the like; openssl counts whole days. */
export function daysUntil(text: string): number {
  if (!/^\+(\d+[wdhms])+$/i.test(text))
    throw new ModuleError(`the end of validity must be written as +3650d, not "${text}"`);
  const seconds = [...text.toLowerCase().matchAll(/(\d+)([wdhms])/g)].reduce(
    (sum, m) => sum + Number(m[1]) * defined(UNITS[partAt(m, 2)], 'the pattern knows these units only'),
    0,
  );
  return Math.max(1, Math.ceil(seconds / DAY));
}

function needed(args: Args): { readonly key: string; readonly csr: string | undefined } {
  const missing = (
    args.provider === 'ownca' ? ['csr_path', 'ownca_path', 'ownca_privatekey_path'] : ['privatekey_path']
  ).filter(name => args[name as keyof Args] === undefined);
  if (missing.length > 0) throw new ModuleError(`provider ${args.provider} needs ${missing.join(', ')}`);
  return { key: args.privatekey_path ?? '', csr: args.csr_path };
}

function make(args: Args): string {
  const { key, csr } = needed(args);
  // Older versions of openssl cannot copy the extensions of the request.
  const copy = `x=; openssl x509 -help 2>&1 | grep -q copy_extensions && x='-copy_extensions copyall'`;
  const serial = `-set_serial "0x$(openssl rand -hex 16 | sed 's/^./4/')"`;
  if (args.provider === 'ownca') {
    const { before, words } = passIn(args.ownca_privatekey_passphrase);
    return `${copy}; ${before}openssl x509 -req -in ${quote(csr ?? '')} -CA ${quote(args.ownca_path ?? '')} -CAkey ${quote(args.ownca_privatekey_path ?? '')} ${words} ${serial} -${quote(args.ownca_digest)} -days ${daysUntil(args.ownca_not_after)} $x 2>/dev/null`;
  }
  const { before, words } = passIn(args.privatekey_passphrase);
  const days = `-${quote(args.selfsigned_digest)} -days ${daysUntil(args.selfsigned_not_after)}`;
  return csr === undefined
    ? `${before}openssl req -new -x509 -key ${quote(key)} ${words} -subj / ${days}`
    : `${copy}; ${before}openssl x509 -req -in ${quote(csr)} -signkey ${quote(key)} ${words} ${serial} ${days} $x 2>/dev/null`;
}

/** What binds a certificate to its request: public key, subject, names, usages; and the issuer to the authority. */
const EXTENSIONS =
  /X509v3 (Subject Alternative Name|Key Usage|Extended Key Usage|Basic Constraints):[^\n]*\n[^\n]*/g;
function publicKeyOf(text: string): string {
  const [, rest = ''] = /Public-Key: \((.*\)[\s\S]*)$/.exec(text) ?? [];
  return rest.slice(
    0,
    Math.max(0, rest.search(/\n {8}(?:X509v3|Attributes|Requested|Exponent)|\n {4}Signature/)),
  );
}
const essence = (text: string) =>
  [publicKeyOf(text), ...[...text.matchAll(EXTENSIONS)].map(m => m[0]).sort()]
    .join('\n')
    .replace(/\s+/g, ' ');
const subjectOf = (text: string) => /^ *Subject: ?(.*)$/m.exec(text)?.[1]?.trim() ?? '';
const issuerOf = (text: string) => /^ *Issuer: ?(.*)$/m.exec(text)?.[1]?.trim() ?? '';

export const x509Certificate = defineGenerated({
  name: 'x509_certificate',
  aliases: [
    'community.crypto.x509_certificate',
    'openssl_certificate',
    'community.crypto.openssl_certificate',
  ],
  summary: 'Keeps a certificate, signed by its own key or by an authority of your own.',
  examples: `
- name: Sign the server's certificate with our own authority
  x509_certificate:
    path: /etc/postgresql/tls/server.crt
    csr_path: /etc/postgresql/tls/server.csr
    provider: ownca
    ownca_path: /etc/ssl/our-ca.crt
    ownca_privatekey_path: /etc/ssl/our-ca.key
`,
  args,
  mode: '0644',
  returns: {
    certificate: 'The certificate, with return_content.',
    privatekey: 'The key.',
    csr: 'The request.',
  },
  differences: [
    'Needs the openssl program on the host; ends of validity are whole days from now.',
    'The providers acme and entrust, and contents instead of paths, do not exist.',
  ],
  inspect: args => {
    const { key, csr } = needed(args);
    const { before, words } = passIn(args.privatekey_passphrase);
    const show = (path: string | undefined, kind: string) =>
      path === undefined ? ':' : `openssl ${kind} -in ${quote(path)} -noout -text 2>/dev/null`;
    const places = [csr, args.privatekey_path, args.ownca_path, args.ownca_privatekey_path].filter(
      path => path !== undefined,
    );
    return `${NO_OPENSSL}
for f in ${places.map(quote).join(' ')}; do [ -r "$f" ] || { field no-file "$f"; exit 0; }; done
[ -e "$p" ] || exit 0
begin now; openssl x509 -in "$p" -noout -text 2>/dev/null
begin request; ${show(csr, 'req')}
begin authority; ${show(args.ownca_path, 'x509')}
begin public; openssl x509 -in "$p" -noout -pubkey 2>/dev/null
begin wanted; ${key === '' ? ':' : `${before}openssl pkey -in ${quote(key)} ${words} -pubout 2>/dev/null`}`;
  },
  reason(found) {
    needOpenssl(found);
    const text = (name: string) => found.records.text(name) ?? '';
    const missing = found.records.text('no-file');
    if (missing !== undefined) throw new ModuleError(`The file ${missing} does not exist on the host`);
    const [now, request, authority] = [text('now'), text('request'), text('authority')];
    const [publicKey, wantedKey] = [text('public'), text('wanted')];
    if (now.trim() === '') return 'unreadable';
    if (wantedKey.trim() !== '' && publicKey.trim() !== wantedKey.trim()) return 'of another key';
    if (request.trim() !== '' && (essence(now) !== essence(request) || subjectOf(now) !== subjectOf(request)))
      return 'of another request';
    if (authority.trim() !== '' && issuerOf(now) !== subjectOf(authority)) return 'of another authority';
    return undefined;
  },
  make,
  describe: (found, args) => ({
    ...(args.privatekey_path !== undefined && { privatekey: args.privatekey_path }),
    ...(args.csr_path !== undefined && { csr: args.csr_path }),
    ...(args.return_content && { certificate: found.text ?? '' }),
  }),
});
