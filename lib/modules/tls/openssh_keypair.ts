import { randomBytes } from 'node:crypto';
import type { Static } from 'typebox';
import { A, Type } from '../kit/arguments.ts';
import { ASKPASS } from '../kit/askpass.ts';
import { ModuleError, quote } from '../kit/define.ts';
import { defineGenerated, generatedArgs } from '../kit/generated-file.ts';
import type { TextFile } from '../kit/text-file.ts';

const args = Type.Object({
  ...generatedArgs,
  type: A.choice(['rsa', 'dsa', 'rsa1', 'ecdsa', 'ed25519'], 'Kind of key.', { default: 'rsa' }),
  size: A.opt(A.int('Bits of the key: 4096 for rsa, 256 for ecdsa, when not given.')),
  comment: A.opt(A.str('Comment of the key.')),
  passphrase: A.opt(A.str('Passphrase of the key.', { secret: true })),
  regenerate: A.choice(
    ['never', 'fail', 'partial_idempotence', 'full_idempotence', 'always'],
    'When a key that is there is replaced; partly and fully: when it is not as asked for.',
    { default: 'partial_idempotence' },
  ),
  private_key_format: A.choice(['auto', 'pkcs1', 'pkcs8', 'ssh'], 'Format of the private key.', {
    default: 'auto',
  }),
  backend: A.choice(['auto', 'cryptography', 'opensshbin'], 'Accepted; ssh-keygen is always used.', {
    default: 'auto',
  }),
});

type Args = Static<typeof args>;

const SIZES: Readonly<Record<string, number>> = { rsa: 4096, dsa: 1024, ecdsa: 256 };

/** The command with the passphrase, after what `passphrase` defines. */
const asked = (args: Args, command: string) =>
  args.passphrase === undefined
    ? command.replace(' -f ', ` ${command.includes(' -y ') ? '-P' : '-N'} '' -f `)
    : `with_passphrase ${command}`;

const passphrase = (args: Args) =>
  args.passphrase === undefined ? '' : `${ASKPASS}\nPASSPHRASE=${quote(args.passphrase)}\n`;

const MISSING = `command -v ssh-keygen >/dev/null 2>&1 || { field no-program; exit 0; }`;

function fields(found: TextFile) {
  const field = (name: string) => found.records.output(name);
  const print = /^(\d+) (\S+) (.*) \((\S+)\)$/.exec(field('print') ?? '');
  return {
    readable: print !== null,
    size: Number(print?.[1]),
    fingerprint: print?.[2] ?? '',
    type: print?.[4]?.toLowerCase() ?? '',
    public: field('public') ?? '',
    derived: field('derived') ?? '',
  };
}

const bare = (key: string) => key.split(' ').slice(0, 2).join(' ');
const commentOf = (key: string) => key.split(' ').slice(2).join(' ');

export const opensshKeypair = defineGenerated({
  name: 'openssh_keypair',
  aliases: ['community.crypto.openssh_keypair'],
  summary: 'Keeps an SSH key pair.',
  examples: `
- name: Make a key for the backup job
  openssh_keypair:
    path: /var/lib/postgresql/.ssh/id_ed25519
    type: ed25519
    owner: postgres
`,
  args,
  mode: '0600',
  returns: {
    type: 'Kind of key.',
    size: 'Its bits.',
    fingerprint: 'Its SHA-256 fingerprint.',
    public_key: 'The public key.',
    comment: 'Its comment.',
  },
  differences: [
    'Needs ssh-keygen on the host.',
    'Another comment in the public key is put right without making a new pair.',
  ],
  inspect: args => `${passphrase(args)}${MISSING}
[ -r "$p" ] || exit 0
begin print; ssh-keygen -l -f "$p" 2>/dev/null
field derived "$(${asked(args, 'ssh-keygen -q -y -f "$p"')} 2>/dev/null)"
[ -r "$p.pub" ] && begin public && cat "$p.pub"`,
  reason(found, args) {
    if (found.records.has('no-program'))
      throw new ModuleError('the program ssh-keygen is missing on this host (package openssh-client)');
    const now = fields(found);
    if (args.regenerate === 'never') return undefined;
    if (args.regenerate === 'always') return 'always';
    if (now.derived === '') {
      if (args.regenerate === 'fail' || args.regenerate === 'partial_idempotence')
        throw new ModuleError(
          'Unable to read the key. The key is protected with a passphrase or broken. Will not proceed. To force regeneration, call the module with `regenerate` set to `full_idempotence` or `always`, or with `force=yes`.',
        );
      return 'unreadable';
    }
    const size = args.size ?? SIZES[args.type];
    const differs = now.type !== args.type || (size !== undefined && now.size !== size);
    if (differs && args.regenerate === 'fail')
      throw new ModuleError('Key has wrong type and/or size. Will not proceed.');
    if (differs) return `${now.type} ${now.size} → ${args.type}${size === undefined ? '' : ` ${size}`}`;
    if (bare(now.public) !== bare(now.derived)) return 'the public key is missing or of another pair';
    if (args.comment !== undefined && commentOf(now.public) !== args.comment)
      return `comment ${args.comment}`;
    return undefined;
  },
  make: args => {
    const size = args.size ?? SIZES[args.type];
    const format = { auto: '', ssh: '', pkcs1: ' -m PEM', pkcs8: ' -m PKCS8' }[args.private_key_format];
    const same = `[ "$(ssh-keygen -l -f "$p" 2>/dev/null | sed 's/ .*(/ (/')" = ${quote(`${size ?? 256} (${args.type.toUpperCase()})`)} ]`;
    const keep = args.force || args.regenerate === 'always' ? 'false' : same;
    // Only the comment or the public half is wrong: the private key stays.
    return `${passphrase(args)}if ${keep}; then cat "$p"; else d=$(mktemp -d) || exit 1
trap 'rm -rf "$d"; exit 143' HUP INT PIPE TERM
${asked(args, `ssh-keygen -q -t ${args.type}${size === undefined ? '' : ` -b ${size}`}${format} -C ${quote(args.comment ?? '')} -f "$d/k"`)} </dev/null${args.passphrase ? ' && needs_passphrase "$d/k"' : ''} && cat "$d/k"; rc=$?; rm -rf "$d"; [ $rc = 0 ]; fi`;
  },
  after: args => `${passphrase(args)}k=$(${asked(args, 'ssh-keygen -q -y -f "$p"')}) && [ -n "$k" ] || exit 1
set -f; set -- $k; t="$1 $2"; shift 2; c=${args.comment === undefined ? '"$*"' : quote(args.comment)}
set +f; owner=$(stat -c %u:%g "$p"); reach "$p.pub"; x=./.${randomBytes(12).toString('hex')}.tmp
trap 'rm -f "$x"' 0; printf '%s\\n' "$t\${c:+ $c}" | place "$x" "$owner" 644 && mv -fT "$x" "$n"`,
  describe(found) {
    const now = fields(found);
    return {
      type: now.type,
      size: now.size,
      fingerprint: now.fingerprint,
      public_key: now.public || now.derived,
      comment: commentOf(now.public),
    };
  },
});
