import { randomBytes } from 'node:crypto';
import type { Static } from 'typebox';
import type { Json } from '../source/value.ts';
import { A, Type } from './args.ts';
import { pathWord } from './look.ts';
import { defineAction, ModuleError, quote, type Result, type Steps, sh } from './module.ts';
import { bind } from './postgres/literal.ts';

const args = Type.Object({
  query: A.raw('A query, or a list of them; %s and %(name)s stand for arguments.'),
  positional_args: A.opt(A.rawList('Values for %s, in order.')),
  named_args: A.opt(A.dict('Values for %(name)s.')),
  single_transaction: A.bool('Run all queries in one transaction.', { default: false }),
  login_db: A.opt(A.str('Database to use.')),
  login_user: A.opt(A.str('User to log in as.')),
  login_password: A.opt(A.str('Password of that user.', { secret: true })),
  login_host: A.str('Host of the server.', { default: 'localhost' }),
  login_port: A.int('Port of the server.', { default: 3306 }),
  login_unix_socket: A.opt(A.str('Socket of the server.')),
  config_file: A.path('Options file with the login.', { default: '~/.my.cnf' }),
  connect_timeout: A.int('Seconds a connection may take.', { default: 30 }),
  ca_cert: A.opt(A.path('File with the certificates of trusted authorities.', { aliases: ['ssl_ca'] })),
  client_cert: A.opt(A.path('File with the client certificate.', { aliases: ['ssl_cert'] })),
  client_key: A.opt(A.path('File with its key.', { aliases: ['ssl_key'] })),
});

type Args = Static<typeof args>;

/** A value as SQL. Texts are written as hexadecimal digits: no setting of the server can make them mean anything else. */
export function mysqlValue(value: Json): string {
  if (value === null) return 'NULL';
  if (typeof value === 'boolean') return value ? '1' : '0';
  if (typeof value === 'number') return value < 0 ? ` ${value}` : String(value);
  if (Array.isArray(value)) return `(${value.map(mysqlValue).join(', ')})`;
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text === '' ? "''" : `_utf8mb4 0x${Buffer.from(text).toString('hex')}`;
}

/** Options of the client; the password stands in a file that only its user can read, made from the first line of stdin. */
function script(a: Args): string {
  const option = (name: string, value: string | number | undefined) =>
    value === undefined ? [] : [`--${name}=${quote(String(value))}`];
  const words = [
    '--binary-mode',
    '--xml',
    '--default-character-set=utf8mb4',
    ...option('user', a.login_user),
    ...(a.login_unix_socket === undefined
      ? [...option('host', a.login_host), ...option('port', a.login_port)]
      : option('socket', a.login_unix_socket)),
    ...option('connect-timeout', a.connect_timeout),
    ...option('ssl-ca', a.ca_cert),
    ...option('ssl-cert', a.client_cert),
    ...option('ssl-key', a.client_key),
  ];
  return `for m in mysql mariadb; do command -v $m >/dev/null 2>&1 && break; m=; done
[ -n "$m" ] || { echo 'the program mysql is missing on this host (package default-mysql-client)' >&2; exit 96; }
umask 077; f=$(mktemp) || exit $?; trap 'rm -f "$f"' 0
IFS= read -r pw; c=${pathWord(a.config_file)}
{ [ -r "$c" ] && printf '!include %s\\n' "$c"; printf '[client]\\n'; [ -z "$pw" ] || printf 'password="%s"\\n' "$pw"; } >"$f"
$m --defaults-extra-file="$f" ${words.join(' ')}${a.login_db === undefined ? '' : ` ${quote(a.login_db)}`}`;
}

/** A password for an options file, where backslashes are escapes. */
function passwordLine(password: string | undefined): string {
  if (/[\n\0]/.test(password ?? '')) throw new ModuleError('login_password cannot hold a line break');
  return `${(password ?? '').replaceAll('\\', '\\\\').replaceAll('"', '\\"')}\n`;
}

type Row = { [column: string]: Json };

const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };
const decode = (text: string) =>
  text.replace(/&(lt|gt|amp|quot|apos);/g, (_, name: string) => ENTITIES[name]!);

/** Whole numbers in their plain spelling become numbers: the client does not tell types. */
function value(text: string): Json {
  return /^-?(0|[1-9]\d*)$/.test(text) && Number.isSafeInteger(Number(text)) ? Number(text) : text;
}

/** The tables in the client's XML, in order, with the statement each belongs to. */
export function parseResults(xml: string): { readonly statement: string; readonly rows: Row[] }[] {
  return [...xml.matchAll(/<resultset statement="([^"]*)"[^>]*?(?:\/>|>([\s\S]*?)<\/resultset>)/g)].map(
    m => ({
      statement: decode(m[1]!),
      rows: [...(m[2] ?? '').matchAll(/<row>([\s\S]*?)<\/row>/g)].map(row =>
        Object.fromEntries(
          [...row[1]!.matchAll(/<field name="([^"]*)"(?: xsi:nil="true" \/>|>([\s\S]*?)<\/field>)/g)].map(
            f => [decode(f[1]!), f[2] === undefined ? null : value(decode(f[2]))],
          ),
        ),
      ),
    }),
  );
}

/** Notes that the thing was there, or was not there, already. */
const ALREADY = new Set([1007, 1008, 1050, 1051, 1061, 1091, 1304, 1305, 1359, 1360, 1396, 1537, 1539]);

function isChange(query: string, count: number, already: boolean): boolean {
  const start = query.trimStart().slice(0, 8).toUpperCase();
  if (/INSERT|UPDATE|DELETE|REPLACE/.test(start)) return count > 0;
  return /CREATE|DROP|ALTER|RENAME|TRUNCATE/.test(start) && !already;
}

function* run(a: Args): Steps<Result> {
  const texts = Array.isArray(a.query) ? a.query : [a.query];
  if (texts.length === 0 || texts.some(q => typeof q !== 'string'))
    throw new ModuleError('the query option value must be a string or list of strings');
  const values = a.positional_args?.length ? a.positional_args : a.named_args;
  const queries = (texts as string[]).map(text => bind(text, values, mysqlValue));
  // The client takes no delimiter longer than fifteen characters.
  const mark = `m${randomBytes(7).toString('hex')}`;
  const input = [
    `delimiter ${mark}`,
    ...(a.single_transaction ? [`set autocommit = 0${mark}`] : []),
    ...queries.flatMap((query, i) => [
      `${query}\n${mark}`,
      `select ${i} as n, row_count() as affected${mark}`,
      `show warnings${mark}`,
    ]),
    ...(a.single_transaction ? [`commit${mark}`] : []),
    '',
  ].join('\n');
  const reply = yield* sh(script(a), { stdin: passwordLine(a.login_password) + input });
  if (reply.rc !== 0) throw failure(reply.stderr, reply.stdout, texts as string[], values ?? null);
  return collect(queries, parseResults(reply.stdout));
}

const COUNT = /^select (\d+) as n, row_count\(\) as affected$/;

function failure(stderr: string, stdout: string, texts: readonly string[], values: Json): ModuleError {
  // The client repeats the statement between dashes before it says what is wrong.
  const said = (/^ERROR.*/ms.exec(stderr)?.[0] ?? stderr).trim();
  if (/^the program mysql/.test(said)) return new ModuleError(said);
  if (/^ERROR .*at line \d+:/.test(said)) {
    const done = parseResults(stdout).filter(r => COUNT.test(r.statement.trim())).length;
    return new ModuleError(`Cannot execute SQL '${texts[done]}' args [${JSON.stringify(values)}]: ${said}`);
  }
  return new ModuleError(
    `unable to connect to database, check login_user and login_password are correct or the config file has the credentials. Exception message: ${said}`,
  );
}

/** Sorts the client's tables to the queries they belong to. */
function collect(queries: readonly string[], results: ReturnType<typeof parseResults>): Result {
  const rows: Row[][] = [];
  const counts: number[] = [];
  let changed = false;
  let own: Row[] = [];
  for (const [i, result] of results.entries()) {
    const index = COUNT.exec(result.statement.trim())?.[1];
    if (index === undefined) {
      if (result.statement.trim() !== 'show warnings') own = result.rows;
      continue;
    }
    const affected = Number(result.rows[0]?.affected ?? 0);
    const count = affected < 0 ? own.length : affected;
    const notes = results[i + 1]?.statement.trim() === 'show warnings' ? results[i + 1]!.rows : [];
    const already = notes.some(note => ALREADY.has(Number(note.Code)));
    changed ||= isChange(queries[Number(index)] ?? '', count, already);
    rows.push(own);
    counts.push(count);
    own = [];
  }
  return { changed, executed_queries: [...queries], query_result: rows, rowcount: counts };
}

export const mysqlQuery = defineAction({
  name: 'mysql_query',
  aliases: ['community.mysql.mysql_query', 'ansible.mysql.mysql_query'],
  summary: 'Runs SQL in a MySQL or MariaDB database and gives the rows.',
  args,
  rules: { mutuallyExclusive: [['positional_args', 'named_args']] },
  returns: {
    query_result: 'For each query the list of its rows.',
    rowcount: 'For each query the rows given or touched.',
    executed_queries: 'The queries as they were sent.',
  },
  differences: [
    'Needs the mysql client on the host instead of Python and PyMySQL.',
    'The client tells no types: whole numbers are given as numbers, all else as text.',
    'CREATE … IF NOT EXISTS of what is there, and DROP … IF EXISTS of what is not, is no change.',
  ],
  run,
});
