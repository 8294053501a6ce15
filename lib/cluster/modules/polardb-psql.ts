import { A } from '../../modules/kit/arguments.ts';
import { quote } from '../../modules/kit/define.ts';
import { textOf } from '../../source/bytes.ts';

/** How the modules of the database reach the server on the host they run on. */
export interface Server {
  readonly bin: string;
  readonly socket: string;
  readonly port: number;
  readonly user: string;
}

/** Arguments shared by the modules that talk to the database. */
export const serverArgs = {
  bin: A.path('Folder of the programs of the server.'),
  socket: A.path('Folder of the socket.', { default: '/tmp' }),
  port: A.int('Port of the server.', { default: 5432 }),
  user: A.str('Database superuser, who is also the operating system user.', { default: 'polardb' }),
};

/** Shell line that runs `program` with the database's user and server; commits wait for no replica. */
export function asDatabaseUser({ bin, socket, port, user }: Server, program: string): string {
  const environment = `PGOPTIONS='-c synchronous_commit=local' PGCONNECT_TIMEOUT=5`;
  return `runuser -u ${quote(user)} -- env ${environment} ${quote(`${bin}/${program}`)} -h ${quote(socket)} -p ${port} -U ${quote(user)}`;
}

/** Shell line that runs one SQL command and prints what `rowsOf` reads: a NUL ends each column and each row, and no value holds one. */
export function psql(server: Server, sql: string): string {
  return `timeout 60 ${asDatabaseUser(server, 'psql')} -d postgres -XAtqz0 -v ON_ERROR_STOP=1 -c ${quote(sql)}`;
}

/** Rows of so many columns that `psql` printed. */
export function rowsOf(bytes: Buffer | undefined, columns: number): string[][] {
  const values = textOf(bytes ?? Buffer.alloc(0)).split('\0');
  const rows = Math.floor(values.length / columns);
  return Array.from({ length: rows }, (_, row) => values.slice(row * columns, (row + 1) * columns));
}

/**
 * Shell lines that wait until the server takes connections, for at most `seconds`, or until systemd has started it anew
 * three times meanwhile; then they show its last words.
 */
export function awaitServer(server: Server, seconds: number): string {
  return `cd /
tries=0
restarts() { systemctl show -p NRestarts --value polardb; }
before=$(restarts)
until ${asDatabaseUser(server, 'pg_isready')} -q; do
  again=$(($(restarts) - before))
  if [ $((tries += 1)) -ge ${seconds * 2} ] || [ $again -ge 3 ]; then
    echo "the server takes no connections after $((tries / 2)) s, systemd has started it again $again time(s)" >&2
    journalctl -q -u polardb -n 12 -o cat --no-pager >&2
    exit 70
  fi
  # A long redo is not a hang: its process says at which file of the WAL it is.
  [ $((tries % 20)) -ne 0 ] || ps -eo args= | sed -n 's/^.*postgres.*\\(startup .*recovering .*\\)$/waiting: \\1/p' | head -n 1 >&2
  sleep 0.5
done`;
}

/** A text as an SQL literal. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
