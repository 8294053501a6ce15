import { createHash } from 'node:crypto';
import type { Static } from 'typebox';
import { defined } from '../../source/defined.ts';
import { partAt } from '../../source/part-at.ts';
import { entryOf } from '../../source/record.ts';
import type { Json } from '../../source/value.ts';
import { A, Type } from '../kit/arguments.ts';
import { defineState, ModuleError, type Steps } from '../kit/define.ts';
import { effectiveLogin, mysqlArgs, mysqlRun, mysqlValue, type Row } from './mysql/client.ts';
import { privilegeWork, readGrants, unpackPrivileges } from './mysql/privileges.ts';

const args = Type.Object({
  name: A.str('Name of the user.', { aliases: ['user'] }),
  host: A.str('Host the user comes from.', { default: 'localhost' }),
  host_all: A.bool('Every host the user exists for.', { default: false }),
  state: A.choice(['absent', 'present'], 'Whether the user should exist.', { default: 'present' }),
  password: A.opt(A.str('Password, in clear, or hashed with `encrypted`.', { secret: true })),
  encrypted: A.bool('The password is a hash, as mysql_native_password makes it.', { default: false }),
  update_password: A.choice(['always', 'on_create', 'on_new_username'], 'When to set the password.', {
    default: 'always',
  }),
  priv: A.opt(A.raw('Privileges, such as `db.*:SELECT,INSERT/other.*:ALL`, or a mapping of these.')),
  append_privs: A.bool('Keep privileges that are not named.', { default: false }),
  subtract_privs: A.bool('Take the named privileges away.', { default: false }),
  plugin: A.opt(A.str('Authentication plugin.')),
  plugin_hash_string: A.opt(A.str('Hash for the plugin.', { secret: true })),
  plugin_auth_string: A.opt(A.str('Secret for the plugin.', { secret: true })),
  resource_limits: A.opt(A.dict('Limits, such as MAX_USER_CONNECTIONS.')),
  tls_requires: A.opt(
    A.dict('What a connection must have: SSL, X509, SUBJECT, ISSUER, CIPHER; empty for nothing.'),
  ),
  column_case_sensitive: A.opt(A.bool('Take names of columns in priv as they are written.')),
  session_vars: A.opt(A.dict('Variables to set for the session.')),
  sql_log_bin: A.bool('Whether the statements go to the binary log.', { default: true }),
  check_implicit_admin: A.bool('Try root without a password first.', { default: false }),
  force_context: A.bool('Accepted and without meaning here.', { default: false }),
  ...mysqlArgs,
});

type Args = Static<typeof args>;

interface Account {
  readonly host: string;
  readonly hash: string;
  readonly plugin: string;
  readonly limits: Row;
  /** As SHOW CREATE USER has it; empty when nothing is required. */
  readonly requires: string;
  readonly grants: ReadonlyMap<string, readonly string[]>;
}

interface Found {
  /** MySQL from version 8: its own way of hashing, unless told otherwise. */
  readonly modern: boolean;
  readonly accounts: readonly Account[];
}

const HASH = /^\*[0-9A-Fa-f]{40}$/;
const sha1 = (data: string | Buffer) => createHash('sha1').update(data).digest();

/** A password as mysql_native_password stores it. */
export const nativeHash = (password: string): string =>
  `*${sha1(sha1(password)).toString('hex').toUpperCase()}`;

function wantedHash(args: Args): string | undefined {
  if (args.password === undefined || args.password === '') return undefined;
  if (!args.encrypted) return nativeHash(args.password);
  if (HASH.test(args.password)) return args.password;
  throw new ModuleError(
    'encrypted was specified however it does not appear to be a valid hash expecting: *SHA1(SHA1(your_password))',
  );
}

const quoted = (text: string) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
const account = (args: Args, host: string) => `${quoted(args.name)}@${quoted(host)}`;

interface Statement {
  readonly sql: string;
  /** What a person sees of it: no secrets. */
  readonly shown: string;
  readonly password?: boolean;
}
const plain = (sql: string): Statement => ({ sql, shown: sql });
const secret = (start: string, sql: string): Statement => ({ sql, shown: `${start} …`, password: true });

const LIMITS: Readonly<Record<string, string>> = {
  MAX_QUERIES_PER_HOUR: 'max_questions',
  MAX_UPDATES_PER_HOUR: 'max_updates',
  MAX_CONNECTIONS_PER_HOUR: 'max_connections',
  MAX_USER_CONNECTIONS: 'max_user_connections',
};

function limitWork(args: Args, host: string, now: Row | undefined): Statement[] {
  const wanted = Object.entries(args.resource_limits ?? {});
  const unknown = wanted.find(([name]) => entryOf(LIMITS, name.toUpperCase()) === undefined);
  if (unknown) throw new ModuleError(`resource_limits: ${unknown[0]} is not known`);
  const differs = wanted.filter(
    ([name, value]) =>
      Number(now?.[defined(LIMITS[name.toUpperCase()], 'unknown limits are refused')] ?? 0) !== Number(value),
  );
  if (differs.length === 0) return [];
  const words = wanted.map(([name, value]) => `${name.toUpperCase()} ${Number(value)}`);
  return [plain(`ALTER USER ${account(args, host)} WITH ${words.join(' ')}`)];
}

/** What a connection must have, as SQL; empty for nothing. */
function requirement(args: Args): string | undefined {
  if (args.tls_requires === undefined) return undefined;
  const wanted = Object.entries(args.tls_requires).map(([key, value]) => [key.toUpperCase(), value] as const);
  const unknown = wanted.find(([key]) => !['SSL', 'X509', 'SUBJECT', 'ISSUER', 'CIPHER'].includes(key));
  if (unknown) throw new ModuleError(`tls_requires: ${unknown[0]} is not known`);
  const alone = wanted.find(([key]) => key === 'SSL' || key === 'X509')?.[0];
  return alone ?? wanted.map(([key, value]) => `${key} ${quoted(String(value))}`).join(' AND ');
}

const inOrder = (text: string) =>
  text
    .replaceAll(' AND ', ' ')
    .split(/ (?=SUBJECT |ISSUER |CIPHER )/)
    .sort()
    .join(' ');

function tlsWork(args: Args, found: Account): Statement[] {
  const wanted = requirement(args);
  if (wanted === undefined || inOrder(wanted) === inOrder(found.requires)) return [];
  return [plain(`ALTER USER ${account(args, found.host)} REQUIRE ${wanted || 'NONE'}`)];
}

function identification(args: Args, modern: boolean): string {
  if (args.plugin !== undefined) return pluginClause(args);
  const hash = wantedHash(args);
  if (hash === undefined) return '';
  return modern && !args.encrypted
    ? ` IDENTIFIED BY ${quoted(args.password ?? '')}`
    : ` IDENTIFIED WITH mysql_native_password AS ${quoted(hash)}`;
}

function pluginClause(args: Args): string {
  const plugin = ` IDENTIFIED WITH ${defined(args.plugin, 'the caller asked for it').replace(/\W/g, '')}`;
  if (args.plugin_hash_string !== undefined) return `${plugin} AS ${quoted(args.plugin_hash_string)}`;
  if (args.plugin_auth_string === undefined) return plugin;
  return `${plugin} ${args.plugin === 'pam' ? 'USING' : 'BY'} ${quoted(args.plugin_auth_string)}`;
}

function passwordWork(args: Args, found: Account): Statement[] {
  if (args.update_password !== 'always') return [];
  const start = `ALTER USER ${account(args, found.host)}`;
  const hash = wantedHash(args);
  const work: Statement[] = [];
  if (hash !== undefined && found.hash.toUpperCase() !== hash.toUpperCase())
    work.push(secret(start, `${start} IDENTIFIED WITH mysql_native_password AS ${quoted(hash)}`));
  if (args.plugin === undefined) return work;
  const wanted = args.plugin_hash_string ?? args.plugin_auth_string;
  if (found.plugin !== args.plugin || (wanted !== undefined && found.hash !== wanted))
    work.push(secret(start, `${start}${pluginClause(args)}`));
  return work;
}

/** The statements that bring the user to what is wanted. Pure. */
function work(found: Found, args: Args): { readonly statements: readonly Statement[]; readonly msg: string } {
  if (args.state === 'absent')
    return found.accounts.length === 0
      ? { statements: [], msg: "User doesn't exist" }
      : {
          statements: found.accounts.map(f => plain(`DROP USER ${account(args, f.host)}`)),
          msg: 'User deleted',
        };
  const privileges =
    args.priv === undefined
      ? undefined
      : unpackPrivileges(args.priv, !args.subtract_privs, args.column_case_sensitive);
  if (found.accounts.length === 0) {
    if (args.host_all) throw new ModuleError('host_all parameter cannot be used when adding a user');
    const who = account(args, args.host);
    const start = `CREATE USER ${who}`;
    const grants = args.subtract_privs
      ? []
      : privilegeWork(who, new Map(), privileges ?? new Map(), 'append');
    return {
      statements: [
        secret(
          start,
          start +
            identification(args, found.modern) +
            (requirement(args) ? ` REQUIRE ${requirement(args)}` : ''),
        ),
        ...grants.map(plain),
        ...limitWork(args, args.host, undefined),
      ],
      msg: 'User added',
    };
  }
  const mode = args.append_privs ? 'append' : args.subtract_privs ? 'subtract' : 'replace';
  const root = args.name === 'root';
  const statements = found.accounts.flatMap(f => [
    ...passwordWork(args, f),
    ...(privileges ? privilegeWork(account(args, f.host), f.grants, privileges, mode, root).map(plain) : []),
    ...tlsWork(args, f),
    ...limitWork(args, f.host, f.limits),
  ]);
  const password = statements.some(s => s.password);
  const msg = password ? 'Password updated' : statements.length > 0 ? 'Privileges updated' : 'User unchanged';
  return { statements, msg };
}

export const mysqlUser = defineState({
  name: 'mysql_user',
  aliases: ['community.mysql.mysql_user', 'ansible.mysql.mysql_user'],
  summary: 'Adds, changes and removes users of a MySQL or MariaDB server.',
  examples: `
- name: Let the migration read everything
  mysql_user:
    name: migration
    host: 10.0.0.%
    password: "{{ migration_password }}"
    priv: "shop.*:SELECT"
    login_unix_socket: /run/mysqld/mysqld.sock
  no_log: true
`,
  args,
  rules: { mutuallyExclusive: [['append_privs', 'subtract_privs']] },
  returns: {
    user: 'Name of the user.',
    msg: 'What was done.',
    password_changed: 'Whether the password was set.',
  },
  differences: [
    'Needs the mysql client on the host instead of Python and PyMySQL.',
    'A password in clear is hashed before it is sent, except to make a user on MySQL 8 and later.',
    'Without `tls_requires` what a connection must have is left alone.',
  ],
  touches: args => [`mysql-user:${args.login_host}:${args.name}`],

  *probe(args): Steps<Found> {
    const login = yield* effectiveLogin(args);
    const user = mysqlValue(args.name);
    const host = args.host_all ? '' : ` and lower(host) = ${mysqlValue(args.host.toLowerCase())}`;
    const [server, users, columns] = yield* mysqlRun(login, [
      'select version() as v',
      `select * from mysql.user where user = ${user}${host}`,
      `select user, host, authentication_string from mysql.user where user = ${user}${host}`,
    ]);
    const version = String(server?.[0]?.v);
    const hosts = (users ?? []).map(row => String(column(row, 'Host')));
    const grants = yield* mysqlRun(
      login,
      hosts.flatMap(h => [`show grants for ${account(args, h)}`, `show create user ${account(args, h)}`]),
    );
    const first = (row: Row | undefined) => String(Object.values(row ?? {})[0] ?? '');
    return {
      modern: !/maria/i.test(version) && Number.parseInt(version, 10) >= 8,
      accounts: (users ?? []).map((row, i) => ({
        host: partAt(hosts, i),
        hash: String(column(row, 'Password') || (columns?.[i]?.authentication_string ?? '')),
        plugin: String(column(row, 'plugin') ?? ''),
        limits: row,
        requires:
          /REQUIRE (?!NONE)(.+?)(?= WITH | PASSWORD | ACCOUNT |$)/.exec(first(grants[2 * i + 1]?.[0]))?.[1] ??
          '',
        grants: readGrants((grants[2 * i] ?? []).map(first), args.column_case_sensitive),
      })),
    };
  },

  diff(found, args) {
    const { statements, msg } = work(found, args);
    return {
      changes: statements.map(s => s.shown),
      result: { user: args.name, msg, password_changed: statements.some(s => s.password === true) },
    };
  },

  *apply(found, args) {
    const login = yield* effectiveLogin(args);
    const { statements } = work(found, args);
    yield* mysqlRun(login, [
      ...(args.sql_log_bin ? [] : ['set sql_log_bin = 0']),
      ...Object.entries(args.session_vars ?? {}).map(
        ([k, v]) => `set session ${k.replace(/\W/g, '')} = ${mysqlValue(v)}`,
      ),
      ...statements.map(s => s.sql),
    ]);
    return {};
  },
});

/** A column of mysql.user, whatever the letters' case is on this server. */
const column = (row: Row, name: string): Json | undefined =>
  Object.entries(row).find(([key]) => key.toLowerCase() === name.toLowerCase())?.[1];
