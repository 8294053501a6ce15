import type { Static } from 'typebox';
import type { Json } from '../../source/value.ts';
import { A, Type } from '../kit/arguments.ts';
import { defineState, ModuleError, quote, type Steps } from '../kit/define.ts';
import { ask, type Records } from '../kit/reply.ts';
import { entryFunction, orFail, parseGroups, parseShadow, parseUser } from './databases.ts';
import { looksPlain, planUser, type UserFound } from './plan-user.ts';
import { type KeyFound, keyCommands, keyPath, parseKey, probeKey } from './ssh-key.ts';

const args = Type.Object({
  name: A.str('Name of the user.', { aliases: ['user'] }),
  state: A.choice(['absent', 'present'], 'Whether the account should exist.', { default: 'present' }),
  uid: A.opt(A.int('Number of the user.')),
  non_unique: A.bool('Allow a number that another user has.', { default: false }),
  group: A.opt(A.str('Primary group, by name or number.')),
  groups: A.opt(A.list('Further groups; an empty list means none.')),
  append: A.bool('Leave the user in groups that are not listed.', { default: false }),
  comment: A.opt(A.str('Description of the account.')),
  home: A.opt(A.path('Home directory.')),
  create_home: A.bool('Make the home directory if it is missing.', {
    default: true,
    aliases: ['createhome'],
  }),
  move_home: A.bool('Move the old home directory to the place in `home`.', { default: false }),
  skeleton: A.opt(A.str('Directory whose files a new home directory starts with.')),
  umask: A.opt(A.str('Umask for making the home directory.')),
  shell: A.opt(A.str('Login shell.')),
  system: A.bool('Make a new account a system account.', { default: false }),
  seuser: A.opt(A.str('SELinux user of a new account.')),
  expires: A.opt(A.float('When the account expires, in seconds since 1970; negative means never.')),
  password: A.opt(A.str('Hash of the password; "!" or "*" for none.', { secret: true })),
  password_lock: A.opt(A.bool('Lock or unlock the password.')),
  password_expire_max: A.opt(A.int('Most days between two changes of the password.')),
  password_expire_min: A.opt(A.int('Fewest days between two changes of the password.')),
  password_expire_warn: A.opt(A.int('Days of warning before the password must be changed.')),
  update_password: A.choice(
    ['always', 'on_create'],
    'Whether the password of an existing account is set too.',
    {
      default: 'always',
    },
  ),
  remove: A.bool('With state=absent: remove the home directory too.', { default: false }),
  force: A.bool('With state=absent: remove the account even when it is in use. With a key: replace it.', {
    default: false,
  }),
  generate_ssh_key: A.bool('Make an SSH key for the user, unless there is one.', { default: false }),
  ssh_key_bits: A.opt(A.int('Size of the key.')),
  ssh_key_comment: A.opt(A.str('Comment of the key.')),
  ssh_key_file: A.opt(A.path('Where the private key is put, relative to the home directory.')),
  ssh_key_passphrase: A.opt(A.str('Passphrase of the key.', { secret: true })),
  ssh_key_type: A.str('Kind of key.', { default: 'rsa' }),
  local: A.bool('Look only at the local files, not at directory services.', { default: false }),
});

type Args = Static<typeof args>;

interface Found extends UserFound {
  readonly key: KeyFound;
  readonly manageable: boolean;
}

/** Takes the home directory out of an entry of passwd. */
const HOME = `h=\${u%:*}; h=\${h##*:}`;

function probeScript(args: Args): string {
  const wanted = [...new Set([args.name, args.group, ...(args.groups ?? [])])].filter(
    (g): g is string => g !== undefined && g !== '',
  );
  return [
    entryFunction(args.local),
    `u=$(entry passwd ${quote(args.name)}); field user "$u"`,
    `begin shadow; entry shadow ${quote(args.name)} 2>/dev/null`,
    // Memberships are in the file; groups of a directory service are asked for by name.
    `begin groups; cat /etc/group; entry group ${wanted.map(quote).join(' ')}`,
    `${args.home === undefined ? HOME : `h=${quote(args.home)}`}; [ -n "$h" ] && [ -d "$h" ] && field home`,
    `command -v useradd >/dev/null 2>&1 && field manageable`,
    args.generate_ssh_key && args.state === 'present' ? `${HOME}; ${probeKey(keyPath(args))}` : '',
    ':',
  ].join('\n');
}

/** Result fields of an existing account. */
function fieldsOf(found: UserFound, args: Args): Record<string, Json> {
  const { user } = found;
  if (!user) return {};
  return {
    uid: user.uid,
    group: user.gid,
    comment: user.comment,
    home: user.home,
    shell: user.shell,
    ...(args.groups !== undefined && { groups: args.groups.join(',') }),
  };
}

function parseFound(records: Records): Found {
  const text = (name: string) => records.text(name) ?? '';
  return {
    user: parseUser(text('user').trim()),
    shadow: parseShadow(text('shadow')),
    groups: parseGroups(text('groups')),
    homeExists: records.has('home'),
    manageable: records.has('manageable'),
    key: parseKey(records),
  };
}

export const user = defineState({
  name: 'user',
  summary: 'Adds, changes and removes user accounts.',
  examples: `
- name: Create the user that takes backups
  user:
    name: backup
    uid: 2500
    groups: [postgres]
    append: true
    shell: /bin/bash
`,
  args,
  returns: {
    uid: 'Number of the user.',
    group: 'Number of the primary group.',
    groups: 'The further groups asked for.',
    home: 'Home directory.',
    shell: 'Login shell.',
    comment: 'Description.',
    ssh_key_file: 'Path of the private key.',
    ssh_public_key: 'The public key.',
    ssh_fingerprint: 'Its fingerprint.',
  },
  differences: [
    'A password never appears in an argument list on the host: it is handed to chpasswd.',
    'Unlocking a password that does not exist reports no change; Ansible reports one each time.',
    'local limits where accounts are looked up; useradd is used in both cases, never luseradd.',
    'Hosts that have only busybox adduser are refused with a message.',
    'Arguments for other systems (authorization, profile, role, hidden, login_class) do not exist.',
  ],
  touches: ({ name }) => [`user:${name}`, '/etc/passwd'],

  *probe(args): Steps<Found> {
    const reply = yield* ask(probeScript(args));
    if (reply.rc !== 0)
      throw new ModuleError(`cannot read the accounts: ${reply.stderr.trim()}`, { name: args.name });
    return parseFound(reply);
  },

  diff(found, args) {
    const plan = planUser(args, found);
    const makeKey = args.generate_ssh_key && args.state === 'present' && (!found.key.exists || args.force);
    const changes = [...plan.changes, ...(makeKey ? [`make an SSH key for ${args.name}`] : [])];
    if (plan.commands.length > 0 && !found.manageable)
      throw new ModuleError('this host has no useradd: install the package "shadow" or "passwd"', {
        name: args.name,
      });
    const plain = args.password !== undefined && looksPlain(args.password);
    const present = args.state === 'present';
    return {
      changes,
      result: {
        name: args.name,
        state: args.state,
        ...(present &&
          found.user && { append: args.append, move_home: args.move_home, ...fieldsOf(found, args) }),
        ...(present && !found.user && { system: args.system, create_home: args.create_home }),
        ...(!present && found.user && { force: args.force, remove: args.remove }),
        ...(present && args.password !== undefined && { password: 'NOT_LOGGING_PASSWORD' }),
        ...(args.generate_ssh_key && found.key.exists && { ...found.key.fields }),
        ...(plain && {
          warnings: [
            "The input password appears not to have been hashed. The 'password' argument must be encrypted for this module to work properly.",
          ],
        }),
      },
    };
  },

  *apply(found, args) {
    const plan = planUser(args, found);
    const makeKey = args.generate_ssh_key && args.state === 'present' && (!found.key.exists || args.force);
    const script = [
      // Secrets come on stdin, one a line.
      'IFS= read -r pw; IFS= read -r pp',
      ...plan.commands.map(orFail),
      ...(plan.password === undefined ? [] : [orFail(`printf '%s\\n' "$pw" | chpasswd -e`)]),
      ...(makeKey ? [keyCommands(args, entryFunction(args.local))] : []),
      ...(args.state === 'present' ? ['cd /', probeScript(args)] : []),
    ].join('\n');
    const secrets = `${plan.password ?? ''}\n${args.ssh_key_passphrase ?? ''}\n`;
    const reply = yield* ask(script, { stdin: secrets });
    if (reply.rc !== 0) {
      const msg =
        reply.complaint ?? (reply.stderr.trim() || reply.stdout.toString().trim() || `exit code ${reply.rc}`);
      throw new ModuleError(msg, { name: args.name, rc: reply.rc });
    }
    if (args.state === 'absent') return {};
    const after = parseFound(reply);
    return { ...fieldsOf(after, args), ...(args.generate_ssh_key && after.key.fields) };
  },
});
