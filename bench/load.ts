import { randomBytes } from 'node:crypto';
import type { DatabaseNode } from '../verify/deployment.ts';
import type { Hosts } from '../verify/hosts.ts';
import {
  COUNT_LATENCIES,
  type Percentiles,
  percentileCurve,
  percentilesOf,
  readLatencyCounts,
} from './latency.ts';
import { PgbenchError, type PgbenchResult, parsePgbench } from './pgbench.ts';
import type { Load } from './profiles.ts';

/** The benchmark's own database: all that it ever writes to. */
export const DATABASE = 'polarplay_bench';

export type Workload = 'read-only' | 'read-write';

export interface LoadRequest {
  readonly workload: Workload;
  readonly load: Load;
  readonly randomSeed: number;
  readonly logSampling: number;
}

/** What one node did under load. */
export interface NodeResult {
  readonly host: string;
  readonly pgbench: PgbenchResult;
  readonly errors: number;
  readonly percentiles: Percentiles | undefined;
  readonly curve: readonly (readonly [number, number])[];
}

/** How pgbench is called on a node: as the database's user, on its socket, as the guide does. */
function pgbench(node: DatabaseNode, args: readonly string[]): { argv: readonly string[]; as: string } {
  const { psql, socketDir, port, user, osUser } = node.sql;
  const program = `${psql.slice(0, psql.lastIndexOf('/'))}/pgbench`;
  return { argv: [program, '-h', socketDir, '-p', `${port}`, '-U', user, ...args, DATABASE], as: osUser };
}

/** Says which nodes cannot run the load, and what they lack. */
export async function requirePgbench(hosts: Hosts, nodes: readonly DatabaseNode[]): Promise<void> {
  const missing = await Promise.all(
    nodes.map(async node => {
      const { argv, as } = pgbench(node, []);
      const { rc } = await hosts.command(node.host, ['test', '-x', argv[0]!], { as });
      return rc === 0 ? undefined : `${node.host} has no ${argv[0]}`;
    }),
  );
  const lines = missing.filter(line => line !== undefined);
  if (lines.length === 0) return;
  throw new PgbenchError(
    `${lines.join('\n')}\npgbench comes with the server: PolarDB installs it, Debian has it in postgresql-NN, other distributions in postgresql-contrib`,
  );
}

/** Fills the benchmark's database on the primary. */
export async function initialise(hosts: Hosts, primary: DatabaseNode, scale: number): Promise<void> {
  const { argv, as } = pgbench(primary, ['-i', '-q', '-s', `${scale}`]);
  const reply = await hosts.command(primary.host, argv, { as, timeoutMs: 60_000 + scale * 5_000 });
  if (reply.rc !== 0)
    throw new PgbenchError(`pgbench -i on ${primary.host}: ${reply.stderr.trim().split('\n').at(-1)}`);
}

/** Puts load on one node and reads what pgbench and its transaction log say. */
export async function runLoad(hosts: Hosts, node: DatabaseNode, request: LoadRequest): Promise<NodeResult> {
  const { load, workload } = request;
  const { argv, as } = pgbench(node, [
    ...['-M', 'prepared', '-n', '-r', '-P', '1', '--random-seed', `${request.randomSeed}`],
    ...['-c', `${load.clients}`, '-j', `${load.threads}`, '-T', `${load.seconds}`],
    ...['--log', '--log-prefix', 'tx'],
    ...(request.logSampling < 1 ? ['--sampling-rate', `${request.logSampling}`] : []),
    ...(workload === 'read-only' ? ['-S'] : []),
  ]);
  const cut = randomBytes(8).toString('hex');
  const script = [
    'here=$(mktemp -d -t polarplay-bench.XXXXXX) || exit 1',
    'trap \'rm -rf "$here"\' EXIT',
    'cd "$here"',
    // The command travels as positional parameters, so nothing is quoted twice.
    '"$@" >out 2>err; rc=$?',
    `cat out; echo; echo ${cut}; cat err; echo; echo ${cut}; cat tx.* 2>/dev/null | ${COUNT_LATENCIES}`,
    'exit $rc',
  ].join('\n');
  const reply = await hosts.command(node.host, ['sh', '-c', script, 'load', ...argv], {
    as,
    timeoutMs: load.seconds * 1000 + 120_000,
  });
  const [stdout = '', stderr = '', counts = ''] = reply.stdout.split(`\n${cut}\n`);
  const result = parseNode(node.host, stdout, stderr || reply.stderr);
  const { histogram, failures } = readLatencyCounts(counts.split('\n'));
  return {
    host: node.host,
    pgbench: result,
    // A run that ended badly without saying why is an error, too.
    errors: Math.max(result.errors, failures, reply.rc === 0 ? 0 : 1),
    percentiles: percentilesOf(histogram),
    curve: percentileCurve(histogram),
  };
}

function parseNode(host: string, stdout: string, stderr: string): PgbenchResult {
  try {
    return parsePgbench(stdout, stderr);
  } catch (error) {
    if (error instanceof PgbenchError) throw new PgbenchError(`${host}: ${error.message}`);
    throw error;
  }
}
