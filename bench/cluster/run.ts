import {
  type DatabaseNode,
  type Deployment,
  describeDeployment,
  nodesOf,
} from '../../lib/cluster/deployment.ts';
import type { Hosts } from '../../lib/cluster/hosts.ts';
import { holdOperationsLock } from '../../lib/cluster/operations-lock.ts';
import { messageOf } from '../../lib/source/errors.ts';
import { CannotMeasure } from './cannot-measure.ts';
import { balancesMatch, DATABASE, dropDatabase, makeDatabase, tidyTables } from './database.ts';
import type { RunJournal, RunSoFar } from './journal.ts';
import { CommonStart } from './load/common-start.ts';
import { type Generator, generatorsOf, ownGenerator } from './load/generators.ts';
import type { Progress } from './load/pgbench.ts';
import { initialise, logShare, runLoad, sweep } from './load/pgbench-load.ts';
import {
  balanced,
  missingParts,
  type Part,
  type PlannedMeasurement,
  planMeasurements,
  writes,
} from './load/plan.ts';
import type { Load, Profile } from './load/profiles.ts';
import type { NodeResult } from './load/together.ts';
import { nightFigures } from './night-figures.ts';
import { takeFingerprint } from './observe/fingerprint.ts';
import { sampleHost } from './observe/host-sampler.ts';
import { type Watched, watchPrimary } from './observe/primary-watch.ts';
import { Statements } from './observe/statements.ts';
import { measureStorage, storagePlaces } from './observe/storage.ts';
import { disturbances, requireRoom, survey } from './preflight.ts';
import type { MeasurementProgress } from './progress-line.ts';
import { Readiness, type ReadinessOptions } from './readiness.ts';
import type { MeasuredFigures, MeasuredSeries, Measurement, RunDetail, RunRecord } from './result.ts';
import { median, seededRandom, shuffled, sum } from './statistics.ts';
import { titleOf } from './summary.ts';

export interface BenchOptions extends ReadinessOptions {
  readonly deployment: Deployment;
  readonly hosts: Hosts;
  readonly profile: Profile;
  /** Leaves the benchmark's database behind, to look at. */
  readonly keep: boolean;
  /** Where the run is kept as it goes. */
  /** Seconds beyond its time after which a node counts as hung. */
  readonly overrunS?: number;
  /** Where the lock is taken, when not where the operations take theirs. */
  readonly lockDirectory?: string;
  /** Tells what is being done, a line each. */
  readonly say: (line: string) => void;
  /** Gets each second of a node under load as it comes. */
  readonly onSecond?: (host: string, second: Progress) => void;
  /** Gets each measurement as it begins. */
  readonly onMeasurement?: (cell: MeasurementProgress) => void;
}

const FILL_TRIES = 3;
/** Seconds that loads which belong together may begin apart. */
const APART_S = 0.5;
/** The watchers on the nodes end the load of a killed run within this time; the lock stays until then. */
const GRACE_S = 10;
/** What cleaning up may take after the run was told to end. */
const CLEAN_UP_MS = 60_000;

/**
 * Measures the cluster by a profile. Throws only when nothing could be measured; all else is in the result: what went wrong
 * on the way is a complaint, and what was measured stays measured.
 */
export async function runBench(options: BenchOptions): Promise<RunDetail> {
  const { deployment, hosts, profile, signal } = options;
  const lock = await holdOperationsLock(hosts, deployment.storage.host, {
    owner: `benchmark, profile ${profile.name}`,
    graceS: GRACE_S,
    ...(signal ? { signal } : {}),
    ...(options.lockDirectory === undefined ? {} : { directory: options.lockDirectory }),
  });
  try {
    return await runLocked(options);
  } finally {
    await lock.release();
  }
}

async function runLocked(options: BenchOptions): Promise<RunDetail> {
  const { journal, signal } = options;
  const bench = await Bench.prepare(options);
  let consistent: boolean | undefined;
  try {
    await bench.storage();
    await bench.fill();
    await bench.measure();
    consistent = await bench.balance();
  } catch (error) {
    if (journal.soFar?.measurements.length === 0) throw nothingMeasured(error, signal);
    if (!signal?.aborted) journal.complain(messageOf(error));
  } finally {
    await bench.cleanUp();
  }
  return detailOf(journal.soFar!, consistent, signal?.aborted ? messageOf(signal.reason) : undefined);
}

/** An error of the cluster's, not of this program: it is told in its own words. */
function nothingMeasured(error: unknown, signal?: AbortSignal): unknown {
  if (signal?.aborted || error instanceof TypeError || error instanceof ReferenceError) return error;
  return error instanceof CannotMeasure ? error : new CannotMeasure(messageOf(error), { cause: error });
}

/** A run's result from what it measured, whether it finished or not. */
export function detailOf(run: RunSoFar, consistent: boolean | undefined, interrupted?: string): RunDetail {
  const { head, measurements, complaints, remarks, storage, sweep } = run;
  const record: RunRecord = {
    ...head,
    endedAt: new Date().toISOString(),
    ...(interrupted === undefined ? {} : { interrupted }),
    failed: complaints.length > 0,
    complaints: [...complaints],
    remarks: [...remarks],
    cells: measurements.map(m => m.figures),
    night: nightFigures(measurements),
    storage: [...storage],
    ...(sweep.length === 0 ? {} : { sweep: [...sweep].sort((a, b) => a.clients - b.clients) }),
  };
  return { record, consistent, series: measurements.map(m => m.series) };
}

class Bench {
  readonly #options: BenchOptions;
  readonly #statements: Statements;
  readonly #nodes: readonly DatabaseNode[];
  /** Where the load comes from, when not from the nodes themselves. */
  readonly #generators: readonly Generator[];
  /** Share of the transactions that each host with a load logs. */
  readonly #logShares: ReadonlyMap<string, number>;
  readonly #readiness: Readiness;
  /** Sum of the deltas that were cleared from the history. */
  #cleared = 0n;

  private constructor(
    options: BenchOptions,
    statements: Statements,
    nodes: readonly DatabaseNode[],
    generators: readonly Generator[],
    logShares: ReadonlyMap<string, number>,
  ) {
    this.#options = options;
    this.#statements = statements;
    this.#nodes = nodes;
    this.#generators = generators;
    this.#logShares = logShares;
    this.#readiness = new Readiness(options, statements, nodes);
  }

  /** Looks at everything that must be right before anything is written. */
  static async prepare(options: BenchOptions): Promise<Bench> {
    const { deployment, hosts, profile, journal, say, signal } = options;
    if (profile.writes?.includes('balanced') && deployment.balancers.length === 0)
      throw new CannotMeasure(
        `profile ${profile.name} goes through a balancer, and the inventory has no group balancers`,
      );
    const statements = new Statements(hosts, nodesOf(deployment));
    say('looking at the hosts');
    const surveyed = await survey(deployment, hosts, statements, signal);
    const { ready: generators, down: idle } = await generatorsOf(deployment, hosts, profile);
    const { fingerprint, gone } = await takeFingerprint(deployment, hosts, statements, {
      nodes: surveyed.up,
      clients: generators.map(g => g.host),
    });
    const up = surveyed.up.filter(({ host }) => !gone.some(g => g.host === host));
    const down = [...surveyed.down, ...gone];
    if (up[0]?.role !== 'primary') {
      const reasons = down.map(({ host, reason }) => `${host}: ${reason}`);
      throw new CannotMeasure(`nothing can be measured without the primary\n${reasons.join('\n')}`);
    }
    journal.begin(headOf(options, fingerprint, generators.length));
    for (const { host, reason } of down) journal.complain(`${host} was not measured: ${reason}`);
    for (const { host, reason } of idle) journal.complain(`${host} put no load on the cluster: ${reason}`);
    for (const part of missingParts(profile, nodesOf(deployment).length, up.length))
      journal.complain(
        `${titleOf(part)} was not measured: ${down.map(d => d.host).join(', ')} did not answer`,
      );
    for (const { host, as } of [...up.map(ownGenerator), ...generators]) {
      const lines = await sweep(hosts, host, as).catch(error => [
        `what an earlier run may have left could not be removed: ${messageOf(error)}`,
      ]);
      for (const line of lines) say(`${host}: ${line}`);
    }
    for (const line of await disturbances(hosts, statements, up, deployment.storage.host))
      journal.remark(line);
    await requireRoom({ deployment, hosts }, up, statements, profile, text => journal.remark(text));
    return new Bench(options, statements, up, generators, await logShares(options, up, generators));
  }

  get #primary(): DatabaseNode {
    return this.#nodes[0]!;
  }

  /** The disks without a database, before there is load on them. */
  async storage(): Promise<void> {
    const { deployment, hosts, profile, journal, say, signal } = this.#options;
    const seconds = profile.storageSeconds ?? 0;
    if (seconds === 0) return;
    const remark = (text: string) => journal.remark(text);
    const places = storagePlaces(deployment, await this.#dataFolders(remark));
    say(`storage of ${places.map(p => p.host).join(', ')}, ${seconds} s each`);
    journal.stored(await measureStorage(hosts, places, seconds, remark, signal));
  }

  /** Where the nodes of the stand-in keep their data, each a copy of its own; with PFS there is one, on the storage host. */
  async #dataFolders(
    remark: (text: string) => void,
  ): Promise<ReadonlyMap<string, { folder: string; as: string }>> {
    if (this.#options.deployment.pfs) return new Map();
    const found = await Promise.all(
      this.#nodes.map(async ({ host, sql }) => {
        const query = "SELECT current_setting('data_directory') AS dir";
        try {
          const [row] = await this.#statements.select<{ dir: string }>({ host, kind: 'look', sql: query });
          return [[host, { folder: row!.dir, as: sql.osUser }] as const];
        } catch (error) {
          remark(`the storage of ${host} was not measured: ${messageOf(error)}`);
          return [];
        }
      }),
    );
    return new Map(found.flat());
  }

  /** The benchmark's database, filled, on all nodes, and in their caches. */
  async fill(): Promise<void> {
    const { journal, profile, say, signal } = this.#options;
    for (let tries = 1; ; tries++) {
      say(`filling ${DATABASE}, scale ${profile.scale}`);
      try {
        await this.#fillOnce();
        break;
      } catch (error) {
        signal?.throwIfAborted();
        if (error instanceof CannotMeasure || tries === FILL_TRIES) throw error;
        journal.complain(`the tables were filled once more: ${messageOf(error)}`);
        await this.#readiness.answering([this.#primary]);
      }
    }
    if (profile.warmUpSeconds === 0) return;
    say(`warming up, ${profile.warmUpSeconds} s`);
    const load = { ...profile.readOnly, seconds: profile.warmUpSeconds };
    await Promise.all(
      this.#nodes.map(node => this.#load(node, 'read-only', load, { randomSeed: profile.seed })),
    );
  }

  async #fillOnce(): Promise<void> {
    const { hosts, profile, signal } = this.#options;
    await makeDatabase(this.#statements, this.#primary, signal);
    await initialise(hosts, this.#primary, profile.scale, signal);
    await this.#readiness.settle();
  }

  async measure(): Promise<void> {
    const { profile } = this.#options;
    const plan = planMeasurements(profile, this.#nodes.length);
    for (const [index, planned] of plan.entries()) {
      this.#announce(plan, index);
      await this.#measure(planned, `${index + 1}/${plan.length}`);
      // What was written must not still be on its way to the replicas while they are measured.
      const wrote = planned.parts.some(part => writes(part.workload));
      if (wrote && (index < plan.length - 1 || profile.sweep || profile.pacedShare !== undefined))
        await this.#tidy();
    }
    if (profile.sweep) await this.#sweep(profile.sweep);
    if (profile.pacedShare !== undefined) await this.#paced(profile.pacedShare);
  }

  /** A share of what the night's own read-write load reached: latencies then count the waiting of a stall. */
  async #paced(share: number): Promise<void> {
    const { journal, profile } = this.#options;
    const reached = journal
      .soFar!.measurements.map(m => m.figures)
      .filter(f => f.workload === 'read-write' && f.invalid === undefined)
      .map(f => f.tps);
    if (reached.length === 0) {
      journal.complain('the paced load was not measured: no read-write measurement counts');
      return;
    }
    const planned: PlannedMeasurement = {
      parts: [{ workload: 'paced', nodes: 1 }],
      repetition: 1,
      randomSeed: profile.seed + 99_999,
    };
    this.#announce([planned], 0);
    await this.#measure(planned, 'last', share * median(reached));
  }

  /** The primary with few clients and with many, in a random order: a drift of the machines must not look like a curve. */
  async #sweep({ clients, seconds }: NonNullable<Profile['sweep']>): Promise<void> {
    const { journal, profile, say, signal, onMeasurement } = this.#options;
    const order = shuffled(clients, seededRandom(profile.seed));
    for (const [index, count] of order.entries()) {
      signal?.throwIfAborted();
      say(
        `${index + 1}/${order.length} of the sweep: read-write on ${this.#primary.host}, ${count} clients, ${seconds} s`,
      );
      onMeasurement?.({
        title: `read-write, ${count} clients`,
        seconds,
        position: index + 1,
        count: order.length,
        next: order[index + 1] === undefined ? undefined : `read-write, ${order[index + 1]} clients`,
        secondsAfter: (order.length - index - 1) * seconds,
      });
      const load = { clients: count, threads: Math.min(count, profile.readWrite.threads), seconds };
      await this.#readiness.answering([this.#primary]);
      const { figures, complaint } = await this.#load(this.#primary, 'read-write', load, {
        randomSeed: profile.seed + 50_000 + index,
        start: await this.#start(),
      });
      const { tps, errors, percentiles } = figures;
      journal.swept({
        clients: count,
        tps,
        errors,
        ...(percentiles ? { percentiles } : {}),
        ...(complaint === undefined ? {} : { invalid: complaint }),
      });
      if (complaint !== undefined) journal.complain(`with ${count} clients: ${complaint}`);
      await this.#tidy();
    }
  }

  #announce(planned: readonly PlannedMeasurement[], index: number): void {
    const seconds = (planned: PlannedMeasurement) =>
      Math.max(...planned.parts.map(part => this.#loadOf(part).seconds));
    const title = (planned: PlannedMeasurement | undefined) => planned?.parts.map(titleOf).join(' + ');
    this.#options.onMeasurement?.({
      title: title(planned[index])!,
      seconds: seconds(planned[index]!),
      position: index + 1,
      count: planned.length,
      next: title(planned[index + 1]),
      secondsAfter: sum(planned.slice(index + 1).map(seconds)),
    });
  }

  /** Whether the sums of the books are equal; a run in which they are not has lost or doubled a transaction. */
  async balance(): Promise<boolean> {
    const { journal, signal } = this.#options;
    const equal = await balancesMatch(this.#statements, this.#primary, this.#cleared, signal);
    if (!equal)
      journal.complain(
        'the sum of the account balances is not the sum of the history: transactions were lost or doubled',
      );
    return equal;
  }

  /** Nothing that goes wrong here takes a result away: it is a complaint. */
  async cleanUp(): Promise<void> {
    const { journal, keep } = this.#options;
    if (keep) return;
    // The run's own signal may have fired: this must still go through, within a limit.
    const limit = AbortSignal.timeout(CLEAN_UP_MS);
    try {
      await dropDatabase(this.#statements, this.#primary, limit);
    } catch (error) {
      journal.complain(
        `${DATABASE} was left on ${this.#primary.host}: ${messageOf(error)}; the next run removes it`,
      );
    }
  }

  async #measure(planned: PlannedMeasurement, position: string, rate?: number): Promise<void> {
    const { say, journal } = this.#options;
    const parts = planned.parts.map(part => ({ part, load: this.#loadOf(part), nodes: this.#nodesOf(part) }));
    await this.#readiness.answering([...new Set(parts.flatMap(({ nodes }) => nodes))]);
    say(
      `${position} ${parts
        .map(
          ({ part, load, nodes }) =>
            `${part.workload} on ${nodes.map(n => n.host).join(', ')}: ${load.clients} clients each, ${load.seconds} s`,
        )
        .join('; ')}`,
    );
    const start = await this.#start();
    const watching = this.#watch(parts, start);
    const results = await Promise.all(
      parts.map(({ part, load, nodes }) =>
        Promise.all(
          nodes.map(node =>
            this.#load(node, part.workload, load, { randomSeed: planned.randomSeed, start, rate }),
          ),
        ),
      ),
    );
    this.#checkStart(results.flat());
    const seen = await watching;
    for (const [i, { part, load }] of parts.entries()) {
      const measurement = measurementOf(planned, part, load, results[i]!, seen, rate);
      journal.measured(measurement);
      for (const { complaint } of results[i]!) if (complaint !== undefined) journal.complain(complaint);
      const { tps, errors } = measurement.figures;
      say(`    ${tps.toFixed(0)} transactions a second${errors > 0 ? `, ${errors} errors` : ''}`);
    }
  }

  /** What the hosts and the primary do meanwhile: nothing of it is needed for the figures, so nothing of it can fail them. */
  async #watch(
    parts: readonly { readonly part: Part; readonly load: Load }[],
    start: CommonStart,
  ): Promise<Seen> {
    const { hosts, signal } = this.#options;
    const seconds = Math.max(...parts.map(({ load }) => load.seconds));
    const wrote = parts.some(({ part }) => writes(part.workload));
    const [samples, primary] = await Promise.all([
      Promise.all(
        this.#machines.map(async host => ({
          host,
          seconds: await sampleHost(hosts, host, seconds, start, signal),
        })),
      ),
      wrote
        ? start
            .reached()
            .then(() => watchPrimary(hosts, this.#primary, this.#nodes.slice(1), seconds, signal))
        : undefined,
    ]);
    return { hosts: samples.filter(h => h.seconds.length > 0), primary };
  }

  /** All hosts that have to do with the load. */
  get #machines(): readonly string[] {
    const { storage } = this.#options.deployment;
    return [
      ...new Set([storage.host, ...this.#nodes.map(n => n.host), ...this.#generators.map(g => g.host)]),
    ];
  }

  #start(): Promise<CommonStart> {
    return CommonStart.of(this.#options.hosts, this.#machines);
  }

  /** Loads that did not begin together put less on the cluster than they say. */
  #checkStart(results: readonly NodeResult[]): void {
    const late = results.flatMap(r => (r.late === undefined ? [] : [r.late]));
    const apart = Math.max(0, ...late) - Math.min(0, ...late);
    if (late.length > 1 && apart > APART_S)
      this.#options.journal.remark(`the loads of one measurement began ${apart.toFixed(1)} s apart`);
  }

  #load(
    node: DatabaseNode,
    workload: Part['workload'],
    load: Load,
    { randomSeed, start, rate }: { randomSeed: number; start?: CommonStart; rate?: number | undefined },
  ): Promise<NodeResult> {
    const { hosts, deployment, signal, overrunS, onSecond } = this.#options;
    const { aggregateSeconds } = this.#options.profile;
    const [balancer] = deployment.balancers;
    return runLoad(hosts, node, {
      workload,
      ...(balancer && balanced(workload) ? { via: writes(workload) ? balancer.write : balancer.read } : {}),
      load,
      randomSeed,
      generators: this.#generators,
      logSampling: host => this.#logShares.get(host) ?? 1,
      // The warm-up counts for nothing, and has a time of its own.
      ...(aggregateSeconds === undefined || !start ? {} : { aggregateSeconds }),
      ...(start ? { start } : {}),
      ...(rate === undefined ? {} : { rate }),
      ...(overrunS === undefined ? {} : { overrunS }),
      ...(onSecond ? { onSecond } : {}),
      ...(signal ? { signal } : {}),
    });
  }

  #loadOf({ workload }: Part): Load {
    const { profile } = this.#options;
    return writes(workload)
      ? profile.readWrite
      : workload === 'mixed-reads' || workload === 'balanced-reads'
        ? { ...profile.readOnly, seconds: profile.readWrite.seconds }
        : profile.readOnly;
  }

  #nodesOf({ workload, nodes }: Part): readonly DatabaseNode[] {
    return workload === 'mixed-reads' ? this.#nodes.slice(1, 1 + nodes) : this.#nodes.slice(0, nodes);
  }

  /** Tables of the same size for the next repetition. A failure is told: the figures that follow may be worse for it. */
  async #tidy(): Promise<void> {
    const { journal, signal } = this.#options;
    try {
      this.#cleared += await tidyTables(this.#statements, this.#primary, signal);
      await this.#readiness.settle();
    } catch (error) {
      signal?.throwIfAborted();
      journal.complain(`between two measurements: ${messageOf(error)}`);
    }
  }
}

function headOf(
  { deployment, profile }: BenchOptions,
  fingerprint: RunRecord['fingerprint'],
  generators: number,
): Parameters<RunJournal['begin']>[0] {
  const started = new Date().toISOString();
  return {
    schema: 2,
    id: started.replace(/[-:]/g, '').replace(/\..*/, ''),
    at: started,
    profile: profile.name,
    scale: profile.scale,
    load: { ...profile, ...(generators === 0 ? {} : { generators }) },
    deployment: describeDeployment(deployment),
    cluster: {
      name: deployment.cluster,
      database: deployment.database,
      version: deployment.version,
      sync: deployment.sync,
      primary: deployment.primary.host,
      nodes: nodesOf(deployment).map(node => node.host),
    },
    standIn: deployment.database === 'postgresql',
    fingerprint,
  };
}

/** Whole logs where there is room for them; elsewhere a sample, which is told. */
async function logShares(
  { hosts, profile, journal }: BenchOptions,
  nodes: readonly DatabaseNode[],
  generators: readonly Generator[],
): Promise<ReadonlyMap<string, number>> {
  const wanted = profile.logSampling;
  const seconds = Math.max(profile.readOnly.seconds, profile.readWrite.seconds);
  const [places, loads] = generators.length === 0 ? [nodes.map(ownGenerator), 1] : [generators, nodes.length];
  const shares = new Map<string, number>();
  // A log of intervals takes no room.
  if (profile.aggregateSeconds !== undefined) return shares;
  for (const place of places) {
    const share = await logShare(hosts, place, { seconds, loads, wanted }).catch(() => wanted);
    shares.set(place.host, share);
    if (share < wanted)
      journal.remark(
        `${place.host} has little room for the log of its transactions: percentiles are of a sample of ${(100 * share).toFixed(1)} %`,
      );
  }
  return shares;
}

/** What was seen beside the load. */
interface Seen {
  readonly hosts: MeasuredSeries['hosts'];
  readonly primary: Watched | undefined;
}

function measurementOf(
  planned: PlannedMeasurement,
  part: Part,
  load: Load,
  results: readonly NodeResult[],
  seen: Seen,
  rate: number | undefined,
): Measurement {
  const { workload, nodes } = part;
  const { repetition } = planned;
  const invalid = results.flatMap(({ complaint }) => (complaint === undefined ? [] : [complaint]));
  // Reading does not make a replica lag: that belongs to the part that writes.
  const primary = writes(workload) ? seen.primary : undefined;
  const figures: MeasuredFigures = {
    workload,
    nodes,
    repetition,
    ...load,
    ...(rate === undefined ? {} : { rate }),
    tps: sum(results.map(r => r.figures.tps)),
    errors: sum(results.map(r => r.figures.errors)),
    ...(invalid.length === 0 ? {} : { invalid: invalid.join('; ') }),
    perNode: results.map(r => r.figures),
    ...(primary ? { lag: { ...primary.figures } } : {}),
  };
  return {
    figures,
    series: {
      workload,
      nodes,
      repetition,
      perNode: results.map(r => r.series),
      hosts: seen.hosts,
      checkpoints: primary?.checkpoints ?? [],
      lag: primary?.lag ?? [],
    },
    histograms: Object.fromEntries(results.map(r => [r.figures.host, r.histogram])),
  };
}
