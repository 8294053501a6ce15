import { htmlText } from '../../lib/source/html-text.ts';
import type { RunRecord, SweepFigures } from '../cluster/result.ts';
import { type Chart, chartHtml } from './chart.ts';

/** Clients against throughput and latency; each number of clients as far from the next one, as they double. */
export function sweepCharts({ sweep = [] }: RunRecord): string {
  const points = counting(sweep);
  if (points.length < 2) return '';
  const x: Chart['x'] = {
    from: 0,
    to: points.length - 1,
    ticks: points.map(({ clients }, at) => ({ at, label: String(clients) })),
  };
  const line = (label: string, colour: string, of: (figures: SweepFigures) => number | undefined) => ({
    label,
    colour: `var(--${colour})`,
    dots: true,
    points: points.map((figures, at) => [at, of(figures)] as const),
  });
  const charts: readonly Chart[] = [
    {
      title: 'Throughput by clients',
      unit: 'transactions a second',
      x,
      lines: [line('TPS', 'series1', p => p.tps)],
    },
    {
      title: 'Latency by clients',
      unit: 'ms',
      logarithmic: true,
      x,
      lines: [
        line('p99', 'series4', p => p.percentiles?.p99),
        line('p50', 'series2', p => p.percentiles?.p50),
      ],
    },
  ];
  return `<div class="charts">${charts.map(chartHtml).join('')}</div>`;
}

/** From where on more clients wait instead of doing more. */
export function sweepNote({ sweep = [] }: RunRecord): string {
  const points = counting(sweep);
  const most = Math.max(...points.map(({ tps }) => tps));
  const enough = points.find(({ tps }) => tps >= ENOUGH * most);
  const text = enough
    ? `Read-write on the primary. ${enough.clients} ${enough.clients === 1 ? 'client reaches' : 'clients reach'} ${(100 * ENOUGH).toFixed(0)} % of the most that was seen; more of them wait longer.`
    : 'Read-write on the primary.';
  return `<p class="note">${htmlText(text)}</p>`;
}

const ENOUGH = 0.9;

const counting = (sweep: readonly SweepFigures[]) => sweep.filter(({ invalid }) => invalid === undefined);
