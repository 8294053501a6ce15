import { randomBytes } from 'node:crypto';
import type { DatabaseNode, Endpoint } from '../../../lib/cluster/deployment.ts';
import type { Hosts } from '../../../lib/cluster/hosts.ts';
import { messageOf } from '../../../lib/source/errors.ts';
import { DATABASE } from '../database.ts';
import type { NodeSeries, Workload } from '../result.ts';
import type { CommonStart } from './common-start.ts';
import { divided, type Generator, MISSING_PGBENCH, ownGenerator } from './generators.ts';
import {
  encodeHistogram,
  percentileCurve,
  percentilesOf,
  readIntervalSums,
  readLatencyCounts,
} from './latency.ts';
import { HUNG, LOG_ROOM, RUN_LOAD, SWEEP } from './node-script.ts';
import { PgbenchError, type PgbenchResult, type Progress, parsePgbench, readProgress } from './pgbench.ts';
import type { Load } from './profiles.ts';
import { type NodeResult, together } from './together.ts';

export interface LoadRequest {
  readonly workload: Workload;
  readonly load: Load;
  readonly randomSeed: number;
  /** Share of the transactions that a host logs; 1 logs them all. */
  readonly logSampling: (host: string) => number;
  /** One line of the log for so many seconds, instead of one for each transaction. */
  readonly aggregateSeconds?: number;
  /** Transactions a second at most; undefined runs as fast as it can. */
  readonly rate?: number;
  /** Seconds beyond its time after which the node counts as hung. */
  readonly overrunS?: number;
  /** Over the network to this address, as clients come, instead of the node's own socket. */
  readonly via?: Endpoint;
  /** The hosts that put the load on the node together; without them it does so itself. */
  readonly generators?: readonly Generator[];
  /** When all begin. */
  readonly start?: CommonStart;
  readonly signal?: AbortSignal;
  /** Gets each second of a node as it comes. */
  readonly onSecond?: (host: string, second: Progress) => void;
}

/** How long a load may take beyond its time until its node counts as hung. */
export const HUNG_AFTER_S = 20;
/** How much longer the control side waits for what a node says of itself. */
const ANSWER_MS = 60_000;

/** What a logged transaction takes, and how many a processor can do in a second, at most. */
const LOG_BYTES = 50;
const TPS_PER_CPU = 25_000;

/** How pgbench is called: by the node's database user on its socket, as the guide does, or over the network. */
function pgbench(
  { program, as }: Generator,
  { sql: { socketDir, port, user, password } }: DatabaseNode,
  args: readonly string[],
  via?: Endpoint,
): Called {
  const at = via ?? { address: socketDir, port };
  return {
    argv: [program, '-h', at.address, '-p', `${at.port}`, '-U', user, ...args, DATABASE],
    as,
    // Never an argument: those of a process can be read by everybody on its host.
    ...(via && password !== undefined ? { env: { PGPASSWORD: password } } : {}),
  };
}

interface Called {
  readonly argv: readonly string[];
  readonly as: string | null;
  readonly env?: Readonly<Record<string, string>>;
}

/** Throws when the node cannot run the load, and says what it lacks. */
export async function requirePgbench(hosts: Hosts, node: DatabaseNode): Promise<void> {
  const { program, as } = ownGenerator(node);
  const { rc } = await hosts.command(node.host, ['test', '-x', program], { as });
  if (rc !== 0) throw new PgbenchError(MISSING_PGBENCH(program));
}

/** Ends and removes what a killed run of this user left on a host; says what. */
export async function sweep(hosts: Hosts, host: string, as: string | null): Promise<readonly string[]> {
  const { stdout } = await hosts.script(host, SWEEP, { as });
  return stdout.split('\n').filter(line => line !== '');
}

/** Fills the benchmark's database on the primary. */
export async function initialise(
  hosts: Hosts,
  primary: DatabaseNode,
  scale: number,
  signal?: AbortSignal,
): Promise<void> {
  const { argv, as } = pgbench(ownGenerator(primary), primary, ['-i', '-q', '-s', `${scale}`]);
  const limitS = 80 + scale * 5;
  const reply = await runOnHost(hosts, primary.host, { argv, as, limitS, signal });
  signal?.throwIfAborted();
  if (reply.rc === HUNG) throw new PgbenchError(`pgbench -i on ${primary.host} took longer than ${limitS} s`);
  if (reply.rc !== 0)
    throw new PgbenchError(`pgbench -i on ${primary.host}: ${reply.stderr.trim().split('\n').at(-1)}`);
}

interface HostCommand extends Called {
  /** After which it counts as hung. */
  readonly limitS: number;
  readonly start?: CommonStart | undefined;
  readonly log?: 'each' | 'intervals';
  readonly signal?: AbortSignal | undefined;
  readonly onOutput?: (stream: 'stdout' | 'stderr', chunk: Buffer) => void;
}

async function runOnHost(hosts: Hosts, host: string, command: HostCommand): Promise<Reply> {
  const { argv, as, env, limitS, start, log = 'each', signal, onOutput } = command;
  const cut = randomBytes(8).toString('hex');
  const args = [`${limitS}`, cut, start?.on(host) ?? '', log, ...argv];
  const reply = await hosts.command(host, ['sh', '-c', RUN_LOAD, 'load', ...args], {
    as,
    timeoutMs: limitS * 1000 + ANSWER_MS,
    ...(signal ? { signal } : {}),
    ...(onOutput ? { onOutput } : {}),
    ...(env ? { env } : {}),
  });
  const [stdout = '', started = '', counts = ''] = reply.stdout.split(`\n${cut}\n`);
  return { rc: reply.rc, stdout, startedAt: Number(started) || undefined, counts, stderr: reply.stderr };
}

/** The share of the log that a host has room for while it runs so many loads at once: all of it, nearly always. */
export async function logShare(
  hosts: Hosts,
  { host, as }: Pick<Generator, 'host' | 'as'>,
  { seconds, loads, wanted }: { readonly seconds: number; readonly loads: number; readonly wanted: number },
): Promise<number> {
  const { stdout } = await hosts.script(host, LOG_ROOM, { as });
  const [freeKiB = 0, cpus = 1] = stdout.trim().split('\n').map(Number);
  const mostKiB = (seconds * Math.max(cpus, loads) * TPS_PER_CPU * LOG_BYTES) / 1024;
  const share = (freeKiB * 0.5) / mostKiB;
  return share >= wanted ? wanted : Math.max(0.001, Math.floor(share * 1000) / 1000);
}

/** Puts load on one node. What goes wrong is in the result: what the node did until then is measured, too. */
export async function runLoad(hosts: Hosts, node: DatabaseNode, request: LoadRequest): Promise<NodeResult> {
  const { generators = [], load, rate, randomSeed } = request;
  if (generators.length === 0) return runFrom(hosts, ownGenerator(node), node, request);
  const { address, sql } = node;
  const results = await Promise.all(
    divided(load, generators.length).map((share, i) =>
      runFrom(hosts, generators[i]!, node, {
        via: { address, port: sql.port },
        ...request,
        load: share,
        randomSeed: randomSeed + 1_000_000 * i,
        ...(rate === undefined ? {} : { rate: (rate * share.clients) / load.clients }),
      }),
    ),
  );
  return together(node.host, results);
}

async function runFrom(
  hosts: Hosts,
  generator: Generator,
  node: DatabaseNode,
  request: LoadRequest,
): Promise<NodeResult> {
  const { load, workload, rate, start, aggregateSeconds, signal } = request;
  const sampling = request.logSampling(generator.host);
  const called = pgbench(
    generator,
    node,
    [
      ...['-M', 'prepared', '-n', '-P', '1', '--random-seed', `${request.randomSeed}`],
      ...['-c', `${load.clients}`, '-j', `${load.threads}`, '-T', `${load.seconds}`],
      ...['--log', '--log-prefix', 'tx'],
      ...(aggregateSeconds !== undefined
        ? ['--aggregate-interval', `${aggregateSeconds}`]
        : sampling < 1
          ? ['--sampling-rate', `${sampling}`]
          : []),
      ...(rate === undefined ? [] : ['-R', rate.toFixed(1)]),
      ...SCRIPTS[workload],
    ],
    request.via,
  );
  const from = generator.host === node.host ? undefined : generator.host;
  let said = '';
  const onOutput = (stream: 'stdout' | 'stderr', chunk: Buffer) => {
    if (stream !== 'stderr') return;
    const before = said.length;
    said += chunk.toString();
    const [last] = readProgress(said.slice(Math.max(0, before - 200))).slice(-1);
    if (last) request.onSecond?.(from === undefined ? node.host : `${node.host} from ${from}`, last);
  };
  const seen = { host: node.host, from, load, sampling };
  try {
    const limitS = load.seconds + (request.overrunS ?? HUNG_AFTER_S);
    const log = aggregateSeconds === undefined ? 'each' : 'intervals';
    const reply = await runOnHost(hosts, generator.host, { ...called, limitS, start, log, signal, onOutput });
    signal?.throwIfAborted();
    return { ...resultOf(seen, reply), late: start?.late(generator.host, reply.startedAt) };
  } catch (error) {
    signal?.throwIfAborted();
    // The host is gone; what it said until then is its curve.
    return resultOf(
      seen,
      { rc: 1, stdout: '', counts: '', stderr: said, startedAt: undefined },
      messageOf(error),
    );
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
  /** By the clock of the host it ran on. */
  readonly startedAt: number | undefined;
}

/** What was asked for: load on a host, from another one where it did not put it on itself. */
interface Seen {
  readonly host: string;
  readonly from: string | undefined;
  readonly load: Load;
  readonly sampling: number;
}

function resultOf({ host, from, load, sampling }: Seen, reply: Reply, lost?: string): NodeResult {
  const intervals = readIntervalSums(reply.counts);
  const { histogram, failures } = readLatencyCounts(intervals ? [] : reply.counts.split('\n'));
  const parsed = lost === undefined ? parseOrComplain(reply) : lost;
  const summary = typeof parsed === 'string' ? undefined : parsed;
  const progress = everySecond(summary?.progress ?? readProgress(reply.stderr), load.seconds);
  const transactions = summary?.transactions ?? 0;
  // A run that ended badly without saying why is an error, too.
  const errors = Math.max(summary?.errors ?? 1, intervals?.failures ?? failures, reply.rc === 0 ? 0 : 1);
  const why = whyInvalid(reply, parsed, load, errors);
  const invalid = why === undefined || from === undefined ? why : `from ${from}: ${why}`;
  // pgbench divides by the time until its last client gave up: a node that dies would look fast.
  const whole = summary !== undefined && !summary.aborted && reply.rc === 0;
  const known = percentilesOf(histogram, sampling < 1);
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
      ...(intervals ? { slowestMs: intervals.slowestMs } : {}),
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
