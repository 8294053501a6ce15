/** One line of `-P 1`. */
export interface Progress {
  readonly atS: number;
  readonly tps: number;
  /** Missing when no transaction ended in the interval: a stall has no latency. */
  readonly latencyMs?: number;
  readonly stddevMs?: number;
}

export interface StatementLatency {
  readonly ms: number;
  readonly statement: string;
}

/** What one pgbench process said, whichever version spoke. */
export interface PgbenchResult {
  /** As pgbench names it, or unknown: versions before 14 do not say. */
  readonly version: string | undefined;
  readonly scale: number;
  readonly clients: number;
  readonly threads: number;
  readonly durationS: number | undefined;
  readonly transactions: number;
  /** Transactions that failed, clients that gave up and errors on stderr, all counted. */
  readonly errors: number;
  /** Left out by a rate limit, because they were late already. */
  readonly skipped: number;
  /** Tried again after a serialization failure or a deadlock (`--max-tries`). */
  readonly retried: number;
  /** Above the latency limit (`-L`), of those that ended. */
  readonly late: number;
  /** Clients gave up before the time was over: a rate over the whole time says nothing. */
  readonly aborted: boolean;
  /** Without the time to connect, where clients keep their sessions. Missing when no transaction ended. */
  readonly tps: number | undefined;
  readonly latencyMs: number | undefined;
  readonly stddevMs: number | undefined;
  readonly progress: readonly Progress[];
  readonly statements: readonly StatementLatency[];
  /** The lines that say what went wrong, the first few. */
  readonly complaints: readonly string[];
}

/** The output is not pgbench's: it did not start, or could not connect. */
export class PgbenchError extends Error {
  override readonly name = 'PgbenchError';
}

const COMPLAINTS_KEPT = 5;

/** Reads the summary (stdout) and the progress lines (stderr) of pgbench 11 to 18. */
export function parsePgbench(stdout: string, stderr: string): PgbenchResult {
  const number = (pattern: RegExp): number | undefined => {
    const match = pattern.exec(stdout);
    return match ? Number(match[1]) : undefined;
  };
  const complaints = complaintsOf(stderr);
  const transactions = number(/^number of transactions actually processed: (\d+)/m);
  if (transactions === undefined) {
    throw new PgbenchError(
      complaints[0] ?? (lastLine(stderr) || lastLine(stdout) || 'pgbench printed nothing'),
    );
  }
  const failed = number(/^number of failed transactions: (\d+)/m) ?? 0;
  return {
    version: /^pgbench \((?:PostgreSQL\) )?([\w.]+)/m.exec(stdout)?.[1],
    scale: number(/^scaling factor: (\d+)/m) ?? 0,
    clients: number(/^number of clients: (\d+)/m) ?? 0,
    threads: number(/^number of threads: (\d+)/m) ?? 0,
    durationS: number(/^duration: (\d+) s/m),
    transactions,
    errors: failed + complaints.length,
    skipped: number(/^number of transactions skipped: (\d+)/m) ?? 0,
    retried: number(/^number of transactions retried: (\d+)/m) ?? 0,
    late: number(/^number of transactions above the [\d.]+ ms latency limit: (\d+)/m) ?? 0,
    aborted: /\baborted\b/.test(stderr),
    tps: rateOf(number),
    latencyMs: number(/^latency average(?:\s\S+)?(?: =|:) ([\d.]+) ms/m),
    stddevMs: number(/^latency stddev = ([\d.]+) ms/m),
    progress: readProgress(stderr),
    statements: statementsOf(stdout),
    complaints: complaints.slice(0, COMPLAINTS_KEPT),
  };
}

/**
 * One rate since version 14: "without initial connection time", and with -C "including reconnection times". Two before,
 * "including" and "excluding connections establishing": with -C the second leaves out most of the time, and is no rate.
 */
function rateOf(number: (pattern: RegExp) => number | undefined): number | undefined {
  const rate = number(/^tps = ([\d.]+) \((?:excluding|without|including reconnection)/m);
  const whole = number(/^tps = ([\d.]+) \(including connections/m);
  return rate !== undefined && whole !== undefined && rate > 1.5 * whole ? whole : rate;
}

/** The `-P` lines. A stall prints no latency ("-nan", or "0.000" in some versions): its rate is what counts. */
export function readProgress(stderr: string): Progress[] {
  const lines = stderr.matchAll(
    /^progress: ([\d.]+) s, ([\d.]+|-?nan|inf) tps, lat ([\d.]+|-?nan) ms stddev ([\d.]+|-?nan)/gim,
  );
  return [...lines].map(([, at, tps, latency, stddev]) => {
    const rate = finite(tps) ?? 0;
    const known = rate > 0 ? { latencyMs: finite(latency), stddevMs: finite(stddev) } : {};
    return {
      atS: Number(at),
      tps: rate,
      ...Object.fromEntries(Object.entries(known).filter(([, value]) => value !== undefined)),
    };
  });
}

function finite(text: string | undefined): number | undefined {
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
}

/** Of several scripts (`-f a -f b@3`) each has a listing of its own. */
function statementsOf(stdout: string): StatementLatency[] {
  const [, ...listings] = stdout.split(/^ *(?:- )?(?=statement latencies in milliseconds)/m);
  return listings.flatMap(listing => {
    // Version 15 and later print failures beside the time, and retries when transactions may be tried again.
    const counts = /failures/.test(listing.split('\n')[0]!)
      ? /retries/.test(listing.split('\n')[0]!)
        ? 2
        : 1
      : 0;
    const row = new RegExp(`^\\s+([\\d.]+)${'\\s+\\d+'.repeat(counts)}\\s+(\\S.*)$`, 'gm');
    return [...listing.matchAll(row)].map(([, ms, statement]) => ({ ms: Number(ms), statement: statement! }));
  });
}

/**
 * Lines of stderr that report an error. The closing "Run was aborted" repeats what was said; with `--verbose-errors` a
 * transaction that is tried again says so, and its last failure is counted by the summary.
 */
function complaintsOf(stderr: string): string[] {
  return stderr
    .split('\n')
    .map(line => line.trim())
    .filter(
      line =>
        /\b(error|fatal|panic|aborted)\b/i.test(line) &&
        !/^(pgbench: (error|fatal): )?Run was aborted/.test(line) &&
        !/^pgbench: client \d+ (repeats|ends) the (failed )?transaction/.test(line) &&
        !/^pgbench: client \d+ got an error in command/.test(line),
    );
}

function lastLine(text: string): string {
  return text.trimEnd().split('\n').at(-1)?.trim() ?? '';
}
