import type { DatabaseNode } from '../../lib/cluster/deployment.ts';
import { eventually, TimeoutError, withDeadline } from '../../lib/cluster/eventually.ts';
import { messageOf } from '../../lib/source/errors.ts';
import type { RunJournal } from './journal.ts';
import type { Statements } from './observe/statements.ts';

/** How long a node may take to come back, or to replay what was written; the next times, when it did not. */
const CATCH_UP_MS = 180_000;
const CHECKPOINT_MS = 300_000;
const AGAIN_MS = 5_000;

/** Who hears of what was not waited for any longer, and for how long it was. */
export interface ReadinessOptions {
  readonly journal: RunJournal;
  /** Ends the run; what was measured until then counts. */
  readonly signal?: AbortSignal;
  /** How long a node may take to come back, or to replay what was written. */
  readonly catchUpMs?: number;
  /** How long a checkpoint may take. */
  readonly checkpointMs?: number;
}

/** What a run waits for before a measurement. Nothing that does not come costs the night: it is told, and the run goes on. */
export class Readiness {
  readonly #options: ReadinessOptions;
  readonly #statements: Statements;
  readonly #nodes: readonly DatabaseNode[];
  /** Nodes that did not come back in time, or did not replay in time. */
  readonly #late = new Set<string>();
  #checkpointHangs = false;

  /** `nodes`: the primary first. */
  constructor(options: ReadinessOptions, statements: Statements, nodes: readonly DatabaseNode[]) {
    this.#options = options;
    this.#statements = statements;
    this.#nodes = nodes;
  }

  /** Everything written is on disk and on the replicas before the clock starts. */
  async settle(): Promise<void> {
    const { signal } = this.#options;
    const { host } = this.#nodes[0]!;
    const statements = this.#statements;
    await this.#checkpoint();
    const [row] = await statements.select<{ lsn: string }>(
      { host, kind: 'look', sql: 'SELECT pg_current_wal_lsn()::text AS lsn' },
      signal,
    );
    const sql = `SELECT pg_last_wal_replay_lsn() >= '${row!.lsn}' AS done`;
    await this.#within(this.#nodes.slice(1), async replica => {
      const [there] = await statements.select<{ done: boolean }>(
        { host: replica, kind: 'look', sql },
        signal,
      );
      if (!there?.done) throw new Error(`${replica} has not replayed what was written`);
    });
  }

  /**
   * PolarDB ends no checkpoint while a replica that is away holds its slot. One that does not end is told, and the next
   * are waited for only shortly until one does.
   */
  async #checkpoint(): Promise<void> {
    const { journal, signal, checkpointMs = CHECKPOINT_MS } = this.#options;
    const request = { host: this.#nodes[0]!.host, kind: 'work', sql: 'CHECKPOINT' } as const;
    const withinMs = this.#checkpointHangs ? Math.min(AGAIN_MS, checkpointMs) : checkpointMs;
    try {
      await withDeadline(until => this.#statements.execute(request, until), withinMs, signal);
      this.#checkpointHangs = false;
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof TimeoutError)) throw error;
      if (!this.#checkpointHangs)
        journal.complain(
          `a checkpoint did not end: ${messageOf(error)}; what follows was measured beside it`,
        );
      this.#checkpointHangs = true;
    }
  }

  /** Nodes that restart get time to come back: measured at once, all that is left of the night would fail in a minute. */
  answering(nodes: readonly DatabaseNode[]): Promise<void> {
    const { signal } = this.#options;
    return this.#within(nodes, async host => {
      await this.#statements.select({ host, kind: 'look', sql: 'SELECT 1' }, signal);
    });
  }

  /** Waits until each node is as it should be. One that is not is told, and waited for only shortly until it is again. */
  async #within(nodes: readonly DatabaseNode[], right: (host: string) => Promise<void>): Promise<void> {
    const { journal, signal, catchUpMs = CATCH_UP_MS } = this.#options;
    const wait = async ({ host }: DatabaseNode) => {
      const withinMs = this.#late.has(host) ? AGAIN_MS : catchUpMs;
      try {
        await eventually(() => right(host), { withinMs, everyMs: 100 }, signal);
        this.#late.delete(host);
      } catch (error) {
        signal?.throwIfAborted();
        if (!this.#late.has(host))
          journal.complain(`${host} was not waited for any longer: ${messageOf(error)}`);
        this.#late.add(host);
      }
    };
    await Promise.all(nodes.map(wait));
  }
}
