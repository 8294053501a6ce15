import type { Static } from 'typebox';
import { A, Type } from '../kit/arguments.ts';
import {
  defineAction,
  type ModuleContext,
  ModuleError,
  quote,
  type Result,
  type Steps,
  sh,
} from '../kit/define.ts';
import { quotedWords } from '../kit/sh.ts';
import { pathWord } from '../kit/stat.ts';
import { connectionArgs, connectScript, passwordLine } from './postgres/connection.ts';
import { identifier, literal, onlyRow, QueryError, type Row, runQueries } from './postgres/session.ts';

const args = Type.Object({
  name: A.str('Name of the database.', { aliases: ['db'] }),
  state: A.choice(['absent', 'dump', 'present', 'rename', 'restore'], 'What is wanted of the database.', {
    default: 'present',
  }),
  owner: A.str('Role that owns it.', { default: '' }),
  template: A.str('Database that a new one is copied from.', { default: '' }),
  encoding: A.str('Character encoding.', { default: '' }),
  lc_collate: A.str('Sort order.', { default: '' }),
  lc_ctype: A.str('Character classes.', { default: '' }),
  conn_limit: A.str('Most connections at a time; -1 for no limit.', { default: '' }),
  tablespace: A.str('Table space.', { default: '' }),
  force: A.bool('With state=absent: end connections to it first.', { default: false }),
  target: A.path('New name, or file of the dump: .sql, .sql.gz, .sql.bz2, .sql.xz, .tar, .pgc or .dir.', {
    default: '',
  }),
  target_opts: A.str('Further arguments for pg_dump, pg_restore or psql.', { default: '' }),
  dump_extra_args: A.opt(A.str('Further arguments for pg_dump.')),
  maintenance_db: A.str('Database to connect to.', { default: 'postgres' }),
  ...connectionArgs,
});

type Args = Static<typeof args>;

const INFO = (
  name: string,
) => `select r.rolname::text as owner, pg_encoding_to_char(d.encoding)::text as encoding, d.datcollate::text as lc_collate,
d.datctype::text as lc_ctype, d.datconnlimit as conn_limit, t.spcname::text as tablespace, current_setting('server_version_num')::int as version,
d.datname is not null as there from (values (1)) one(n) left join pg_database d on d.datname = ${literal(name)}
left join pg_roles r on r.oid = d.datdba left join pg_tablespace t on t.oid = d.dattablespace`;

const canonical = (encoding: string) => encoding.toUpperCase().replaceAll(/[^A-Z0-9]/g, '');

/** Statements for a database that exists. Pure. */
function alterations(args: Args, info: Row): string[] {
  const name = identifier(args.name);
  const fixed: readonly (readonly [string, string, string, boolean])[] = [
    [
      'database encoding',
      'encoding',
      args.encoding,
      canonical(args.encoding) === canonical(String(info.encoding)),
    ],
    ['LC_COLLATE', 'LC_COLLATE', args.lc_collate, args.lc_collate === info.lc_collate],
    ['LC_CTYPE', 'LC_CTYPE', args.lc_ctype, args.lc_ctype === info.lc_ctype],
  ];
  for (const [what, label, wanted, same] of fixed) {
    const now = { encoding: info.encoding, LC_COLLATE: info.lc_collate, LC_CTYPE: info.lc_ctype }[label];
    if (wanted !== '' && !same)
      throw new ModuleError(`Changing ${what} is not supported. Current ${label}: ${now}`);
  }
  return [
    ...(args.owner !== '' && args.owner !== info.owner
      ? [`ALTER DATABASE ${name} OWNER TO ${identifier(args.owner)}`]
      : []),
    ...(args.conn_limit !== '' && args.conn_limit !== String(info.conn_limit)
      ? [`ALTER DATABASE ${name} CONNECTION LIMIT ${limit(args)}`]
      : []),
    ...(args.tablespace !== '' && args.tablespace !== info.tablespace
      ? [`ALTER DATABASE ${name} SET TABLESPACE ${identifier(args.tablespace)}`]
      : []),
  ];
}

function limit(args: Args): string {
  if (!/^-?\d+$/.test(args.conn_limit))
    throw new ModuleError(`conn_limit must be a number, not "${args.conn_limit}"`);
  return args.conn_limit;
}

function creation(args: Args): string {
  return [
    `CREATE DATABASE ${identifier(args.name)}`,
    ...(args.owner ? [`OWNER ${identifier(args.owner)}`] : []),
    ...(args.template ? [`TEMPLATE ${identifier(args.template)}`] : []),
    ...(args.encoding ? [`ENCODING ${literal(args.encoding)}`] : []),
    ...(args.lc_collate ? [`LC_COLLATE ${literal(args.lc_collate)}`] : []),
    ...(args.lc_ctype ? [`LC_CTYPE ${literal(args.lc_ctype)}`] : []),
    ...(args.tablespace ? [`TABLESPACE ${identifier(args.tablespace)}`] : []),
    ...(args.conn_limit ? [`CONNECTION LIMIT ${limit(args)}`] : []),
  ].join(' ');
}

function removal(args: Args, info: Row): string[] {
  const drop = `DROP DATABASE ${identifier(args.name)}`;
  if (!args.force) return [drop];
  if (Number(info.version) >= 130000) return [`${drop} WITH (FORCE)`];
  const name = literal(args.name);
  return [
    `UPDATE pg_database SET datallowconn = false WHERE datname = ${name}`,
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = ${name} AND pid <> pg_backend_pid()`,
    drop,
  ];
}

function* renaming(args: Args, info: Row): Steps<string[]> {
  if (args.target === '')
    throw new ModuleError('The "target" option must be defined when the "rename" option is used.');
  if (args.name === args.target)
    throw new ModuleError('The "name/db" option and the "target" option cannot be the same.');
  if (args.maintenance_db === args.name)
    throw new ModuleError('The "maintenance_db" option and the "name/db" option cannot be the same.');
  const [other] = yield* runQueries(args, [INFO(args.target)], {
    database: args.maintenance_db,
    autocommit: true,
  });
  const target = other?.rows[0]?.there === true;
  if (info.there !== true && !target)
    throw new ModuleError('The source and the target databases do not exist.');
  if (info.there === true && target) throw new ModuleError('Both the source and the target databases exist.');
  return target ? [] : [`ALTER DATABASE ${identifier(args.name)} RENAME TO ${identifier(args.target)}`];
}

function* manage(args: Args, ctx: ModuleContext): Steps<Result> {
  const options = { database: args.maintenance_db, autocommit: true };
  try {
    const [found] = yield* runQueries(args, [INFO(args.name)], options);
    const info = onlyRow(found);
    const work =
      args.state === 'rename'
        ? yield* renaming(args, info)
        : args.state === 'absent'
          ? info.there === true
            ? removal(args, info)
            : []
          : info.there === true
            ? alterations(args, info)
            : [creation(args)];
    if (work.length > 0 && !ctx.checkMode) yield* runQueries(args, work, options);
    return { changed: work.length > 0, db: args.name, executed_commands: work };
  } catch (error) {
    if (!(error instanceof QueryError)) throw error;
    throw new ModuleError(`Database query failed: ${error.serverMessage}`, { db: args.name });
  }
}

const COMPRESSORS: readonly (readonly [ending: string, pack: string, unpack: string])[] = [
  ['.gz', 'gzip -c', 'gzip -dc'],
  ['.bz2', 'bzip2 -c', 'bzip2 -dc'],
  ['.xz', 'xz -c', 'xz -dc'],
];

/** pg_dump or the program that restores; the format follows from the name of the file. */
function transferCommand(args: Args): readonly [program: string, command: string] {
  const target = args.target === '' ? `"$PWD"/${quote(`${args.name}.sql`)}` : pathWord(args.target);
  const packed = COMPRESSORS.find(([ending]) => args.target.endsWith(ending));
  const plain = packed ? args.target.slice(0, -packed[0].length) : args.target;
  const format = { '.tar': 't', '.pgc': 'c', '.dir': 'd' }[/\.(tar|pgc|dir)$/.exec(plain)?.[0] ?? ''];
  const extra = quotedWords(`${args.target_opts} ${args.dump_extra_args ?? ''}`);
  if (args.state === 'dump') {
    const dump = `pg_dump -w${format ? ` --format=${format}` : ''} ${extra}`;
    if (packed)
      return [
        'pg_dump',
        `{ ${dump}; echo $? >&3; } 3>"$s" | ${packed[1]} >${target} && read -r r <"$s" && [ "$r" = 0 ]`,
      ];
    return ['pg_dump', format === 'd' ? `${dump} -f ${target}` : `${dump} >${target}`];
  }
  const program = format ? 'pg_restore' : 'psql';
  const command = format
    ? `pg_restore -w -d "$PGDATABASE" --format=${format} ${quotedWords(args.target_opts)}`
    : `psql -X -w -q -v ON_ERROR_STOP=1 ${quotedWords(args.target_opts)}`;
  if (packed) return [program, `${packed[2]} <${target} | ${command}`];
  return [program, format === 'd' ? `${command} ${target}` : `${command} <${target}`];
}

function* transfer(args: Args, ctx: ModuleContext): Steps<Result> {
  if (ctx.checkMode) return { changed: true, db: args.name, executed_commands: [] };
  const [program, command] = transferCommand(args);
  const here = 'd=$PWD';
  const script = `${here}\n${connectScript(args, args.name, program)}\ncd "$d"\ns=$(mktemp) && trap 'rm -f "$s"' 0\n${command}`;
  const reply = yield* sh(script, { stdin: passwordLine(args), live: true });
  if (reply.rc !== 0)
    throw new ModuleError(reply.stderr.trim() || `${program} failed with exit code ${reply.rc}`, {
      rc: reply.rc,
      stdout: reply.stdout,
      cmd: command,
    });
  return {
    changed: true,
    msg: reply.stdout,
    stderr: reply.stderr,
    rc: 0,
    cmd: command,
    db: args.name,
    executed_commands: [],
  };
}

const run = (args: Args, ctx: ModuleContext): Steps<Result> =>
  args.state === 'dump' || args.state === 'restore' ? transfer(args, ctx) : manage(args, ctx);

export const postgresqlDb = defineAction({
  name: 'postgresql_db',
  aliases: ['community.postgresql.postgresql_db'],
  summary: 'Creates, changes, removes, dumps and restores databases of a PostgreSQL server.',
  examples: `
- name: Create the database of the application
  postgresql_db: {name: app, owner: app, encoding: UTF8}
  become: true
  become_user: postgres
- name: Dump it before the upgrade
  postgresql_db: {name: app, state: dump, target: /srv/backups/app.sql.gz}
  become: true
  become_user: postgres
`,
  args,
  returns: { db: 'Name of the database.', executed_commands: 'The statements.' },
  differences: [
    'Needs psql on the host instead of Python and psycopg2.',
    'A dump or a restore is a change in check mode, too.',
  ],
  run,
  check: run,
});
