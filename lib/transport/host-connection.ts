import type { OpenChannel } from './channel.ts';
import {
  type Become,
  type Connection,
  ConnectionError,
  type RunReply,
  type RunRequest,
} from './connection.ts';
import { Gate } from './gate.ts';
import type { LaunchOptions } from './shell/launch.ts';
import { Worker } from './shell/worker.ts';
import { receiveFile, sendFile } from './transfer.ts';

/** The way to a host: opens channels, logging in when that is still to do. */
export interface Login {
  readonly kind: 'ssh' | 'local';
  readonly host: string;
  /** How long a login script, sudo or su may take before the program runs. */
  readonly launchTimeoutMs: number;
  readonly open: OpenChannel;
  /** Ends the login; `open` afterwards logs in anew. Never rejects. */
  close(): Promise<void>;
}

/** Servers allow ten sessions on a connection (MaxSessions); workers need some of them. */
const TRANSFERS_AT_ONCE = 3;

/** All that is open to one host: the login, and a worker for each user there. */
class HostConnection {
  readonly login: Login;
  readonly #workers = new Map<string, Worker>();
  readonly #transfers = new Gate(TRANSFERS_AT_ONCE);
  #closed = false;

  constructor(login: Login) {
    this.login = login;
  }

  worker(become: Become | undefined): Worker {
    const key = JSON.stringify(become ?? null, Object.keys(become ?? {}).sort());
    let worker = this.#workers.get(key);
    if (!worker) {
      worker = new Worker(this.launchOptions(become));
      this.#workers.set(key, worker);
    }
    return worker;
  }

  launchOptions(become: Become | undefined): LaunchOptions {
    const { host, launchTimeoutMs } = this.login;
    const open: OpenChannel = command => {
      if (this.#closed) throw new ConnectionError(host, 'the connection was closed');
      return this.login.open(command);
    };
    return { host, open, become, timeoutMs: launchTimeoutMs };
  }

  transfer<T>(work: () => Promise<T>): Promise<T> {
    return this.#transfers.run(work);
  }

  async reset(): Promise<void> {
    const workers = [...this.#workers.values()];
    this.#workers.clear();
    await Promise.all(workers.map(worker => worker.close()));
    await this.login.close();
  }

  async close(): Promise<void> {
    await this.reset();
    this.#closed = true;
  }
}

/** A `Connection` over any login. */
export function connectionOver(login: Login): Connection {
  return viewAs(new HostConnection(login), undefined);
}

function viewAs(host: HostConnection, become: Become | undefined): Connection {
  return {
    host: host.login.host,
    kind: host.login.kind,
    run: (request: RunRequest): Promise<RunReply> => host.worker(become).run(request),
    send: (source, path, options) =>
      host.transfer(() => sendFile(host.launchOptions(become), source, path, options?.mode)),
    receive: (path, toFile, atMost) =>
      host.transfer(() => receiveFile(host.launchOptions(become), path, toFile, atMost)),
    as: other => viewAs(host, other),
    reset: () => host.reset(),
    close: () => host.close(),
  };
}
