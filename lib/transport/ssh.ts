import { connect as connectTcp, type Socket } from 'node:net';
import { constants } from 'node:os';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Algorithms, Client, ClientChannel } from 'ssh2';
import SSH2Promise from 'ssh2-promise';
import { type Authentication, authentication } from './auth.ts';
import { type Channel, drained } from './channel.ts';
import { ConnectionError, type SshSettings } from './connection.ts';
import { countdown } from './countdown.ts';
import type { Gate } from './gate.ts';
import type { Login } from './host-connection.ts';
import type { Keyring } from './keys.ts';
import type { KnownHosts } from './known-hosts.ts';

/** What the connections of a run share. */
export interface SshContext {
  readonly keyring: Keyring;
  readonly knownHosts: KnownHosts;
  /** Bounds how many log in at the same time. */
  readonly gate: Gate;
  /** The login to a jump host, shared by all hosts behind it. */
  jump(settings: SshSettings): SshLogin;
}

type Ssh = InstanceType<typeof SSH2Promise.SSH>;

interface Live {
  readonly ssh: Ssh;
  readonly socket: Duplex;
  readonly watch: NodeJS.Timeout;
  /** Told when the connection is lost. */
  readonly losers: Set<(error: ConnectionError) => void>;
  lost: ConnectionError | undefined;
}

/** Unanswered signs of life until a host counts as lost. */
const SILENT_TIMES = 3;

/** Key exchange is most of what a login costs, so the cheap ones come first; ciphers that the CPU does come first. */
const KEX = [
  'curve25519-sha256',
  'curve25519-sha256@libssh.org',
  'ecdh-sha2-nistp256',
  'ecdh-sha2-nistp384',
  'ecdh-sha2-nistp521',
  'diffie-hellman-group14-sha256',
  'diffie-hellman-group16-sha512',
  'diffie-hellman-group-exchange-sha256',
] as const;
const CIPHERS = [
  'aes128-gcm@openssh.com',
  'aes256-gcm@openssh.com',
  'aes128-ctr',
  'aes192-ctr',
  'aes256-ctr',
  'chacha20-poly1305@openssh.com',
] as const;
const HOST_KEYS = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
  'ssh-rsa',
];

/** One login to one host over SSH, made when first needed. */
export class SshLogin implements Login {
  readonly kind = 'ssh';
  readonly host: string;
  readonly launchTimeoutMs: number;
  readonly #settings: SshSettings;
  readonly #context: SshContext;
  #live: Promise<Live> | undefined;
  /** Stops an attempt to connect that is under way. */
  #attempts = new AbortController();

  constructor(settings: SshSettings, context: SshContext) {
    this.host = settings.host;
    this.launchTimeoutMs = Math.max(settings.connectTimeoutMs, 10_000);
    this.#settings = settings;
    this.#context = context;
  }

  readonly open = async (command: string): Promise<Channel> => {
    const live = await this.#connected();
    try {
      return await untilLost(live, this.#spawn(live, command));
    } catch (error) {
      throw this.#channelError(
        live,
        error,
        'the server opens no more sessions on this connection (MaxSessions)',
      );
    }
  };

  /** A stream to another address, as seen from the host. */
  async forward(address: string, port: number): Promise<Duplex> {
    const live = await this.#connected();
    try {
      return await untilLost(live, live.ssh.forwardOut('127.0.0.1', 0, address, port));
    } catch (error) {
      const refused = this.#channelError(
        live,
        error,
        'the jump host must reach it, and allow TCP forwarding',
      );
      throw (
        live.lost ??
        new ConnectionError(this.host, `no way to ${address} port ${port}: ${refused.message}`, refused.hint)
      );
    }
  }

  async close(): Promise<void> {
    const pending = this.#live;
    this.#live = undefined;
    this.#attempts.abort();
    this.#attempts = new AbortController();
    const live = await pending?.catch(() => undefined);
    if (!live) return;
    clearInterval(live.watch);
    this.#lose(live, this.#closedError());
    await live.ssh.close().catch(() => {});
    live.socket.destroy();
  }

  async #connected(): Promise<Live> {
    const current = this.#live;
    const live = await current?.catch(() => undefined);
    if (live && !live.lost) return live;
    if (this.#live === current) this.#live = this.#connect();
    return this.#live as Promise<Live>;
  }

  async #connect(): Promise<Live> {
    const { signal } = this.#attempts;
    const retries = this.#settings.connectRetries ?? 0;
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#context.gate.run(() => this.#logIn(signal));
      } catch (error) {
        if (attempt >= retries || signal.aborted) throw error;
        await sleep(1000 * (attempt + 1), undefined, { signal }).catch(() => {});
      }
    }
  }

  #closedError(): ConnectionError {
    return new ConnectionError(this.host, 'the connection was closed');
  }

  async #logIn(signal: AbortSignal): Promise<Live> {
    const settings = this.#settings;
    const auth = await authentication(settings, this.#context.keyring);
    const socket = await this.#socket(signal);
    let refusal: ConnectionError | undefined;
    let trusted: Buffer | undefined;
    const ssh = new SSH2Promise.SSH({
      sock: socket as Socket,
      host: settings.address,
      port: settings.port,
      username: settings.user,
      uniqueId: `${settings.user}@${settings.address}:${settings.port}`,
      reconnect: false,
      readyTimeout: 0,
      keepaliveInterval: settings.keepAliveMs,
      // ssh2 counts answers to its questions only; a host that sends output is alive as well, see `watch`.
      keepaliveCountMax: Number.MAX_SAFE_INTEGER,
      algorithms: await this.#algorithms(),
      authHandler: auth.handler,
      hostVerifier: (key: Buffer, verify: (valid: boolean) => void): void => {
        // At a new key exchange the answer must not wait: ssh2 would read what follows under the old keys.
        if (trusted?.equals(key)) verify(true);
        else {
          void this.#context.knownHosts.check(settings, key).then(verdict => {
            if (verdict === 'tolerated') auth.withholdPassword();
            trusted = typeof verdict === 'string' ? Buffer.from(key) : undefined;
            if (typeof verdict !== 'string')
              refusal = new ConnectionError(this.host, verdict.message, verdict.hint);
            verify(trusted !== undefined);
          });
        }
      },
    });
    try {
      await this.#inTime(socket, signal, ssh.connect());
    } catch (error) {
      socket.destroy();
      throw refusal ?? this.#loginError(error, auth);
    }
    return this.#watched(ssh, socket);
  }

  async #algorithms(): Promise<Algorithms> {
    const known = await this.#context.knownHosts.algorithmsFor(this.#settings);
    const serverHostKey = [...new Set([...known, ...HOST_KEYS])] as NonNullable<Algorithms['serverHostKey']>;
    return { kex: [...KEX], cipher: [...CIPHERS], serverHostKey } as Algorithms;
  }

  async #socket(signal: AbortSignal): Promise<Duplex> {
    const { jumps, address, port } = this.#settings;
    const last = jumps.at(-1);
    if (last) return this.#through({ ...last, jumps: jumps.slice(0, -1) });
    const socket = connectTcp({ host: address, port, noDelay: true });
    try {
      await this.#inTime(
        socket,
        signal,
        new Promise<void>((resolve, reject) => {
          socket.once('connect', resolve).once('error', reject);
        }),
      );
    } catch (error) {
      socket.destroy();
      throw error instanceof ConnectionError ? error : this.#networkError(error);
    }
    socket.on('error', () => {});
    return socket;
  }

  async #through(jump: SshSettings): Promise<Duplex> {
    const { address, port } = this.#settings;
    try {
      return await this.#context.jump(jump).forward(address, port);
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error;
      throw new ConnectionError(this.host, `through jump host ${jump.host}: ${error.message}`, error.hint);
    }
  }

  /** Waits for `work` within the connect timeout, which does not run while a person is asked for a passphrase. */
  async #inTime<T>(socket: Duplex, signal: AbortSignal, work: Promise<T>): Promise<T> {
    const { connectTimeoutMs } = this.#settings;
    let release = (): void => {};
    const limit = new Promise<never>((_, reject) => {
      const end = (error: Error): void => {
        reject(error);
        socket.destroy();
      };
      const expire = (): void => end(Object.assign(new Error('timed out'), { code: 'ETIMEDOUT' }));
      const stop = countdown(connectTimeoutMs, expire, () => this.#context.keyring.isAsking);
      const abort = (): void => end(this.#closedError());
      signal.addEventListener('abort', abort);
      if (signal.aborted) abort();
      release = () => {
        stop();
        signal.removeEventListener('abort', abort);
      };
    });
    return Promise.race([work, limit]).finally(release);
  }

  #watched(ssh: Ssh, socket: Duplex): Live {
    const { keepAliveMs } = this.#settings;
    let silentTimes = 0;
    socket.on('data', () => {
      silentTimes = 0;
    });
    const watch = setInterval(() => {
      if (++silentTimes <= SILENT_TIMES) return;
      const seconds = Math.round((silentTimes * keepAliveMs) / 100) / 10;
      this.#lose(
        live,
        new ConnectionError(this.host, `no sign of life from ${this.#settings.address} for ${seconds} s`),
      );
    }, keepAliveMs);
    const live: Live = { ssh, socket, watch, losers: new Set(), lost: undefined };
    ssh.on('ssh:disconnect', (_ssh: unknown, payload?: { err?: Error | null }) => {
      const why = payload?.err?.message;
      const text = `the connection to ${this.#settings.address} was lost${why ? `: ${why}` : ''}`;
      this.#lose(live, new ConnectionError(this.host, text));
    });
    return live;
  }

  #lose(live: Live, error: ConnectionError): void {
    if (live.lost) return;
    live.lost = error;
    clearInterval(live.watch);
    for (const lose of live.losers) lose(error);
    live.losers.clear();
    // The way of ssh2 to hear of it; when we close ourselves it still has its goodbye to send.
    if (this.#live) live.socket.destroy();
  }

  /** Not by ssh2-promise's own `spawn`: a turn later the exit code of a short command may be told and gone. */
  #spawn(live: Live, command: string): Promise<Channel> {
    const { sshConnection } = live.ssh as unknown as { sshConnection: Client };
    return new Promise((resolve, reject) => {
      sshConnection.exec(command, (error, stream) => {
        if (error) reject(error);
        else resolve(this.#channelOf(live, stream));
      });
    });
  }

  #channelOf(live: Live, stream: ClientChannel): Channel {
    const ended = drained(end => {
      let rc: number | undefined;
      live.losers.add(error => end({ kind: 'lost', error }));
      stream.on('exit', (code: number | null, signal?: string) => {
        rc = code ?? 128 + (constants.signals[signal as NodeJS.Signals] ?? 0);
        end({ kind: 'exit', rc }, 'soon');
      });
      stream.on('close', () => {
        const closed = new ConnectionError(this.host, 'the host closed the session');
        end(rc === undefined ? { kind: 'lost', error: live.lost ?? closed } : { kind: 'exit', rc });
      });
    });
    stream.on('error', () => {});
    return {
      input: stream,
      output: stream,
      errors: stream.stderr,
      ended,
      destroy: () => {
        stream.close();
        stream.destroy();
      },
    };
  }

  #channelError(live: Live, error: unknown, hint: string): ConnectionError {
    if (live.lost) return live.lost;
    if (error instanceof ConnectionError) return error;
    return new ConnectionError(this.host, textOf(error), hint);
  }

  #networkError(error: unknown): ConnectionError {
    const { address, port, connectTimeoutMs } = this.#settings;
    const { code } = error as NodeJS.ErrnoException;
    const where = `${address} port ${port}`;
    const [text, hint] =
      code === 'ECONNREFUSED'
        ? [`connection refused by ${where}`, 'is sshd running there, and is the port right?']
        : code === 'ETIMEDOUT'
          ? [
              `no answer from ${where} within ${connectTimeoutMs / 1000} s`,
              'is the host up, and the way to it open?',
            ]
          : code === 'EHOSTUNREACH' || code === 'ENETUNREACH'
            ? [`no route to ${where}`, undefined]
            : code === 'ENOTFOUND' || code === 'EAI_AGAIN'
              ? [`cannot find the address of ${address}`, 'give it in ansible_host, /etc/hosts or DNS']
              : [`cannot connect to ${where}: ${textOf(error)}`, undefined];
    return new ConnectionError(this.host, text, hint);
  }

  #loginError(error: unknown, auth: Authentication): ConnectionError {
    if (error instanceof ConnectionError) return error;
    const { level, code } = (error ?? {}) as { level?: string; code?: string };
    if (level === 'client-authentication' || /authentication failures/i.test(textOf(error)))
      return auth.failure();
    if (code) return this.#networkError(error);
    const where = `${this.#settings.address} port ${this.#settings.port}`;
    return new ConnectionError(this.host, `the login to ${where} failed: ${textOf(error)}`);
  }
}

function untilLost<T>(live: Live, work: Promise<T>): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    live.losers.add(reject);
    work.then(resolve, reject).finally(() => live.losers.delete(reject));
  });
}

function textOf(error: unknown): string {
  if (error instanceof Error && error.message) return error.message.replace(/^\(SSH\) /, '');
  return typeof error === 'string' && error ? error : 'the server closed the connection';
}
