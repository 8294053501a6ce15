import { setMaxListeners } from 'node:events';
import type { ChannelEnd } from '../channel.ts';
import { ConnectionError, type RunReply, type RunRequest } from '../connection.ts';
import { GRACE_MS, killScript } from './kill.ts';
import type { LaunchOptions } from './launch.ts';
import { assertSendable } from './script.ts';
import { type Job, KeptOutput, replyOf, Shell } from './shell.ts';

/** A request that was told to stop and is still there after this long: its shell is given up. */
const GIVE_UP_MS = GRACE_MS + 6000;

/** What a request counts as when it was stopped before the host began it, or its end was not seen. */
const KILLED = 137;

/**
 * Runs requests as one user of one host, on a `sh` that is started when first needed and again when a script
 * killed it. Stops requests that take too long or are aborted.
 */
export class Worker {
  readonly #options: LaunchOptions;
  #shell: Shell | undefined;
  #opening = false;
  #closed = false;
  /** Jobs that no shell has yet. */
  #waiting: Job[] = [];
  /** Shells with a process that outlived its request: kept open for its sake, never used again. */
  readonly #retired = new Set<Shell>();
  /** Kills under way. What was stopped is answered when its kill is over: nothing of it runs on then. */
  readonly #kills = new Map<Shell | Job, Promise<void>>();

  constructor(options: LaunchOptions) {
    this.#options = options;
  }

  run(request: RunRequest): Promise<RunReply> {
    return new Promise((resolve, reject) => {
      assertSendable(request);
      const { signal } = request;
      let timer: NodeJS.Timeout | undefined;
      const onAbort = (): void => this.#stop(job, 'aborted');
      const release = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
      };
      const job: Job = {
        request,
        stdout: new KeptOutput(request.maxOutput),
        stderr: new KeptOutput(request.maxOutput),
        rc: undefined,
        errors: 'waiting',
        pid: undefined,
        stopped: undefined,
        onBegin: () => {
          if (job.stopped) this.#stopRunning();
          else if (request.timeoutMs !== undefined) {
            timer = setTimeout(() => this.#stop(job, 'timedOut'), request.timeoutMs);
          }
        },
        resolve: reply => {
          release();
          resolve(reply);
        },
        reject: error => {
          release();
          reject(error);
        },
      };
      if (signal?.aborted) {
        job.stopped = 'aborted';
        job.resolve(replyOf(job, KILLED));
        return;
      }
      if (signal) {
        // One signal stops the requests of many hosts; that many listeners are not a leak.
        setMaxListeners(0, signal);
        signal.addEventListener('abort', onAbort);
      }
      this.#submit(job);
    });
  }

  /** Ends the shell, and what still runs in it. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const job of this.#waiting.splice(0)) job.reject(this.#closedError());
    const shell = this.#shell;
    this.#shell = undefined;
    for (const retired of this.#retired) retired.destroy();
    if (!shell) return;
    if (shell.idle) shell.finish();
    else await within(GRACE_MS + 1000, this.#kill(shell, shell.pid));
    await within(500, shell.ended);
    shell.destroy();
  }

  #closedError(): ConnectionError {
    return new ConnectionError(this.#options.host, 'the connection was closed');
  }

  #submit(job: Job): void {
    if (this.#shell?.tainted && this.#shell.idle) this.#retire(this.#shell);
    if (this.#closed) job.reject(this.#closedError());
    else if (this.#shell) this.#shell.add(job);
    else {
      this.#waiting.push(job);
      if (!this.#opening) void this.#open();
    }
  }

  #retire(shell: Shell): void {
    this.#shell = undefined;
    this.#retired.add(shell);
    shell.finish();
  }

  async #open(): Promise<void> {
    this.#opening = true;
    try {
      const shell = await Shell.open(this.#options, {
        done: job => this.#resolve(job, job.rc ?? 0, this.#kills.get(job)),
        ended: (end, begun, waiting) => this.#ended(shell, end, begun, waiting),
      });
      if (this.#closed) return shell.destroy();
      this.#shell = shell;
      for (const job of this.#waiting.splice(0)) shell.add(job);
    } catch (error) {
      for (const job of this.#waiting.splice(0)) job.reject(error as Error);
    } finally {
      this.#opening = false;
    }
  }

  #ended(shell: Shell, end: ChannelEnd, begun: Job | undefined, waiting: readonly Job[]): void {
    if (this.#shell === shell) this.#shell = undefined;
    this.#retired.delete(shell);
    for (const job of begun ? [begun, ...waiting] : waiting) {
      if (job.stopped) this.#resolve(job, KILLED, this.#kills.get(shell) ?? this.#kills.get(job));
      else if (end.kind === 'lost') job.reject(end.error);
      else if (this.#closed) job.reject(this.#closedError());
      // The script killed its shell (`kill $$`): that is its result, and the ones behind it never began.
      else if (job === begun) job.resolve(replyOf(job, end.rc));
      else this.#submit(job);
    }
  }

  #resolve(job: Job, rc: number, kill: Promise<void> | undefined): void {
    if (kill) void kill.then(() => job.resolve(replyOf(job, rc)));
    else job.resolve(replyOf(job, rc));
  }

  #stop(job: Job, why: 'timedOut' | 'aborted'): void {
    if (job.stopped) return;
    job.stopped = why;
    const at = this.#waiting.indexOf(job);
    if (at >= 0) this.#waiting.splice(at, 1);
    if (at >= 0 || this.#shell?.withdraw(job)) job.resolve(replyOf(job, KILLED));
    // What is aborted together is judged together.
    else queueMicrotask(() => this.#stopRunning());
  }

  /**
   * Kills the running request if it was stopped; when requests behind it are stopped too, the shell goes first, so
   * that it cannot begin them. A stopped request behind one that goes on is killed as soon as it begins.
   */
  #stopRunning(): void {
    const shell = this.#shell;
    const [current, ...behind] = shell?.sent ?? [];
    if (!shell || !current?.stopped) return;
    if (behind.some(job => job.stopped)) void this.#kill(shell, shell.pid);
    else if (current.pid !== undefined) void this.#kill(current, current.pid);
  }

  /** Never rejects, and takes no longer than `GIVE_UP_MS`. */
  #kill(target: Shell | Job, pid: number): Promise<void> {
    const shell = this.#shell ?? (target instanceof Shell ? target : undefined);
    if (!shell) return Promise.resolve();
    const underWay = this.#kills.get(shell) ?? this.#kills.get(target);
    if (underWay) return underWay;
    const giveUp = setTimeout(() => {
      if (target instanceof Shell || shell.sent.includes(target)) shell.destroy();
    }, GIVE_UP_MS);
    giveUp.unref();
    const side = new Worker(this.#options);
    // Where the way to the host is gone or full, what waits for the request learns it there, or gives up.
    const killed = side.run({ script: killScript(pid, shell.pid) }).catch(() => undefined);
    const kill = within(GIVE_UP_MS, killed).finally(() => {
      this.#kills.delete(target);
      void side.close();
    });
    this.#kills.set(target, kill);
    return kill;
  }
}

/** Waits for `work`, but no longer than this. */
async function within(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise(resolve => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work, limit]);
  clearTimeout(timer);
}
