import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import type { SqlTarget } from '../../../lib/cluster/sql.ts';
import { connect } from './session.ts';

/** Something that must hold, and whether it did. */
export interface Verdict {
  readonly ok: boolean;
  readonly what: string;
}

/** One try to write on one node. */
export interface Sample {
  readonly host: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly wrote: boolean;
}

/** Which nodes wrote, in the order of time, each as long as nobody else did. */
export function writerTerms(samples: readonly Sample[]): readonly string[] {
  const wrote = samples.filter(s => s.wrote).sort((a, b) => a.toMs - b.toMs);
  return wrote.map(s => s.host).filter((host, i, hosts) => host !== hosts[i - 1]);
}

/** Pairs of successful writes on different nodes whose time overlaps: two writers at one moment. */
export function overlaps(samples: readonly Sample[]): readonly (readonly [Sample, Sample])[] {
  const wrote = samples.filter(s => s.wrote).sort((a, b) => a.fromMs - b.fromMs);
  const found: (readonly [Sample, Sample])[] = [];
  for (const [i, one] of wrote.entries())
    for (let j = i + 1; j < wrote.length && wrote[j]!.fromMs <= one.toMs; j++)
      if (wrote[j]!.host !== one.host) found.push([one, wrote[j]!]);
  return found;
}

/** Who wrote, in the expected order, and never two at once. */
export function judgeWriters(samples: readonly Sample[], primaries: readonly string[]): Verdict {
  const expected = primaries.filter((host, i, all) => host !== all[i - 1]);
  const seen = writerTerms(samples);
  const both = overlaps(samples);
  const ok = both.length === 0 && seen.join() === expected.join();
  const order = seen.join(' → ');
  if (ok) return { ok, what: `one writer at every moment, ${samples.length} probes: ${order}` };
  return {
    ok,
    what: `writers were ${order}, expected ${expected.join(' → ')}; ${both.length} overlapping writes`,
  };
}

/** Tries to write on every node, every so often, all the time: what takes a write is a writer, whatever it says it is. */
export class WriterProbe {
  readonly samples: Sample[] = [];
  readonly #targets: readonly SqlTarget[];
  readonly #everyMs: number;
  #stopping = false;
  #probes: Promise<void>[] = [];

  constructor(targets: readonly SqlTarget[], everyMs = 200) {
    this.#targets = targets;
    this.#everyMs = everyMs;
  }

  static async prepare(primary: pg.Client): Promise<void> {
    await primary.query('CREATE TABLE probe (at timestamptz NOT NULL DEFAULT now())');
  }

  start(): void {
    this.#probes = this.#targets.map(target => this.#probe(target));
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#probes);
  }

  async #probe(target: SqlTarget): Promise<void> {
    let client: pg.Client | undefined;
    let next = performance.now();
    while (!this.#stopping) {
      const fromMs = performance.now();
      let wrote = false;
      try {
        // A commit that waits for a replica would hide that this node writes.
        client ??= await connect(target, {
          options: '-c synchronous_commit=local',
          answerMs: 5_000,
          connectMs: 2_000,
        });
        await client.query('INSERT INTO probe DEFAULT VALUES');
        wrote = true;
      } catch (error) {
        if ((error as { code?: string }).code !== READ_ONLY) {
          await client?.end().catch(() => {});
          client = undefined;
        }
      }
      this.samples.push({ host: target.host, fromMs, toMs: performance.now(), wrote });
      next = Math.max(next + this.#everyMs, performance.now());
      await sleep(next - performance.now());
    }
    await client?.end().catch(() => {});
  }
}

const READ_ONLY = '25006';
