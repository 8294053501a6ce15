import { createHash } from 'node:crypto';
import type { Static } from 'typebox';
import { partAt } from '../../source/part-at.ts';
import { A, Type } from '../kit/arguments.ts';
import { attributeArgs, attributeChanges, unsafeWritesArg } from '../kit/attributes.ts';
import { defineState, ModuleError, quote, type Steps, sh } from '../kit/define.ts';
import { attributesFound } from '../kit/stat.ts';
import { linesOf, readText, type TextFile, toBytes, writeText } from '../kit/text-file.ts';
import { applyAttributes } from '../kit/write-file.ts';

const args = Type.Object({
  path: A.path('The password file.', { aliases: ['dest', 'destfile'] }),
  name: A.str('Name of the user.', { aliases: ['username'] }),
  password: A.opt(A.str('The password.', { secret: true })),
  hash_scheme: A.str(
    'How it is hashed: apr_md5_crypt, sha256_crypt, sha512_crypt, bcrypt, ldap_sha1 or plaintext.',
    {
      default: 'apr_md5_crypt',
      aliases: ['crypt_scheme'],
    },
  ),
  state: A.choice(['absent', 'present'], 'Whether the user should be there.', { default: 'present' }),
  create: A.bool('Make the file if there is none.', { default: true }),
  ...attributeArgs,
  ...unsafeWritesArg,
});

type Args = Static<typeof args>;

interface Found {
  readonly file: TextFile;
  readonly hash: string | undefined;
  readonly right: boolean;
}

const OPENSSL: Readonly<Record<string, string>> = {
  apr_md5_crypt: '-apr1',
  md5_crypt: '-1',
  sha256_crypt: '-5',
  sha512_crypt: '-6',
};

function* ask(command: string, password: string): Steps<string> {
  const reply = yield* sh(command, { stdin: `${password}\n` });
  if (reply.rc !== 0) throw new ModuleError(reply.stderr.trim() || `exit code ${reply.rc}`);
  return reply.stdout.trim();
}

const NEEDS = `command -v openssl >/dev/null 2>&1 || { echo 'the program openssl is missing on this host (package openssl)' >&2; exit 96; }\n`;
const NEEDS_HTPASSWD = `command -v htpasswd >/dev/null 2>&1 || { echo 'the program htpasswd is missing on this host (package apache2-utils)' >&2; exit 96; }\n`;

/** Whether a stored hash is that of the password. */
function* matches(hash: string, password: string): Steps<boolean> {
  const found = /^\$(apr1|1|5|6)\$(?:rounds=\d+\$)?([^$]*)\$/.exec(hash);
  if (found && !hash.includes('rounds='))
    return (
      hash ===
      (yield* ask(`${NEEDS}openssl passwd -${found[1]} -salt ${quote(partAt(found, 2))} -stdin`, password))
    );
  if (hash.startsWith('$2'))
    return (
      (yield* sh(
        `${NEEDS_HTPASSWD}f=$(mktemp) && trap 'rm -f "$f"' 0 && printf 'x:%s\\n' ${quote(hash)} >"$f" && htpasswd -vi "$f" x`,
        {
          stdin: `${password}\n`,
        },
      )).rc === 0
    );
  return hash === sha1Hash(password) || hash === password;
}

const sha1Hash = (password: string) => `{SHA}${createHash('sha1').update(password).digest('base64')}`;

function* makeHash(args: Args): Steps<string> {
  const password = args.password ?? '';
  if (args.hash_scheme === 'ldap_sha1') return sha1Hash(password);
  if (args.hash_scheme === 'plaintext') return password;
  if (args.hash_scheme === 'bcrypt')
    return (yield* ask(`${NEEDS_HTPASSWD}htpasswd -niB x`, password))
      .replace(/^x:/, '')
      .replace(/^\$2y/, '$2y');
  const flag = OPENSSL[args.hash_scheme];
  if (flag === undefined) throw new ModuleError(`hash_scheme ${args.hash_scheme} is not known`);
  return yield* ask(`${NEEDS}openssl passwd ${flag} -stdin`, password);
}

const attributesOf = ({ file }: Found, args: Args, checkMode: boolean) =>
  file.file.status &&
  attributeChanges(attributesFound({ ...file.file, status: file.file.status }), args, args.path, checkMode);

/** The file with the user's line kept or taken out; `hash` undefined takes it out. Pure. */
export function keepUser(text: string, name: string, hash: string | undefined): string {
  const lines = linesOf(text).map(line => (line.endsWith('\n') ? line : `${line}\n`));
  const at = lines.findIndex(line => line.startsWith(`${name}:`));
  if (hash === undefined) return lines.filter((_, i) => i !== at).join('');
  const line = `${name}:${hash}\n`;
  return (at < 0 ? [...lines, line] : lines.with(at, line)).join('');
}

export const htpasswd = defineState({
  name: 'htpasswd',
  aliases: ['community.general.htpasswd'],
  summary: 'Keeps users in a password file of a web server.',
  examples: `
- name: Ask for a password on the page of the benchmarks
  htpasswd:
    path: /etc/nginx/bench.passwd
    name: dba
    password: "{{ bench_page_password }}"
    mode: "0640"
`,
  args,
  rules: { requiredIf: [['state', 'present', ['password']]] },
  differences: [
    'Passwords are hashed by openssl on the host, bcrypt by htpasswd, instead of Python and passlib.',
  ],
  touches: args => [args.path],

  *probe(args): Steps<Found> {
    if (/[:\n]/.test(args.name)) throw new ModuleError('a user name cannot hold a colon');
    const file = yield* readText(args.path);
    if (file.text === undefined && args.state === 'present' && !args.create)
      throw new ModuleError(`Destination ${args.path} does not exist`);
    const line = linesOf(file.text ?? '').find(text => text.startsWith(`${toBytes(args.name)}:`));
    const hash = line?.slice(args.name.length + 1).trim();
    const right =
      hash !== undefined && args.state === 'present' && (yield* matches(hash, args.password ?? ''));
    return { file, hash, right };
  },

  diff(found, args, ctx) {
    const attributes = attributesOf(found, args, ctx.checkMode)?.changes ?? [];
    if (args.state === 'absent') {
      const gone = found.hash !== undefined;
      return {
        changes: gone ? [`${args.path}: without ${args.name}`] : attributes,
        result: { msg: gone ? `Remove ${args.name}` : `${args.name} not present` },
      };
    }
    const verb = found.hash === undefined ? 'Add' : 'Update';
    return {
      changes: [...(found.right ? [] : [`${args.path}: ${verb.toLowerCase()} ${args.name}`]), ...attributes],
      result: { msg: found.right ? `${args.name} already present` : `${verb} ${args.name}` },
    };
  },

  *apply(found, args) {
    const attributes = attributesOf(found, args, false);
    if (found.right || (args.state === 'absent' && found.hash === undefined))
      return attributes ? yield* applyAttributes(found.file.file, attributes) : {};
    const hash = args.state === 'absent' ? undefined : yield* makeHash(args);
    const after = keepUser(found.file.text ?? '', toBytes(args.name), hash);
    return yield* writeText(found.file, after, { wanted: args });
  },
});
