import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PACKAGE_ROOT } from '../../lib/source/package-root.ts';
import { htmlText } from '../../verify/report/html-text.ts';
import { PAGE_STYLE } from '../../verify/report/page-style.ts';
import { comparable, differences, differenceText } from '../cluster/comparability.ts';
import { onOneMachine } from '../cluster/fingerprint.ts';
import type { CellSeries, RunDetail, RunRecord } from '../cluster/result.ts';
import { type Summary, scalingOf, summariseRun, titleOf } from '../cluster/summary.ts';
import { ONE_MACHINE } from './markdown.ts';
import { align, PLOTS_SCRIPT, type Plot } from './plots.ts';

const RUNS_SHOWN = 30;

/** One page that holds everything, scripts and styles included; `history` are the runs before this one. */
export function formatHtml(detail: RunDetail, history: readonly RunRecord[]): string {
  const { record } = detail;
  const summaries = summariseRun(record);
  const plots: Plot[] = [];
  const plot = (title: string, what: Plot): string =>
    `<figure><figcaption>${htmlText(title)}</figcaption><div data-plot="${plots.push(what) - 1}"></div></figure>`;
  const body = [
    banners(detail, history),
    tiles(summaries, record),
    throughput(summaries),
    timeSeries(firstOfEach(detail.series), plot),
    latencies(firstOfEach(detail.series), plot),
    trend(record, history, plot),
    nodeTable(summaries),
    statements(detail.series),
    environment(detail),
  ].join('\n');
  const data = JSON.stringify(plots).replaceAll('<', '\\u003c');
  const { script, style } = uplot();
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Benchmark ${htmlText(record.profile)}, ${htmlText(record.at.slice(0, 10))}</title><style>${style}${PAGE_STYLE}${STYLE}</style></head><body><main>
<header><h1>${htmlText(record.deployment)}</h1><p>Profile ${htmlText(record.profile)} · scale ${record.scale} · ${htmlText(record.at.slice(0, 16).replace('T', ' '))} UTC</p></header>
${body}
<script type="application/json" id="plots">${data}</script><script>${script}</script><script>${PLOTS_SCRIPT}</script>
</main></body></html>
`;
}

function uplot(): { script: string; style: string } {
  const read = (name: string) => readFileSync(join(PACKAGE_ROOT, 'dist', name), 'utf8');
  return { script: read('uPlot.iife.min.js'), style: read('uPlot.min.css') };
}

function banners({ record, consistent }: RunDetail, history: readonly RunRecord[]): string {
  const lines: string[] = [];
  if (record.interrupted !== undefined)
    lines.push(
      `<div class="banner bad"><b>This run was not finished: ${htmlText(record.interrupted)}.</b> What it measured until then follows.</div>`,
    );
  if (record.remarks.length > 0)
    lines.push(
      `<div class="banner warn"><ul>${record.remarks.map(r => `<li>${htmlText(r)}</li>`).join('')}</ul></div>`,
    );
  if (record.failed) {
    lines.push(
      `<div class="banner bad"><b>Something went wrong: what is marked “no measure” does not count.</b><ul>${record.complaints.map(c => `<li>${htmlText(c)}</li>`).join('')}</ul></div>`,
    );
  }
  if (record.standIn)
    lines.push(
      '<div class="banner warn">PostgreSQL stands in for PolarDB here: these figures say nothing about PolarDB.</div>',
    );
  if (onOneMachine(record.fingerprint)) lines.push(`<div class="banner warn">${ONE_MACHINE}</div>`);
  const before = history.filter(r => r.profile === record.profile).at(-1);
  const changed = before ? differences(before, record) : [];
  if (before && changed.length > 0) {
    const breaks = changed.some(d => d.weight === 'breaks');
    const list = changed.map(d => `<li>${htmlText(differenceText(d))}</li>`).join('');
    lines.push(
      `<div class="banner warn">${breaks ? 'Not comparable with' : 'Changed since'} the run before (${htmlText(before.at.slice(0, 10))}):<ul>${list}</ul></div>`,
    );
  }
  if (consistent)
    lines.push(
      '<p class="note">After the load the sums of accounts, tellers, branches and history agree: no transaction was lost or doubled.</p>',
    );
  return lines.join('\n');
}

function tiles(summaries: readonly Summary[], record: RunRecord): string {
  const scaling = scalingOf(summaries);
  const reads = summaries.filter(s => s.workload === 'read-only').at(-1);
  const writes = summaries.find(s => s.workload === 'read-write');
  const errors = record.cells.reduce((total, cell) => total + cell.errors, 0);
  const tile = (value: string, label: string, mark = '') =>
    `<li class="${mark}"><b>${value}</b>${htmlText(label)}</li>`;
  return `<ul class="tiles">${[
    reads
      ? tile(count(reads.tps), `reads a second on ${reads.nodes} ${reads.nodes === 1 ? 'node' : 'nodes'}`)
      : '',
    scaling
      ? tile(
          `${(100 * scaling.efficiency).toFixed(0)} %`,
          `of ideal scaling (${scaling.speedUp.toFixed(2)} × one node)`,
        )
      : '',
    writes ? tile(count(writes.tps), 'read-write transactions a second') : '',
    writes?.percentiles === undefined
      ? ''
      : tile(`${writes.percentiles.p99.toFixed(1)} ms`, 'read-write, 99th percentile'),
    tile(String(errors), errors === 1 ? 'error' : 'errors', errors > 0 ? 'bad' : ''),
  ].join('')}</ul>`;
}

/** Bars, stacked by node, with a line where ideal scaling would be. */
function throughput(summaries: readonly Summary[]): string {
  const single = summaries.find(s => s.workload === 'read-only' && s.nodes === 1);
  const ideal = (s: Summary) =>
    single && s.workload === 'read-only' && s.nodes > 1 ? single.tps * s.nodes : undefined;
  const groups = [...new Set(summaries.map(s => s.workload))].map(workload => {
    const own = summaries.filter(s => s.workload === workload);
    const widest = Math.max(...own.flatMap(s => [s.tps, ideal(s) ?? 0, s.interval?.high ?? 0]), 1);
    const share = (tps: number) => `${((100 * tps) / widest).toFixed(2)}%`;
    return own.map(s => {
      const parts = s.perNode.map(
        (n, i) =>
          `<i style="width:${share(n.tps)};background:var(--series${(i % 5) + 1})" title="${htmlText(n.host)}: ${count(n.tps)}"></i>`,
      );
      const goal = ideal(s);
      const mark =
        goal === undefined ? '' : `<u style="left:${share(goal)}" title="ideal: ${count(goal)}"></u>`;
      const scatter = s.interval
        ? ` <span>${(100 * s.interval.coverage).toFixed(0)} %: ${count(s.interval.low)} to ${count(s.interval.high)}, variation ${(100 * s.variation).toFixed(1)} %</span>`
        : '';
      return `<div class="load"><p>${htmlText(titleOf(s))} <b>${count(s.tps)}</b> TPS${scatter}</p><div class="stack">${parts.join('')}${mark}</div></div>`;
    });
  });
  const hosts = [...new Set(summaries.flatMap(s => s.perNode.map(n => n.host)))];
  const legend = hosts
    .map((host, i) => `<i style="background:var(--series${(i % 5) + 1})"></i>${htmlText(host)}`)
    .join(' ');
  return `<section><h2>Throughput</h2>${groups.flat().join('')}<p class="legend">${legend}${single ? ' <u></u>ideal scaling from one node' : ''}</p></section>`;
}

/** The first repetition of each measurement, in the order of the summaries. */
function firstOfEach(series: readonly CellSeries[]): readonly CellSeries[] {
  const order = (s: CellSeries) => `${s.workload} ${String(s.nodes).padStart(4)}`;
  return series.filter(s => s.repetition === 1).sort((a, b) => order(a).localeCompare(order(b)));
}

type Draw = (title: string, what: Plot) => string;

function timeSeries(series: readonly CellSeries[], plot: Draw): string {
  const figures = series
    .filter(s => s.perNode.some(n => n.progress.length > 1))
    .map(s => {
      const points = new Map(
        s.perNode.map(n => [n.host, n.progress.map(p => [Math.round(p.atS), p.tps] as const)]),
      );
      return plot(titleOf(s), { x: 'second', y: 'transactions a second', ...align(points) });
    });
  return figures.length === 0
    ? ''
    : `<section><h2>Second by second</h2><div class="plots">${figures.join('')}</div></section>`;
}

function latencies(series: readonly CellSeries[], plot: Draw): string {
  const figures = series
    .filter(s => s.perNode.some(n => n.curve.length > 0))
    .map(s => {
      const points = new Map(s.perNode.map(n => [n.host, n.curve]));
      return plot(titleOf(s), { x: 'percentile', y: 'ms', nines: true, logarithmic: true, ...align(points) });
    });
  return figures.length === 0
    ? ''
    : `<section><h2>Latency, every transaction counted</h2><div class="plots">${figures.join('')}</div></section>`;
}

/** The same profile in the same environment over the last runs. */
function trend(record: RunRecord, history: readonly RunRecord[], plot: Draw): string {
  const runs = [
    ...history.filter(r => r.profile === record.profile && !r.failed && comparable(r, record)),
    record,
  ].slice(-RUNS_SHOWN);
  if (runs.length < 2) return '';
  const labels = runs.map(r => r.at.slice(5, 16).replace('T', ' '));
  const figures = summariseRun(record).map(({ workload, nodes }) => {
    const points = runs.map((run, i): [number, number] => {
      const same = summariseRun(run).find(s => s.workload === workload && s.nodes === nodes);
      return [i, same?.tps ?? Number.NaN];
    });
    const known = points.filter(([, tps]) => !Number.isNaN(tps));
    return plot(titleOf({ workload, nodes }), {
      x: 'run',
      y: 'TPS',
      labels,
      ...align(new Map([['TPS', known]])),
    });
  });
  return `<section><h2>The last ${runs.length} comparable runs</h2><div class="plots">${figures.join('')}</div></section>`;
}

function nodeTable(summaries: readonly Summary[]): string {
  const ms = (value: number | undefined) =>
    `<td class="n">${value === undefined ? '' : value.toFixed(value < 10 ? 2 : 1)}</td>`;
  const rows = summaries.flatMap(s =>
    s.perNode.map(
      n =>
        `<tr><td>${htmlText(titleOf(s))}</td><td>${htmlText(n.host)}</td><td class="n">${s.clients}</td><td class="n">${count(n.tps)}</td>${ms(n.latencyMs)}${ms(n.percentiles?.p50)}${ms(n.percentiles?.p99)}${ms(n.percentiles?.p999)}${ms(n.percentiles?.max)}<td class="n">${n.errors}</td></tr>`,
    ),
  );
  const head = ['', 'node', 'clients', 'TPS', 'mean ms', 'p50', 'p99', 'p99.9', 'max', 'errors'];
  const cells = head.map((name, i) => `<th${i > 1 ? ' class="n"' : ''}>${name}</th>`).join('');
  return `<section><h2>Nodes</h2><div class="wide"><table><tr>${cells}</tr>${rows.join('')}</table></div></section>`;
}

function statements(series: readonly CellSeries[]): string {
  const writes = series.find(s => s.workload === 'read-write' && s.repetition === 1)?.perNode[0];
  if (!writes || writes.statements.length === 0) return '';
  const rows = writes.statements
    .filter(s => !s.statement.startsWith('\\'))
    .map(s => `<tr><td class="n">${s.ms.toFixed(3)}</td><td><code>${htmlText(s.statement)}</code></td></tr>`);
  return `<section><h2>Where a read-write transaction spends its time</h2><div class="wide"><table><tr><th class="n">ms</th><th>statement</th></tr>${rows.join('')}</table></div></section>`;
}

function environment({ record: { fingerprint } }: RunDetail): string {
  const hosts = fingerprint.map(({ host, role, stable, momentary }) => {
    const rows = Object.entries({ ...stable, ...momentary }).map(
      ([k, v]) => `<tr><td>${htmlText(k)}</td><td>${htmlText(v)}</td></tr>`,
    );
    return `<details><summary>${htmlText(host)} <span>${htmlText(role)}</span></summary><table>${rows.join('')}</table></details>`;
  });
  return `<section><h2>Environment</h2><p class="note">pgbench ran on the node it measured, over its socket.</p>${hosts.join('')}</section>`;
}

const count = (value: number): string => Math.round(value).toLocaleString('en').replaceAll(',', '\u202f');

const STYLE = `
.banner{border-left:4px solid var(--warn);background:var(--card);border-radius:0 8px 8px 0;padding:.6rem 1rem;margin:.7rem 0}.banner.bad{border-color:var(--bad)}.banner ul{margin:.3rem 0 0;font-size:.9rem}
.note,.legend{color:var(--dim);font-size:.88rem;margin:.6rem 0}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(11rem,1fr));gap:.8rem}.tiles li{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:.8rem 1rem;color:var(--dim);font-size:.88rem}.tiles li:empty{display:none}.tiles b{display:block;font-size:1.6rem;line-height:1.3;color:var(--ink);font-variant-numeric:tabular-nums}.tiles .bad b{color:var(--bad)}
.load{margin-bottom:.9rem}.load p{margin:0 0 .25rem;font-size:.92rem}.load span{color:var(--dim);font-size:.85rem;margin-left:.5rem}.stack{position:relative;display:flex;height:1.15rem;background:var(--bg);border-radius:4px}.stack i{height:100%}.stack i:first-child{border-radius:4px 0 0 4px}.stack u{position:absolute;top:-.2rem;bottom:-.2rem;width:2px;background:var(--ink)}
.legend i,.legend u{display:inline-block;width:.8rem;height:.8rem;border-radius:2px;margin:0 .3rem 0 .8rem;vertical-align:-1px}.legend u{width:2px;background:var(--ink)}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(20rem,100%),1fr));gap:1.2rem}figure{margin:0;min-width:0}figcaption{font-weight:600;font-size:.92rem}
.u-legend{color:var(--dim);font-size:.82rem}.u-legend .u-marker{border-radius:2px}.uplot,.u-wrap{max-width:100%}
.wide{overflow-x:auto}code{font-size:.86em;overflow-wrap:anywhere}details{border-top:1px solid var(--line);padding:.35rem 0}summary{cursor:pointer}summary span{color:var(--dim)}details table{font-size:.86rem;margin:.4rem 0}
`;
