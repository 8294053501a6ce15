import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { eventually } from '../../lib/cluster/eventually.ts';
import type { SqlTarget } from '../../lib/cluster/sql.ts';
import { messageOf } from '../../lib/source/errors.ts';

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

/** A server that is down refuses at once; this long a busy one may take to fork. */
const CONNECT_MS = 5_000;
/** What comes before and after the experiment is not what is measured. */
const PATIENCE = { withinMs: 60_000, everyMs: 500 };
const ANSWER_MS = 10_000;
const PAUSE_MS = 10;

/** Opens a session with a node; the caller ends it. */
export async function connect(target: SqlTarget, options = '', answerMs = ANSWER_MS): Promise<pg.Client> {
  const client = new pg.Client({
    host: target.address,
    port: target.port,
    database: target.database,
    user: target.user,
    ...(target.password === undefined ? {} : { password: target.password }),
    application_name: 'polarplay-faults',
    connectionTimeoutMillis: CONNECT_MS,
    query_timeout: answerMs,
    options,
  });
  client.on('error', () => {});
  try {
    await client.connect();
    return client;
  } catch (error) {
    await client.end().catch(() => {});
    throw error;
  }
}

/** A session for what must be done before the experiment and read after it: one lost try says nothing of the cluster. */
export async function withRetries<T>(target: SqlTarget, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const { withinMs } = PATIENCE;
  const { value: client } = await eventually(() => connect(target, '', withinMs), PATIENCE);
  try {
    return await use(client);
  } finally {
    // A session that is lost has ended.
    await client.end().catch(() => {});
  }
}

/**
 * Clients that write rows one by one to whichever node takes them, and note each row only after its commit was
 * acknowledged, in a file of their own as well: those rows must be there whatever happened.
 */
export class Ledger {
  readonly errors: WriteError[] = [];
  readonly #acknowledged: { readonly seq: number; readonly atMs: number }[] = [];
  readonly #targets: readonly SqlTarget[];
  readonly #file: number;
  #next = 1;
  #stopping = false;
  #clients: Promise<void>[] = [];

  constructor(targets: readonly SqlTarget[], file: string) {
    this.#targets = targets;
    this.#file = openSync(file, 'w', 0o600);
  }

  /** Makes the table, on the primary. */
  static async prepare(primary: pg.Client): Promise<void> {
    await primary.query('CREATE TABLE ledger (seq bigint PRIMARY KEY, nonce text NOT NULL)');
  }

  start(clients: number): void {
    this.#clients = Array.from({ length: clients }, () => this.#write());
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#clients);
    fsyncSync(this.#file);
    closeSync(this.#file);
  }

  get acknowledged(): number {
    return this.#acknowledged.length;
  }

  /** The longest pause between two acknowledgements in a span of time. */
  longestGap(fromMs: number, toMs: number): Gap {
    const times = [fromMs, ...this.#acknowledged.map(a => a.atMs).filter(t => t > fromMs && t < toMs), toMs];
    let gap: Gap = { fromMs, ms: 0 };
    for (let i = 1; i < times.length; i++)
      if (times[i]! - times[i - 1]! > gap.ms) gap = { fromMs: times[i - 1]!, ms: times[i]! - times[i - 1]! };
    return gap;
  }

  /** Acknowledged rows that a node does not have. */
  async missingOn(target: SqlTarget): Promise<readonly number[]> {
    const { rows } = await withRetries(target, client =>
      client.query<{ seq: string }>('SELECT seq FROM ledger'),
    );
    const there = new Set(rows.map(row => Number(row.seq)));
    return this.#acknowledged.map(a => a.seq).filter(seq => !there.has(seq));
  }

  async #write(): Promise<void> {
    let session: { readonly client: pg.Client; readonly host: string } | undefined;
    while (!this.#stopping) {
      session ??= await this.#findWriter();
      if (!session) continue;
      const seq = this.#next++;
      try {
        await session.client.query('INSERT INTO ledger VALUES ($1, $2)', [
          seq,
          randomBytes(8).toString('hex'),
        ]);
        this.#acknowledged.push({ seq, atMs: performance.now() });
        writeSync(this.#file, `${seq}\n`);
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
      const client = await connect(target).catch(() => undefined);
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
