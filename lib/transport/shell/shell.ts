import type { Channel, ChannelEnd } from '../channel.ts';
import { ConnectionError, OUTPUT_LIMIT, type RunReply, type RunRequest } from '../connection.ts';
import { FrameReader, randomToken } from './framing.ts';
import { type Launched, type LaunchOptions, launch } from './launch.ts';
import { OWN_TASKS, requestText } from './script.ts';

/** A request on its way through a shell. */
export interface Job {
  readonly request: RunRequest;
  readonly resolve: (reply: RunReply) => void;
  readonly reject: (error: Error) => void;
  readonly stdout: KeptOutput;
  readonly stderr: KeptOutput;
  rc: number | undefined;
  /** What comes on stderr before its beginning is not its own. */
  errors: 'waiting' | 'begun' | 'done';
  /** The subshell's process, known once it runs. What comes on stdout before is not its own. */
  pid: number | undefined;
  stopped: 'timedOut' | 'aborted' | undefined;
  onBegin: (() => void) | undefined;
}

/** Output up to a limit; what comes after it is counted. */
export class KeptOutput {
  dropped = 0;
  readonly #chunks: Buffer[] = [];
  #left: number;

  constructor(limit = OUTPUT_LIMIT) {
    this.#left = limit;
  }

  add(chunk: Buffer): void {
    const kept = chunk.length <= this.#left ? chunk : chunk.subarray(0, this.#left);
    if (kept.length > 0) this.#chunks.push(kept);
    this.#left -= kept.length;
    this.dropped += chunk.length - kept.length;
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }
}

export function replyOf(job: Job, rc: number): RunReply {
  return {
    rc,
    stdout: job.stdout.bytes,
    stderr: job.stderr.bytes,
    timedOut: job.stopped === 'timedOut',
    aborted: job.stopped === 'aborted',
    dropped: { stdout: job.stdout.dropped, stderr: job.stderr.dropped },
  };
}

interface ShellEvents {
  done(job: Job): void;
  /** The shell is gone: `begun` is the job it was at, if any; `waiting` were never started. */
  ended(end: ChannelEnd, begun: Job | undefined, waiting: readonly Job[]): void;
}

/** Written in one go at most: enough to fill packets, little enough to be taken back. */
const WRITE_AHEAD = 64 * 1024;

/** One live `sh` at the far end of a channel, running requests in order. */
export class Shell {
  readonly pid: number;
  /** Something that outlived its request wrote here: replies could be mixed up. */
  tainted = false;
  readonly #host: string;
  readonly #channel: Channel;
  readonly #token: string;
  readonly #isBash: boolean;
  readonly #events: ShellEvents;
  #unsent: Job[] = [];
  readonly #awaitingOutput: Job[] = [];
  readonly #awaitingErrors: Job[] = [];
  #greeted = false;
  #flushing = false;
  #blocked = false;
  #over = false;

  private constructor(host: string, launched: Launched, token: string, events: ShellEvents) {
    this.#host = host;
    this.pid = launched.pid;
    this.#channel = launched.channel;
    this.#isBash = launched.isBash;
    this.#token = token;
    this.#events = events;
    const broken = (): void => this.#broken();
    const output = new FrameReader(token, {
      data: chunk => this.#data('stdout', this.#awaitingOutput[0], chunk),
      frame: text => this.#outputFrame(text),
      broken,
    });
    const errors = new FrameReader(token, {
      data: chunk => this.#data('stderr', this.#awaitingErrors[0], chunk),
      frame: text => this.#errorsFrame(text),
      broken,
    });
    launched.channel.output.on('data', (chunk: Buffer) => output.push(chunk)).resume();
    launched.channel.errors.on('data', (chunk: Buffer) => errors.push(chunk)).resume();
    void launched.channel.ended.then(end => this.#end(end));
  }

  static async open(options: LaunchOptions, events: ShellEvents): Promise<Shell> {
    const token = randomToken();
    const setUp = `exec 4>&2 2>/dev/null; printf '${token}h\\n' >&4; exec ${options.shell ?? '/bin/sh'}`;
    return new Shell(options.host, await launch(setUp, options), token, events);
  }

  get idle(): boolean {
    return (
      this.#unsent.length === 0 && this.#awaitingErrors.length === 0 && this.#awaitingOutput.length === 0
    );
  }

  /** Written jobs without an exit code yet, in order: the first one runs, as far as is known here. */
  get sent(): readonly Job[] {
    return this.#awaitingOutput;
  }

  /** Jobs are written at the end of the tick, so that what is asked together travels together. */
  add(job: Job): void {
    this.#unsent.push(job);
    if (this.#flushing || this.#blocked) return;
    this.#flushing = true;
    queueMicrotask(() => {
      this.#flushing = false;
      this.#flush();
    });
  }

  /** Takes back a job that was not written yet. */
  withdraw(job: Job): boolean {
    const at = this.#unsent.indexOf(job);
    if (at >= 0) this.#unsent.splice(at, 1);
    return at >= 0;
  }

  /** No more requests: the `sh` ends at the end of its input. */
  finish(): void {
    this.#channel.input.end();
  }

  destroy(): void {
    this.#channel.destroy();
    this.#end({ kind: 'exit', rc: 137 });
  }

  get ended(): Promise<ChannelEnd> {
    return this.#channel.ended;
  }

  #flush(): void {
    while (this.#unsent.length > 0 && !this.#blocked && !this.#over) {
      const texts: Buffer[] = [];
      let size = 0;
      while (this.#unsent.length > 0 && size < WRITE_AHEAD) {
        const job = this.#unsent.shift() as Job;
        const text = this.#framed(job.request);
        texts.push(text);
        size += text.length;
        this.#awaitingOutput.push(job);
        this.#awaitingErrors.push(job);
      }
      this.#write(texts.length === 1 ? (texts[0] as Buffer) : Buffer.concat(texts));
    }
  }

  #write(bytes: Buffer): void {
    if (this.#channel.input.write(bytes)) return;
    this.#blocked = true;
    this.#channel.input.once('drain', () => {
      this.#blocked = false;
      this.#flush();
    });
  }

  /** bash reads commands from a pipe byte by byte; `read -N` outside of POSIX mode takes a block at a time. */
  #framed(request: RunRequest): Buffer {
    const text = requestText(request, { token: this.#token, documents: !this.#isBash });
    if (!this.#isBash) return text;
    const start = 'unset _s\n';
    const size = start.length + text.length;
    const head = `set +o posix; IFS= LC_ALL=C read -rN ${size} _s; set -o posix; eval "$_s"\n`;
    return Buffer.concat([Buffer.from(head + start), text]);
  }

  #data(stream: 'stdout' | 'stderr', job: Job | undefined, chunk: Buffer): void {
    if (stream === 'stderr' && !this.#greeted) return;
    if (!job || (stream === 'stdout' ? job.pid === undefined : job.errors === 'waiting')) {
      this.tainted = true;
      return;
    }
    job[stream].add(chunk);
    job.request.onOutput?.(stream, chunk);
  }

  #outputFrame(text: string): void {
    const job = this.#awaitingOutput[0];
    if (!job) return;
    const begins = text.startsWith('b');
    const number = Number(begins ? text.slice(text.lastIndexOf('/') + 1) : text.slice(1));
    if (!Number.isSafeInteger(number) || number < 0) {
      if (text === `b${OWN_TASKS}`)
        this.#lost('/proc is not mounted there', 'mount it: mount -t proc proc /proc');
      else this.#broken();
      return;
    }
    if (begins) {
      job.pid = number;
      job.onBegin?.();
      return;
    }
    job.rc = number;
    this.#awaitingOutput.shift();
    if (job.errors === 'done') this.#events.done(job);
  }

  /** What comes is not an answer to what was asked: the host's shell is not one, or something writes in its place. */
  #broken(): void {
    this.#lost("the answers of the host's shell make no sense");
  }

  #lost(text: string, hint?: string): void {
    if (this.#over) return;
    this.#channel.destroy();
    this.#end({ kind: 'lost', error: new ConnectionError(this.#host, text, hint) });
  }

  #errorsFrame(text: string): void {
    if (text === 'h') {
      this.#greeted = true;
      return;
    }
    const job = this.#awaitingErrors[0];
    if (!job) return;
    if (text === 'b') {
      job.errors = 'begun';
      return;
    }
    job.errors = 'done';
    this.#awaitingErrors.shift();
    if (job.rc !== undefined) this.#events.done(job);
  }

  #end(end: ChannelEnd): void {
    if (this.#over) return;
    this.#over = true;
    // A job leaves both lists when it is done, so the longer one begins with the first that is not.
    const byLength = this.#awaitingErrors.length > this.#awaitingOutput.length;
    const [begun, ...sent] = byLength ? this.#awaitingErrors : this.#awaitingOutput;
    this.#events.ended(end, begun, [...sent, ...this.#unsent]);
    this.#unsent = [];
    this.#awaitingOutput.length = 0;
    this.#awaitingErrors.length = 0;
  }
}
