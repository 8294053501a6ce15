import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DatabaseNode, type Deployment, nodesOf } from '../../../lib/cluster/deployment.ts';
import { eventually } from '../../../lib/cluster/eventually.ts';
import type { Hosts } from '../../../lib/cluster/hosts.ts';
import type { SqlTarget } from '../../../lib/cluster/sql.ts';
import { messageOf } from '../../../lib/source/errors.ts';
import { differencesText } from './books.ts';
import { Followers } from './followers.ts';
import { Ledger } from './ledger.ts';
import { PgbenchLoad } from './pgbench.ts';
import { Readers } from './readers.ts';
import { type Effect, effectOf } from './recovery.ts';
import { withRetries } from './session.ts';
import { type Verdict, WriterProbe } from './writers.ts';

export interface LoadOptions {
  readonly clients: number;
  /** Transactions of pgbench a second. */
  readonly rate: number;
  readonly scale: number;
  readonly say: (line: string) => void;
}

/** What clients had of a fault. */
export interface Effects {
  readonly writes: Effect;
  /** On all nodes. */
  readonly reads: Effect;
  readonly replicas: Effect;
}

export interface Moments {
  readonly struckMs: number;
  readonly sinceMs: number;
  readonly nowMs: number;
}

/** Made for a run and dropped after it, with the tables of the clients and of pgbench. */
export const LOAD_DATABASE = 'polarplay_faults';
/** A pause that lasts shorter is not an outage: machines breathe. */
const PAUSE_MS = { writes: 1000, reads: 1500, replicas: 2000 };
/** As many wrong reads are told in full. */
const TOLD = 5;
/** Counting is not what is measured: a machine under load may take its time for it. */
const CATCH_UP = { withinMs: 300_000, everyMs: 500 };

/**
 * A cluster in use: pgbench on the primary, clients that note each acknowledged commit, a client on every node that
 * reads, one that tries to write on every node, and one that watches the replicas.
 */
export class Load {
  readonly ledger: Ledger;
  readonly probe: WriterProbe;
  readonly pgbench: PgbenchLoad;
  readonly #readers: Readers;
  readonly #followers: Followers;
  readonly #targets: readonly SqlTarget[];
  readonly #options: LoadOptions;
  /** Of this run alone: nobody else can have put anything there. */
  readonly #folder = mkdtempSync(join(tmpdir(), 'polarplay-ledger-'));
  #stopped: Promise<unknown> | undefined;
  /** Who is the primary now, by what was done to the cluster. */
  primary: DatabaseNode;

  private constructor(hosts: Hosts, deployment: Deployment, options: LoadOptions) {
    const nodes = nodesOf(deployment);
    this.#options = options;
    this.#targets = nodes.map(node => ({ ...node.sql, database: LOAD_DATABASE }));
    this.primary = deployment.primary;
    this.ledger = new Ledger(this.#targets, join(this.#folder, 'ledger'));
    this.probe = new WriterProbe(this.#targets);
    this.pgbench = new PgbenchLoad(hosts, LOAD_DATABASE, () => this.primary);
    this.#readers = new Readers(this.#targets, this.ledger);
    this.#followers = new Followers(nodes);
  }

  /** Makes the database of the load and starts all clients. */
  static async start(hosts: Hosts, deployment: Deployment, options: LoadOptions): Promise<Load> {
    const load = new Load(hosts, deployment, options);
    await withRetries(deployment.primary.sql, async client => {
      await client.query(`DROP DATABASE IF EXISTS ${LOAD_DATABASE}`);
      await client.query(`CREATE DATABASE ${LOAD_DATABASE}`);
    });
    await withRetries(load.#targetOf(deployment.primary.host), async client => {
      await Ledger.prepare(client);
      await WriterProbe.prepare(client);
    });
    await load.pgbench.prepare(options.scale);
    load.probe.start();
    load.ledger.start(options.clients);
    load.#readers.start();
    load.#followers.start();
    load.pgbench.start(options.clients, options.rate);
    return load;
  }

  /** Ends all clients; a second call waits for the same end. */
  stop(): Promise<unknown> {
    this.#stopped ??= Promise.all([
      this.ledger.stop(),
      this.probe.stop(),
      this.#readers.stop(),
      this.#followers.stop(),
      this.pgbench.stop(),
    ]);
    return this.#stopped;
  }

  /** Drops what the load made, the clients' own note of what was acknowledged included. */
  async remove(): Promise<void> {
    rmSync(this.#folder, { recursive: true, force: true });
    await withRetries(this.primary.sql, client =>
      client.query(`DROP DATABASE IF EXISTS ${LOAD_DATABASE}`),
    ).catch((error: unknown) =>
      this.#options.say(`the database ${LOAD_DATABASE} stays: ${messageOf(error)}`),
    );
  }

  /** What a fault did to the clients; undefined while something does not go on yet. */
  effects(moments: Moments): Effects | undefined {
    const writes = effectOf(this.ledger.ackedMs, moments, PAUSE_MS.writes);
    const replicas = effectOf(this.#followers.streamedMs, moments, PAUSE_MS.replicas);
    const reads = this.#targets.map(({ host }) =>
      effectOf(this.#readers.answeredMs(host), moments, PAUSE_MS.reads),
    );
    if (!writes || !replicas || reads.includes(undefined)) return undefined;
    const known = reads.map(read => read!);
    return {
      writes,
      replicas,
      reads: {
        recoveredS: Math.max(...known.map(read => read.recoveredS)),
        pauseS: Math.max(...known.map(read => read.pauseS)),
      },
    };
  }

  /** What stands still at the end of a span of time, in words. */
  standsStill(fromMs: number, nowMs: number): readonly string[] {
    const moments = { struckMs: fromMs, sinceMs: fromMs, nowMs };
    return [
      ...(effectOf(this.ledger.ackedMs, moments, PAUSE_MS.writes) ? [] : ['no commit is acknowledged']),
      ...this.#targets
        .filter(({ host }) => !effectOf(this.#readers.answeredMs(host), moments, PAUSE_MS.reads))
        .map(({ host }) => `${host} answers no query`),
      ...(effectOf(this.#followers.streamedMs, moments, PAUSE_MS.replicas)
        ? []
        : ['not all replicas stream']),
    ];
  }

  /** Whether commits, reads and replicas have gone on without a pause since then. */
  steady(fromMs: number, nowMs: number): boolean {
    const effects = this.effects({ struckMs: fromMs, sinceMs: fromMs, nowMs });
    return (
      effects !== undefined && [effects.writes, effects.reads, effects.replicas].every(e => e.pauseS === 0)
    );
  }

  /** Where the note of what was acknowledged lies, as long as it is not removed. */
  get evidence(): string {
    return this.#folder;
  }

  /** Every acknowledged commit is on every node, with what was written, once. */
  judgeRows(): Promise<readonly Verdict[]> {
    return Promise.all(this.#targets.map(target => this.#judgeNode(target)));
  }

  /** Nobody has read, since then, anything that was not written, nor half of a commit. */
  judgeReads(sinceMs: number): Verdict {
    const wrong = this.#readers.wrong.filter(({ atMs }) => atMs >= sinceMs);
    if (wrong.length === 0) return { ok: true, what: 'no client read anything that was not written' };
    const told = wrong
      .slice(0, TOLD)
      .map(
        ({ atMs, host, what }) =>
          `${host}, ${((atMs - sinceMs) / 1000).toFixed(1)} s after it struck: ${what}`,
      );
    return {
      ok: false,
      what: `${wrong.length} wrong reads (${told.join('; ')}${wrong.length > TOLD ? '; …' : ''})`,
    };
  }

  /** What pgbench moved must add up, whatever was interrupted. */
  async judgePgbench(): Promise<Verdict> {
    try {
      const { rows } = await withRetries(this.#targetOf(this.primary.host), client =>
        client.query<{ accounts: string; history: string }>(
          'SELECT (SELECT sum(abalance) FROM pgbench_accounts) AS accounts, (SELECT coalesce(sum(delta), 0) FROM pgbench_history) AS history',
        ),
      );
      const { accounts, history } = rows[0]!;
      return { ok: accounts === history, what: `pgbench's sums: accounts ${accounts}, history ${history}` };
    } catch (error) {
      return { ok: false, what: `pgbench's sums cannot be read: ${messageOf(error)}` };
    }
  }

  #targetOf(host: string): SqlTarget {
    return this.#targets.find(target => target.host === host)!;
  }

  /** A replica may need a moment for the last rows. */
  async #judgeNode(target: SqlTarget): Promise<Verdict> {
    let found: string | undefined;
    try {
      await eventually(async () => {
        found = differencesText(await this.ledger.differencesOn(target));
        if (found !== undefined) throw new Error(found);
      }, CATCH_UP);
      return { ok: true, what: `${target.host} has all ${this.ledger.acknowledged} acknowledged commits` };
    } catch (error) {
      return { ok: false, what: `${target.host}: ${found ?? messageOf(error)}` };
    }
  }
}
