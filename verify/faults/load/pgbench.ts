import { setTimeout as sleep } from 'node:timers/promises';
import type { DatabaseNode } from '../../../lib/cluster/deployment.ts';
import type { Hosts } from '../../../lib/cluster/hosts.ts';

const SLICE_SECONDS = 5;

/** pgbench on whichever node is the primary, a few seconds at a time, so that it follows the primary. */
export class PgbenchLoad {
  transactions = 0;
  /** Slices that ended with an error: each switch costs one. */
  failures = 0;
  readonly #hosts: Hosts;
  readonly #database: string;
  readonly #primary: () => DatabaseNode;
  #stopping = false;
  #running: Promise<void> = Promise.resolve();

  constructor(hosts: Hosts, database: string, primary: () => DatabaseNode) {
    this.#hosts = hosts;
    this.#database = database;
    this.#primary = primary;
  }

  async prepare(scale: number): Promise<void> {
    const reply = await this.#pgbench(['-i', '-q', '-s', `${scale}`], 120_000);
    if (reply.rc !== 0) throw new Error(`pgbench -i: ${reply.stderr.trim().split('\n').at(-1)}`);
  }

  /** `rate` transactions a second: unbounded, it would measure a starved machine instead of the operation. */
  start(clients: number, rate: number): void {
    this.#running = this.#run(['-c', `${clients}`, '-R', `${rate}`]);
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#running;
  }

  async #run(load: readonly string[]): Promise<void> {
    while (!this.#stopping) {
      const args = ['-n', '-M', 'prepared', ...load, '-T', `${SLICE_SECONDS}`];
      const reply = await this.#pgbench(args, (SLICE_SECONDS + 60) * 1000).catch(() => undefined);
      const done = /transactions actually processed: (\d+)/.exec(reply?.stdout ?? '');
      this.transactions += Number(done?.[1] ?? 0);
      if (reply?.rc === 0) continue;
      this.failures++;
      await sleep(500);
    }
  }

  #pgbench(args: readonly string[], timeoutMs: number) {
    const { host, sql } = this.#primary();
    const program = `${sql.psql.slice(0, sql.psql.lastIndexOf('/'))}/pgbench`;
    const argv = [program, '-h', sql.socketDir, '-p', `${sql.port}`, '-U', sql.user, ...args, this.#database];
    return this.#hosts.command(host, argv, { as: sql.osUser, timeoutMs });
  }
}
