import type { Static } from 'typebox';
import { defined } from '../../source/defined.ts';
import { itemsOf } from '../../source/json.ts';
import { A, Type } from '../kit/arguments.ts';
import { defineState, ModuleError, type Steps } from '../kit/define.ts';
import { connectionArgs } from './postgres/connection.ts';
import { matchesPassword, storedPassword } from './postgres/password.ts';
import { identifier, literal, QueryError, type Row, runQueries } from './postgres/session.ts';

const args = Type.Object({
  name: A.str('Name of the user or role.', { aliases: ['user'] }),
  state: A.choice(['absent', 'present'], 'Whether it should exist.', { default: 'present' }),
  password: A.opt(
    A.str('Password, in clear or hashed as PostgreSQL stores it; an empty one removes it.', { secret: true }),
  ),
  role_attr_flags: A.str(
    'Attributes, divided by commas: CREATEDB, CREATEROLE, SUPERUSER, REPLICATION, LOGIN, INHERIT, BYPASSRLS, each also with NO before it.',
    {
      default: '',
    },
  ),
  expires: A.opt(A.str('When the password stops being valid; "infinity" for never.')),
  conn_limit: A.opt(A.int('Most connections at a time; -1 for no limit.')),
  comment: A.opt(A.str('Comment on the role.')),
  groups: A.opt(A.list('Roles to make the user a member of.')),
  db: A.str('Database to connect to.', { default: '', aliases: ['login_db'] }),
  no_password_changes: A.bool('Leave the password of an existing user alone.', { default: false }),
  fail_on_user: A.bool('Fail when the user cannot be removed.', { default: true, aliases: ['fail_on_role'] }),
  encrypted: A.bool('Accepted; passwords are always stored hashed.', { default: true }),
  ...connectionArgs,
});

type Args = Static<typeof args>;

const FLAGS: Readonly<Record<string, string>> = {
  SUPERUSER: 'rolsuper',
  CREATEROLE: 'rolcreaterole',
  CREATEUSER: 'rolcreaterole',
  CREATEDB: 'rolcreatedb',
  INHERIT: 'rolinherit',
  LOGIN: 'rolcanlogin',
  REPLICATION: 'rolreplication',
  BYPASSRLS: 'rolbypassrls',
};

interface Found {
  /** How the server wants passwords hashed. */
  readonly method: string;
  readonly role: Row | undefined;
  /** Undefined when the stored password may not be read. */
  readonly stored: string | null | undefined;
}

/** A flag and whether it is switched on; undefined for a word that is none. */
function parseFlag(word: string): readonly [name: string, on: boolean] | undefined {
  if (FLAGS[word]) return [word, true];
  const name = word.slice(2);
  return word.startsWith('NO') && FLAGS[name] ? [name, false] : undefined;
}

function flagsOf(args: Args): readonly (readonly [name: string, on: boolean])[] {
  const words = args.role_attr_flags
    .toUpperCase()
    .split(',')
    .map(f => f.trim())
    .filter(Boolean);
  const wrong = words.filter(word => !parseFlag(word));
  if (wrong.length > 0) throw new ModuleError(`Invalid role_attr_flags specified: ${wrong.join(' ')}`);
  return words.map(word => defined(parseFlag(word), 'unknown flags are refused'));
}

function roleQuery(args: Args): string {
  const name = literal(args.name);
  const expires =
    args.expires === undefined
      ? 'false'
      : `rolvaliduntil is distinct from ${literal(args.expires)}::timestamptz`;
  return `select r.*, ${expires} as expiry_differs, shobj_description(r.oid, 'pg_authid') as comment,
has_table_privilege('pg_catalog.pg_authid', 'select') as may_read, current_setting('password_encryption') as method,
array(select g.rolname::text from pg_auth_members m join pg_roles g on g.oid = m.roleid where m.member = r.oid) as groups
from (values (1)) one(x) left join pg_roles r on r.rolname = ${name}`;
}

/** Statements that bring the role to what is wanted; what a person sees of them hides the password. Pure. */
function statements(found: Found, args: Args): readonly { readonly sql: string; readonly shown: string }[] {
  const { role } = found;
  const user = identifier(args.name);
  const plain = (sql: string) => ({ sql, shown: sql });
  if (args.state === 'absent') return role ? [plain(`DROP USER ${user}`)] : [];
  const flags = flagsOf(args);
  const changedFlags = role
    ? flags.filter(([name, on]) => role[defined(FLAGS[name], 'unknown flags are refused')] !== on)
    : flags;
  const clauses = [
    ...changedFlags.map(([name, on]) => `${on ? '' : 'NO'}${name === 'CREATEUSER' ? 'CREATEROLE' : name}`),
    ...(args.expires !== undefined && (!role || role.expiry_differs === true)
      ? [`VALID UNTIL ${literal(args.expires)}`]
      : []),
    ...(args.conn_limit !== undefined && (!role || role.rolconnlimit !== args.conn_limit)
      ? [`CONNECTION LIMIT ${args.conn_limit}`]
      : []),
  ];
  const password = passwordClause(found, args);
  const verb = role ? 'ALTER' : 'CREATE';
  const all = (secret: string) =>
    [`${verb} USER ${user}`, ...(password === undefined ? [] : [`PASSWORD ${secret}`]), ...clauses].join(' ');
  const groups = (args.groups ?? [])
    .map(g => g.trim())
    .filter(g => !role || !itemsOf(role.groups).includes(g));
  return [
    ...(!role || clauses.length > 0 || password !== undefined
      ? [{ sql: all(password ?? ''), shown: all(password === 'NULL' ? 'NULL' : "'********'") }]
      : []),
    ...groups.map(group => plain(`GRANT ${identifier(group)} TO ${user}`)),
    ...(args.comment !== undefined && args.comment !== (role?.comment ?? null)
      ? [plain(`COMMENT ON ROLE ${user} IS ${literal(args.comment)}`)]
      : []),
  ];
}

/** The password as SQL; undefined when it stays. */
function passwordClause({ role, stored, method }: Found, args: Args): string | undefined {
  if (args.password === undefined || (role && args.no_password_changes)) return undefined;
  if (role ? stored !== undefined && matchesPassword(stored, args.password, args.name) : args.password === '')
    return undefined;
  if (args.password === '') return 'NULL';
  return literal(storedPassword(args.password, args.name, method));
}

export const postgresqlUser = defineState({
  name: 'postgresql_user',
  aliases: ['community.postgresql.postgresql_user'],
  summary: 'Adds, changes and removes users of a PostgreSQL server.',
  examples: `
- name: Create the role of the application
  postgresql_user:
    name: app
    password: "{{ app_password }}"
    role_attr_flags: LOGIN,NOSUPERUSER
    conn_limit: 100
  become: true
  become_user: postgres
  no_log: true
`,
  args,
  returns: {
    user: 'Name of the user.',
    queries: 'The statements, passwords hidden.',
    user_removed: 'Whether it was removed.',
  },
  differences: [
    'Needs psql on the host instead of Python and psycopg2.',
    'A password in clear is hashed before it is sent: neither the server nor its log ever sees it.',
    'A user is looked for by name; membership in `groups` is added, never taken away, as there.',
    '`priv` does not exist: privileges are granted with postgresql_query.',
  ],
  touches: args => [`pg-role:${args.login_host}:${args.port}:${args.name}`],

  *probe(args): Steps<Found> {
    flagsOf(args);
    const options = { database: args.db || 'postgres', autocommit: true };
    const [result] = yield* runQueries(args, [roleQuery(args)], options);
    const row = result?.rows[0];
    const role = row?.rolname === null ? undefined : row;
    const wanted = args.state === 'present' && args.password !== undefined && !args.no_password_changes;
    const method = String(row?.method);
    if (!role) return { role: undefined, stored: null, method };
    if (!wanted || row?.may_read !== true) return { role, stored: undefined, method };
    const [secret] = yield* runQueries(
      args,
      [`select rolpassword from pg_authid where rolname = ${literal(args.name)}`],
      options,
    );
    const stored = secret?.rows[0]?.rolpassword;
    return { role, stored: typeof stored === 'string' ? stored : null, method };
  },

  diff(found, args) {
    const work = statements(found, args);
    return {
      changes: work.map(s => s.shown),
      result: { user: args.name, queries: work.map(s => s.shown) },
    };
  },

  *apply(found, args) {
    try {
      yield* runQueries(
        args,
        statements(found, args).map(s => s.sql),
        { database: args.db || 'postgres' },
      );
    } catch (error) {
      if (!(error instanceof QueryError)) throw error;
      if (args.state === 'absent' && !args.fail_on_user) return { changed: false, user_removed: false };
      throw new ModuleError(
        args.state === 'absent' ? `Unable to remove user: ${error.serverMessage}` : error.serverMessage,
        { user: args.name },
      );
    }
    return args.state === 'absent' ? { user_removed: true } : {};
  },
});
