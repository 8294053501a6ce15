/** What is sent: bytes, a file of this machine, or what is made while it is sent. */
export type Source = Buffer | { readonly file: string } | Pieces;

/** Bytes that are made while they are sent, and how many there will be. */
export interface Pieces {
  readonly length: number;
  readonly pieces: () => Iterable<Buffer>;
}

/** Sums of what came, made while it came: a large file read again would keep all other hosts waiting. */
export interface Received {
  readonly sha1: string;
  readonly md5: string;
}

/**
 * One open way to one host as one user. All scripts of a run go through one long-lived POSIX `sh`, so a request
 * costs a message and the programs it starts, never a login.
 */
export interface Connection {
  /** The inventory's name of the host. */
  readonly host: string;
  readonly kind: 'ssh' | 'local';

  /**
   * Runs a script in a subshell of the host's `sh`, with stdin from `stdin` or /dev/null. Calls may overlap: they
   * are written at once and answered in order, which is how a batch travels in one round trip.
   *
   * Resolves whatever the exit code is. Rejects with ConnectionError (host lost: the task is unreachable), or
   * BecomeError. A request that exceeds `timeoutMs` is killed on the host with everything it started, and
   * resolves with `timedOut: true` when all of that is gone (not in order, then); an aborted one likewise with
   * `aborted: true`.
   */
  run(request: RunRequest): Promise<RunReply>;

  /**
   * Streams bytes to a file on the host through a channel of its own (for what is too large for a script).
   * The file is created with mode 0600, or `mode`; an existing file is truncated. Callers rename it into place. What was
   * cut off on its way is removed there, even when nobody is left here to ask for that.
   */
  send(source: Source, path: string, options?: { readonly mode?: string }): Promise<void>;

  /**
   * Streams a file of the host into a local file (created 0600). Rejects with an Error that holds the host's stderr, or
   * when more than `atMost` bytes come.
   */
  receive(path: string, toFile: string, atMost?: number): Promise<Received>;

  /** The same host as another user. Connections are cached: the same `Become` gives the same worker. */
  as(become: Become): Connection;

  /** Drops the connection and logs in again at the next request (after a reboot, a new group, `reset_connection`). */
  reset(): Promise<void>;

  /** Ends the workers and the connection; never rejects. */
  close(): Promise<void>;
}

export interface Become {
  readonly method: 'sudo' | 'su' | 'doas';
  readonly user: string;
  /** Handed over on stdin, never in an argument list. */
  readonly password?: string;
  /** Flags instead of the usual ones (`-H -S -n` for sudo), as Ansible's become_flags. */
  readonly flags?: string;
  readonly executable?: string;
}

export interface RunRequest {
  /** POSIX sh. */
  readonly script: string;
  readonly stdin?: Buffer | string;
  /** Exported before the script runs; a value may hold anything but NUL. */
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** Bytes kept of each stream, `OUTPUT_LIMIT` when not given; the program goes on, the rest is counted only. */
  readonly maxOutput?: number;
  /** Gets output as it comes, all of it: for the live line of long work, or a file. */
  readonly onOutput?: (stream: 'stdout' | 'stderr', chunk: Buffer) => void;
}

export interface RunReply {
  /** Exit code; 128 + N for signal N, as the shell says. */
  readonly rc: number;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
  readonly timedOut: boolean;
  readonly aborted: boolean;
  /** How many bytes beyond `maxOutput` were not kept. */
  readonly dropped: { readonly stdout: number; readonly stderr: number };
}

/** What is kept of a stream: enough for any output that a person reads, little enough for many hosts at once. */
export const OUTPUT_LIMIT = 32 * 1024 * 1024;

/** How to reach a host; made from inventory variables, flags and ~/.ssh/config by `connectionSettings()`. */
export type ConnectionSettings = LocalSettings | SshSettings;

export interface LocalSettings {
  readonly kind: 'local';
  readonly host: string;
}

export interface SshSettings {
  readonly kind: 'ssh';
  readonly host: string;
  readonly address: string;
  readonly port: number;
  readonly user: string;
  readonly password?: string;
  /** Private key files to try, in order; empty means the agent and the default names. */
  readonly identityFiles: readonly string[];
  readonly agent?: string;
  readonly jumps: readonly SshSettings[];
  readonly knownHostsFiles: readonly string[];
  /** `yes` refuses unknown keys, `accept-new` trusts on first use and records the key, `no` records without asking. */
  readonly strictHostKeyChecking: 'yes' | 'accept-new' | 'no';
  readonly connectTimeoutMs: number;
  /** How often a silent host is asked for a sign of life; it is lost after three unanswered questions. */
  readonly keepAliveMs: number;
  /** The name under which known_hosts has the host's key, when it is not its address. */
  readonly hostKeyAlias?: string;
  /** Only `identityFiles`, also when the agent holds more keys. */
  readonly identitiesOnly?: boolean;
  /** How often a connection that cannot be made is tried again; none by default. */
  readonly connectRetries?: number;
  /** A command whose stdin and stdout are the way to the host, in place of a TCP connection. */
  readonly proxyCommand?: string;
  /** Certificates of the user's keys, beside those at the key files' names with `-cert.pub`. */
  readonly certificateFiles?: readonly string[];
  /** A file of host keys that are trusted no more, whatever known_hosts says. */
  readonly revokedHostKeys?: string;
  /** New keys are recorded without showing whose they are. */
  readonly hashKnownHosts?: boolean;
  readonly addressFamily?: 4 | 6;
  readonly bindAddress?: string;
  /** Ways to log in, the preferred ones first; all of them when not given. */
  readonly loginMethods?: readonly LoginMethod[];
  /** Lists of algorithms as ssh_config has them: names, or changes (`+`, `-`, `^`) to the usual ones. */
  readonly algorithms?: Readonly<Partial<Record<AlgorithmKind, string>>>;
  /** Smaller RSA keys are refused, of the host and of the user. */
  readonly requiredRsaBits?: number;
}

export type LoginMethod = 'publickey' | 'password' | 'keyboard-interactive';

export type AlgorithmKind = 'kex' | 'cipher' | 'mac' | 'hostKey' | 'userKey' | 'caSignature';

/** The network, the server or the login failed: the host is unreachable. `hint` says what the operator can do. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError';
  readonly host: string;
  readonly hint: string | undefined;
  constructor(host: string, message: string, hint?: string) {
    super(message);
    this.host = host;
    this.hint = hint;
  }
}

/** The login worked but becoming another user did not (password missing or wrong, not in sudoers): the task fails. */
export class BecomeError extends Error {
  override readonly name = 'BecomeError';
  readonly host: string;
  constructor(host: string, message: string) {
    super(message);
    this.host = host;
  }
}
