import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import type { SqlTarget } from '../../../lib/cluster/sql.ts';
import { messageOf } from '../../../lib/source/errors.ts';
import { compareRows, type Differences } from './books.ts';
import { connect, withRetries } from './session.ts';

/** An error a writing client got; the commit it interrupts may or may not have happened. */
export interface WriteError {
  readonly atMs: number;
  readonly host: string;
  readonly message: string;
}

/** The longest time without an acknowledged commit, and when it began. */
export interface Gap {
  readonly fromMs: number;
  readonly ms: number;
}

const PAUSE_MS = 25;
/** A client that waits longer asks again, so that an answer that never comes does not count as an outage. */
const LIMITS = { connectMs: 2_000, answerMs: 5_000 };
/** Reading all rows is not what is measured. */
const COUNTING = { withinMs: 300_000, everyMs: 500 };
/** Most clients: each moves money between two accounts of its own. */
const ACCOUNTS = 200;

/**
 * Clients that write rows one by one to whichever node takes them, and note each row only after its commit was
 * acknowledged, in a file of their own as well: those rows must be there whatever happened. Each commit also moves
 * something between two accounts, so whoever reads half of a commit sees that the accounts do not add up.
 */
export class Ledger {
  readonly errors: WriteError[] = [];
  /** When commits were acknowledged, in order. */
  readonly ackedMs: number[] = [];
  readonly #attempted = new Map<number, string>();
  readonly #acknowledged = new Set<number>();
  readonly #targets: readonly SqlTarget[];
  readonly #file: number;
  #next = 1;
  #stopping = false;
  #clients: Promise<void>[] = [];

  constructor(targets: readonly SqlTarget[], file: string) {
    this.#targets = targets;
    this.#file = openSync(file, 'w', 0o600);
  }

  /** Makes the tables, on the primary, while all replicas follow: PolarDB lets CREATE TABLE wait for a stopped one. */
  static async prepare(primary: pg.Client): Promise<void> {
    await primary.query('CREATE TABLE ledger (seq bigint PRIMARY KEY, nonce text NOT NULL)');
    await primary.query('CREATE TABLE accounts (id int PRIMARY KEY, balance bigint NOT NULL)');
    await primary.query(`INSERT INTO accounts SELECT id, 0 FROM generate_series(1, ${ACCOUNTS}) id`);
  }

  start(clients: number): void {
    this.#clients = Array.from({ length: Math.min(clients, ACCOUNTS / 2) }, (_, i) => this.#write(2 * i + 1));
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#clients);
    fsyncSync(this.#file);
    closeSync(this.#file);
  }

  get acknowledged(): number {
    return this.#acknowledged.size;
  }

  /** An acknowledged row, any one of the last few thousand; undefined before the first. */
  anyAcknowledged(): { readonly seq: number; readonly nonce: string } | undefined {
    const seq = Math.max(1, this.#next - 1 - Math.floor(Math.random() * 5000));
    for (let at = seq; at < this.#next; at++)
      if (this.#acknowledged.has(at)) return { seq: at, nonce: this.#attempted.get(at)! };
    return undefined;
  }

  /** The longest pause between two acknowledgements in a span of time. */
  longestGap(fromMs: number, toMs: number): Gap {
    const times = [fromMs, ...this.ackedMs.filter(t => t > fromMs && t < toMs), toMs];
    let gap: Gap = { fromMs, ms: 0 };
    for (let i = 1; i < times.length; i++)
      if (times[i]! - times[i - 1]! > gap.ms) gap = { fromMs: times[i - 1]!, ms: times[i]! - times[i - 1]! };
    return gap;
  }

  /**
   * How a node's rows differ from what was written and acknowledged before it is asked. Reads the table itself and not
   * its index, which would hide a row that is there twice.
   */
  async differencesOn(target: SqlTarget): Promise<Differences> {
    const acknowledged = new Set(this.#acknowledged);
    const rows = await withRetries(
      target,
      async client => {
        await client.query('SET enable_indexscan = off');
        await client.query('SET enable_indexonlyscan = off');
        await client.query('SET enable_bitmapscan = off');
        return (await client.query<{ seq: string; nonce: string }>('SELECT seq, nonce FROM ledger')).rows;
      },
      COUNTING,
    );
    const read = rows.map(({ seq, nonce }) => ({ seq: Number(seq), nonce }));
    return compareRows({ attempted: this.#attempted, acknowledged }, read);
  }

  async #write(account: number): Promise<void> {
    let session: { readonly client: pg.Client; readonly host: string } | undefined;
    while (!this.#stopping) {
      session ??= await this.#findWriter();
      if (!session) continue;
      const seq = this.#next++;
      const nonce = randomBytes(8).toString('hex');
      this.#attempted.set(seq, nonce);
      try {
        await session.client.query(
          'WITH moved AS (UPDATE accounts SET balance = balance + CASE id WHEN $3::int THEN 1 ELSE -1 END WHERE id IN ($3, $3 + 1)) INSERT INTO ledger VALUES ($1, $2)',
          [seq, nonce, account],
        );
        this.#acknowledged.add(seq);
        this.ackedMs.push(performance.now());
        writeSync(this.#file, `${seq} ${nonce}\n`);
        await sleep(PAUSE_MS);
      } catch (error) {
        this.errors.push({ atMs: performance.now(), host: session.host, message: messageOf(error) });
        await session.client.end().catch(() => {});
        session = undefined;
      }
    }
    await session?.client.end().catch(() => {});
  }

  /** The first node that says it takes writes. */
  async #findWriter(): Promise<{ readonly client: pg.Client; readonly host: string } | undefined> {
    for (const target of this.#targets) {
      const client = await connect(target, LIMITS).catch(() => undefined);
      if (!client) continue;
      const writer = await client
        .query<{ r: boolean }>('SELECT pg_is_in_recovery() AS r')
        .then(({ rows }) => rows[0]?.r === false)
        .catch(() => false);
      if (writer) return { client, host: target.host };
      await client.end().catch(() => {});
    }
    await sleep(50);
    return undefined;
  }
}
