/**
 * What runs in the reader's browser: draws every element with `data-plot` from the page's own data. Written as text
 * because it is put into the page, beside uPlot itself.
 */
export const PLOTS_SCRIPT = `
const css = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const colour = i => css('--series' + (i % 5 + 1));
const plots = JSON.parse(document.getElementById('plots').textContent);
const compact = v => v >= 1e6 ? +(v / 1e6).toFixed(1) + 'M' : v >= 1e4 ? +(v / 1e3).toFixed(1) + 'k' : +v.toPrecision(6) + '';
const nines = v => v === 0 ? 'min' : v === 1 ? 'p90' : 'p' + (100 - 10 ** (2 - v)).toFixed(Math.max(0, Math.round(v) - 2));
const live = new Map();
function draw(box) {
  const p = plots[box.dataset.plot];
  const axis = extra => ({ stroke: css('--dim'), grid: { stroke: css('--line'), width: 1 }, ticks: { stroke: css('--line') }, font: '12px system-ui', labelFont: '12px system-ui', labelSize: 20, ...extra });
  const log = p.logarithmic ? { distr: 3, log: 10 } : { range: (u, low, high) => [0, high * 1.08 || 1] };
  live.get(box)?.destroy();
  live.set(box, new uPlot({
    width: box.clientWidth, height: 260, padding: [null, p.labels ? 34 : 12, null, null], cursor: { points: { size: 7 } }, legend: { live: true },
    scales: { x: { time: false }, y: log },
    axes: [
      axis({ label: p.x, ...(p.nines ? { values: (u, all) => all.map(v => v === null ? '' : nines(v)), splits: (u) => [0, 1, 2, 3, 4, 5].filter(v => v <= u.scales.x.max) } : p.labels ? { values: (u, all) => all.map(v => (p.labels[v] ?? '').slice(0, 5)), splits: () => p.labels.map((_, i) => i).filter(i => i % Math.ceil(p.labels.length / 5) === 0) } : {}) }),
      axis({ label: p.y, size: 62, ...(p.logarithmic ? { filter: (u, all) => all.map(v => Number.isInteger(+Math.log10(v).toFixed(6)) ? v : null) } : {}), values: (u, all) => all.map(v => v === null ? '' : compact(v)) }),
    ],
    series: [
      { label: p.x, value: (u, v) => v === null ? '' : p.nines ? 'p' + (100 - 10 ** (2 - v)).toFixed(Math.max(1, Math.ceil(v) - 1)) : p.labels ? p.labels[v] : v },
      ...p.series.map((label, i) => ({ label, stroke: colour(i), width: 2, points: { show: !p.nines && p.data[0].length < 40, size: 6 }, value: (u, v) => v === null ? '' : compact(+v.toFixed(2)), spanGaps: true })),
    ],
  }, p.data, box));
}
const drawAll = () => document.querySelectorAll('[data-plot]').forEach(draw);
drawAll();
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', drawAll);
let pending;
addEventListener('resize', () => { clearTimeout(pending); pending = setTimeout(drawAll, 120); });
`;

/** One plot: the values of each series at the same places. */
export interface Plot {
  readonly x: string;
  readonly y: string;
  readonly series: readonly string[];
  readonly data: readonly (readonly (number | null)[])[];
  readonly logarithmic?: boolean;
  /** Places count nines: 1 is the 90th percentile, 2 the 99th. */
  readonly nines?: boolean;
  /** Names of the places 0, 1, 2 … */
  readonly labels?: readonly string[];
}

/** Series with places of their own, brought onto common ones; what a series has no value for is null. */
export function align(
  series: ReadonlyMap<string, readonly (readonly [number, number])[]>,
): Pick<Plot, 'series' | 'data'> {
  const round = (x: number) => Math.round(x * 1000) / 1000;
  const places = [...new Set([...series.values()].flatMap(points => points.map(([x]) => round(x))))].sort(
    (a, b) => a - b,
  );
  const columns = [...series.values()].map(points => {
    const at = new Map(points.map(([x, y]) => [round(x), y]));
    return places.map(x => at.get(x) ?? null);
  });
  return { series: [...series.keys()], data: [places, ...columns] };
}
