import { execFile } from 'node:child_process';
import {
  type ActionModule,
  type ModuleContext,
  ModuleError,
  overlap,
  type Reply,
  type Request,
  type Result,
  type StateModule,
  type Steps,
} from '../modules/kit/define.ts';
import type { Json } from '../source/value.ts';
import type { Connection, RunReply } from '../transport/connection.ts';

/** How requests of one task reach the host. */
export interface Channel {
  readonly connection: Connection;
  readonly env: Readonly<Record<string, string>>;
  /** When the task's time is up, in milliseconds of `Date.now()`. */
  readonly deadline: number | undefined;
  readonly signal: AbortSignal;
  readonly onLine: (line: string) => void;
  /** Takes work for the end of the run. */
  readonly atEnd: (work: () => Promise<unknown>) => void;
}

export interface ModuleCall {
  readonly module: StateModule | ActionModule;
  readonly args: Record<string, Json>;
  readonly ctx: ModuleContext;
}

/** The task's time limit ran out; the command was stopped on the host. */
export class TimeLimitError extends Error {
  override readonly name = 'TimeLimitError';
}

/** Check mode cannot say what a module would do. */
export const UNKNOWN = Symbol('unknown');

/** What a module call came to: a result, the module's own failure, or nothing that can be known. */
export type CallOutcome = Result | ModuleError | typeof UNKNOWN;

/**
 * Runs calls of one task on one host (the items of a loop, or a single one). Calls that cannot disturb each other
 * travel together: all probes in one round trip, then all writes in one more.
 */
export async function runCalls(calls: readonly ModuleCall[], channel: Channel): Promise<CallOutcome[]> {
  const first = calls[0];
  if (!first) return [];
  if (first.module.kind === 'state') return runStates(calls, channel);
  const { module } = first;
  if (module.batch) return Promise.all(calls.map(call => attempt(() => runAction(call, channel))));
  const outcomes: CallOutcome[] = [];
  for (const call of calls) outcomes.push(await attempt(() => runAction(call, channel)));
  return outcomes;
}

async function runAction({ module, args, ctx }: ModuleCall, channel: Channel): Promise<CallOutcome> {
  const action = module as ActionModule;
  if (!ctx.checkMode || action.readOnly) return drive(action.run(args as never, ctx), channel);
  const predicted = action.check ? await drive(action.check(args as never, ctx), channel) : 'unknown';
  // Ansible calls it skipped and makes up an empty output; what depends on that would be told a lie.
  return predicted === 'unknown' || predicted.skipped ? UNKNOWN : predicted;
}

interface Probed {
  readonly call: ModuleCall;
  readonly found: unknown;
  readonly plan: ReturnType<StateModule['diff']>;
}

async function runStates(calls: readonly ModuleCall[], channel: Channel): Promise<CallOutcome[]> {
  const outcomes = new Map<ModuleCall, CallOutcome>();
  const independent = disjoint(calls);
  let waiting = [...calls];
  while (waiting.length > 0) {
    const probed = await Promise.all(waiting.map(call => attempt(() => probe(call, channel))));
    const writes: Probed[] = [];
    waiting.forEach((call, index) => {
      const outcome = probed[index]!;
      if (outcome instanceof ModuleError) outcomes.set(call, outcome);
      else if (outcome.plan.changes.length === 0) outcomes.set(call, resultOf(outcome, false));
      else if (call.ctx.checkMode) outcomes.set(call, resultOf(outcome, true));
      else writes.push(outcome);
    });
    // Later items may depend on what this write changes, so unless all are independent they are probed again after it.
    const now = independent ? writes : writes.slice(0, 1);
    const applied = await Promise.all(now.map(write => attempt(() => apply(write, channel))));
    for (const [index, write] of now.entries()) outcomes.set(write.call, applied[index]!);
    if (independent || now.length === 0) break;
    waiting = waiting.slice(waiting.indexOf(now[0]!.call) + 1);
  }
  return calls.map(call => outcomes.get(call)!);
}

async function probe(call: ModuleCall, channel: Channel): Promise<Probed> {
  const module = call.module as StateModule;
  const found = await drive(module.probe(call.args as never, call.ctx), channel);
  return { call, found, plan: module.diff(found, call.args as never, call.ctx) };
}

async function apply({ call, found, plan }: Probed, channel: Channel): Promise<Result> {
  const module = call.module as StateModule;
  const more = await drive(module.apply(found, call.args as never, call.ctx, plan), channel);
  return { ...plan.result, ...more, changed: true, ...(plan.diff && { diff: plan.diff }) };
}

const resultOf = ({ plan }: Probed, changed: boolean): Result => ({
  ...plan.result,
  changed,
  ...(plan.diff && { diff: plan.diff }),
});

async function attempt<T>(work: () => Promise<T>): Promise<T | ModuleError> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ModuleError) return error;
    throw error;
  }
}

/** True when no two calls touch the same thing, or one a path below another's. */
function disjoint(calls: readonly ModuleCall[]): boolean {
  const seen: string[] = [];
  for (const { module, args } of calls) {
    const names = (module as StateModule).touches?.(args as never);
    if (!names) return calls.length === 1;
    if (names.some(name => seen.some(other => overlap(name, other)))) return false;
    seen.push(...names);
  }
  return true;
}

/** Carries out what the steps ask for, one after the other, and gives what they return. */
export async function drive<T>(steps: Steps<T>, channel: Channel): Promise<T> {
  let next = steps.next();
  while (!next.done) {
    let answer: Reply;
    try {
      answer = await perform(next.value, channel);
    } catch (error) {
      // A module may know what a lost connection means (a reboot); that time is up is not its business.
      if (error instanceof TimeLimitError) throw error;
      next = steps.throw(error);
      continue;
    }
    next = steps.next(answer);
  }
  return next.value;
}

/** How long one script may take at the end of the run. */
const AT_END_MS = 10_000;

const NOTHING: Reply = { rc: 0, stdout: '', stderr: '', stdoutBytes: Buffer.alloc(0), timedOut: false };

async function perform(request: Request, channel: Channel): Promise<Reply> {
  const { connection } = channel;
  switch (request.kind) {
    case 'sh':
      return reply(await runScript(request, channel), request.timeout !== undefined, channel);
    case 'control':
      return onControlMachine(request.script, channel.signal);
    case 'send':
      await connection.send(
        Buffer.isBuffer(request.from) ? request.from : { file: request.from },
        request.to,
      );
      return NOTHING;
    case 'receive':
      await connection.receive(request.from, request.to);
      return NOTHING;
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
    ...(request.live && { onOutput: lines(channel.onLine) }),
  });
}

function reply(raw: RunReply, ownLimit: boolean, channel: Channel): Reply {
  if (raw.timedOut && !ownLimit) throw new TimeLimitError('the task took longer than its timeout');
  if (raw.aborted) throw new TimeLimitError(channel.signal.aborted ? 'interrupted' : 'stopped');
  return {
    rc: raw.rc,
    stdout: raw.stdout.toString('utf8'),
    stderr: raw.stderr.toString('utf8'),
    stdoutBytes: raw.stdout,
    timedOut: raw.timedOut,
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

/** Calls back with the last complete, non-empty line of what has come so far. */
function lines(onLine: (line: string) => void): (stream: 'stdout' | 'stderr', chunk: Buffer) => void {
  let rest = '';
  return (_, chunk) => {
    const parts = (rest + chunk.toString('utf8')).split(/[\r\n]+/);
    rest = parts.pop() ?? '';
    const line = parts.filter(part => part.trim() !== '').at(-1);
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
