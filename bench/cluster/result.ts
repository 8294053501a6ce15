import { type Static, Type } from 'typebox';

const Percentiles = Type.Object({
  count: Type.Number(),
  p50: Type.Number(),
  p90: Type.Number(),
  p95: Type.Number(),
  p99: Type.Number(),
  p999: Type.Number(),
  /** A sampled log does not know the slowest transaction. */
  max: Type.Optional(Type.Number()),
});

/**
 * What runs: `read-only` is pgbench -S, `read-write` its TPC-B-like load, `simple-update` that without tellers and
 * branches. `mixed-writes` on the primary and `mixed-reads` on the replicas run at the same time. `paced` is read-write at
 * a fixed rate, so that its latencies count the time a transaction waited for its turn. `read-write-again` is read-write once
 * more: what the two differ by is the night's own noise.
 */
const Workload = Type.Union([
  Type.Literal('read-only'),
  Type.Literal('read-write'),
  Type.Literal('read-write-again'),
  Type.Literal('simple-update'),
  Type.Literal('mixed-writes'),
  Type.Literal('mixed-reads'),
  Type.Literal('balanced-writes'),
  Type.Literal('balanced-reads'),
  Type.Literal('paced'),
]);
export type Workload = Static<typeof Workload>;

const NodeFigures = Type.Object({
  host: Type.String(),
  /** Over the whole time that was asked for: a node that dies half-way counts half. */
  tps: Type.Number(),
  latencyMs: Type.Number(),
  stddevMs: Type.Number(),
  transactions: Type.Number(),
  errors: Type.Number(),
  skipped: Type.Number(),
  percentiles: Type.Optional(Percentiles),
  /** The slowest transaction, where the log has one line for each interval: that knows no percentiles. */
  slowestMs: Type.Optional(Type.Number()),
  /** Why these figures are not a measure; undefined when they are. */
  invalid: Type.Optional(Type.String()),
});

const Lag = Type.Object({
  /** How far the replica was behind while others wrote, in bytes of WAL. */
  medianBytes: Type.Number(),
  maxBytes: Type.Number(),
  /** From the commit on the primary until a reader of the replica saw the row. */
  visibleMedianMs: Type.Optional(Type.Number()),
  visibleMaxMs: Type.Optional(Type.Number()),
});

const MeasuredFigures = Type.Object({
  workload: Workload,
  nodes: Type.Number(),
  repetition: Type.Number(),
  clients: Type.Number(),
  threads: Type.Number(),
  seconds: Type.Number(),
  /** Transactions a second that a paced load asks for. */
  rate: Type.Optional(Type.Number()),
  tps: Type.Number(),
  errors: Type.Number(),
  /** Why this is not a measure; undefined when it is. */
  invalid: Type.Optional(Type.String()),
  perNode: Type.Array(NodeFigures),
  lag: Type.Optional(Type.Record(Type.String(), Lag)),
});

const HostFingerprint = Type.Object({
  host: Type.String(),
  role: Type.String(),
  stable: Type.Record(Type.String(), Type.String()),
  /** Different at every run, so not part of what makes runs comparable. */
  momentary: Type.Record(Type.String(), Type.String()),
});

/** Latencies of all repetitions of a measurement together, and its rate: what a trend is drawn from. */
const NightFigures = Type.Object({
  workload: Workload,
  nodes: Type.Number(),
  /** Median over the repetitions that count. */
  tps: Type.Number(),
  repetitions: Type.Number(),
  percentiles: Type.Optional(Percentiles),
  perNode: Type.Array(
    Type.Object({
      host: Type.String(),
      tps: Type.Number(),
      percentiles: Type.Optional(Percentiles),
    }),
  ),
});

/** What the storage did without a database: fio on a scratch file. */
const StorageFigures = Type.Object({
  host: Type.String(),
  test: Type.String(),
  iops: Type.Number(),
  p99Ms: Type.Number(),
});

/** The primary under a read-write load of so many clients. */
const SweepFigures = Type.Object({
  clients: Type.Number(),
  tps: Type.Number(),
  errors: Type.Number(),
  percentiles: Type.Optional(Percentiles),
  /** Why this is not a measure; undefined when it is. */
  invalid: Type.Optional(Type.String()),
});

/** One run in the history: a line of JSON. A change that readers would notice gets a new `schema` number. */
export const RunRecordSchema = Type.Object({
  schema: Type.Literal(2),
  id: Type.String(),
  at: Type.String(),
  endedAt: Type.String(),
  profile: Type.String(),
  scale: Type.Number(),
  /** The profile as it was: what was asked for. */
  load: Type.Record(Type.String(), Type.Unknown()),
  deployment: Type.String(),
  cluster: Type.Object({
    name: Type.String(),
    database: Type.String(),
    version: Type.String(),
    sync: Type.String(),
    primary: Type.String(),
    nodes: Type.Array(Type.String()),
  }),
  standIn: Type.Boolean(),
  /** What the hosts and servers are made of, whole, so that a later reader can tell what changed. */
  fingerprint: Type.Array(HostFingerprint),
  /** The run was ended before it was through, and by what. */
  interrupted: Type.Optional(Type.String()),
  /** Something went wrong; which measurements count, their own `invalid` says. */
  failed: Type.Boolean(),
  complaints: Type.Array(Type.String()),
  /** What a reader should know and nobody has to mend: a busy machine, a sampled log. */
  remarks: Type.Array(Type.String()),
  cells: Type.Array(MeasuredFigures),
  night: Type.Array(NightFigures),
  storage: Type.Array(StorageFigures),
  /** By clients, fewest first. */
  sweep: Type.Optional(Type.Array(SweepFigures)),
});

export type RunRecord = Static<typeof RunRecordSchema>;
export type MeasuredFigures = Static<typeof MeasuredFigures>;
export type NodeFigures = Static<typeof NodeFigures>;
export type NightFigures = Static<typeof NightFigures>;
export type HostFingerprint = Static<typeof HostFingerprint>;
export type Percentiles = Static<typeof Percentiles>;
export type StorageFigures = Static<typeof StorageFigures>;
export type SweepFigures = Static<typeof SweepFigures>;
export type Lag = Static<typeof Lag>;

/** One second of a node under load. */
export interface Second {
  readonly atS: number;
  readonly tps: number;
  readonly latencyMs?: number;
}

/** One second of a host, from its kernel's counters. */
export interface HostSecond {
  readonly atS: number;
  readonly cpu: number;
  readonly steal: number;
  /** Share of the time with a request under way, and milliseconds a request took, on the busiest disk. */
  readonly diskBusy: number;
  readonly diskMs: number;
  readonly netMBs: number;
}

export interface NodeSeries {
  readonly host: string;
  readonly progress: readonly Second[];
  readonly curve: readonly (readonly [number, number])[];
  readonly statements: readonly { readonly ms: number; readonly statement: string }[];
}

/** What is too large for the history: the course of one measurement. */
export interface MeasuredSeries {
  readonly workload: Workload;
  readonly nodes: number;
  readonly repetition: number;
  readonly perNode: readonly NodeSeries[];
  readonly hosts: readonly { readonly host: string; readonly seconds: readonly HostSecond[] }[];
  /** Seconds in which a checkpoint was being written. */
  readonly checkpoints: readonly number[];
  readonly lag: readonly { readonly host: string; readonly points: readonly (readonly [number, number])[] }[];
}

/** One measurement as it is kept while the run goes on: the figures, their course, and each node's latencies. */
export interface Measurement {
  readonly figures: MeasuredFigures;
  readonly series: MeasuredSeries;
  /** By host: an HDR histogram, compressed. */
  readonly histograms: Readonly<Record<string, string>>;
}

/** Everything a report shows: the record, and what is too large for the history. */
export interface RunDetail {
  readonly record: RunRecord;
  readonly consistent: boolean | undefined;
  readonly series: readonly MeasuredSeries[];
}
