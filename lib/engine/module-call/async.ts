import { randomInt } from 'node:crypto';
import {
  ModuleError,
  quote,
  type Reply,
  type Request,
  type Result,
  type Steps,
} from '../../modules/kit/define.ts';
import {
  applySteps,
  failureResult,
  type ModuleCall,
  probeSteps,
  settledResult,
} from '../../modules/kit/drive.ts';
import { comingToItsEnd } from '../../transport/shell/script.ts';
import { type Channel, driveOn, sleep } from './run-module.ts';

/**
 * Work that goes on without the connection (`async`). Its long script runs detached on the host, below
 * `~/.ansible_async/JOB/`, and leaves stdout, stderr and its exit code there; losing the connection, or the end of
 * the run, does not stop it. The steps before and after that script run when somebody asks for the status.
 */
export interface Job {
  readonly id: string;
  readonly steps: Steps<Result>;
  readonly limit: number;
  /** Number of the detached script that runs now: each has a folder of its own. */
  part: number;
  result: Result | undefined;
  /** Makes secrets of the module's arguments unreadable. */
  readonly mask: (result: Result) => Result;
}

export type Jobs = Map<string, Job>;

/** Starts a module in the background; waits for it in steps of `poll` seconds, or not at all when that is 0. */
export async function startAsync(
  call: ModuleCall,
  channel: Channel,
  { limit, poll, mask }: { readonly limit: number; readonly poll: number; readonly mask: Job['mask'] },
  jobs: Jobs,
): Promise<Result> {
  const steps = await longSteps(call, channel);
  const job: Job = { id: jobId(), steps, limit, part: 0, result: undefined, mask };
  jobs.set(job.id, job);
  await advance(job, job.steps.next(), channel);
  const started: Result = {
    changed: true,
    started: 1,
    finished: 0,
    ansible_job_id: job.id,
    results_file: `~/.ansible_async/${job.id}.0/rc`,
  };
  if (poll <= 0) return started;
  const end = Date.now() + limit * 1000;
  while (job.result === undefined && Date.now() < end + poll * 1000 && !channel.signal.aborted) {
    await sleep(poll * 1000, channel.signal);
    await checkJob(job, channel);
  }
  if (job.result === undefined) {
    await eraseJob(job.id, channel);
    throw new ModuleError(tooLong(limit));
  }
  return { ...job.result, started: 1, finished: 1, ansible_job_id: job.id };
}

const tooLong = (limit: number): string =>
  `async task did not complete within the requested time - ${limit}s`;

const jobId = (): string => `j${randomInt(1e11, 1e12)}.${process.pid}`;

/** The id becomes part of a path, so nothing else is accepted. */
export const isJobId = (text: string): boolean => /^j\d{1,20}\.\d{1,20}$/.test(text);

/** The steps of an action, or the writing steps of a state module after its probe. */
async function longSteps(call: ModuleCall, channel: Channel): Promise<Steps<Result>> {
  if (call.module.kind === 'action') return call.module.run(call.args as never, call.ctx);
  const probed = await driveOn(channel, probeSteps(call));
  return (function* () {
    return settledResult(probed) ?? (yield* applySteps(probed));
  })();
}

/** Looks whether the script that runs now has ended, and goes on with the module if so. */
export async function checkJob(job: Job, channel: Channel): Promise<void> {
  if (job.result !== undefined) return;
  const reply = await readPart(job.id, job.part, channel);
  if (!reply) return;
  job.part++;
  if (reply.timedOut) {
    job.result = { changed: false, failed: true, msg: tooLong(job.limit) };
    await eraseJob(job.id, channel);
    return;
  }
  try {
    await advance(job, job.steps.next(reply), channel);
  } catch (error) {
    job.result = job.mask(failureResult(error));
  }
  // Its output and input stay on the host no longer than needed.
  if (job.result !== undefined) await eraseJob(job.id, channel);
}

async function advance(job: Job, next: IteratorResult<Request, Result>, channel: Channel): Promise<void> {
  if (next.done) {
    job.result = job.mask(next.value);
    return;
  }
  if (next.value.kind !== 'sh')
    throw new ModuleError(
      `this module can't run with async: it needs the connection for "${next.value.kind}"`,
    );
  await startPart(job, next.value, channel);
}

const partDir = (id: string, part: number): string => `"$HOME"/.ansible_async/${quote(`${id}.${part}`)}`;

async function startPart(
  job: Job,
  request: Extract<Request, { kind: 'sh' }>,
  channel: Channel,
): Promise<void> {
  const runner = [
    'cd "$HOME"',
    'if command -v timeout >/dev/null; then set -- timeout -k 5 "$1"; else set --; fi',
    '"$@" sh "$d/script" <"$d/stdin" >"$d/stdout" 2>"$d/stderr"; rc=$?; rm -f "$d/script" "$d/stdin"; echo $rc >"$d/rc.new"; mv "$d/rc.new" "$d/rc"',
  ].join('; ');
  const stdin = request.stdin ?? '';
  const script = [
    `umask 077; d=${partDir(job.id, job.part)}; export d; mkdir -p "$d" || exit 1`,
    `printf %s ${quote(comingToItsEnd(request.script))} >"$d/script" || exit 1`,
    `cat >"$d/stdin" || exit 1`,
    `if command -v setsid >/dev/null; then s=setsid; else s=nohup; fi`,
    `$s sh -c ${quote(runner)} job ${job.limit} </dev/null >/dev/null 2>&1 &`,
  ].join('\n');
  const env = request.userLocale ? channel.env : { ...channel.env, LC_ALL: 'C' };
  const reply = await channel.connection.run({ script, stdin, env });
  if (reply.rc !== 0)
    throw new ModuleError(`could not start the job: ${reply.stderr.toString('utf8').trim()}`);
}

/** The reply of a detached script, or undefined while it runs. Throws ModuleError when there is no such job. */
export async function readPart(id: string, part: number, channel: Channel): Promise<Reply | undefined> {
  const script = [
    `d=${partDir(id, part)}; [ -d "$d" ] || exit 3`,
    `[ -f "$d/rc" ] || exit 4`,
    `cat "$d/stdout"; cat "$d/stderr" >&2; read -r rc <"$d/rc"; exit 0"$rc"`,
  ].join('\n');
  const marker = await channel.connection.run({
    script: `d=${partDir(id, part)}; [ -d "$d" ] || exit 3; [ -f "$d/rc" ] || exit 4`,
  });
  if (marker.rc === 3)
    throw new ModuleError(`could not find job`, { ansible_job_id: id, started: 1, finished: 1 });
  if (marker.rc !== 0) return undefined;
  const raw = await channel.connection.run({ script, maxOutput: channel.output.limit });
  return {
    rc: raw.rc,
    stdout: raw.stdout.toString('utf8'),
    stderr: raw.stderr.toString('utf8'),
    stdoutBytes: raw.stdout,
    timedOut: raw.rc === 124,
    dropped: raw.dropped,
  };
}

/** Removes what a job left on the host. */
export async function eraseJob(id: string, channel: Channel): Promise<void> {
  await channel.connection.run({ script: `rm -rf "$HOME"/.ansible_async/${quote(id)}.*` });
}
