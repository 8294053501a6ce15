import type { Percentiles, RunRecord } from '../result.ts';
import type { NightVerdict } from './verdict.ts';

/** One figure set of a night as other programs read it: of a node, or of all of them together (host empty). */
export interface HistoryRow {
  readonly run: string;
  readonly at: string;
  readonly cluster: string;
  readonly profile: string;
  readonly workload: string;
  readonly nodes: number;
  readonly host: string;
  readonly tps: number;
  readonly repetitions: number;
  readonly p50_ms: number | undefined;
  readonly p99_ms: number | undefined;
  readonly max_ms: number | undefined;
  readonly verdict: string;
  readonly change: number | undefined;
  readonly primary_host: string;
}

export const ROW_NAMES = [
  'run',
  'at',
  'cluster',
  'profile',
  'workload',
  'nodes',
  'host',
  'tps',
  'repetitions',
  'p50_ms',
  'p99_ms',
  'max_ms',
  'verdict',
  'change',
  'primary_host',
] as const satisfies readonly (keyof HistoryRow)[];

/** A night, flat. */
export function rowsOf(record: RunRecord, verdict: NightVerdict): readonly HistoryRow[] {
  return record.night.flatMap(figures => {
    const { workload, nodes, repetitions } = figures;
    const tonight = verdict.trends.find(t => t.workload === workload && t.nodes === nodes)?.tonight;
    const common = {
      run: record.id,
      at: record.at,
      cluster: record.cluster.name,
      profile: record.profile,
      workload,
      nodes,
      repetitions,
      verdict: tonight?.verdict ?? 'incomplete',
      change: tonight?.verdict === 'learning' ? undefined : tonight?.change,
      primary_host: record.cluster.primary,
    };
    return [
      { ...common, host: '', tps: figures.tps, ...latencies(figures.percentiles) },
      ...figures.perNode.map(({ host, tps, percentiles }) => ({
        ...common,
        host,
        tps,
        ...latencies(percentiles),
      })),
    ];
  });
}

function latencies(percentiles: Percentiles | undefined) {
  return { p50_ms: percentiles?.p50, p99_ms: percentiles?.p99, max_ms: percentiles?.max };
}

/** Rows as CSV with a line of names (RFC 4180). */
export function csvOf(rows: readonly HistoryRow[]): string {
  const cell = (value: string | number | undefined) => {
    const text = value === undefined ? '' : String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const lines = rows.map(row => ROW_NAMES.map(name => cell(row[name])).join(','));
  return `${[ROW_NAMES.join(','), ...lines].join('\n')}\n`;
}
