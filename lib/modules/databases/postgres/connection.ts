import type { Static } from 'typebox';
import { A, Type } from '../../kit/arguments.ts';
import { ModuleError, quote } from '../../kit/define.ts';

/** Arguments of every module that talks to a PostgreSQL server. */
export const connectionArgs = {
  login_user: A.str('Database user to log in as.', { default: 'postgres', aliases: ['login'] }),
  login_password: A.str('Password of that user.', { default: '', secret: true }),
  login_host: A.str('Host of the server; the local socket when empty.', { default: '', aliases: ['host'] }),
  login_unix_socket: A.str('Directory of the local socket.', { default: '', aliases: ['unix_socket'] }),
  port: A.int('Port of the server.', { default: 5432, aliases: ['login_port'] }),
  ssl_mode: A.choice(
    ['allow', 'disable', 'prefer', 'require', 'verify-ca', 'verify-full'],
    'Whether the connection is encrypted.',
    {
      default: 'prefer',
    },
  ),
  ca_cert: A.opt(A.str('File with the certificates of trusted authorities.', { aliases: ['ssl_rootcert'] })),
  ssl_cert: A.opt(A.path('File with the client certificate.')),
  ssl_key: A.opt(A.path('File with its key.')),
  connect_params: A.dict('Further parameters of the connection, as libpq names them.', { default: {} }),
  session_role: A.opt(A.str('Role to switch to after the login.')),
  trust_input: A.bool('Accepted; names and values are always quoted.', { default: true }),
};

const SCHEMA = Type.Object(connectionArgs);
export type ConnectionArgs = Static<typeof SCHEMA>;

/** libpq's parameters that an environment variable can carry. */
const PARAMETERS: Readonly<Record<string, string>> = {
  application_name: 'PGAPPNAME',
  channel_binding: 'PGCHANNELBINDING',
  client_encoding: 'PGCLIENTENCODING',
  connect_timeout: 'PGCONNECT_TIMEOUT',
  dbname: 'PGDATABASE',
  gssencmode: 'PGGSSENCMODE',
  host: 'PGHOST',
  hostaddr: 'PGHOSTADDR',
  krbsrvname: 'PGKRBSRVNAME',
  options: 'PGOPTIONS',
  passfile: 'PGPASSFILE',
  port: 'PGPORT',
  requirepeer: 'PGREQUIREPEER',
  service: 'PGSERVICE',
  sslcert: 'PGSSLCERT',
  sslcompression: 'PGSSLCOMPRESSION',
  sslcrl: 'PGSSLCRL',
  sslkey: 'PGSSLKEY',
  sslmode: 'PGSSLMODE',
  sslrootcert: 'PGSSLROOTCERT',
  sslsni: 'PGSSLSNI',
  target_session_attrs: 'PGTARGETSESSIONATTRS',
  user: 'PGUSER',
};

function environment(args: ConnectionArgs, database: string | undefined): Readonly<Record<string, string>> {
  // As psycopg's callers expect it: "localhost" with a socket means the socket.
  const host =
    args.login_unix_socket !== '' && (args.login_host === '' || args.login_host === 'localhost')
      ? args.login_unix_socket
      : args.login_host;
  const given = Object.entries(args.connect_params).map(([key, value]) => {
    const name = PARAMETERS[key];
    if (name === undefined)
      throw new ModuleError(
        `connect_params: "${key}" is not known (known: ${Object.keys(PARAMETERS).join(', ')})`,
      );
    return [name, String(value)];
  });
  return {
    PGUSER: args.login_user,
    PGPORT: String(args.port),
    PGSSLMODE: args.ssl_mode,
    ...(host !== '' && { PGHOST: host }),
    ...(database !== undefined && database !== '' && { PGDATABASE: database }),
    ...(args.ca_cert !== undefined && { PGSSLROOTCERT: args.ca_cert }),
    ...(args.ssl_cert !== undefined && { PGSSLCERT: args.ssl_cert }),
    ...(args.ssl_key !== undefined && { PGSSLKEY: args.ssl_key }),
    ...Object.fromEntries(given),
  };
}

/** Programs of PostgreSQL are often outside of the PATH. */
const PATHS =
  'PATH=$PATH:/usr/bin; for d in /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /usr/local/pgsql/bin; do PATH=$PATH:$d; done';

/**
 * The start of a script that runs a program of PostgreSQL. The first line of stdin is the password: neither it nor any
 * SQL is ever in an argument list. The rest of stdin is left for the program.
 */
export function connectScript(args: ConnectionArgs, database: string | undefined, program: string): string {
  const variables = Object.entries(environment(args, database)).map(
    ([name, value]) => `export ${name}=${quote(value)}`,
  );
  return [
    'IFS= read -r pw; [ -z "$pw" ] || export PGPASSWORD="$pw"; unset pw',
    PATHS,
    `command -v ${program} >/dev/null 2>&1 || { echo ${quote(`the program ${program} is missing on this host (package postgresql-client)`)} >&2; exit 96; }`,
    // A server that is unreachable must not hold the task for minutes.
    '[ -n "$PGCONNECT_TIMEOUT" ] || export PGCONNECT_TIMEOUT=10',
    ...variables,
    'cd /',
  ].join('\n');
}

/** The first line of stdin. */
export function passwordLine(args: ConnectionArgs): string {
  if (/[\n\0]/.test(args.login_password)) throw new ModuleError('login_password cannot hold a line break');
  return `${args.login_password}\n`;
}
