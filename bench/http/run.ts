import { type Deployment, nodesOf } from '../../lib/cluster/deployment.ts';
import type { Hosts } from '../../lib/cluster/hosts.ts';
import { holdOperationsLock } from '../../lib/cluster/operations-lock.ts';
import { messageOf } from '../../lib/source/errors.ts';
import { CannotMeasure } from '../cluster/cannot-measure.ts';
import { dropDatabase, makeDatabase } from '../cluster/database.ts';
import { initialise, runLoad, sweep } from '../cluster/load/pgbench-load.ts';
import { Statements } from '../cluster/observe/statements.ts';
import { requireRoom, survey } from '../cluster/preflight.ts';
import { median } from '../cluster/statistics.ts';
import {
  FIGURES,
  judgeMoving,
  judgeSteady,
  longestGap,
  nodeIn,
  type Roles,
  type SqlAnswer,
  type Tally,
  twoPrimaries,
  twoWritersUp,
} from './judge.ts';
import { type Shot, startShooting, type Target } from './shots.ts';
import { probeSql } from './sql-probe.ts';

export interface HttpOptions {
  readonly deployment: Deployment;
  readonly hosts: Hosts;
  /** Of each phase, and of each half of a pair under load. */
  readonly seconds: number;
  /** Requests a second, for each endpoint. */
  readonly rate: number;
  /** Pairs of a load without requests and one with them; 0 leaves the load out. */
  readonly pairs: number;
  readonly switchovers: number;
  readonly scale: number;
  /** Makes a node the primary; it takes the operations' lock itself. */
  readonly switchTo: (node: string) => Promise<void>;
  /** What the cluster is now: who leads has changed. */
  readonly look: () => Promise<Deployment>;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

export interface Phase {
  readonly title: string;
  readonly seconds: number;
  readonly tallies: readonly Tally[];
  readonly moved?: Moved;
}

/** What a switchover showed. */
export interface Moved {
  readonly from: string;
  readonly to: string;
  /** How often two called themselves the primary, and how often a balancer took two for it. */
  readonly twoPrimaries: number;
  readonly twoWritersUp: number;
  /** The longest times without a primary by the endpoints, and without an answer at a balancer's port for writes. */
  readonly withoutPrimaryS: number;
  readonly withoutWritesS: number | undefined;
  readonly pgbenchFailed: number;
  readonly problem: string | undefined;
}

/** What asking costs: transactions a second without and with it. */
export interface Cost {
  readonly perSecond: number;
  readonly pairs: readonly { readonly without: number; readonly with: number }[];
  readonly ratio: number;
}

export interface HttpRun {
  readonly schema: 1;
  readonly id: string;
  readonly at: string;
  readonly deployment: string;
  readonly standIn: boolean;
  readonly cluster: string;
  readonly rate: number;
  readonly phases: readonly Phase[];
  readonly cost: Cost | undefined;
  readonly remarks: readonly string[];
  /** Why it ended before its end. */
  readonly interrupted: string | undefined;
}

const CLEAN_UP_MS = 60_000;
const GRACE_S = 10;
/** How long after a switchover answers are still collected. */
const SETTLE_S = 8;

/** Asks the endpoints of health and the balancers at rest, under load, and while the primary changes. */
export class HttpBench {
  readonly #options: HttpOptions;
  #deployment: Deployment;
  readonly #phases: Phase[] = [];
  readonly #remarks: string[] = [];
  #cost: Cost | undefined;

  constructor(options: HttpOptions) {
    this.#options = options;
    this.#deployment = options.deployment;
    for (const { host, figures } of options.deployment.balancers)
      if (!figures)
        this.#remarks.push(
          `${host} tells how it is on its loopback only (haproxy_stats_listen): it was asked through its ports alone`,
        );
  }

  async run(): Promise<Omit<HttpRun, 'schema' | 'id' | 'at' | 'deployment' | 'standIn' | 'cluster'>> {
    const { hosts, signal, rate, pairs, switchovers, say } = this.#options;
    const { storage } = this.#deployment;
    const lock = await holdOperationsLock(hosts, storage.host, {
      owner: 'benchmark of endpoints',
      graceS: GRACE_S,
      signal,
    });
    let locked = true;
    const free = async () => {
      if (locked) await lock.release();
      locked = false;
    };
    let interrupted: string | undefined;
    try {
      await this.#steady('idle');
      if (pairs + switchovers > 0) await this.#fill();
      if (pairs > 0) await this.#underLoad();
      // The operation takes the lock itself.
      await free();
      for (let i = 0; i < switchovers; i++) await this.#switchover(i);
    } catch (error) {
      if (this.#phases.length === 0) throw error;
      interrupted = messageOf(signal.aborted ? signal.reason : error);
      say(`ended: ${interrupted}`);
    } finally {
      if (pairs + switchovers > 0) await this.#cleanUp();
      await free();
    }
    return { rate, phases: this.#phases, cost: this.#cost, remarks: this.#remarks, interrupted };
  }

  get #roles(): Roles {
    const { primary, replicas, record } = this.#deployment;
    return {
      primary: primary.host,
      replicas: replicas.map(({ host }) => host).filter(host => !record?.fenced.includes(host)),
    };
  }

  #targets(): readonly Target[] {
    const { health, balancers } = this.#deployment;
    const url = (address: string, port: number, path: string) =>
      `http://${address.includes(':') ? `[${address}]` : address}:${port}${path}`;
    return [
      ...nodesOf(this.#deployment).flatMap(({ host, address }) =>
        ['/primary', '/replica'].map(path => ({ host, path, url: url(address, health.port, path) })),
      ),
      ...balancers.flatMap(({ host, figures }) =>
        figures
          ? ['/write', '/read', FIGURES].map(path => ({
              host,
              path,
              url: url(figures.address, figures.port, path),
            }))
          : [],
      ),
    ];
  }

  /** Asks everything meanwhile. */
  async #asking<T>(
    work: () => Promise<T>,
  ): Promise<{ shots: Shot[]; sql: SqlAnswer[]; result: T; seconds: number }> {
    const { rate } = this.#options;
    const { balancers, primary, cluster } = this.#deployment;
    const shots: Shot[] = [];
    const sql: SqlAnswer[] = [];
    const shooting = await startShooting({ targets: this.#targets(), rate }, shot => shots.push(shot));
    const began = performance.now();
    const stop = new AbortController();
    const probes = Promise.all(
      balancers.map(balancer =>
        probeSql(balancer, { target: primary.sql, cluster }, 1000 / rate, stop.signal, one => sql.push(one)),
      ),
    );
    try {
      const result = await work();
      return { shots, sql, result, seconds: (performance.now() - began) / 1000 };
    } finally {
      stop.abort();
      await Promise.all([shooting.stop(), probes]);
    }
  }

  async #steady(title: string): Promise<void> {
    const { seconds, say } = this.#options;
    say(`${title}, ${seconds} s`);
    const asked = await this.#asking(() => this.#pause(seconds));
    this.#phases.push({
      title,
      seconds: asked.seconds,
      tallies: judgeSteady(asked.shots, asked.sql, this.#roles),
    });
  }

  async #fill(): Promise<void> {
    const { hosts, scale, say, signal } = this.#options;
    const nodes = nodesOf(this.#deployment);
    const statements = new Statements(hosts, nodes);
    const { down } = await survey(this.#deployment, hosts, statements, signal);
    if (down.length > 0)
      throw new CannotMeasure(down.map(({ host, reason }) => `${host}: ${reason}`).join('\n'));
    await requireRoom({ deployment: this.#deployment, hosts }, nodes, statements, { scale }, text =>
      this.#remarks.push(text),
    );
    for (const node of nodes)
      for (const line of await sweep(hosts, node.host, node.sql.osUser)) say(`${node.host}: ${line}`);
    await makeDatabase(statements, this.#deployment.primary, signal);
    await initialise(hosts, this.#deployment.primary, scale, signal);
  }

  /** Pairs of a load alone and one while all is asked, which of them first by turns. */
  async #underLoad(): Promise<void> {
    const { pairs, say, rate } = this.#options;
    const found: { without: number; with: number }[] = [];
    const shots: Shot[] = [];
    const sql: SqlAnswer[] = [];
    let seconds = 0;
    for (let i = 0; i < pairs; i++) {
      say(`under pgbench, pair ${i + 1} of ${pairs}`);
      const pair = { without: 0, with: 0 };
      for (const half of i % 2 === 0 ? (['without', 'with'] as const) : (['with', 'without'] as const)) {
        if (half === 'without') pair.without = await this.#load(i);
        else {
          const asked = await this.#asking(() => this.#load(i));
          pair.with = asked.result;
          shots.push(...asked.shots);
          sql.push(...asked.sql);
          seconds += asked.seconds;
        }
      }
      found.push(pair);
    }
    const perSecond = (shots.length + sql.length) / seconds;
    this.#phases.push({ title: 'under pgbench', seconds, tallies: judgeSteady(shots, sql, this.#roles) });
    const counting = found.filter(pair => pair.without > 0);
    if (counting.length === 0)
      throw new CannotMeasure(`pgbench did nothing at all at ${rate} requests a second`);
    this.#cost = { perSecond, pairs: found, ratio: median(counting.map(pair => pair.with / pair.without)) };
  }

  /** Transactions a second of all nodes: the primary writes, the others read. */
  async #load(seed: number): Promise<number> {
    const { hosts, seconds, signal } = this.#options;
    const results = await Promise.all(
      nodesOf(this.#deployment).map(node =>
        runLoad(hosts, node, {
          workload: node.role === 'primary' ? 'mixed-writes' : 'mixed-reads',
          load: { clients: 4, threads: 1, seconds },
          randomSeed: seed + 1,
          logSampling: () => 0.01,
          signal,
        }),
      ),
    );
    for (const { complaint } of results) if (complaint !== undefined) this.#remarks.push(complaint);
    return results.reduce((total, { figures }) => total + figures.tps, 0);
  }

  async #switchover(turn: number): Promise<void> {
    const { say, switchTo, look } = this.#options;
    const { primary, replicas, balancers, record } = this.#deployment;
    const able = replicas.filter(({ host }) => !record?.fenced.includes(host));
    const to = able[turn % Math.max(1, able.length)];
    if (!to) throw new CannotMeasure('there is no replica to switch over to');
    say(`switchover ${turn + 1}: ${primary.host} to ${to.host}`);
    const asked = await this.#asking(async () => {
      const done = new AbortController();
      const load = this.#throughBalancers(done.signal);
      const problem = await this.#pause(3)
        .then(() => switchTo(to.host))
        .then(
          () => undefined,
          (error: unknown) => messageOf(error),
        );
      await this.#pause(SETTLE_S);
      done.abort();
      return { problem, failed: await load };
    });
    const { shots, sql } = asked;
    const behindMs = Math.max(0, ...balancers.map(b => b.behindMs));
    const ends = [...shots.map(shot => shot.sentAt + shot.ms)];
    const [from, until] = [Math.min(...ends), Math.max(...ends)];
    const yes = shots.filter(s => s.path === '/primary' && s.code === 200).map(s => s.sentAt + s.ms);
    const through = [
      ...sql.filter(s => s.port === 'write' && s.session === 'new' && s.node !== undefined && !s.replica),
      ...shots.filter(s => s.path === '/write' && s.code === 200 && nodeIn(s.body) !== undefined),
    ].map(s => s.sentAt + s.ms);
    this.#phases.push({
      title: `switchover ${primary.host} → ${to.host}`,
      seconds: asked.seconds,
      tallies: judgeMoving(shots, sql, behindMs),
      moved: {
        from: primary.host,
        to: to.host,
        twoPrimaries: twoPrimaries(shots),
        twoWritersUp: twoWritersUp(shots),
        withoutPrimaryS: longestGap(yes, from, until) / 1000,
        withoutWritesS: balancers.length === 0 ? undefined : longestGap(through, from, until) / 1000,
        pgbenchFailed: asked.result.failed,
        problem: asked.result.problem,
      },
    });
    this.#deployment = await look();
    if (asked.result.problem !== undefined) throw new CannotMeasure(asked.result.problem);
  }

  /** pgbench through the balancers, again and again: what a switchover ends begins anew. Gives how many loads failed. */
  async #throughBalancers(signal: AbortSignal): Promise<number> {
    const { hosts } = this.#options;
    const from = this.#deployment.replicas.at(-1) ?? this.#deployment.primary;
    let failed = 0;
    const again = async (
      workload: 'mixed-writes' | 'mixed-reads',
      via: { address: string; port: number },
    ) => {
      for (let seed = 1; !signal.aborted && !this.#options.signal.aborted; seed++) {
        const began = performance.now();
        const { complaint } = await runLoad(hosts, from, {
          workload,
          load: { clients: 2, threads: 1, seconds: 3 },
          randomSeed: seed,
          logSampling: () => 0.01,
          via,
          signal: this.#options.signal,
        });
        if (complaint === undefined) continue;
        failed++;
        if (/read-only transaction/.test(complaint))
          this.#remarks.push(`pgbench wrote to a node that cannot: ${complaint}`);
        // Nobody may be there for seconds: no flood meanwhile.
        if (performance.now() - began < 500) await this.#pause(0.5);
      }
    };
    await Promise.all(
      this.#deployment.balancers.flatMap(({ write, read }) => [
        again('mixed-writes', write),
        again('mixed-reads', read),
      ]),
    );
    return failed;
  }

  async #cleanUp(): Promise<void> {
    const { hosts } = this.#options;
    const limit = AbortSignal.timeout(CLEAN_UP_MS);
    try {
      const nodes = nodesOf(this.#deployment);
      for (const node of nodes) await sweep(hosts, node.host, node.sql.osUser).catch(() => []);
      await dropDatabase(new Statements(hosts, nodes), this.#deployment.primary, limit);
    } catch (error) {
      this.#remarks.push(
        `the database of the benchmark was left: ${messageOf(error)}; the next run removes it`,
      );
    }
  }

  #pause(seconds: number): Promise<void> {
    const { signal } = this.#options;
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const stop = () => {
        clearTimeout(timer);
        reject(signal.reason);
      };
      const timer = setTimeout(() => {
        signal.removeEventListener('abort', stop);
        resolve();
      }, seconds * 1000);
      signal.addEventListener('abort', stop, { once: true });
    });
  }
}
