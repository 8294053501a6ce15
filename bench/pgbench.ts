/** One line of `-P 1`. */
export interface Progress {
  readonly atS: number;
  readonly tps: number;
  readonly latencyMs: number;
  /** Missing when no transaction ended in the interval. */
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
  readonly skipped: number;
  /** Without the time to connect. Missing when no transaction ended. */
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

/** Reads the summary (stdout) and the progress lines (stderr) of pgbench 11 to 17. */
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
    version: /^pgbench \((?:PostgreSQL\) )?([\d.]+)/m.exec(stdout)?.[1],
    scale: number(/^scaling factor: (\d+)/m) ?? 0,
    clients: number(/^number of clients: (\d+)/m) ?? 0,
    threads: number(/^number of threads: (\d+)/m) ?? 0,
    durationS: number(/^duration: (\d+) s/m),
    transactions,
    errors: failed + complaints.length,
    skipped: number(/^number of transactions skipped: (\d+)/m) ?? 0,
    // Two lines before version 14 ("including", "excluding connections establishing"), one since.
    tps: number(/^tps = ([\d.]+) \((?:excluding|without)/m),
    latencyMs: number(/^latency average(?:\s\S+)?(?: =|:) ([\d.]+) ms/m),
    stddevMs: number(/^latency stddev = ([\d.]+) ms/m),
    progress: progressOf(stderr),
    statements: statementsOf(stdout),
    complaints: complaints.slice(0, COMPLAINTS_KEPT),
  };
}

function progressOf(stderr: string): Progress[] {
  const lines = stderr.matchAll(
    /^progress: ([\d.]+) s, ([\d.]+) tps, lat ([\d.]+) ms stddev ([\d.]+|-?nan)/gim,
  );
  return [...lines].map(([, at, tps, latency, stddev]) => ({
    atS: Number(at),
    tps: Number(tps),
    latencyMs: Number(latency),
    ...(Number.isNaN(Number(stddev)) ? {} : { stddevMs: Number(stddev) }),
  }));
}

function statementsOf(stdout: string): StatementLatency[] {
  const [, listing = ''] = stdout.split(/^statement latencies in milliseconds.*:$/m);
  const withFailures = /statement latencies in milliseconds and failures/.test(stdout);
  const row = withFailures ? /^\s+([\d.]+)\s+\d+\s+(\S.*)$/gm : /^\s+([\d.]+)\s+(\S.*)$/gm;
  return [...listing.matchAll(row)].map(([, ms, statement]) => ({ ms: Number(ms), statement: statement! }));
}

/** Lines of stderr that report an error; the closing "Run was aborted" repeats what was said. */
function complaintsOf(stderr: string): string[] {
  return stderr
    .split('\n')
    .map(line => line.trim())
    .filter(
      line =>
        /\b(error|fatal|panic|aborted)\b/i.test(line) && !/^(pgbench: error: )?Run was aborted/.test(line),
    );
}

function lastLine(text: string): string {
  return text.trimEnd().split('\n').at(-1)?.trim() ?? '';
}
