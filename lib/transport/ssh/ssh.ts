import { connect as connectTcp, type Socket } from 'node:net';
import { constants } from 'node:os';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Algorithms, Client, ClientChannel } from 'ssh2';
import SSH2Promise from 'ssh2-promise';
import { resourceHint } from '../../source/errors.ts';
import { type Channel, drained } from '../channel.ts';
import { ConnectionError, type SshSettings } from '../connection.ts';
import { countdown } from '../countdown.ts';
import type { Gate } from '../gate.ts';
import type { Login } from '../host-connection.ts';
import { algorithmsOf } from './algorithms.ts';
import { type Authentication, authentication } from './auth.ts';
import { isCertificateType, parseCertificate } from './certificate.ts';
import { corked } from './corked.ts';
import type { Keyring } from './keys.ts';
import type { KnownHosts } from './known-hosts.ts';
import { openProxy } from './proxy-command.ts';
import { allowHostCertificates, useHostCertificate, useUserCertificates } from './ssh2-certificates.ts';
import { keyTypeOf } from './wire.ts';

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
    const algorithms = algorithmsOf(settings, await this.#knownAlgorithms());
    const { stream: socket, lastWords } = await this.#socket(signal);
    const judge = new HostKeyJudge(settings, this.#context.knownHosts, auth, () => clientOf(ssh));
    const ssh = new SSH2Promise.SSH({
      sock: corked(socket) as Socket,
      host: settings.address,
      port: settings.port,
      username: settings.user,
      uniqueId: `${settings.user}@${settings.address}:${settings.port}`,
      reconnect: false,
      readyTimeout: 0,
      keepaliveInterval: settings.keepAliveMs,
      // ssh2 counts answers to its questions only; a host that sends output is alive as well, see `watch`.
      keepaliveCountMax: Number.MAX_SAFE_INTEGER,
      algorithms: algorithms as Algorithms,
      authHandler: auth.handler,
      hostVerifier: (key: Buffer, verify: (valid: boolean) => void): void => judge.verify(key, verify),
    });
    try {
      await this.#inTime(socket, signal, ssh.connect());
    } catch (error) {
      socket.destroy();
      throw judge.refusal ?? this.#loginError(error, auth, await lastWords());
    }
    return this.#watched(ssh, socket);
  }

  async #knownAlgorithms(): Promise<string[]> {
    // What keeps the files from being read keeps the host's key from being trusted: it is told then.
    const known = await this.#context.knownHosts.algorithmsFor(this.#settings).catch(() => []);
    if (known.some(isCertificateType)) allowHostCertificates();
    return known;
  }

  /** The way to the host: a connection of its own, one through a jump host, or what a command makes of it. */
  async #socket(
    signal: AbortSignal,
  ): Promise<{ readonly stream: Duplex; readonly lastWords: () => Promise<string> }> {
    const { jumps, proxyCommand } = this.#settings;
    if (proxyCommand !== undefined) return openProxy(this.host, proxyCommand);
    const last = jumps.at(-1);
    const stream = last
      ? await this.#through({ ...last, jumps: jumps.slice(0, -1) })
      : await this.#tcp(signal);
    return { stream, lastWords: async () => '' };
  }

  async #tcp(signal: AbortSignal): Promise<Duplex> {
    const { address, port, addressFamily, bindAddress } = this.#settings;
    const socket = connectTcp({
      host: address,
      port,
      noDelay: true,
      ...(addressFamily !== undefined && { family: addressFamily }),
      ...(bindAddress !== undefined && { localAddress: bindAddress }),
    });
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
    return new Promise((resolve, reject) => {
      clientOf(live.ssh).exec(command, (error, stream) => {
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
              : [`cannot connect to ${where}: ${textOf(error)}`, resourceHint(code)];
    return new ConnectionError(this.host, text, hint);
  }

  #loginError(error: unknown, auth: Authentication, said: string): ConnectionError {
    if (said !== '')
      return new ConnectionError(this.host, `ProxyCommand "${this.#settings.proxyCommand}": ${said}`);
    if (error instanceof ConnectionError) return error;
    const { level, code } = (error ?? {}) as { level?: string; code?: string };
    if (level === 'client-authentication' || /authentication failures/i.test(textOf(error)))
      return auth.failure();
    const where = `${this.#settings.address} port ${this.#settings.port}`;
    if (code === 'ECONNRESET' || code === 'EPIPE')
      return new ConnectionError(
        this.host,
        `the login to ${where} failed: the server closed the connection`,
        "it may have no algorithm in common with ssh's configuration here, or too many logins at once (MaxStartups)",
      );
    if (code) return this.#networkError(error);
    return new ConnectionError(this.host, `the login to ${where} failed: ${textOf(error)}`);
  }
}

const clientOf = (ssh: Ssh): Client => (ssh as unknown as { sshConnection: Client }).sshConnection;

/** Judges the key that a host shows in a key exchange, the first one and those that follow. */
class HostKeyJudge {
  /** Why the host is not trusted. */
  refusal: ConnectionError | undefined;
  readonly #settings: SshSettings;
  readonly #knownHosts: KnownHosts;
  readonly #auth: Authentication;
  readonly #client: () => Client;
  #trusted: Buffer | undefined;

  constructor(settings: SshSettings, knownHosts: KnownHosts, auth: Authentication, client: () => Client) {
    this.#settings = settings;
    this.#knownHosts = knownHosts;
    this.#auth = auth;
    this.#client = client;
  }

  verify(key: Buffer, answer: (valid: boolean) => void): void {
    // ssh2 may end its part of the exchange before the answer comes; without a yes it leads nowhere.
    const problem = this.#prepare(key);
    // At a new key exchange the answer must not wait: ssh2 would read what follows under the old keys.
    if (this.#trusted?.equals(key)) answer(true);
    else if (problem !== undefined) {
      this.refusal = new ConnectionError(this.#settings.host, `its host key makes no sense: ${problem}`);
      answer(false);
    } else void this.#judge(key).then(answer, () => answer(false));
  }

  async #judge(key: Buffer): Promise<boolean> {
    const verdict = await this.#knownHosts.check(this.#settings, key);
    if (typeof verdict !== 'string') {
      this.refusal = new ConnectionError(this.#settings.host, verdict.message, verdict.hint);
      return false;
    }
    if (verdict === 'tolerated') this.#auth.withholdPassword();
    this.#trusted = Buffer.from(key);
    if (this.#auth.certified) useUserCertificates(this.#client());
    return true;
  }

  #prepare(key: Buffer): string | undefined {
    try {
      if (isCertificateType(keyTypeOf(key))) useHostCertificate(this.#client(), parseCertificate(key));
      return undefined;
    } catch (error) {
      return textOf(error);
    }
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
