import { randomBytes } from 'node:crypto';
import type { DatabaseNode, Endpoint } from '../../../lib/cluster/deployment.ts';
import type { Hosts } from '../../../lib/cluster/hosts.ts';
import { messageOf } from '../../../lib/source/errors.ts';
import { DATABASE } from '../database.ts';
import type { NodeFigures, NodeSeries, Workload } from '../result.ts';
import { encodeHistogram, percentileCurve, percentilesOf, readLatencyCounts } from './latency.ts';
import { HUNG, LOG_ROOM, RUN_LOAD, SWEEP } from './node-script.ts';
import { PgbenchError, type PgbenchResult, parsePgbench, readProgress } from './pgbench.ts';
import type { Load } from './profiles.ts';

export interface LoadRequest {
  readonly workload: Workload;
  readonly load: Load;
  readonly randomSeed: number;
  /** Share of the transactions that are logged; 1 logs them all. */
  readonly logSampling: number;
  /** Transactions a second at most; undefined runs as fast as it can. */
  readonly rate?: number;
  /** Seconds beyond its time after which the node counts as hung. */
  readonly overrunS?: number;
  /** Over the network to this address, as clients come, instead of the node's own socket. */
  readonly via?: Endpoint;
  readonly signal?: AbortSignal;
  /** Gets each second of a node as it comes. */
  readonly onSecond?: (host: string, tps: number) => void;
}

/** What one node did under load. */
export interface NodeResult {
  readonly figures: NodeFigures;
  readonly series: NodeSeries;
  readonly histogram: string;
  readonly complaint: string | undefined;
}

/** How long a load may take beyond its time until its node counts as hung. */
export const HUNG_AFTER_S = 20;
/** How much longer the control side waits for what a node says of itself. */
const ANSWER_MS = 60_000;

/** What a logged transaction takes, and how many a processor can do in a second, at most. */
const LOG_BYTES = 50;
const TPS_PER_CPU = 25_000;

/** How pgbench is called on a node: as the database's user, on its socket, as the guide does. */
function pgbench(node: DatabaseNode, args: readonly string[], via?: Endpoint): Called {
  const { psql, socketDir, port, user, osUser, password } = node.sql;
  const program = `${psql.slice(0, psql.lastIndexOf('/'))}/pgbench`;
  const at = via ?? { address: socketDir, port };
  return {
    argv: [program, '-h', at.address, '-p', `${at.port}`, '-U', user, ...args, DATABASE],
    as: osUser,
    // Never an argument: those of a process can be read by everybody on its host.
    ...(via && password !== undefined ? { env: { PGPASSWORD: password } } : {}),
  };
}

interface Called {
  readonly argv: readonly string[];
  readonly as: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Throws when the node cannot run the load, and says what it lacks. */
export async function requirePgbench(hosts: Hosts, node: DatabaseNode): Promise<void> {
  const { argv, as } = pgbench(node, []);
  const { rc } = await hosts.command(node.host, ['test', '-x', argv[0]!], { as });
  if (rc === 0) return;
  throw new PgbenchError(
    `there is no ${argv[0]}: PolarDB installs it, Debian has it in postgresql-NN, other distributions in postgresql-contrib`,
  );
}

/** Ends and removes what a killed run left on a node; says what. */
export async function sweep(hosts: Hosts, node: DatabaseNode): Promise<readonly string[]> {
  const { stdout } = await hosts.script(node.host, SWEEP, { as: node.sql.osUser });
  return stdout.split('\n').filter(line => line !== '');
}

/** Fills the benchmark's database on the primary. */
export async function initialise(
  hosts: Hosts,
  primary: DatabaseNode,
  scale: number,
  signal?: AbortSignal,
): Promise<void> {
  const { argv, as } = pgbench(primary, ['-i', '-q', '-s', `${scale}`]);
  const limitS = 80 + scale * 5;
  const reply = await runOnNode(hosts, primary, { argv, as, limitS, signal });
  signal?.throwIfAborted();
  if (reply.rc === HUNG) throw new PgbenchError(`pgbench -i on ${primary.host} took longer than ${limitS} s`);
  if (reply.rc !== 0)
    throw new PgbenchError(`pgbench -i on ${primary.host}: ${reply.stderr.trim().split('\n').at(-1)}`);
}

interface NodeCommand extends Called {
  /** After which it counts as hung. */
  readonly limitS: number;
  readonly signal?: AbortSignal | undefined;
  readonly onOutput?: (stream: 'stdout' | 'stderr', chunk: Buffer) => void;
}

async function runOnNode(hosts: Hosts, node: DatabaseNode, command: NodeCommand) {
  const { argv, as, env, limitS, signal, onOutput } = command;
  const cut = randomBytes(8).toString('hex');
  const reply = await hosts.command(node.host, ['sh', '-c', RUN_LOAD, 'load', `${limitS}`, cut, ...argv], {
    as,
    timeoutMs: limitS * 1000 + ANSWER_MS,
    ...(signal ? { signal } : {}),
    ...(onOutput ? { onOutput } : {}),
    ...(env ? { env } : {}),
  });
  const [stdout = '', counts = ''] = reply.stdout.split(`\n${cut}\n`);
  return { rc: reply.rc, stdout, counts, stderr: reply.stderr };
}

/** The share of the log that the node has room for: all of it, nearly always. */
export async function logShare(
  hosts: Hosts,
  node: DatabaseNode,
  load: Load,
  wanted: number,
): Promise<number> {
  const { stdout } = await hosts.script(node.host, LOG_ROOM, { as: node.sql.osUser });
  const [freeKiB = 0, cpus = 1] = stdout.trim().split('\n').map(Number);
  const mostKiB = (load.seconds * cpus * TPS_PER_CPU * LOG_BYTES) / 1024;
  const share = (freeKiB * 0.5) / mostKiB;
  return share >= wanted ? wanted : Math.max(0.001, Math.floor(share * 1000) / 1000);
}

/** Puts load on one node. What goes wrong is in the result: what the node did until then is measured, too. */
export async function runLoad(hosts: Hosts, node: DatabaseNode, request: LoadRequest): Promise<NodeResult> {
  const { load, workload, rate, signal } = request;
  const called = pgbench(
    node,
    [
      ...['-M', 'prepared', '-n', '-P', '1', '--random-seed', `${request.randomSeed}`],
      ...['-c', `${load.clients}`, '-j', `${load.threads}`, '-T', `${load.seconds}`],
      ...['--log', '--log-prefix', 'tx'],
      ...(request.logSampling < 1 ? ['--sampling-rate', `${request.logSampling}`] : []),
      ...(rate === undefined ? [] : ['-R', rate.toFixed(1)]),
      ...SCRIPTS[workload],
    ],
    request.via,
  );
  let said = '';
  const onOutput = (stream: 'stdout' | 'stderr', chunk: Buffer) => {
    if (stream !== 'stderr') return;
    const before = said.length;
    said += chunk.toString();
    const [last] = readProgress(said.slice(Math.max(0, before - 200))).slice(-1);
    if (last) request.onSecond?.(node.host, last.tps);
  };
  try {
    const limitS = load.seconds + (request.overrunS ?? HUNG_AFTER_S);
    const reply = await runOnNode(hosts, node, { ...called, limitS, signal, onOutput });
    signal?.throwIfAborted();
    return resultOf(node.host, request, reply);
  } catch (error) {
    signal?.throwIfAborted();
    // The host is gone; what it said until then is its curve.
    return resultOf(node.host, request, { rc: 1, stdout: '', counts: '', stderr: said }, messageOf(error));
  }
}

/** Read-only loads go without `-r`: with it pgbench writes zeros into the log of prepared statements. */
const SCRIPTS: Readonly<Record<Workload, readonly string[]>> = {
  'read-only': ['-S'],
  'mixed-reads': ['-S'],
  'read-write': ['-r'],
  'read-write-again': ['-r'],
  'mixed-writes': ['-r'],
  'balanced-reads': ['-S'],
  'balanced-writes': ['-r'],
  paced: ['-r'],
  'simple-update': ['-r', '-N'],
};

interface Reply {
  readonly rc: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly counts: string;
}

function resultOf(host: string, request: LoadRequest, reply: Reply, lost?: string): NodeResult {
  const { load } = request;
  const { histogram, failures } = readLatencyCounts(reply.counts.split('\n'));
  const parsed = lost === undefined ? parseOrComplain(reply) : lost;
  const summary = typeof parsed === 'string' ? undefined : parsed;
  const progress = everySecond(summary?.progress ?? readProgress(reply.stderr), load.seconds);
  const transactions = summary?.transactions ?? 0;
  // A run that ended badly without saying why is an error, too.
  const errors = Math.max(summary?.errors ?? 1, failures, reply.rc === 0 ? 0 : 1);
  const invalid = whyInvalid(reply, parsed, load, errors);
  // pgbench divides by the time until its last client gave up: a node that dies would look fast.
  const whole = summary !== undefined && !summary.aborted && reply.rc === 0;
  const known = percentilesOf(histogram, request.logSampling < 1);
  return {
    figures: {
      host,
      tps: whole ? (summary.tps ?? 0) : overWholeTime(transactions, progress, load.seconds),
      latencyMs: summary?.latencyMs ?? 0,
      stddevMs: summary?.stddevMs ?? 0,
      transactions,
      errors,
      skipped: summary?.skipped ?? 0,
      ...(known ? { percentiles: known } : {}),
      ...(invalid === undefined ? {} : { invalid }),
    },
    series: {
      host,
      progress,
      curve: percentileCurve(histogram),
      statements: summary?.statements ?? [],
    },
    histogram: encodeHistogram(histogram),
    complaint: invalid === undefined ? undefined : `${host}: ${invalid}`,
  };
}

function parseOrComplain(reply: Reply): PgbenchResult | string {
  try {
    return parsePgbench(reply.stdout, reply.stderr);
  } catch (error) {
    if (error instanceof PgbenchError) return error.message;
    throw error;
  }
}

function whyInvalid(
  { rc }: Reply,
  parsed: PgbenchResult | string,
  load: Load,
  errors: number,
): string | undefined {
  if (rc === HUNG) return `hung: pgbench of ${load.seconds} s did not end`;
  if (typeof parsed === 'string') return parsed;
  if (errors === 0) return undefined;
  const [first = `pgbench ended with ${rc} and gave no reason`] = parsed.complaints;
  return `${errors} ${errors === 1 ? 'error' : 'errors'}, such as: ${first}`;
}

/** Transactions of the whole time that was asked for, when pgbench's own rate does not stand for it. */
function overWholeTime(
  transactions: number,
  progress: readonly { readonly tps: number }[],
  seconds: number,
): number {
  const seen = progress.reduce((total, { tps }) => total + tps, 0);
  return Math.max(transactions, seen) / seconds;
}

/** One point for each second: what pgbench did not report, because it stalled or was gone, is nothing done. */
export function everySecond(
  progress: readonly { readonly atS: number; readonly tps: number; readonly latencyMs?: number }[],
  seconds: number,
): NodeSeries['progress'] {
  const known = new Map(progress.map(({ atS, tps, latencyMs }) => [Math.round(atS), { tps, latencyMs }]));
  // The last second ends with the run and is not reported.
  const last = Math.max(seconds - 1, ...known.keys(), 0);
  return Array.from({ length: last }, (_, i) => {
    const { tps, latencyMs } = known.get(i + 1) ?? { tps: 0, latencyMs: undefined };
    return { atS: i + 1, tps, ...(latencyMs === undefined ? {} : { latencyMs }) };
  });
}
