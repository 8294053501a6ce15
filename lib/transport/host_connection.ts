import type { OpenChannel } from './channel.ts';
import type { Become, Connection, RunReply, RunRequest } from './connection.ts';
import type { LaunchOptions } from './launch.ts';
import { receiveFile, sendFile } from './transfer.ts';
import { Worker } from './worker.ts';

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

interface UserOf {
  readonly become: Become | undefined;
  worker: Worker;
}

/** All that is open to one host: the login, and a worker for each user there. */
class HostConnection {
  readonly login: Login;
  readonly #users = new Map<string, UserOf>();
  #transfers = 0;
  readonly #queue: (() => void)[] = [];

  constructor(login: Login) {
    this.login = login;
  }

  worker(become: Become | undefined): Worker {
    const key = JSON.stringify(become ?? null, Object.keys(become ?? {}).sort());
    let user = this.#users.get(key);
    if (!user) {
      user = { become, worker: new Worker(this.launchOptions(become)) };
      this.#users.set(key, user);
    }
    return user.worker;
  }

  launchOptions(become: Become | undefined): LaunchOptions {
    const { host, open, launchTimeoutMs } = this.login;
    return { host, open, become, timeoutMs: launchTimeoutMs };
  }

  async transfer(work: () => Promise<void>): Promise<void> {
    if (this.#transfers >= TRANSFERS_AT_ONCE) await new Promise<void>(resolve => this.#queue.push(resolve));
    this.#transfers++;
    try {
      await work();
    } finally {
      this.#transfers--;
      this.#queue.shift()?.();
    }
  }

  async close(): Promise<void> {
    const workers = [...this.#users.values()].map(user => user.worker);
    this.#users.clear();
    await Promise.all(workers.map(worker => worker.close()));
    await this.login.close();
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
    receive: (path, toFile) => host.transfer(() => receiveFile(host.launchOptions(become), path, toFile)),
    as: other => viewAs(host, other),
    reset: () => host.close(),
    close: () => host.close(),
  };
}
