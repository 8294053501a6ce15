import { randomBytes } from 'node:crypto';
import type { Static } from 'typebox';
import { jsonText } from '../../../source/json.ts';
import type { Json } from '../../../source/value.ts';
import { A, Type } from '../../kit/arguments.ts';
import { ModuleError, quote, type Reply, type Steps, sh } from '../../kit/define.ts';
import { pathWord } from '../../kit/stat.ts';

/** Arguments of every module that talks to a MySQL or MariaDB server. */
export const mysqlArgs = {
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
  check_hostname: A.opt(A.bool('Accepted; the client decides.')),
};

const SCHEMA = Type.Object(mysqlArgs);
export type MysqlLogin = Static<typeof SCHEMA>;

/** A value as SQL. Texts are written as hexadecimal digits: no setting of the server can make them mean anything else. */
export function mysqlValue(value: Json): string {
  if (value === null) return 'NULL';
  if (typeof value === 'boolean') return value ? '1' : '0';
  if (typeof value === 'number' || typeof value === 'bigint') return value < 0 ? ` ${value}` : String(value);
  if (Array.isArray(value)) return `(${value.map(mysqlValue).join(', ')})`;
  const text = typeof value === 'string' ? value : jsonText(value);
  return text === '' ? "''" : `_utf8mb4 0x${Buffer.from(text).toString('hex')}`;
}

const option = (name: string, value: string | number | undefined) =>
  value === undefined ? [] : [`--${name}=${quote(String(value))}`];

/**
 * A script that runs a program of the client's family. Its login stands in a file that only its user can read; the
 * password in it is the first line of stdin. `$m` is the client, `$f` the file; `command` gets the flags of the login.
 */
export function loginScript(args: MysqlLogin, command: (flags: string) => string): string {
  if (/[\r\n]/.test(args.config_file)) throw new ModuleError('config_file cannot hold a line break');
  const flags = [
    ...option('user', args.login_user),
    ...(args.login_unix_socket === undefined
      ? [
          ...option('host', args.login_host),
          // A port named on the command line makes newer clients leave the socket, with which root logs in.
          ...(args.login_host === 'localhost' && args.login_port === 3306
            ? []
            : option('port', args.login_port)),
        ]
      : option('socket', args.login_unix_socket)),
    ...option('ssl-ca', args.ca_cert),
    ...option('ssl-cert', args.client_cert),
    ...option('ssl-key', args.client_key),
  ];
  return `for m in mysql mariadb; do command -v $m >/dev/null 2>&1 && break; m=; done
[ -n "$m" ] || { echo 'the program mysql is missing on this host (package default-mysql-client)' >&2; exit 96; }
old=$(umask); umask 077; f=$(mktemp) || exit $?; trap 'rm -f "$f"' 0
IFS= read -r pw; c=${pathWord(args.config_file)}
{ [ -r "$c" ] && printf '!include %s\\n' "$c"; printf '[client]\\n'; [ -z "$pw" ] || printf 'password="%s"\\n' "$pw"; } >"$f"; umask $old
${command(`--defaults-extra-file="$f" ${flags.join(' ')}`)}`;
}

const sqlScript = (args: MysqlLogin, database: string | undefined) =>
  loginScript(
    args,
    flags =>
      `$m ${flags} --binary-mode --xml --default-character-set=utf8mb4 ${option('connect-timeout', args.connect_timeout).join('')}${database === undefined ? '' : ` ${quote(database)}`}`,
  );

/** A password for an options file, where backslashes are escapes. */
export function passwordLine(password: string | undefined): string {
  if (/[\n\0]/.test(password ?? '')) throw new ModuleError('login_password cannot hold a line break');
  return `${(password ?? '').replaceAll('\\', '\\\\').replaceAll('"', '\\"')}\n`;
}

export type Row = { [column: string]: Json };

const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };
const decode = (text: string) =>
  text.replace(/&(lt|gt|amp|quot|apos);/g, (_, name: string) => ENTITIES[name] ?? '');

/** Whole numbers in their plain spelling become numbers: the client does not tell types. */
function value(text: string): Json {
  if (!/^-?(0|[1-9]\d{0,19})$/.test(text)) return text;
  const whole = BigInt(text);
  if (Number.isSafeInteger(Number(text))) return Number(text);
  return whole >= SMALLEST && whole <= LARGEST ? whole : text;
}

/** What BIGINT holds, signed and unsigned. */
const [SMALLEST, LARGEST] = [-(2n ** 63n), 2n ** 64n - 1n];

/** What stands between two texts, each time; the search never goes back, whatever a server prints. */
function* between(text: string, open: string, close: string): Generator<string> {
  for (let at = text.indexOf(open); at >= 0; ) {
    const end = text.indexOf(close, at + open.length);
    if (end < 0) return;
    yield text.slice(at + open.length, end);
    at = text.indexOf(open, end);
  }
}

/** The tables in the client's XML, in order, with the statement each belongs to. */
export function parseResults(xml: string): { readonly statement: string; readonly rows: Row[] }[] {
  return [...between(xml, '<resultset statement="', '</resultset>')].map(table => ({
    statement: decode(table.slice(0, table.indexOf('"'))),
    rows: [...between(table, '<row>', '</row>')].map(row =>
      Object.fromEntries(row.split('<field name="').slice(1).map(fieldOf)),
    ),
  }));
}

/** `NAME">VALUE</field>`, or `NAME" xsi:nil="true" />`. */
function fieldOf(text: string): readonly [string, Json] {
  const quote = text.indexOf('"');
  const end = text.lastIndexOf('</field>');
  const isNull = end < 0 || text.charAt(quote + 1) !== '>';
  return [decode(text.slice(0, quote)), isNull ? null : value(decode(text.slice(quote + 2, end)))];
}

/** Runs the client with SQL on its stdin. */
export function* mysqlClient(args: MysqlLogin, input: string, database?: string): Steps<Reply> {
  return yield* sh(sqlScript(args, database), { stdin: passwordLine(args.login_password) + input });
}

/** What the client says is wrong; it repeats the statement between dashes before that. */
export const mysqlComplaint = (stderr: string): string => (/^ERROR.*/ms.exec(stderr)?.[0] ?? stderr).trim();

/** The failure of a login. */
export function loginFailure(said: string): ModuleError {
  if (/^the program mysql/.test(said)) return new ModuleError(said);
  return new ModuleError(
    `unable to connect to database, check login_user and login_password are correct or the config file has the credentials. Exception message: ${said}`,
  );
}

/** Runs statements in order and gives the rows of each; the first that fails ends it. */
export function* mysqlRun(args: MysqlLogin, queries: readonly string[]): Steps<readonly Row[][]> {
  // The client takes no delimiter longer than fifteen characters.
  const mark = `m${randomBytes(7).toString('hex')}`;
  const input = [
    `delimiter ${mark}`,
    ...queries.flatMap((query, i) => [`${query}\n${mark}`, `select '${mark}' as mark, ${i} as n${mark}`]),
    '',
  ].join('\n');
  const reply = yield* mysqlClient(args, input);
  const results = parseResults(reply.stdout);
  const said = mysqlComplaint(reply.stderr);
  if (reply.rc !== 0) throw /^ERROR .*at line \d+:/.test(said) ? new ModuleError(said) : loginFailure(said);
  const rows: Row[][] = queries.map(() => []);
  let own: Row[] = [];
  for (const result of results) {
    const [first] = result.rows;
    if (first?.mark !== mark) own = result.rows;
    else {
      rows[Number(first.n)] = own;
      own = [];
    }
  }
  return rows;
}

/** The login to use: root without a password while that works, if the author wants it tried. */
export function* effectiveLogin<T extends MysqlLogin & { readonly check_implicit_admin: boolean }>(
  a: T,
): Steps<T> {
  if (!a.check_implicit_admin) return a;
  const root = { ...a, login_user: 'root', login_password: '' };
  return (yield* mysqlClient(root, 'select 1;\n')).rc === 0 ? root : a;
}
