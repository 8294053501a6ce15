import { htmlText } from '../../lib/source/html-text.ts';

/**
 * Charts as plain HTML and SVG, drawn when the report is written: they look the same without scripts, on paper and on a
 * phone, and take their colours from the page. Lines are in an SVG that is stretched to the box; all text is HTML beside it,
 * so that it keeps its size.
 */
export interface Line {
  readonly label: string;
  /** A missing value parts the line. */
  readonly points: readonly (readonly [x: number, y: number | undefined])[];
  /** Which of the page's colours, and how many there are; undefined is the dim one. */
  readonly colour?: string;
  readonly dashed?: boolean;
  readonly dots?: boolean;
  /** Points that are marked as bad. */
  readonly bad?: ReadonlySet<number>;
}

export interface Band {
  readonly from: number;
  readonly to: number;
  readonly kind: 'checkpoint' | 'stall' | 'note';
  /** What a reader sees who points at it. */
  readonly label?: string;
}

export interface Chart {
  readonly title: string;
  readonly unit: string;
  readonly x: { readonly from: number; readonly to: number; readonly ticks: readonly Tick[] };
  readonly lines: readonly Line[];
  readonly bands?: readonly Band[];
  /** What is usual: low and high for each place. */
  readonly usual?: readonly (readonly [x: number, low: number, high: number])[];
  readonly logarithmic?: boolean;
  /** The axis need not begin at zero: what matters are small changes. */
  readonly close?: boolean;
  readonly note?: string;
}

export interface Tick {
  readonly at: number;
  readonly label: string;
}

const SIZE = 1000;
/** Height of a line of labels over that of the plot: closer ones would cover each other. More lines get a taller plot. */
const LABEL_SHARE = 0.068;
const TALL_LABEL_SHARE = 0.045;
const MANY_LINES = 8;

export function chartHtml(chart: Chart): string {
  const scale = yScale(chart);
  const x = (value: number) => (SIZE * (value - chart.x.from)) / Math.max(chart.x.to - chart.x.from, 1e-9);
  const y = (value: number) => SIZE * (1 - scale.share(value));
  const shapes = [
    ...(chart.bands ?? []).map(band => bandShape(band, x)),
    ...(chart.usual ? [usualShape(chart.usual, x, y)] : []),
    ...scale.ticks.map(({ at }) => `<path class="grid" d="M0 ${n(y(at))}H${SIZE}"/>`),
    ...chart.lines.map(line => lineShape(line, x, y)),
  ];
  const yLabels = scale.ticks.map(
    ({ at, label }) => `<span style="bottom:${n(100 * scale.share(at))}%">${htmlText(label)}</span>`,
  );
  const xLabels = chart.x.ticks.map(
    ({ at, label }) => `<span style="left:${n(x(at) / 10)}%">${htmlText(label)}</span>`,
  );
  return `<figure class="chart"><figcaption>${htmlText(chart.title)} <small>${htmlText(chart.unit)}</small></figcaption>
<div class="plot${chart.lines.length > MANY_LINES ? ' tall' : ''}"><div class="y">${yLabels.join('')}</div><div class="area"><svg viewBox="0 0 ${SIZE} ${SIZE}" preserveAspectRatio="none" role="img" aria-label="${htmlText(chart.title)}">${shapes.join('')}</svg>${dots(chart, x, y)}</div><div class="ends">${ends(chart, scale)}</div><div class="x">${xLabels.join('')}</div></div>${chart.note === undefined ? '' : `<p class="note">${chart.note}</p>`}</figure>`;
}

/** Colour `i` of `count`: the page's own for a few, evenly spaced hues for many. */
export function colourOf(i: number, count: number): string {
  if (count <= 5) return `var(--series${i + 1})`;
  // Neighbours in the list are far apart on the circle.
  const step = count % 3 === 0 ? 5 : 3;
  return `oklch(var(--hue-light) ${i % 2 === 0 ? 0.16 : 0.11} ${Math.round((360 * ((i * step) % count)) / count)})`;
}

interface Scale {
  readonly ticks: readonly Tick[];
  share(value: number): number;
}

function yScale({ lines, usual, logarithmic, close }: Chart): Scale {
  const values = [
    ...lines.flatMap(line => line.points.flatMap(([, value]) => (value === undefined ? [] : [value]))),
    ...(usual ?? []).flatMap(([, low, high]) => [low, high]),
  ].filter(value => Number.isFinite(value));
  const top = Math.max(...values, 0);
  if (logarithmic) {
    const least = Math.min(...values.filter(value => value > 0), top || 1);
    const from = Math.floor(Math.log10(least));
    const to = Math.max(Math.ceil(Math.log10(top || 1)), from + 1);
    return {
      ticks: Array.from({ length: to - from + 1 }, (_, i) => ({
        at: 10 ** (from + i),
        label: compact(10 ** (from + i)),
      })),
      share: value => (Math.log10(Math.max(value, 10 ** from)) - from) / (to - from),
    };
  }
  const least = close ? Math.min(...values, top) : 0;
  // Half of the height at most is left out, and only when nothing lies there.
  const bottom = least > top / 2 ? Math.max(0, least - (top - least)) : 0;
  const step = niceStep((top - bottom || 1) / 4);
  const low = Math.floor(bottom / step) * step;
  const high = Math.max(Math.ceil(top / step) * step, low + step);
  return {
    ticks: Array.from({ length: Math.round((high - low) / step) + 1 }, (_, i) => ({
      at: low + i * step,
      label: compact(low + i * step),
    })),
    share: value => (value - low) / (high - low),
  };
}

function niceStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough));
  return ([1, 2, 2.5, 5].find(f => f * power >= rough) ?? 10) * power;
}

export const compact = (value: number): string => {
  if (value >= 1e6) return `${Number((value / 1e6).toPrecision(3))} M`;
  if (value >= 1e4) return `${Number((value / 1e3).toPrecision(3))} k`;
  return `${Number(value.toPrecision(3))}`;
};

const n = (value: number): string => `${Math.round(value * 10) / 10}`;

function lineShape({ points, colour, dashed }: Line, x: Place, y: Place): string {
  let pen = 'M';
  const path = points
    .map(([at, value]) => {
      if (value === undefined || !Number.isFinite(value)) {
        pen = 'M';
        return '';
      }
      const part = `${pen}${n(x(at))} ${n(y(value))}`;
      pen = 'L';
      return part;
    })
    .join('');
  return `<path class="line${dashed ? ' dashed' : ''}" style="stroke:${colour ?? 'var(--dim)'}" d="${path}"/>`;
}

type Place = (value: number) => number;

function bandShape({ from, to, kind, label }: Band, x: Place): string {
  const width = Math.max(x(to) - x(from), 3);
  const title = label === undefined ? '' : `<title>${htmlText(label)}</title>`;
  return `<rect class="${kind}" x="${n(x(from))}" y="0" width="${n(width)}" height="${SIZE}">${title}</rect>`;
}

function usualShape(usual: NonNullable<Chart['usual']>, x: Place, y: Place): string {
  const upper = usual.map(([at, , high], i) => `${i === 0 ? 'M' : 'L'}${n(x(at))} ${n(y(high))}`);
  const lower = [...usual].reverse().map(([at, low]) => `L${n(x(at))} ${n(y(low))}`);
  return `<path class="usual" d="${upper.join('')}${lower.join('')}Z"/>`;
}

/** Dots are HTML: in the stretched SVG they would be ellipses. */
function dots({ lines }: Chart, x: Place, y: Place): string {
  return lines
    .flatMap(({ points, colour, dots: shown, bad, label }) =>
      points.map(([at, value]) => {
        const marked = bad?.has(at) === true;
        if (value === undefined || (!shown && !marked)) return '';
        return `<i class="dot${marked ? ' bad' : ''}" style="left:${n(x(at) / 10)}%;top:${n(y(value) / 10)}%;background:${colour ?? 'var(--dim)'}" title="${htmlText(label)}: ${compact(value)}"></i>`;
      }),
    )
    .join('');
}

/** The name of each line beside its end, moved apart where they would meet. */
function ends({ lines }: Chart, scale: Scale): string {
  const placed = lines
    .flatMap(line => {
      const last = line.points.findLast(([, value]) => value !== undefined && Number.isFinite(value));
      return last ? [{ line, at: Math.min(scale.share(last[1]!), 1) }] : [];
    })
    .sort((a, b) => a.at - b.at);
  const share = lines.length > MANY_LINES ? TALL_LABEL_SHARE : LABEL_SHARE;
  const gap = Math.min(share, 1 / Math.max(placed.length, 1));
  const heights = spread(
    placed.map(p => p.at),
    gap,
  );
  return placed
    .map(
      ({ line }, i) =>
        `<span style="bottom:${n(100 * heights[i]!)}%;color:${line.colour ?? 'var(--dim)'}">${htmlText(line.label)}</span>`,
    )
    .join('');
}

/** Heights at least `gap` apart, as near as can be to the wanted ones, within 0 and 1. */
function spread(wanted: readonly number[], gap: number): number[] {
  const up = wanted.map(() => 0);
  let floor = -Number.MAX_VALUE;
  wanted.forEach((value, i) => {
    up[i] = Math.max(value, floor);
    floor = up[i]! + gap;
  });
  let ceiling = 1;
  for (let i = up.length - 1; i >= 0; i--) {
    up[i] = Math.min(up[i]!, ceiling);
    ceiling = up[i]! - gap;
  }
  return up;
}

/** About so many ticks for whole numbers such as seconds. */
export function wholeTicks(from: number, to: number, about = 6): readonly Tick[] {
  const step = Math.max(1, niceStep((to - from) / about));
  const ticks: Tick[] = [];
  for (let at = Math.ceil(from / step) * step; at <= to; at += step)
    ticks.push({ at, label: `${Math.round(at)}` });
  return ticks;
}

export const CHART_STYLE = `
:root{--hue-light:.55}@media(prefers-color-scheme:dark){:root{--hue-light:.75}}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(26rem,100%),1fr));gap:1.4rem 1.8rem}
.chart{margin:0;min-width:0;break-inside:avoid}.chart figcaption{font-weight:600;font-size:.92rem;margin-bottom:.5rem}.chart small{color:var(--dim);font-weight:400;margin-left:.3rem}
.plot{display:grid;grid-template-columns:2.9rem minmax(0,1fr) auto;grid-template-rows:14rem 1.4rem;font-size:.75rem;color:var(--dim);font-variant-numeric:tabular-nums}
.plot.tall{grid-template-rows:21rem 1.4rem}.plot .y,.plot .area,.plot .ends,.plot .x{position:relative}.plot .y span{position:absolute;right:.5rem;transform:translateY(50%);white-space:nowrap}
.plot .area{border-left:1px solid var(--line);border-bottom:1px solid var(--line)}.plot svg{position:absolute;inset:0;width:100%;height:100%;overflow:visible}
.plot .ends{min-width:3.2rem;max-width:8rem}.plot .ends span{position:absolute;left:.4rem;transform:translateY(50%);white-space:nowrap;font-weight:600}
.plot .x{grid-column:2;margin-top:.2rem}.plot .x span{position:absolute;transform:translateX(-50%);white-space:nowrap}
.plot path{fill:none;vector-effect:non-scaling-stroke}.plot .grid{stroke:var(--line)}.plot .line{stroke-width:1.8px;stroke-linejoin:round}.plot .dashed{stroke-dasharray:5 4}
.plot .usual{fill:var(--series1);opacity:.13}.plot .checkpoint{fill:var(--series2);opacity:.16}.plot .stall{fill:var(--bad);opacity:.3}.plot .note{fill:var(--warn);opacity:.5}
.plot .dot{position:absolute;width:7px;height:7px;margin:-3.5px 0 0 -3.5px;border-radius:50%}.plot .dot.bad{width:11px;height:11px;margin:-5.5px 0 0 -5.5px;background:var(--bad)!important;border:2px solid var(--card)}
`;
