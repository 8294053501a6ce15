import { type Become, type Connection, type RunReply, shellWord } from '../transport/index.ts';

export interface CommandOptions {
  readonly stdin?: Buffer | string;
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** Gets output as it comes, where somebody watches. */
  readonly onOutput?: (stream: 'stdout' | 'stderr', chunk: Buffer) => void;
  /** Another user of the host; null: whoever logs in; without it, whoever may look at devices and sockets. */
  readonly as?: string | null;
}

export interface CommandReply {
  readonly rc: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command on a host did not do what was asked. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly reply: CommandReply;

  constructor(what: string, reply: CommandReply) {
    const said = (reply.stderr || reply.stdout).trim().split('\n').slice(-3).join('; ');
    super(`${what} ended with ${reply.rc}${said ? `: ${said}` : ''}`);
    this.reply = reply;
  }
}

/** The hosts of the inventory, opened when first asked. */
export class Hosts {
  readonly #connect: (host: string) => Connection | Promise<Connection>;
  readonly #become: (host: string, user: string) => Become | undefined;
  /** How long a command may take that is given no limit of its own. */
  readonly timeoutMs: number;

  /** `become` says how to get to a user from the login user; undefined where the login user is that user already. */
  constructor(
    connect: (host: string) => Connection | Promise<Connection>,
    become: (host: string, user: string) => Become | undefined,
    timeoutMs = 10_000,
  ) {
    this.#connect = connect;
    this.#become = become;
    this.timeoutMs = timeoutMs;
  }

  /** Runs one command, given as its arguments, and tells how it ended. */
  command(host: string, argv: readonly string[], options: CommandOptions = {}): Promise<CommandReply> {
    return this.script(host, argv.map(shellWord).join(' '), options);
  }

  /** What a command prints, without the last newline; a command that fails is an error. */
  async output(host: string, argv: readonly string[], options: CommandOptions = {}): Promise<string> {
    const reply = await this.command(host, argv, options);
    if (reply.rc !== 0) throw new CommandError(argv.join(' '), reply);
    return reply.stdout.trimEnd();
  }

  /** The same for output that is not text. */
  async bytes(host: string, argv: readonly string[], options: CommandOptions = {}): Promise<Buffer> {
    const reply = await this.#run(host, argv.map(shellWord).join(' '), options);
    if (reply.rc !== 0) throw new CommandError(argv.join(' '), textOf(reply));
    return reply.stdout;
  }

  /** Runs POSIX sh; `argv` forms are better wherever there is no pipe. */
  async script(host: string, script: string, options: CommandOptions = {}): Promise<CommandReply> {
    return textOf(await this.#run(host, script, options));
  }

  /** Runs POSIX sh and gives back what it printed, also when it had to be stopped: what came before may say enough. */
  async partial(host: string, script: string, options: CommandOptions = {}): Promise<RunReply> {
    const { as = 'root', timeoutMs = this.timeoutMs, ...request } = options;
    const login = await this.#connect(host);
    const become = as === null ? undefined : this.#become(host, as);
    const connection = become ? login.as(become) : login;
    return connection.run({ script, timeoutMs, ...request });
  }

  async #run(host: string, script: string, options: CommandOptions): Promise<RunReply> {
    const { timeoutMs = this.timeoutMs } = options;
    const reply = await this.partial(host, script, options);
    if (reply.timedOut)
      throw new Error(`${script.split('\n')[0]} gave no answer within ${timeoutMs / 1000} s`);
    if (reply.dropped.stdout + reply.dropped.stderr > 0)
      throw new Error(`${script.split('\n')[0]} printed more than can be kept`);
    return reply;
  }
}

function textOf({ rc, stdout, stderr }: RunReply): CommandReply {
  return { rc, stdout: stdout.toString(), stderr: stderr.toString() };
}
