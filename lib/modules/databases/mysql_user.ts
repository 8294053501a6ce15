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

function wantedHash(a: Args): string | undefined {
  if (a.password === undefined || a.password === '') return undefined;
  if (!a.encrypted) return nativeHash(a.password);
  if (HASH.test(a.password)) return a.password;
  throw new ModuleError(
    'encrypted was specified however it does not appear to be a valid hash expecting: *SHA1(SHA1(your_password))',
  );
}

const quoted = (text: string) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
const account = (a: Args, host: string) => `${quoted(a.name)}@${quoted(host)}`;

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

function limitWork(a: Args, host: string, now: Row | undefined): Statement[] {
  const wanted = Object.entries(a.resource_limits ?? {});
  const unknown = wanted.find(([name]) => entryOf(LIMITS, name.toUpperCase()) === undefined);
  if (unknown) throw new ModuleError(`resource_limits: ${unknown[0]} is not known`);
  const differs = wanted.filter(
    ([name, value]) =>
      Number(now?.[defined(LIMITS[name.toUpperCase()], 'unknown limits are refused')] ?? 0) !== Number(value),
  );
  if (differs.length === 0) return [];
  const words = wanted.map(([name, value]) => `${name.toUpperCase()} ${Number(value)}`);
  return [plain(`ALTER USER ${account(a, host)} WITH ${words.join(' ')}`)];
}

/** What a connection must have, as SQL; empty for nothing. */
function requirement(a: Args): string | undefined {
  if (a.tls_requires === undefined) return undefined;
  const wanted = Object.entries(a.tls_requires).map(([key, value]) => [key.toUpperCase(), value] as const);
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

function tlsWork(a: Args, found: Account): Statement[] {
  const wanted = requirement(a);
  if (wanted === undefined || inOrder(wanted) === inOrder(found.requires)) return [];
  return [plain(`ALTER USER ${account(a, found.host)} REQUIRE ${wanted || 'NONE'}`)];
}

function identification(a: Args, modern: boolean): string {
  if (a.plugin !== undefined) return pluginClause(a);
  const hash = wantedHash(a);
  if (hash === undefined) return '';
  return modern && !a.encrypted
    ? ` IDENTIFIED BY ${quoted(a.password ?? '')}`
    : ` IDENTIFIED WITH mysql_native_password AS ${quoted(hash)}`;
}

function pluginClause(a: Args): string {
  const plugin = ` IDENTIFIED WITH ${defined(a.plugin, 'the caller asked for it').replace(/\W/g, '')}`;
  if (a.plugin_hash_string !== undefined) return `${plugin} AS ${quoted(a.plugin_hash_string)}`;
  if (a.plugin_auth_string === undefined) return plugin;
  return `${plugin} ${a.plugin === 'pam' ? 'USING' : 'BY'} ${quoted(a.plugin_auth_string)}`;
}

function passwordWork(a: Args, found: Account): Statement[] {
  if (a.update_password !== 'always') return [];
  const start = `ALTER USER ${account(a, found.host)}`;
  const hash = wantedHash(a);
  const work: Statement[] = [];
  if (hash !== undefined && found.hash.toUpperCase() !== hash.toUpperCase())
    work.push(secret(start, `${start} IDENTIFIED WITH mysql_native_password AS ${quoted(hash)}`));
  if (a.plugin === undefined) return work;
  const wanted = a.plugin_hash_string ?? a.plugin_auth_string;
  if (found.plugin !== a.plugin || (wanted !== undefined && found.hash !== wanted))
    work.push(secret(start, `${start}${pluginClause(a)}`));
  return work;
}

/** The statements that bring the user to what is wanted. Pure. */
function work(found: Found, a: Args): { readonly statements: readonly Statement[]; readonly msg: string } {
  if (a.state === 'absent')
    return found.accounts.length === 0
      ? { statements: [], msg: "User doesn't exist" }
      : {
          statements: found.accounts.map(f => plain(`DROP USER ${account(a, f.host)}`)),
          msg: 'User deleted',
        };
  const privileges =
    a.priv === undefined ? undefined : unpackPrivileges(a.priv, !a.subtract_privs, a.column_case_sensitive);
  if (found.accounts.length === 0) {
    if (a.host_all) throw new ModuleError('host_all parameter cannot be used when adding a user');
    const who = account(a, a.host);
    const start = `CREATE USER ${who}`;
    const grants = a.subtract_privs ? [] : privilegeWork(who, new Map(), privileges ?? new Map(), 'append');
    return {
      statements: [
        secret(
          start,
          start + identification(a, found.modern) + (requirement(a) ? ` REQUIRE ${requirement(a)}` : ''),
        ),
        ...grants.map(plain),
        ...limitWork(a, a.host, undefined),
      ],
      msg: 'User added',
    };
  }
  const mode = a.append_privs ? 'append' : a.subtract_privs ? 'subtract' : 'replace';
  const root = a.name === 'root';
  const statements = found.accounts.flatMap(f => [
    ...passwordWork(a, f),
    ...(privileges ? privilegeWork(account(a, f.host), f.grants, privileges, mode, root).map(plain) : []),
    ...tlsWork(a, f),
    ...limitWork(a, f.host, f.limits),
  ]);
  const password = statements.some(s => s.password);
  const msg = password ? 'Password updated' : statements.length > 0 ? 'Privileges updated' : 'User unchanged';
  return { statements, msg };
}

export const mysqlUser = defineState({
  name: 'mysql_user',
  aliases: ['community.mysql.mysql_user', 'ansible.mysql.mysql_user'],
  summary: 'Adds, changes and removes users of a MySQL or MariaDB server.',
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
  touches: a => [`mysql-user:${a.login_host}:${a.name}`],

  *probe(a): Steps<Found> {
    const login = yield* effectiveLogin(a);
    const user = mysqlValue(a.name);
    const host = a.host_all ? '' : ` and lower(host) = ${mysqlValue(a.host.toLowerCase())}`;
    const [server, users, columns] = yield* mysqlRun(login, [
      'select version() as v',
      `select * from mysql.user where user = ${user}${host}`,
      `select user, host, authentication_string from mysql.user where user = ${user}${host}`,
    ]);
    const version = String(server?.[0]?.v);
    const hosts = (users ?? []).map(row => String(column(row, 'Host')));
    const grants = yield* mysqlRun(
      login,
      hosts.flatMap(h => [`show grants for ${account(a, h)}`, `show create user ${account(a, h)}`]),
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
        grants: readGrants((grants[2 * i] ?? []).map(first), a.column_case_sensitive),
      })),
    };
  },

  diff(found, a) {
    const { statements, msg } = work(found, a);
    return {
      changes: statements.map(s => s.shown),
      result: { user: a.name, msg, password_changed: statements.some(s => s.password === true) },
    };
  },

  *apply(found, a) {
    const login = yield* effectiveLogin(a);
    const { statements } = work(found, a);
    yield* mysqlRun(login, [
      ...(a.sql_log_bin ? [] : ['set sql_log_bin = 0']),
      ...Object.entries(a.session_vars ?? {}).map(
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
