import { execFile } from 'node:child_process';
import {
  ModuleError,
  type Reply,
  type Request,
  type Result,
  type StateModule,
  type Steps,
  TouchedNames,
} from '../../modules/kit/define.ts';
import {
  actionSteps,
  applySteps,
  drive,
  type ModuleCall,
  type Probed,
  probeSteps,
  StopDriving,
  settledResult,
} from '../../modules/kit/drive.ts';
import { hasMark } from '../../modules/kit/reply.ts';
import { SourceError } from '../../source/errors.ts';
import type { Connection, RunReply, RunRequest } from '../../transport/connection.ts';
import type { OutputFiles } from './output-files.ts';

/** How to treat long output. */
export interface OutputOptions {
  /** Bytes kept of each stream. */
  readonly limit: number;
  /** Receives all of it, if the operator wants it in files. */
  readonly toFiles: OutputFiles | undefined;
}

/** How requests of one task reach the host. */
export interface Channel {
  readonly connection: Connection;
  readonly env: Readonly<Record<string, string>>;
  /** When the task's time is up, in milliseconds of `Date.now()`. */
  readonly deadline: number | undefined;
  readonly signal: AbortSignal;
  readonly onLine: (line: string) => void;
  readonly output: OutputOptions;
  /** Takes work for the end of the run. */
  readonly atEnd: (work: () => Promise<unknown>) => void;
}

/** The task's time limit ran out; the command was stopped on the host. */
export class TimeLimitError extends StopDriving {
  override readonly name = 'TimeLimitError';
}

/** A failure of one call alone: by the module, or by a mistake in the template that it renders. */
export type CallFailure = ModuleError | SourceError;

export const isCallFailure = (value: unknown): value is CallFailure =>
  value instanceof ModuleError || value instanceof SourceError;

/** The end of a module call: a result, a failure, or unknown. */
export type CallOutcome = Result | CallFailure;

/**
 * Runs calls of one task on one host (the items of a loop, or a single one). Calls that cannot disturb each other
 * travel together: all probes in one round trip, then all writes in one more.
 */
export async function runCalls(calls: readonly ModuleCall[], channel: Channel): Promise<CallOutcome[]> {
  try {
    return await outcomesOf(calls, channel);
  } finally {
    channel.output.toFiles?.close();
  }
}

async function outcomesOf(calls: readonly ModuleCall[], channel: Channel): Promise<CallOutcome[]> {
  const first = calls[0];
  if (!first) return [];
  if (first.module.kind === 'state') return runStates(calls, channel);
  const { module } = first;
  const run = (call: ModuleCall) => attempt(() => driveOn(channel, actionSteps(call)));
  if (module.batch) return Promise.all(calls.map(run));
  const outcomes: CallOutcome[] = [];
  for (const call of calls) outcomes.push(await run(call));
  return outcomes;
}

/** How many items that may depend on each other are probed before the first write; after a write it is one at a time. */
const FIRST_LOOK = 32;

async function runStates(calls: readonly ModuleCall[], channel: Channel): Promise<CallOutcome[]> {
  const outcomes = new Map<ModuleCall, CallOutcome>();
  const independent = disjoint(calls);
  let waiting = [...calls];
  let size = independent ? calls.length : FIRST_LOOK;
  while (waiting.length > 0) {
    const looked = waiting.slice(0, size);
    const probed = await Promise.all(looked.map(call => attempt(() => driveOn(channel, probeSteps(call)))));
    const writes: Probed[] = [];
    looked.forEach((call, index) => {
      const outcome = probed[index]!;
      const settled = isCallFailure(outcome) ? outcome : settledResult(outcome);
      if (settled) outcomes.set(call, settled);
      else writes.push(outcome as Probed);
    });
    // Later items may depend on what this write changes, so unless all are independent they are probed again after it.
    const now = independent ? writes : writes.slice(0, 1);
    const applied = await Promise.all(now.map(write => attempt(() => driveOn(channel, applySteps(write)))));
    for (const [index, write] of now.entries()) outcomes.set(write.call, applied[index]!);
    const last = independent ? looked.at(-1) : (now[0]?.call ?? looked.at(-1));
    waiting = waiting.slice(waiting.indexOf(last!) + 1);
    size = now.length > 0 ? 1 : size * 2;
  }
  return calls.map(call => outcomes.get(call)!);
}

async function attempt<T>(work: () => Promise<T>): Promise<T | CallFailure> {
  try {
    return await work();
  } catch (error) {
    if (isCallFailure(error)) return error;
    throw error;
  }
}

/** True when no two calls touch the same thing, or one a path below another's. */
function disjoint(calls: readonly ModuleCall[]): boolean {
  const seen = new TouchedNames();
  for (const { module, args } of calls) {
    const names = (module as StateModule).touches?.(args as never);
    if (!names) return calls.length === 1;
    if (names.some(name => seen.overlaps(name))) return false;
    for (const name of names) seen.add(name);
  }
  return true;
}

/** Drives a module on the host at the far end of the channel. */
export const driveOn = <T>(channel: Channel, steps: Steps<T>): Promise<T> =>
  drive(steps, request => perform(request, channel));

/** How long one script may take at the end of the run. */
const AT_END_MS = 10_000;

const NOTHING: Reply = { rc: 0, stdout: '', stderr: '', stdoutBytes: Buffer.alloc(0), timedOut: false };

async function perform(request: Request, channel: Channel): Promise<Reply> {
  const { connection } = channel;
  switch (request.kind) {
    case 'sh':
      return reply(await runScript(request, channel), request, channel);
    case 'control':
      return onControlMachine(request.script, channel.signal);
    case 'send':
      await connection.send(
        typeof request.from === 'string' ? { file: request.from } : request.from,
        request.to,
      );
      return NOTHING;
    case 'work':
      await request.work();
      return NOTHING;
    case 'receive': {
      const { sha1, md5 } = await connection.receive(request.from, request.to, request.atMost);
      return { ...NOTHING, stdout: `${sha1} ${md5}` };
    }
    case 'at-end':
      channel.atEnd(() => connection.run({ script: request.script, timeoutMs: AT_END_MS }));
      return NOTHING;
    case 'sleep':
      await sleep(request.seconds * 1000, channel.signal);
      return NOTHING;
    case 'reconnect':
      return reconnect(request, channel);
  }
}

function onControlMachine(script: string, signal: AbortSignal): Promise<Reply> {
  return new Promise((done, failed) => {
    const options = { encoding: 'buffer', maxBuffer: 64 << 20, signal } as const;
    execFile('sh', ['-c', script], options, (error, stdout, stderr) => {
      if (signal.aborted) failed(new TimeLimitError('interrupted'));
      else
        done({
          ...NOTHING,
          rc: error ? (typeof error.code === 'number' ? error.code : 1) : 0,
          stdout: stdout.toString(),
          stderr: stderr.toString(),
          stdoutBytes: stdout,
        });
    });
  });
}

function runScript(request: Extract<Request, { kind: 'sh' }>, channel: Channel): Promise<RunReply> {
  const limits = [
    ...(channel.deadline === undefined ? [] : [Math.max(1, channel.deadline - Date.now())]),
    ...(request.timeout === undefined ? [] : [request.timeout * 1000]),
  ];
  return channel.connection.run({
    script: request.script,
    ...(request.stdin !== undefined && { stdin: request.stdin }),
    env: request.userLocale ? channel.env : { ...channel.env, LC_ALL: 'C' },
    ...(limits.length > 0 && { timeoutMs: Math.min(...limits) }),
    signal: channel.signal,
    maxOutput: channel.output.limit,
    ...(request.live && { onOutput: heard(channel) }),
  });
}

function heard({ onLine, output }: Channel): NonNullable<RunRequest['onOutput']> {
  const onText = lines(onLine);
  return (stream, chunk) => {
    onText(stream, chunk);
    output.toFiles?.write(stream, chunk);
  };
}

function reply(raw: RunReply, request: Extract<Request, { kind: 'sh' }>, channel: Channel): Reply {
  const ownLimit = request.timeout !== undefined;
  const { stdout, stderr } = raw.dropped;
  const isCut = stdout + stderr > 0;
  // A module would take half a list of files, or half a status, for the whole.
  if (isCut && !request.live)
    throw new ModuleError(
      `the answer of the host is longer than ${channel.output.limit} bytes by ${stdout + stderr} (--output-limit)`,
    );
  if (raw.timedOut && !ownLimit) throw new TimeLimitError('the task took longer than its timeout');
  if (raw.aborted) throw new TimeLimitError(channel.signal.aborted ? 'interrupted' : 'stopped');
  return {
    rc: raw.rc,
    stdout: raw.stdout.toString('utf8'),
    stderr: raw.stderr.toString('utf8'),
    stdoutBytes: raw.stdout,
    timedOut: raw.timedOut,
    ...(isCut && { dropped: raw.dropped }),
  };
}

async function reconnect(request: Extract<Request, { kind: 'reconnect' }>, channel: Channel): Promise<Reply> {
  const end = Date.now() + request.timeout * 1000;
  await sleep(request.delay * 1000, channel.signal);
  let last: unknown;
  while (Date.now() < end && !channel.signal.aborted) {
    try {
      await channel.connection.reset();
      const answer = await channel.connection.run({ script: ':', timeoutMs: 10_000 });
      if (answer.rc === 0 && !answer.timedOut) return NOTHING;
    } catch (error) {
      last = error;
    }
    await sleep(1000, channel.signal);
  }
  const why = last instanceof Error ? last.message : 'no answer';
  return { ...NOTHING, rc: 1, stderr: why, timedOut: true };
}

const LONGEST_LINE = 4096;

/** Calls back with the last complete, non-empty line of what has come so far. */
function lines(onLine: (line: string) => void): (stream: 'stdout' | 'stderr', chunk: Buffer) => void {
  let rest = '';
  return (_, chunk) => {
    const parts = (rest + chunk.toString('utf8')).split(/[\r\n]+/);
    // Keeps no more of an unfinished line than can be shown: the whole output may be one line.
    rest = (parts.pop() ?? '').slice(0, LONGEST_LINE);
    const line = parts.filter(part => part.trim() !== '' && !hasMark(part)).at(-1);
    if (line !== undefined) onLine(line);
  };
}

/** Resolves after `ms`, or at once when the run is interrupted. */
export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted || ms <= 0) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
}
