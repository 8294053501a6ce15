import { type Static, Type } from 'typebox';

const Percentiles = Type.Object({
  count: Type.Number(),
  p50: Type.Number(),
  p90: Type.Number(),
  p95: Type.Number(),
  p99: Type.Number(),
  p999: Type.Number(),
  max: Type.Number(),
});

const NodeFigures = Type.Object({
  host: Type.String(),
  tps: Type.Number(),
  latencyMs: Type.Number(),
  stddevMs: Type.Number(),
  transactions: Type.Number(),
  errors: Type.Number(),
  skipped: Type.Number(),
  percentiles: Type.Optional(Percentiles),
});

const CellFigures = Type.Object({
  workload: Type.Union([Type.Literal('read-only'), Type.Literal('read-write')]),
  nodes: Type.Number(),
  repetition: Type.Number(),
  clients: Type.Number(),
  threads: Type.Number(),
  seconds: Type.Number(),
  tps: Type.Number(),
  errors: Type.Number(),
  perNode: Type.Array(NodeFigures),
});

/** One run in the history: a line of JSON. A change that readers would notice gets a new `schema` number. */
export const RunRecordSchema = Type.Object({
  schema: Type.Literal(1),
  id: Type.String(),
  at: Type.String(),
  profile: Type.String(),
  scale: Type.Number(),
  deployment: Type.String(),
  standIn: Type.Boolean(),
  /** Runs are comparable when this is equal: everything of the environment that changes the figures, hashed. */
  environment: Type.String(),
  /** Something went wrong during the run: its figures are no measure. */
  failed: Type.Boolean(),
  complaints: Type.Array(Type.String()),
  cells: Type.Array(CellFigures),
});

export type RunRecord = Static<typeof RunRecordSchema>;
export type CellFigures = Static<typeof CellFigures>;
export type NodeFigures = Static<typeof NodeFigures>;

/** What is known of one host when the run began. */
export interface HostFingerprint {
  readonly host: string;
  readonly role: string;
  readonly stable: Readonly<Record<string, string>>;
  /** Different at every run, so not part of what makes runs comparable. */
  readonly momentary: Readonly<Record<string, string>>;
}

/** Everything a report shows: the record, and what is too large for the history. */
export interface RunDetail {
  readonly record: RunRecord;
  readonly fingerprint: readonly HostFingerprint[];
  readonly consistent: boolean | undefined;
  readonly series: readonly CellSeries[];
}

export interface CellSeries {
  readonly workload: RunRecord['cells'][number]['workload'];
  readonly nodes: number;
  readonly repetition: number;
  readonly perNode: readonly {
    readonly host: string;
    readonly progress: readonly { readonly atS: number; readonly tps: number; readonly latencyMs: number }[];
    readonly curve: readonly (readonly [number, number])[];
    readonly statements: readonly { readonly ms: number; readonly statement: string }[];
  }[];
}
