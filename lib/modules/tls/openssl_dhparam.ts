import { A, Type } from '../kit/arguments.ts';
import { defineGenerated, generatedArgs } from '../kit/generated-file.ts';
import { NO_OPENSSL, needOpenssl } from './openssl_privatekey.ts';

export const opensslDhparam = defineGenerated({
  name: 'openssl_dhparam',
  aliases: ['community.crypto.openssl_dhparam'],
  summary: 'Keeps Diffie-Hellman parameters.',
  examples: `
- name: Make parameters for the key exchange
  openssl_dhparam: {path: /etc/postgresql/tls/dh.pem, size: 2048}
`,
  args: Type.Object({
    ...generatedArgs,
    size: A.int('Their bits.', { default: 4096 }),
    return_content: A.bool('Give them in the result.', { default: false }),
    select_crypto_backend: A.choice(
      ['auto', 'cryptography', 'openssl'],
      'Accepted; openssl is always used.',
      {
        default: 'auto',
      },
    ),
  }),
  mode: '0644',
  returns: { size: 'Their bits.', dhparams: 'The parameters, with return_content.' },
  differences: ['Needs the openssl program on the host.'],
  inspect: () =>
    `${NO_OPENSSL}\n[ -e "$p" ] && begin parameters && openssl dhparam -in "$p" -check -text -noout 2>&1; :`,
  reason(found, args) {
    needOpenssl(found);
    const size = Number(/DH Parameters: \((\d+) bit/.exec(found.records.text('parameters') ?? '')?.[1]);
    return size === args.size ? undefined : `${size || 'unreadable'} → ${args.size} bits`;
  },
  make: args => `openssl dhparam ${args.size} 2>/dev/null`,
  describe: (found, args) => ({
    size: args.size,
    ...(args.return_content && { dhparams: found.text ?? '' }),
  }),
});
