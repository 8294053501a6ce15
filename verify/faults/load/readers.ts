import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import type { SqlTarget } from '../../../lib/cluster/sql.ts';
import type { Ledger } from './ledger.ts';
import { connect } from './session.ts';

const EVERY_MS = 100;
const LIMITS = {
  connectMs: 2_000,
  answerMs: 5_000,
  options: '-c default_transaction_read_only=on',
};

/** An answer that no order of commits explains. */
export interface WrongRead {
  readonly atMs: number;
  readonly host: string;
  readonly what: string;
}

interface ReadRow {
  readonly nonce: string | null;
  readonly sum: string | null;
  readonly follows: boolean;
}

/** What is wrong with an answer to "row `seq`, and what all accounts sum up to"; undefined when nothing is. */
export function wrongRead(
  { seq, nonce }: { readonly seq: number; readonly nonce: string },
  row: ReadRow,
): string | undefined {
  if (row.sum !== '0') return `the accounts sum up to ${row.sum}, not 0: half of a commit`;
  if (row.nonce === nonce) return undefined;
  if (row.nonce !== null) return `row ${seq} holds "${row.nonce}", and "${nonce}" was written`;
  // A replica may not have come that far yet.
  return row.follows ? undefined : `the acknowledged row ${seq} is not there`;
}

/** A client on every node that reads all the time, and knows what it must read. */
export class Readers {
  readonly wrong: WrongRead[] = [];
  readonly #targets: readonly SqlTarget[];
  readonly #ledger: Ledger;
  readonly #answeredMs: ReadonlyMap<string, number[]>;
  #stopping = false;
  #readers: Promise<void>[] = [];

  constructor(targets: readonly SqlTarget[], ledger: Ledger) {
    this.#targets = targets;
    this.#ledger = ledger;
    this.#answeredMs = new Map(targets.map(({ host }) => [host, []]));
  }

  start(): void {
    this.#readers = this.#targets.map(target => this.#read(target));
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#readers);
  }

  /** When a node answered, in order. */
  answeredMs(host: string): readonly number[] {
    return this.#answeredMs.get(host) ?? [];
  }

  async #read(target: SqlTarget): Promise<void> {
    const answered = this.#answeredMs.get(target.host)!;
    let client: pg.Client | undefined;
    while (!this.#stopping) {
      const wanted = this.#ledger.anyAcknowledged();
      try {
        client ??= await connect(target, LIMITS);
        const { rows } = await client.query<ReadRow>(
          'SELECT (SELECT nonce FROM ledger WHERE seq = $1) AS nonce, (SELECT sum(balance) FROM accounts)::text AS sum, pg_is_in_recovery() AS follows',
          [wanted?.seq ?? 0],
        );
        answered.push(performance.now());
        const wrong = wanted && wrongRead(wanted, rows[0]!);
        if (wrong !== undefined) this.wrong.push({ atMs: performance.now(), host: target.host, what: wrong });
      } catch {
        await client?.end().catch(() => {});
        client = undefined;
      }
      await sleep(EVERY_MS);
    }
    await client?.end().catch(() => {});
  }
}
