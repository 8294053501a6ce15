import type { Static } from 'typebox';
import { partAt } from '../../source/part-at.ts';
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
import { effectiveLogin, loginScript, mysqlArgs, mysqlRun, passwordLine } from './mysql/client.ts';

const args = Type.Object({
  name: A.list('Names of the databases; "all" for a dump of all of them.', { aliases: ['db'] }),
  state: A.choice(
    ['absent', 'dump', 'import', 'present'],
    'Whether they should exist, or where their content goes.',
    { default: 'present' },
  ),
  encoding: A.str('Character set of a new database.', { default: '' }),
  collation: A.str('Collation of a new database.', { default: '' }),
  target: A.opt(A.path('File to dump to or import from; .gz, .bz2, .xz and .zst are compressed.')),
  single_transaction: A.bool('Dump in one transaction.', { default: false }),
  quick: A.bool('Dump row by row.', { default: true }),
  ignore_tables: A.list('Tables to leave out of a dump, as db.table.', { default: [] }),
  hex_blob: A.bool('Dump binary columns as hexadecimal digits.', { default: false }),
  force: A.bool('Go on after errors.', { default: false }),
  master_data: A.int('1 or 2: put the position of the binary log into the dump.', { default: 0 }),
  skip_lock_tables: A.bool('Do not lock tables while dumping.', { default: false }),
  dump_extra_args: A.opt(A.str('Further words for mysqldump.')),
  check_implicit_admin: A.bool('Try root without a password first.', { default: false }),
  ...mysqlArgs,
});

type Args = Static<typeof args>;

const identifier = (name: string) => `\`${name.replaceAll('`', '``')}\``;

const PACK: Readonly<Record<string, string>> = { gz: 'gzip', bz2: 'bzip2', xz: 'xz', zst: 'zstd' };

function createStatement(args: Args, name: string): string {
  for (const word of [args.encoding, args.collation])
    if (/\W/.test(word)) throw new ModuleError(`"${word}" is not a character set or collation`);
  const encoding = args.encoding === '' ? '' : ` CHARACTER SET ${args.encoding}`;
  return `CREATE DATABASE ${identifier(name)}${encoding}${args.collation === '' ? '' : ` COLLATE ${args.collation}`}`;
}

/** Dumps into, or imports from, the target; a failed dump leaves no file behind. */
function transferScript(args: Args, names: readonly string[]): string {
  const target = pathWord(args.target ?? '');
  const packer = PACK[/\.(gz|bz2|xz|zst)$/.exec(args.target ?? '')?.[1] ?? ''];
  if (args.state === 'import') {
    const words = `${args.force ? ' --force' : ''}${names[0] === 'all' ? '' : ` ${quote(partAt(names, 0))}`}`;
    return loginScript(
      args,
      flags =>
        `t=${target}; [ -r "$t" ] || { echo "target $t does not exist on the host" >&2; exit 95; }\n${packer ? `${packer} -dc <"$t" | ` : ''}$m ${flags}${words}${packer ? '' : ' <"$t"'}`,
    );
  }
  const words = [
    ...(args.force ? ['--force'] : []),
    ...(args.quick ? ['--quick'] : []),
    ...(args.single_transaction ? ['--single-transaction=true'] : []),
    ...(args.hex_blob ? ['--hex-blob'] : []),
    ...(args.skip_lock_tables ? ['--skip-lock-tables'] : []),
    ...(args.master_data > 0 ? [`--master-data=${args.master_data}`] : []),
    ...args.ignore_tables.map(table => quote(`--ignore-table=${table}`)),
    ...(args.encoding === '' ? [] : [quote(`--default-character-set=${args.encoding}`)]),
    ...(args.dump_extra_args === undefined ? [] : [quotedWords(args.dump_extra_args)]),
    ...(names[0] === 'all' ? ['--all-databases'] : ['--databases', ...names.map(quote)]),
  ].join(' ');
  return loginScript(
    args,
    flags => `t=${target}; for d in mysqldump mariadb-dump; do command -v $d >/dev/null 2>&1 && break; d=; done
[ -n "$d" ] || { echo 'the program mysqldump is missing on this host (package default-mysql-client)' >&2; exit 96; }
{ $d ${flags} ${words}; echo $? >"$f.rc"; }${packer ? ` | ${packer}` : ''} >"$t"; rc=$(cat "$f.rc"); rm -f "$f.rc"
[ "$rc" = 0 ] || rm -f "$t"; exit $rc`,
  );
}

function* work(args: Args, ctx: ModuleContext): Steps<Result> {
  const names = args.name.map(name => name.trim());
  const transfer = args.state === 'dump' || args.state === 'import';
  if (transfer && args.target === undefined)
    throw new ModuleError(`with state=${args.state} target is required`);
  if (!transfer && names[0] === 'all')
    throw new ModuleError("name is not allowed to equal 'all' unless state equals import, or dump.");
  if (names.length > 1 && args.state === 'import')
    throw new ModuleError('Multiple databases are not supported with state=import');
  const withLogin = yield* effectiveLogin(args);
  const [rows = []] = yield* mysqlRun(withLogin, [
    'select schema_name as n from information_schema.schemata',
  ]);
  const there = new Set(rows.map(row => String(row.n)));
  const missing = names[0] === 'all' ? [] : names.filter(name => !there.has(name));
  if (withLogin.state === 'dump' && missing.length > 0)
    throw new ModuleError(`Cannot dump database(s) '${missing.join(', ')}' - not found`);
  const statements =
    withLogin.state === 'absent'
      ? names.filter(name => there.has(name)).map(name => `DROP DATABASE ${identifier(name)}`)
      : missing.map(name => createStatement(withLogin, name));
  if (!ctx.checkMode && statements.length > 0) yield* mysqlRun(withLogin, statements);
  if (!ctx.checkMode && transfer) yield* moveContent(withLogin, names);
  return {
    changed: transfer || statements.length > 0,
    db: names.join(' '),
    db_list: names,
    executed_commands: statements,
  };
}

function* moveContent(args: Args, names: readonly string[]): Steps<void> {
  const reply = yield* sh(transferScript(args, names), {
    stdin: passwordLine(args.login_password),
    live: true,
  });
  if (reply.rc !== 0) throw new ModuleError(reply.stderr.trim() || `exit code ${reply.rc}`, { rc: reply.rc });
}

export const mysqlDb = defineAction({
  name: 'mysql_db',
  aliases: ['community.mysql.mysql_db', 'ansible.mysql.mysql_db'],
  summary: 'Adds, removes, dumps and imports databases of a MySQL or MariaDB server.',
  examples: `
- name: Create a database to move to PostgreSQL later
  mysql_db:
    name: shop
    encoding: utf8mb4
    login_unix_socket: /run/mysqld/mysqld.sock
`,
  args,
  returns: { db: 'The names.', db_list: 'The names as a list.', executed_commands: 'The statements.' },
  differences: [
    'Needs the mysql client on the host instead of Python and PyMySQL.',
    'A dump or an import is always a change, as there.',
    '`use_shell`, `pipefail`, `chdir`, `restrict_config_file`, `config_overrides_defaults` and `unsafe_login_password` do not exist.',
  ],
  run: work,
  check: work,
});
