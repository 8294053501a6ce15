import type { Static } from 'typebox';
import { partAt } from '../../source/part-at.ts';
import { A, Type } from '../kit/arguments.ts';
import { defineAction, type ModuleContext, ModuleError, type Result, type Steps } from '../kit/define.ts';
import { connectionArgs } from './postgres/connection.ts';
import { identifier, literal, runQueries } from './postgres/session.ts';

const KINDS = [
  ...['table', 'sequence', 'function', 'procedure', 'database', 'schema', 'language', 'tablespace', 'group'],
  ...['default_privs', 'foreign_data_wrapper', 'foreign_server', 'type', 'parameter'],
] as const;

const args = Type.Object({
  database: A.str('Database to connect to.', { aliases: ['db', 'login_db'] }),
  roles: A.str('Roles that get or lose the privileges, divided by commas; PUBLIC is everybody.', {
    aliases: ['role'],
  }),
  privs: A.opt(A.str('Privileges, divided by commas; ALL for all.', { aliases: ['priv'] })),
  type: A.choice(KINDS, 'What the privileges are on.', { default: 'table' }),
  objs: A.opt(
    A.str('Names of the objects, divided by commas, or ALL_IN_SCHEMA; with default_privs ALL_DEFAULT.', {
      aliases: ['obj'],
    }),
  ),
  schema: A.opt(A.str('Schema of the objects; public when not given.')),
  state: A.choice(['absent', 'present'], 'Whether the privileges are granted.', { default: 'present' }),
  grant_option: A.opt(A.bool('Whether the roles may hand the privileges on.', { aliases: ['admin_option'] })),
  target_roles: A.opt(A.str('With default_privs: roles whose new objects are meant.')),
  fail_on_role: A.bool('Fail when a role does not exist; otherwise it is passed over.', { default: true }),
  usage_on_types: A.bool('With default_privs: grant USAGE on types too.', { default: true }),
  password: A.opt(A.str('Password to log in with.', { secret: true })),
  ...connectionArgs,
});

type Args = Static<typeof args>;

const list = (text: string) => text.split(',').map(part => part.trim());

const WITH_SCHEMA = ['table', 'sequence', 'function', 'procedure', 'type', 'default_privs'];
const ALL_OF: Readonly<Record<string, string>> = {
  table: 'TABLES',
  sequence: 'SEQUENCES',
  function: 'FUNCTIONS',
  procedure: 'PROCEDURES',
};
const DEFAULT_OBJECTS = ['TABLES', 'SEQUENCES', 'FUNCTIONS', 'TYPES'];

const role = (name: string) =>
  /^(public|session_user|current_user)$/i.test(name) ? name.toUpperCase() : identifier(name);

function schemaOf(args: Args): string | undefined {
  if (!WITH_SCHEMA.includes(args.type)) {
    if (args.schema !== undefined)
      throw new ModuleError(`Argument "schema" is not allowed for type "${args.type}".`);
    return undefined;
  }
  return args.objs === 'schemas' || args.schema === 'not-specified' ? undefined : (args.schema ?? 'public');
}

function objectsOf(args: Args): string {
  if (args.objs === 'ALL_IN_SCHEMA' && !ALL_OF[args.type])
    throw new ModuleError(
      `Argument "objs": ALL_IN_SCHEMA can be used only for type: table, sequence, function or procedure, ${args.type} was passed.`,
    );
  const objs = args.objs ?? (args.type === 'database' ? args.database : undefined);
  if (objs === undefined) throw new ModuleError(`Argument "objs" is required for type "${args.type}".`);
  return objs;
}

function privilegesOf(args: Args): string {
  if (args.type === 'group') {
    if (args.privs !== undefined) throw new ModuleError('Argument "privs" is not allowed for type "group".');
    return '';
  }
  if (args.privs === undefined)
    throw new ModuleError(`Argument "privs" is required for type "${args.type}".`);
  const names = list(args.privs.toUpperCase());
  const wrong = names.filter(name => !/^[A-Z]+( [A-Z]+)?$/.test(name));
  if (wrong.length > 0) throw new ModuleError(`Invalid privileges specified: ${wrong.join(', ')}`);
  return names.join(', ');
}

/** `name(int:text)` as SQL has it; arguments cannot be quoted, so they may hold only what type names hold. */
function functionName(text: string, schema: string): string {
  const found = /^([^(]+)\(([\w\s:."[\]]*)\)$/.exec(text);
  if (!found) throw new ModuleError(`Illegal function signature: "${text}"`);
  return `${identifier(schema)}.${identifier(partAt(found, 1).trim())}(${partAt(found, 2).replaceAll(':', ', ')})`;
}

/** What stands after ON. */
function target(args: Args, schema: string | undefined): string {
  const objs = objectsOf(args);
  if (objs === 'ALL_IN_SCHEMA') return `ALL ${ALL_OF[args.type]} IN SCHEMA ${identifier(schema ?? 'public')}`;
  const names = list(objs);
  const qualified = (name: string) =>
    schema === undefined ? identifier(name) : `${identifier(schema)}.${identifier(name)}`;
  if (args.type === 'function' || args.type === 'procedure')
    return `${args.type.toUpperCase()} ${names.map(n => functionName(n, schema ?? 'public')).join(', ')}`;
  if (args.type === 'parameter')
    return `PARAMETER ${names.map(n => n.split('.').map(identifier).join('.')).join(', ')}`;
  const word: Readonly<Record<string, string>> = {
    foreign_data_wrapper: 'FOREIGN DATA WRAPPER',
    foreign_server: 'FOREIGN SERVER',
  };
  return `${word[args.type] ?? args.type.toUpperCase()} ${names.map(qualified).join(', ')}`;
}

/** The statements, as Ansible's module makes them. Pure. */
export function privilegeStatements(args: Args, roles: readonly string[]): string[] {
  const schema = schemaOf(args);
  const privileges = privilegesOf(args);
  const whom = roles.map(role).join(', ');
  if (args.type === 'default_privs') return defaultStatements(args, schema, privileges, whom);
  const group = args.type === 'group';
  const what = group
    ? list(objectsOf(args)).map(identifier).join(', ')
    : `${privileges} ON ${target(args, schema)}`;
  if (args.state === 'absent') return [`REVOKE ${what} FROM ${whom}`];
  const option = group ? 'ADMIN OPTION' : 'GRANT OPTION';
  return [
    `GRANT ${what} TO ${whom}${args.grant_option === true ? ` WITH ${option}` : ''}`,
    ...(args.grant_option === false ? [`REVOKE ${option} FOR ${what} FROM ${whom}`] : []),
  ];
}

function defaultStatements(
  args: Args,
  schema: string | undefined,
  privileges: string,
  whom: string,
): string[] {
  const objs = objectsOf(args).toUpperCase();
  const kinds = objs === 'ALL_DEFAULT' ? DEFAULT_OBJECTS : list(objs);
  const wrong = kinds.filter(kind => ![...DEFAULT_OBJECTS, 'SCHEMAS'].includes(kind));
  if (wrong.length > 0) throw new ModuleError(`Invalid Object set specified: ${wrong.join(', ')}`);
  const owners =
    args.target_roles === undefined ? '' : ` FOR ROLE ${list(args.target_roles).map(role).join(', ')}`;
  const start = `ALTER DEFAULT PRIVILEGES${owners}${schema === undefined ? '' : ` IN SCHEMA ${identifier(schema)}`}`;
  if (args.state === 'absent')
    return ['TABLES', 'SEQUENCES', 'TYPES'].map(kind => `${start} REVOKE ALL ON ${kind} FROM ${whom}`);
  const option = args.grant_option === true ? ' WITH GRANT OPTION' : '';
  return [
    ...kinds.map(kind => `${start} REVOKE ALL ON ${kind} FROM ${whom}`),
    ...kinds.map(kind => `${start} GRANT ${privileges} ON ${kind} TO ${whom}${option}`),
    ...(args.usage_on_types ? [`${start} GRANT USAGE ON TYPES TO ${whom}${option}`] : []),
  ];
}

const sorted = (acl: string) => `(select string_agg(x::text, ' ' order by x::text) from unnest(${acl}) x)`;

/** Every privilege that the statements may touch, as one text: compared before and after. */
function stateQuery(args: Args): string {
  const relations = (kinds: string) =>
    `select c.relname as name, ${sorted('c.relacl')} as acl from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = ${literal(schemaOf(args) ?? 'public')} and c.relkind in (${kinds})`;
  const named = (table: string, name: string, acl: string) =>
    `select ${name}::text as name, ${sorted(acl)} as acl from ${table}`;
  const source: Readonly<Record<string, string>> = {
    table: relations(`'r', 'v', 'm', 'p', 'f'`),
    sequence: relations(`'S'`),
    function: named('pg_proc', 'oid', 'proacl'),
    procedure: named('pg_proc', 'oid', 'proacl'),
    database: named('pg_database', 'datname', 'datacl'),
    schema: named('pg_namespace', 'nspname', 'nspacl'),
    language: named('pg_language', 'lanname', 'lanacl'),
    tablespace: named('pg_tablespace', 'spcname', 'spcacl'),
    foreign_data_wrapper: named('pg_foreign_data_wrapper', 'fdwname', 'fdwacl'),
    foreign_server: named('pg_foreign_server', 'srvname', 'srvacl'),
    type: named('pg_type', 'oid', 'typacl'),
    parameter: named('pg_parameter_acl', 'parname', 'paracl'),
    group: `select roleid || ' ' || member as name, admin_option::text as acl from pg_auth_members`,
    default_privs: `select defaclrole || ' ' || defaclnamespace || ' ' || defaclobjtype::text as name, ${sorted('defaclacl')} as acl from pg_default_acl`,
  };
  return `select string_agg(name || ' ' || coalesce(acl, '-'), '; ' order by name) as state from (${source[args.type]}) s`;
}

/** The roles that exist; a missing one is a mistake, unless the author does not mind. */
function* knownRoles(args: Args): Steps<{ readonly roles: string[]; readonly warnings: string[] }> {
  const wanted = list(args.roles);
  const named = wanted.filter(name => role(name) === identifier(name));
  if (named.length === 0) return { roles: wanted, warnings: [] };
  const query = `select rolname::text as name from pg_roles where rolname in (${named.map(literal).join(', ')})`;
  const [result] = yield* runQueries(args, [query], { database: args.database });
  const there = new Set(result?.rows.map(row => row.name));
  const missing = named.filter(name => !there.has(name));
  const message = (name: string) => `Role ${name} does not exist`;
  if (missing.length > 0 && args.fail_on_role) throw new ModuleError(message(partAt(missing, 0)));
  return {
    roles: wanted.filter(name => !missing.includes(name)),
    warnings: missing.map(name => `${message(name)}, pass it`),
  };
}

/** Privileges follow rules of their own (owners, defaults): the server itself is asked what a change would do. */
function* work(args: Args, ctx: ModuleContext): Steps<Result> {
  const withLogin = args.password === undefined ? args : { ...args, login_password: args.password };
  const { roles, warnings } = yield* knownRoles(withLogin);
  const told = warnings.length > 0 ? { warnings } : {};
  if (roles.length === 0) return { changed: false, queries: [], ...told };
  const queries = privilegeStatements(withLogin, roles);
  const state = stateQuery(withLogin);
  const options = { database: withLogin.database, rollback: ctx.checkMode };
  const results = yield* runQueries(withLogin, [state, ...queries, state], options);
  return { changed: results[0]?.rows[0]?.state !== results.at(-1)?.rows[0]?.state, queries, ...told };
}

export const postgresqlPrivs = defineAction({
  name: 'postgresql_privs',
  aliases: ['community.postgresql.postgresql_privs'],
  summary: 'Grants and revokes privileges on objects of a PostgreSQL database.',
  examples: `
- name: Let the reports read all tables
  postgresql_privs:
    database: app
    roles: reports
    type: table
    objs: ALL_IN_SCHEMA
    schema: public
    privs: SELECT
  become: true
  become_user: postgres
`,
  args,
  returns: { queries: 'The statements.' },
  differences: [
    'Needs psql on the host instead of Python and psycopg2.',
    'A dry run carries the statements out in a transaction that is undone, as there.',
    '`queries` is a list of all statements, without semicolons.',
  ],
  run: work,
  check: work,
});
