import type { HostSecond, MeasuredSeries } from '../cluster/result.ts';
import { median } from '../cluster/statistics.ts';
import { type Summary, titleOf } from '../cluster/summary.ts';
import { type Band, type Chart, chartHtml, colourOf, type Line, wholeTicks } from './chart.ts';

/** Below this many lines each one has a name; of more, those that stand out have one, and the others are dim. */
const NAMED_LINES = 6;

/** Transactions by the second, with stalls and checkpoints. */
export function courses(series: readonly MeasuredSeries[]): string {
  const shown = series.filter(s => s.perNode.some(n => n.progress.length > 1));
  if (shown.length === 0) return '';
  return charts(
    shown.map(s => ({
      title: titleOf(s),
      unit: 'transactions a second',
      ...secondsOf(s),
      lines: nodeLines(s.perNode.map(n => [n.host, n.progress.map(p => [p.atS, p.tps] as const)])),
      bands: [...checkpointBands(s), ...stallBands(s)],
    })),
    '<p class="legend"><i style="background:var(--series2);opacity:.4"></i>a checkpoint is being written <i style="background:var(--bad);opacity:.4"></i>a node ended no transaction in this second</p>',
  );
}

function secondsOf({ perNode, hosts, lag }: MeasuredSeries): Pick<Chart, 'x'> {
  const to = Math.max(
    ...perNode.map(n => n.progress.at(-1)?.atS ?? 0),
    ...hosts.map(h => h.seconds.at(-1)?.atS ?? 0),
    ...lag.map(l => l.points.at(-1)?.[0] ?? 0),
    2,
  );
  return { x: { from: 0, to, ticks: wholeTicks(0, to).map(t => ({ ...t, label: `${t.label} s` })) } };
}

/** Each node's own line; of many the slowest and the fastest are named, so that the picture says who it is. */
export function nodeLines(
  all: readonly (readonly [host: string, points: Line['points']])[],
  few = NAMED_LINES,
): readonly Line[] {
  if (all.length <= few)
    return all.map(([label, points], i) => ({ label, points, colour: colourOf(i, all.length) }));
  const middle = (points: Line['points']) => median(points.flatMap(([, y]) => (y === undefined ? [] : [y])));
  const bySpeed = [...all].sort(([, a], [, b]) => middle(a) - middle(b));
  const typical = middle(bySpeed[bySpeed.length >> 1]![1]);
  return all.map(([label, points], i) => {
    const outlier = Math.abs(middle(points) / typical - 1) > 0.2;
    return { label, points, colour: colourOf(i, all.length), dashed: !outlier && i % 2 === 1 };
  });
}

/** Seconds in which a checkpoint was written, joined. */
function checkpointBands({ checkpoints }: MeasuredSeries): Band[] {
  const bands: Band[] = [];
  for (const second of checkpoints) {
    const last = bands.at(-1);
    if (last && last.to >= second - 1) bands[bands.length - 1] = { ...last, to: second };
    else
      bands.push({
        from: second - 1,
        to: second,
        kind: 'checkpoint',
        label: 'a checkpoint is being written',
      });
  }
  return bands;
}

function stallBands({ perNode }: MeasuredSeries): Band[] {
  const stalled = new Map<number, string[]>();
  for (const { host, progress } of perNode)
    for (const { atS, tps } of progress) if (tps === 0) stalled.set(atS, [...(stalled.get(atS) ?? []), host]);
  return [...stalled].map(([at, hosts]) => ({
    from: at - 0.5,
    to: at + 0.5,
    kind: 'stall',
    label: `no transaction on ${hosts.join(', ')}`,
  }));
}

/** How latencies are distributed, up to the slowest transaction. */
export function latencyCurves(series: readonly MeasuredSeries[], summaries: readonly Summary[]): string {
  const shown = series.filter(s => s.perNode.some(n => n.curve.length > 1));
  if (shown.length === 0) return '';
  return charts(
    shown.map(s => {
      const to = Math.max(...s.perNode.map(n => n.curve.at(-1)?.[0] ?? 0));
      const sampled = summaries.some(
        one =>
          one.workload === s.workload &&
          one.nodes === s.nodes &&
          one.percentiles !== undefined &&
          one.percentiles.max === undefined,
      );
      return {
        title: titleOf(s),
        unit: sampled ? 'ms, of a sample' : 'ms',
        logarithmic: true,
        x: {
          from: 0,
          to,
          ticks: [0, 1, 2, 3, 4, 5, 6].filter(nines => nines <= to).map(at => ({ at, label: nines(at) })),
        },
        lines: nodeLines(s.perNode.map(n => [n.host, n.curve])),
      };
    }),
  );
}

const nines = (at: number): string =>
  at === 0 ? 'min' : at === 1 ? 'p90' : `p${(100 - 10 ** (2 - at)).toFixed(Math.max(0, at - 2))}`;

const FURTHEST = 5;

function furthest(lag: MeasuredSeries['lag']): MeasuredSeries['lag'] {
  const middle = (one: MeasuredSeries['lag'][number]) => median(one.points.map(([, bytes]) => bytes));
  return [...lag].sort((a, b) => middle(b) - middle(a)).slice(0, FURTHEST);
}

/** How far the replicas were behind while somebody wrote. */
export function lagCharts(series: readonly MeasuredSeries[]): string {
  const shown = series.filter(s => s.lag.some(l => l.points.length > 1));
  if (shown.length === 0) return '';
  return charts(
    shown.map(s => ({
      title: titleOf(s),
      unit: 'KiB of WAL behind',
      ...secondsOf(s),
      lines: nodeLines(
        furthest(s.lag).map(l => [l.host, l.points.map(([at, bytes]) => [at, bytes / 1024] as const)]),
      ),
    })),
    shown.some(s => s.lag.length > FURTHEST)
      ? `<p class="note">The ${FURTHEST} replicas that are furthest behind.</p>`
      : '',
  );
}

const METRICS: readonly {
  readonly title: string;
  readonly unit: string;
  readonly of: (second: HostSecond) => number;
}[] = [
  { title: 'Processors', unit: '% busy', of: s => 100 * s.cpu },
  { title: 'Stolen time', unit: '%', of: s => 100 * s.steal },
  { title: 'Busiest disk', unit: '% of the time', of: s => 100 * s.diskBusy },
  { title: 'Busiest disk', unit: 'ms a request', of: s => s.diskMs },
  { title: 'Network', unit: 'MB/s', of: s => s.netMBs },
];

/** What the hosts did in the measurement that wrote the most, on the same seconds; what was nothing is left out. */
export function hostMetrics(series: readonly MeasuredSeries[]): string {
  const cell =
    series.find(s => s.workload === 'read-write' && s.hosts.length > 0) ??
    series.find(s => s.hosts.length > 0);
  if (!cell) return '';
  const shown = METRICS.filter(({ of }) => cell.hosts.some(h => h.seconds.some(s => of(s) > 0.5)));
  return charts(
    shown.map(({ title, unit, of }) => ({
      title,
      unit,
      ...secondsOf(cell),
      bands: checkpointBands(cell),
      lines: nodeLines(cell.hosts.map(h => [h.host, h.seconds.map(s => [s.atS, of(s)] as const)])),
    })),
    `<p class="note">During ${titleOf(cell)}.</p>`,
  );
}

function charts(all: readonly Chart[], after = ''): string {
  return all.length === 0 ? '' : `<div class="charts">${all.map(chartHtml).join('')}</div>${after}`;
}
