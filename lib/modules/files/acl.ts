import type { Static } from 'typebox';
import { partAt } from '../../source/part-at.ts';
import { entryOf } from '../../source/record.ts';
import { A, Type } from '../kit/arguments.ts';
import { defineState, ModuleError, mustSh, quote, type Steps } from '../kit/define.ts';
import { needsProgram } from '../kit/program.ts';
import { ask } from '../kit/reply.ts';
import { pathWord } from '../kit/stat.ts';

const args = Type.Object({
  path: A.path('The file or directory.', { aliases: ['name'] }),
  state: A.choice(['absent', 'present', 'query'], 'Whether the entry should be there, or only a look.', {
    default: 'query',
  }),
  entry: A.opt(A.str('The entry in one text, such as user:joe:rw.')),
  etype: A.opt(A.choice(['group', 'mask', 'other', 'user'], 'Kind of entry.')),
  entity: A.str('User or group the entry is for.', { default: '' }),
  permissions: A.opt(A.str('Permissions, such as rwx.')),
  default: A.bool('The entry that new files in the directory get.', { default: false }),
  follow: A.bool('Follow a symbolic link.', { default: true }),
  recursive: A.bool('Everything below the directory too.', { default: false, aliases: ['recurse'] }),
  recalculate_mask: A.choice(['default', 'mask', 'no_mask'], 'Whether the mask is worked out anew.', {
    default: 'default',
  }),
  use_nfsv4_acls: A.bool('Accepted when false: only POSIX lists are known.', { default: false }),
});

type Args = Static<typeof args>;

interface Found {
  readonly acl: string[];
  readonly differs: boolean;
}

const KINDS: Readonly<Record<string, string>> = { u: 'user', g: 'group', o: 'other', m: 'mask' };

/** The entry as setfacl takes it. Pure. */
export function aclEntry(args: Args): { readonly entry: string; readonly isDefault: boolean } {
  if (args.entry === undefined) {
    if (args.etype === undefined) throw new ModuleError('etype is required when entry is not given');
    if (args.state === 'absent' && args.permissions !== undefined)
      throw new ModuleError("'permissions' MUST NOT be set when 'state=absent'.");
    if (args.state === 'present' && args.permissions === undefined)
      throw new ModuleError("'permissions' is required when 'state=present'.");
    const last = args.state === 'absent' ? '' : `:${args.permissions}`;
    return { entry: `${args.etype}:${args.entity}${last}`, isDefault: args.default };
  }
  if (args.etype !== undefined || args.entity !== '' || args.permissions !== undefined)
    throw new ModuleError("'entry' MUST NOT be set when 'entity', 'etype' or 'permissions' are set.");
  const fields = args.entry.split(':');
  const isDefault = /^d(efault)?$/.test(partAt(fields, 0).toLowerCase()) && fields.length > 2;
  const own = isDefault ? fields.slice(1) : fields;
  const wanted = args.state === 'absent' ? 2 : 3;
  if (own.length !== wanted)
    throw new ModuleError(
      args.state === 'absent'
        ? "'entry' MUST have 2 or 3 sections divided by ':' when 'state=absent'."
        : "'entry' MUST have 3 or 4 sections divided by ':'.",
    );
  const kind = partAt(own, 0).toLowerCase();
  return {
    entry: [entryOf(KINDS, kind[0] ?? '') ?? kind, ...own.slice(1)].join(':'),
    isDefault: isDefault || args.default,
  };
}

function setfacl(args: Args, test: boolean): string {
  const { entry, isDefault } = aclEntry(args);
  return [
    'setfacl',
    ...(test ? ['--test'] : []),
    ...(args.recalculate_mask === 'mask'
      ? ['--mask']
      : args.recalculate_mask === 'no_mask'
        ? ['--no-mask']
        : []),
    ...(args.recursive ? ['--recursive'] : []),
    ...(args.recursive && !args.follow ? ['--physical'] : []),
    ...(isDefault ? ['-d'] : []),
    args.state === 'absent' ? '-x' : '-m',
    quote(entry),
    pathWord(args.path),
  ].join(' ');
}

/** The list, and whether setfacl would change it. */
function* read(args: Args): Steps<Found> {
  const list = `getfacl --omit-header --absolute-names ${args.follow ? '' : '--physical '}${args.recursive ? '--recursive ' : ''}${pathWord(args.path)}`;
  const reply = yield* ask(`${needsProgram('setfacl', 'acl')}
[ -e ${pathWord(args.path)} ] || { echo ${quote(`Path not found or not accessible: ${args.path}`)} >&2; exit 95; }
begin acl; ${list} || exit $?; begin tested
${args.state === 'query' ? ':' : setfacl(args, true)}`);
  if (reply.rc !== 0) throw new ModuleError(reply.stderr.trim() || `exit code ${reply.rc}`, { rc: reply.rc });
  const [acl, tested] = [reply.text('acl') ?? '', reply.text('tested') ?? ''];
  const lines = (text: string) => text.split('\n').filter(Boolean);
  // setfacl --test prints "*,*" for a file whose lists stay as they are.
  return { acl: lines(acl), differs: lines(tested).some(line => !line.endsWith('*,*')) };
}

export const acl = defineState({
  name: 'acl',
  aliases: ['ansible.posix.acl'],
  summary: 'Keeps entries of access control lists.',
  examples: `
- name: Let the monitoring user read the server log
  acl:
    path: /var/log/postgresql
    entity: monitor
    etype: user
    permissions: rx
    state: present
`,
  args,
  returns: { acl: 'The list as it is now.' },
  differences: ['Needs setfacl and getfacl on the host (package acl); NFSv4 lists are not known.'],
  touches: args => [args.path],

  probe: read,

  diff(found, args) {
    const change = `${args.path}: ${args.state === 'absent' ? 'without ' : ''}${args.state === 'query' ? '' : aclEntry(args).entry}`;
    return {
      changes: found.differs ? [change] : [],
      result: {
        acl: found.acl,
        msg: found.differs ? change : args.state === 'query' ? 'current acl' : 'already so',
      },
    };
  },

  *apply(_, args) {
    yield* mustSh('setfacl failed', setfacl(args, false));
    return { acl: (yield* read(args)).acl };
  },
});
