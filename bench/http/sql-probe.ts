import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import type { Balancer, Endpoint } from '../../lib/cluster/deployment.ts';
import { logIn } from '../../lib/cluster/pg-client.ts';
import type { SqlTarget } from '../../lib/cluster/sql.ts';
import type { SqlAnswer } from './judge.ts';

const LIMIT_MS = 5000;

/** The roles call each server CLUSTER_NODE. */
const QUERY = "SELECT pg_is_in_recovery() AS replica, current_setting('cluster_name') AS name";

interface Row {
  readonly replica: boolean;
  readonly name: string;
}

/**
 * Asks who answers on the two ports of a balancer, in new sessions and in one that is kept, until the signal. Each way one
 * query at a time.
 */
export async function probeSql(
  { host, write, read }: Balancer,
  { target, cluster }: { readonly target: SqlTarget; readonly cluster: string },
  everyMs: number,
  signal: AbortSignal,
  onAnswer: (answer: SqlAnswer) => void,
): Promise<void> {
  const ways = (['new', 'kept'] as const).flatMap(session => [
    { port: 'write' as const, at: write, session },
    { port: 'read' as const, at: read, session },
  ]);
  await Promise.all(
    ways.map(async ({ port, at, session }) => {
      const asker = new Asker(target, at, session === 'kept');
      while (!signal.aborted) {
        const sentAt = performance.timeOrigin + performance.now();
        const row = await asker.ask();
        const ms = performance.timeOrigin + performance.now() - sentAt;
        onAnswer({
          balancer: host,
          port,
          session,
          sentAt,
          ms,
          node: row?.name.slice(cluster.length + 1),
          replica: row?.replica ?? false,
        });
        await sleep(Math.max(0, everyMs - ms), undefined, { signal }).catch(() => {});
      }
      await asker.close();
    }),
  );
}

class Asker {
  readonly #target: SqlTarget;
  readonly #at: Endpoint;
  readonly #keep: boolean;
  #client: pg.Client | undefined;

  constructor(target: SqlTarget, at: Endpoint, keep: boolean) {
    this.#target = target;
    this.#at = at;
    this.#keep = keep;
  }

  /** Undefined where nobody answered. */
  async ask(): Promise<Row | undefined> {
    try {
      this.#client ??= await this.#open();
      const { rows } = await this.#client.query<Row>(QUERY);
      if (!this.#keep) await this.close();
      return rows[0];
    } catch {
      await this.close();
      return undefined;
    }
  }

  async close(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    // A server that does not answer is not waited for.
    await Promise.race([client?.end().catch(() => {}), sleep(1000)]);
  }

  #open(): Promise<pg.Client> {
    return logIn(
      { ...this.#target, ...this.#at },
      { application: 'polarplay-bench', connectMs: LIMIT_MS, answerMs: LIMIT_MS },
    );
  }
}
