import type { Static } from 'typebox';
import { entryOf } from '../../source/record.ts';
import type { Json } from '../../source/value.ts';
import { A, Type } from '../kit/arguments.ts';
import { ModuleError, quote } from '../kit/define.ts';
import { defineGenerated, generatedArgs } from '../kit/generated-file.ts';
import { NO_OPENSSL, needOpenssl, passIn } from './openssl_privatekey.ts';

const args = Type.Object({
  ...generatedArgs,
  privatekey_path: A.path('The private key to sign with.'),
  privatekey_passphrase: A.opt(A.str('Passphrase of that key.', { secret: true })),
  digest: A.str('Hash of the signature.', { default: 'sha256' }),
  version: A.int('Accepted; 1 is the only one.', { default: 1 }),
  subject: A.opt(A.dict('Fields of the subject, such as CN and O.')),
  country_name: A.opt(A.str('Country of the subject.', { aliases: ['C', 'countryName'] })),
  state_or_province_name: A.opt(A.str('State of the subject.', { aliases: ['ST', 'stateOrProvinceName'] })),
  locality_name: A.opt(A.str('Place of the subject.', { aliases: ['L', 'localityName'] })),
  organization_name: A.opt(A.str('Organization of the subject.', { aliases: ['O', 'organizationName'] })),
  organizational_unit_name: A.opt(
    A.str('Unit of the organization.', { aliases: ['OU', 'organizationalUnitName'] }),
  ),
  common_name: A.opt(A.str('Common name of the subject.', { aliases: ['CN', 'commonName'] })),
  email_address: A.opt(A.str('Mail address of the subject.', { aliases: ['E', 'emailAddress'] })),
  subject_alt_name: A.opt(
    A.list('Other names, such as DNS:www.example.com.', { aliases: ['subjectAltName'] }),
  ),
  subject_alt_name_critical: A.bool('Whether these are critical.', {
    default: false,
    aliases: ['subjectAltName_critical'],
  }),
  use_common_name_for_san: A.bool('Use the common name when there are no other names.', {
    default: true,
    aliases: ['useCommonNameForSAN'],
  }),
  key_usage: A.opt(A.list('What the key is for.', { aliases: ['keyUsage'] })),
  key_usage_critical: A.bool('Whether that is critical.', { default: false, aliases: ['keyUsage_critical'] }),
  extended_key_usage: A.opt(
    A.list('What else the key is for.', { aliases: ['extKeyUsage', 'extendedKeyUsage'] }),
  ),
  extended_key_usage_critical: A.bool('Whether that is critical.', {
    default: false,
    aliases: ['extKeyUsage_critical', 'extendedKeyUsage_critical'],
  }),
  basic_constraints: A.opt(A.list('Constraints, such as CA:TRUE.', { aliases: ['basicConstraints'] })),
  basic_constraints_critical: A.bool('Whether these are critical.', {
    default: false,
    aliases: ['basicConstraints_critical'],
  }),
  ocsp_must_staple: A.bool('Ask for stapling.', { default: false, aliases: ['ocspMustStaple'] }),
  ocsp_must_staple_critical: A.bool('Whether that is critical.', {
    default: false,
    aliases: ['ocspMustStaple_critical'],
  }),
  create_subject_key_identifier: A.bool('Put an identifier of the key in.', { default: false }),
  return_content: A.bool('Give the request in the result.', { default: false }),
  select_crypto_backend: A.choice(['auto', 'cryptography'], 'Accepted; openssl is always used.', {
    default: 'auto',
  }),
});

type Args = Static<typeof args>;

/** One line of openssl's configuration: a value may not reach into the next one. */
function line(key: string, value: string): string {
  if (/[\n\r\0]/.test(value)) throw new ModuleError(`"${key}" cannot hold a line break`);
  return `${key} = ${value.replace(/[\\$#"']/g, '\\$&')}`;
}

function subject(args: Args): [string, string][] {
  const named: [string, string | undefined][] = [
    ['C', args.country_name],
    ['ST', args.state_or_province_name],
    ['L', args.locality_name],
    ['O', args.organization_name],
    ['OU', args.organizational_unit_name],
    ['CN', args.common_name],
    ['emailAddress', args.email_address],
  ];
  const more = Object.entries(args.subject ?? {}).flatMap(([key, value]) =>
    (Array.isArray(value) ? value : [value]).map((one: Json): [string, string] => [key, String(one)]),
  );
  return [...more, ...named.filter((entry): entry is [string, string] => entry[1] !== undefined)];
}

const USAGES: Readonly<Record<string, string>> = {
  'Digital Signature': 'digitalSignature',
  'Content Commitment': 'nonRepudiation',
  'Non Repudiation': 'nonRepudiation',
  'Key Encipherment': 'keyEncipherment',
  'Data Encipherment': 'dataEncipherment',
  'Key Agreement': 'keyAgreement',
  'Certificate Sign': 'keyCertSign',
  'CRL Sign': 'cRLSign',
  'Encipher Only': 'encipherOnly',
  'Decipher Only': 'decipherOnly',
  contentCommitment: 'nonRepudiation',
  'TLS Web Server Authentication': 'serverAuth',
  'TLS Web Client Authentication': 'clientAuth',
  'Code Signing': 'codeSigning',
  'Time Stamping': 'timeStamping',
  'E-mail Protection': 'emailProtection',
  'OCSP Signing': 'OCSPSigning',
};

/** openssl's configuration for the request. Pure. */
export function requestConfig(args: Args): string {
  const common = subject(args).find(([key]) => key === 'CN' || key === 'commonName')?.[1];
  const names =
    args.subject_alt_name ?? (args.use_common_name_for_san && common !== undefined ? [`DNS:${common}`] : []);
  const critical = (on: boolean) => (on ? 'critical,' : '');
  const usage = (list: readonly string[]) =>
    list.map(name => entryOf(USAGES, name.trim()) ?? name.trim()).join(',');
  const extensions = [
    ...(names.length > 0 ? [`subjectAltName = ${critical(args.subject_alt_name_critical)}@names`] : []),
    ...(args.key_usage ? [line('keyUsage', critical(args.key_usage_critical) + usage(args.key_usage))] : []),
    ...(args.extended_key_usage
      ? [
          line(
            'extendedKeyUsage',
            critical(args.extended_key_usage_critical) + usage(args.extended_key_usage),
          ),
        ]
      : []),
    ...(args.basic_constraints
      ? [
          line(
            'basicConstraints',
            critical(args.basic_constraints_critical) + args.basic_constraints.join(','),
          ),
        ]
      : []),
    ...(args.ocsp_must_staple
      ? [line('tlsfeature', `${critical(args.ocsp_must_staple_critical)}status_request`)]
      : []),
    ...(args.create_subject_key_identifier ? ['subjectKeyIdentifier = hash'] : []),
  ];
  return [
    '[req]',
    'prompt = no',
    'string_mask = utf8only',
    'utf8 = yes',
    'distinguished_name = subject',
    ...(extensions.length > 0 ? ['req_extensions = extensions'] : []),
    '[subject]',
    ...subject(args).map(([key, value], i) => line(`${i}.${key}`, value)),
    '[extensions]',
    ...extensions,
    '[names]',
    ...names.map((name, i) => {
      const at = name.indexOf(':');
      if (at < 0)
        throw new ModuleError(`Cannot parse Subject Alternative Name "${name}" (forgot "DNS:" prefix?)`);
      return line(`${name.slice(0, at)}.${i}`, name.slice(at + 1));
    }),
    '',
  ].join('\n');
}

function make(args: Args): string {
  const { before, words } = passIn(args.privatekey_passphrase);
  const empty = subject(args).length === 0 ? ' -subj /' : '';
  return `c=$(mktemp) && trap 'rm -f "$c"; exit 143' HUP INT PIPE TERM && printf %s ${quote(requestConfig(args))} >"$c" && ${before}openssl req -new -config "$c" -key ${quote(args.privatekey_path)} ${words} -${quote(args.digest)}${empty}; rc=$?; rm -f "$c"; [ $rc = 0 ]`;
}

/** What counts of a request: everything but the signature. */
const essence = (text: string) =>
  text.replace(/^ +Signature Value:[\s\S]*$|^ {4}Signature Algorithm: [\s\S]*$/m, '').trim();

export const opensslCsr = defineGenerated({
  name: 'openssl_csr',
  aliases: ['community.crypto.openssl_csr'],
  summary: 'Keeps a request for a certificate.',
  examples: `
- name: Ask for a certificate for the server
  openssl_csr:
    path: /etc/postgresql/tls/server.csr
    privatekey_path: /etc/postgresql/tls/server.key
    common_name: db.example.com
    subject_alt_name: ["DNS:db.example.com", "IP:10.0.0.12"]
`,
  args,
  mode: '0644',
  returns: {
    csr: 'The request, with return_content.',
    subject: 'The subject.',
    privatekey: 'The private key.',
  },
  differences: [
    'Needs the openssl program on the host.',
    '`privatekey_content`, `name_constraints_*`, `authority_*`, `crl_distribution_points` and `subject_ordered` do not exist.',
  ],
  inspect: args => `${NO_OPENSSL}
[ -r ${quote(args.privatekey_path)} ] || { field no-key; exit 0; }
[ -e "$p" ] || exit 0
begin now; openssl req -in "$p" -noout -text 2>/dev/null; begin wanted
{ ${make(args)}; } 2>/dev/null | openssl req -noout -text 2>/dev/null`,
  reason(found, args) {
    needOpenssl(found);
    if (found.records.has('no-key'))
      throw new ModuleError(`The private key ${args.privatekey_path} does not exist`);
    const text = (name: string) => found.records.text(name) ?? '';
    const [now, wanted] = [text('now'), text('wanted')];
    if (wanted.trim() === '')
      throw new ModuleError('openssl cannot make the request: check subject, names and usages');
    return essence(now) === essence(wanted) ? undefined : 'another request';
  },
  make,
  describe: (found, args) => ({
    privatekey: args.privatekey_path,
    subject: subject(args),
    ...(args.return_content && { csr: found.text ?? '' }),
  }),
});
