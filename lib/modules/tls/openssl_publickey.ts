import { A, Type } from '../kit/arguments.ts';
import { ModuleError, quote } from '../kit/define.ts';
import { defineGenerated, generatedArgs } from '../kit/generated-file.ts';
import { NO_OPENSSL, needOpenssl, passIn } from './openssl_privatekey.ts';

const args = Type.Object({
  ...generatedArgs,
  privatekey_path: A.path('The private key it belongs to.'),
  privatekey_passphrase: A.opt(A.str('Passphrase of that key.', { secret: true })),
  format: A.choice(['PEM', 'OpenSSH'], 'Format of the file.', { default: 'PEM' }),
  return_content: A.bool('Give the key in the result.', { default: false }),
  select_crypto_backend: A.choice(['auto', 'cryptography'], 'Accepted; openssl is always used.', {
    default: 'auto',
  }),
});

const print = (args: { privatekey_path: string; privatekey_passphrase?: string; format: string }) => {
  const { before, words } = passIn(args.privatekey_passphrase);
  const key = quote(args.privatekey_path);
  return args.format === 'PEM'
    ? `${before}openssl pkey -in ${key} ${words} -pubout`
    : `${before}openssl pkey -in ${key} ${words} -pubout | ssh-keygen -i -m PKCS8 -f /dev/stdin`;
};

export const opensslPublickey = defineGenerated({
  name: 'openssl_publickey',
  aliases: ['community.crypto.openssl_publickey'],
  summary: 'Keeps the public half of a private key in a file.',
  examples: `
- name: Write the public half of the key
  openssl_publickey:
    path: /etc/postgresql/tls/server.pub
    privatekey_path: /etc/postgresql/tls/server.key
`,
  args,
  mode: '0644',
  returns: { filename: 'The file.', publickey: 'The key, with return_content.' },
  differences: ['Needs the openssl program on the host.'],
  inspect: args => `${NO_OPENSSL}
[ -r ${quote(args.privatekey_path)} ] || { field no-key; exit 0; }
begin public; ${print(args)} 2>/dev/null`,
  reason(found, args) {
    needOpenssl(found);
    if (found.records.has('no-key'))
      throw new ModuleError(`The private key ${args.privatekey_path} does not exist`);
    return found.records.text('public')?.trim() === found.text?.trim() ? undefined : 'another key';
  },
  make: print,
  describe: (found, args) => ({
    privatekey: args.privatekey_path,
    format: args.format,
    ...(args.return_content && { publickey: found.text ?? '' }),
  }),
});
