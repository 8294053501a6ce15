import type { DatabaseNode } from '../../lib/cluster/deployment.ts';
import type { Hosts } from '../../lib/cluster/hosts.ts';

export interface Load {
  readonly scale: number;
  readonly clients: number;
  readonly threads: number;
  readonly seconds: number;
  readonly repetitions: number;
}

/** A smoke test: enough to see a throttled processor or a slow disk, short enough for an acceptance. */
export const SMOKE: Load = { scale: 5, clients: 4, threads: 2, seconds: 3, repetitions: 3 };
/** A load that does not end in this many seconds beyond its time is ended. */
const OVERRUN_S = 15;
const FILL_S = 90;

/** Fills the tables of pgbench in a schema, which must be there. */
export async function fill(
  hosts: Hosts,
  primary: DatabaseNode,
  schema: string,
  { scale }: Load,
  signal: AbortSignal,
): Promise<void> {
  await pgbench(hosts, primary, schema, ['-i', '-q', '-s', `${scale}`], { limitS: FILL_S, signal });
}

/** Transactions a second of one node for some seconds; reads only, or short transactions that write. */
export async function load(
  hosts: Hosts,
  node: DatabaseNode,
  schema: string,
  kind: 'reads' | 'writes',
  { clients, threads, seconds }: Load,
  signal: AbortSignal,
): Promise<number> {
  const script = kind === 'reads' ? ['-S'] : [];
  const size = ['-c', `${clients}`, '-j', `${threads}`, '-T', `${seconds}`];
  const args = ['-n', '-M', 'prepared', ...size, ...script];
  return readTps(
    await pgbench(hosts, node, schema, args, { limitS: seconds + OVERRUN_S, signal }),
    node.host,
  );
}

/** Without the time that connecting took; the words differ between versions. */
export function readTps(output: string, host: string): number {
  const tps = /^tps = ([\d.]+) \((?:without initial|excluding)/m.exec(output)?.[1];
  if (tps === undefined) throw Object.assign(new Error(`pgbench gave no figure: ${output}`), { host });
  return Number(tps);
}

/**
 * On the node, as the database user, on its socket. Its tables are found by the search path alone, which names nothing
 * but the schema. The host ends what takes too long, whatever becomes of the one who asked.
 */
async function pgbench(
  hosts: Hosts,
  node: DatabaseNode,
  schema: string,
  args: readonly string[],
  { limitS, signal }: { readonly limitS: number; readonly signal: AbortSignal },
): Promise<string> {
  const { psql, socketDir, port, user, osUser, database } = node.sql;
  const program = `${psql.slice(0, psql.lastIndexOf('/'))}/pgbench`;
  const called = [program, '-h', socketDir, '-p', `${port}`, '-U', user, ...args, database];
  const { rc, stdout, stderr } = await hosts.command(
    node.host,
    ['timeout', '-s', 'KILL', `${limitS}`, ...called],
    {
      as: osUser,
      env: { PGOPTIONS: `-c search_path=${schema}` },
      timeoutMs: 1000 * (limitS + 10),
      signal,
    },
  );
  if (rc === 0) return stdout;
  const said = stderr.trim().split('\n').at(-1) ?? '';
  const why = rc === 137 ? `it took longer than ${limitS} s` : said || `exit ${rc}`;
  throw Object.assign(new Error(`pgbench ${args[0]}: ${why}`), { host: node.host });
}
