import type { Static } from 'typebox';
import { defined } from '../../source/defined.ts';
import { A, Type } from '../kit/arguments.ts';
import { defineState, ModuleError, quote, type Steps } from '../kit/define.ts';
import { ask } from '../kit/reply.ts';
import { statScript } from '../kit/stat.ts';
import { type TextFile, textDiff, textFileOf, toBytes, writeText } from '../kit/text-file.ts';
import { editKeys } from './authorized-keys.ts';
import { entryFunction, parseUser, type UserEntry } from './databases.ts';

const args = Type.Object({
  user: A.str('The user whose keys are meant.'),
  key: A.str('Public keys, one a line; or a URL, which the host fetches.'),
  path: A.opt(A.path('File to use instead of .ssh/authorized_keys in the home directory.')),
  manage_dir: A.bool('Make the directory, and keep its owner and mode.', { default: true }),
  state: A.choice(['absent', 'present'], 'Whether the keys should be in the file.', { default: 'present' }),
  key_options: A.opt(A.str('Options to put before the keys.')),
  exclusive: A.bool('Remove all other keys.', { default: false }),
  validate_certs: A.bool('Check the certificate of a URL.', { default: true }),
  comment: A.opt(A.str('Comment to give the keys.')),
  follow: A.bool('Follow a symbolic link rather than replace it.', { default: false }),
});

type Args = Static<typeof args>;

interface Found extends TextFile {
  readonly user: UserEntry | undefined;
  readonly keys: string;
}

/** The shell of the host knows where home directories are. */
const fileOf = (args: Args) => args.path ?? `~${args.user}/.ssh/authorized_keys`;

function probeScript(args: Args): string {
  const look = statScript(fileOf(args), { follow: args.follow, content: 'bytes' });
  const insecure = args.validate_certs ? '' : 'k';
  const fetch = /^https?:\/\//.test(args.key)
    ? `begin keys; if command -v curl >/dev/null 2>&1; then curl -fsSL${insecure} ${quote(args.key)}; else wget -qO- ${args.validate_certs ? '' : '--no-check-certificate '}${quote(args.key)}; fi || exit 95`
    : ':';
  return `${entryFunction(false)}
field user "$(entry passwd ${quote(args.user)})"
${fetch}
${look}`;
}

const requestOf = (found: Found, args: Args) => ({
  state: args.state,
  exclusive: args.exclusive,
  key: toBytes(found.keys),
  ...(args.key_options !== undefined && { key_options: toBytes(args.key_options) }),
  ...(args.comment !== undefined && { comment: toBytes(args.comment) }),
});

export const authorizedKey = defineState({
  name: 'authorized_key',
  aliases: ['ansible.posix.authorized_key'],
  summary: 'Keeps public keys in the authorized_keys file of a user.',
  examples: `
- name: Let the backup host log in as postgres
  authorized_key:
    user: postgres
    key: "{{ lookup('file', 'keys/backup.pub') }}"
    key_options: from="10.0.0.20"
`,
  args,
  returns: {
    keyfile: 'The file.',
    user: 'The user.',
    key: 'The keys given.',
    exclusive: 'The argument of that name.',
  },
  differences: [
    'A URL is fetched by the host, with curl or wget.',
    'exclusive removes comments and unreadable lines too, whatever their place.',
    'Lines that stay keep their exact spelling.',
  ],
  touches: args => [`user:${args.user}`, ...(args.path === undefined ? [] : [args.path])],

  *probe(args): Steps<Found> {
    const records = yield* ask(probeScript(args));
    if (records.rc === 95) throw new ModuleError(`Error getting key from: ${args.key}`);
    const keys = /^https?:\/\//.test(args.key) ? (records.text('keys') ?? '') : args.key;
    const found = { user: parseUser(records.text('user') ?? ''), keys };
    if (!found.user && args.path === undefined)
      throw new ModuleError(`Failed to lookup user ${args.user}: no such user`);
    return { ...found, ...textFileOf(fileOf(args), records) };
  },

  diff(found, args, ctx) {
    if (!found.user && !ctx.checkMode)
      throw new ModuleError(`Failed to lookup user ${args.user}: no such user`);
    const after = editKeys(found.text ?? '', requestOf(found, args));
    const changed = after !== (found.text ?? '');
    const { path } = found.file;
    return {
      changes: changed ? [`${path}: ${args.state === 'present' ? 'keep' : 'remove'} keys`] : [],
      ...(changed && { diff: [textDiff(found.text, after, found.file.path)] }),
      result: { user: args.user, key: args.key, keyfile: path, state: args.state, exclusive: args.exclusive },
    };
  },

  *apply(found, args) {
    const after = editKeys(found.text ?? '', requestOf(found, args));
    const { uid, gid } = defined(found.user, 'diff refuses an unknown user');
    const dir = `reach "\${p%/*}"; [ -d "$n" ] || mkdir -m 700 "$n" || fail "Failed to create directory \${p%/*}"
step "\${n#./}"; chown ${uid}:${gid} . && chmod 700 . || fail "cannot change \${p%/*}"`;
    yield* writeText(found, after, {
      wanted: { mode: '0600', owner: String(uid), group: String(gid) },
      ...(args.manage_dir ? { before: dir } : { makeParents: true }),
    });
    return {};
  },
});
