import { htmlText } from '../../lib/source/html-text.ts';
import { differences, differenceText } from '../cluster/history/comparability.ts';
import { ENOUGH, SIGMAS, spread, WINDOW } from '../cluster/history/regression.ts';
import type { NightVerdict, Trend } from '../cluster/history/verdict.ts';
import { median } from '../cluster/statistics.ts';
import { titleOf } from '../cluster/summary.ts';
import { type Band, type Chart, chartHtml, type Tick } from './chart.ts';

const NIGHTS_SHOWN = 30;

/** Rate and latencies of every measurement over the comparable nights; nothing when tonight is the first. */
export function trendCharts({ trends }: NightVerdict): string {
  const low = (t: Trend) => (t.tonight.lowNights > 0 ? t.tonight.change : 0);
  const shown = trends.filter(t => t.runs.length > 1).sort((a, b) => low(a) - low(b));
  const [longest] = [...shown].sort((a, b) => b.runs.length - a.runs.length);
  if (!longest) return '';
  const changed = changes(longest).map(({ label = '' }) => `<li>${htmlText(label)}</li>`);
  return `<div class="charts">${shown.flatMap(t => [rate(t), latency(t)].map(chartHtml)).join('')}</div>
<p class="note">Shaded: what is usual, from the nights before each one. Red: nights below it. Upright lines: something changed that does not end the trend.</p>
${changed.length === 0 ? '' : `<ul class="said">${changed.join('')}</ul>`}`;
}

function rate(trend: Trend): Chart {
  const { judgements, runs } = recent(trend);
  const known = judgements.map((j, i) => [i, j] as const).filter(([, j]) => j.verdict !== 'learning');
  return {
    title: titleOf(trend),
    unit: 'transactions a second',
    ...nightsOf(trend),
    close: true,
    usual: known.map(([i, j]) => [i, j.centre * (1 - j.threshold), j.centre * (1 + j.threshold)] as const),
    bands: changes(trend),
    lines: [
      {
        label: 'TPS',
        colour: 'var(--series1)',
        dots: runs.length <= NIGHTS_SHOWN,
        points: runs.map(({ figures }, i) => [i, figures.tps] as const),
        bad: new Set(judgements.flatMap((j, i) => (j.lowNights > 0 ? [i] : []))),
      },
    ],
  };
}

function latency(trend: Trend): Chart {
  const { runs } = recent(trend);
  const line = (label: string, colour: string, pick: 'p50' | 'p99') => ({
    label,
    colour,
    points: runs.map(({ figures }, i) => [i, figures.percentiles?.[pick]] as const),
  });
  return {
    title: `${titleOf(trend)}: latency`,
    unit: 'ms',
    ...nightsOf(trend),
    usual: usualP99(trend),
    bands: changes(trend),
    lines: [line('p99', 'var(--series4)', 'p99'), line('p50', 'var(--series2)', 'p50')],
  };
}

/** Where the p99 of each night would lie if it were like the nights before. */
function usualP99({ runs }: Trend): NonNullable<Chart['usual']> {
  const first = Math.max(0, runs.length - NIGHTS_SHOWN);
  const p99 = runs.map(({ figures }) => figures.percentiles?.p99);
  return p99.slice(first).flatMap((_, i) => {
    const before = p99.slice(Math.max(0, first + i - WINDOW), first + i).filter(value => value !== undefined);
    if (before.length < ENOUGH) return [];
    const [centre, reach] = [median(before), SIGMAS * spread(before)];
    return [[i, Math.max(0, centre - reach), centre + reach] as const];
  });
}

function recent({ runs, judgements }: Trend): Pick<Trend, 'runs' | 'judgements'> {
  return { runs: runs.slice(-NIGHTS_SHOWN), judgements: judgements.slice(-NIGHTS_SHOWN) };
}

function nightsOf(trend: Trend): Pick<Chart, 'x'> {
  const { runs } = recent(trend);
  const last = runs.length - 1;
  const every = Math.max(1, Math.ceil(runs.length / 5));
  // Runs of one day are told apart by their hour.
  const oneDay = new Set(runs.map(({ record }) => record.at.slice(0, 10))).size < runs.length / 2;
  const ticks: Tick[] = runs.flatMap(({ record: { at } }, i) =>
    (last - i) % every === 0 ? [{ at: i, label: oneDay ? at.slice(11, 16) : at.slice(5, 10) }] : [],
  );
  return { x: { from: 0, to: Math.max(last, 1), ticks } };
}

/** A mark between two nights where something changed that does not end the trend. */
function changes(trend: Trend): readonly Band[] {
  const { runs } = recent(trend);
  return runs.slice(1).flatMap(({ record }, i): Band[] => {
    const found = differences(runs[i]!.record, record);
    if (found.length === 0) return [];
    const label = `${record.at.slice(0, 10)}: ${found.map(differenceText).join('; ')}`;
    return [{ from: i + 0.45, to: i + 0.55, kind: 'note', label }];
  });
}
