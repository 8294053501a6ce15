import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import type { DatabaseNode } from '../../../lib/cluster/deployment.ts';
import { connect } from './session.ts';

const EVERY_MS = 200;
const LIMITS = { connectMs: 2_000, answerMs: 3_000 };
/** A replica that is further behind has not caught up. */
const MOST_BEHIND = 16 << 20;

/** Asks the node that writes, all the time, whether all others stream from it and have caught up. */
export class Followers {
  /** When all of them did, in order. */
  readonly streamedMs: number[] = [];
  readonly #nodes: readonly DatabaseNode[];
  #stopping = false;
  #watching: Promise<void> = Promise.resolve();

  constructor(nodes: readonly DatabaseNode[]) {
    this.#nodes = nodes;
  }

  start(): void {
    this.#watching = this.#watch();
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#watching;
  }

  async #watch(): Promise<void> {
    let session: { readonly client: pg.Client; readonly host: string } | undefined;
    while (!this.#stopping) {
      try {
        session ??= await this.#findWriter();
        if (session && (await this.#allStream(session.client, session.host)))
          this.streamedMs.push(performance.now());
      } catch {
        await session?.client.end().catch(() => {});
        session = undefined;
      }
      await sleep(EVERY_MS);
    }
    await session?.client.end().catch(() => {});
  }

  async #allStream(writer: pg.Client, host: string): Promise<boolean> {
    const others = this.#nodes.filter(node => node.host !== host).map(node => node.ownSlot);
    const { rows } = await writer.query<{ streaming: number; follows: boolean }>(
      `SELECT count(DISTINCT application_name)::int AS streaming, pg_is_in_recovery() AS follows FROM pg_stat_replication
       WHERE state = 'streaming' AND application_name = ANY($1)
         AND CASE WHEN pg_is_in_recovery() THEN false ELSE pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn) < ${MOST_BEHIND} END`,
      [others],
    );
    if (rows[0]?.follows !== false) throw new Error(`${host} no longer writes`);
    return rows[0].streaming === others.length;
  }

  async #findWriter(): Promise<{ readonly client: pg.Client; readonly host: string } | undefined> {
    for (const { host, sql } of this.#nodes) {
      const client = await connect(sql, LIMITS).catch(() => undefined);
      if (!client) continue;
      const writes = await client
        .query<{ r: boolean }>('SELECT pg_is_in_recovery() AS r')
        .then(({ rows }) => rows[0]?.r === false)
        .catch(() => false);
      if (writes) return { client, host };
      await client.end().catch(() => {});
    }
    return undefined;
  }
}
