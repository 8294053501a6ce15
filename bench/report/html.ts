import { htmlText } from '../../lib/source/html-text.ts';
import { entryOf } from '../../lib/source/record.ts';
import { differences, differenceText } from '../cluster/history/comparability.ts';
import type { NightVerdict } from '../cluster/history/verdict.ts';
import { onOneMachine } from '../cluster/observe/fingerprint.ts';
import type { MeasuredSeries, RunDetail, RunRecord } from '../cluster/result.ts';
import { ORDER, type Summary, scalingOf, summariseRun, titleOf } from '../cluster/summary.ts';
import { compact } from './chart.ts';
import { courses, hostMetrics, lagCharts, latencyCurves } from './course.ts';
import { ONE_MACHINE } from './markdown.ts';
import { STYLE } from './style.ts';
import { sweepCharts, sweepNote } from './sweep.ts';
import { trendCharts } from './trend.ts';

/**
 * One page that holds everything and needs no network: the verdict in a sentence, what changed, then pictures, then tables.
 * `before` are the earlier runs, oldest first.
 */
export function formatHtml(detail: RunDetail, verdict: NightVerdict, before: readonly RunRecord[]): string {
  const { record } = detail;
  const summaries = summariseRun(record);
  const body = [
    `<p class="verdict ${verdict.level}">${htmlText(verdict.sentence)}</p>`,
    said(detail, verdict, before),
    tiles(summaries, record),
    section('The nights, the worst first', trendCharts(verdict)),
    section('Second by second', courses(firstOfEach(detail.series))),
    section('Reading on more nodes', scaling(summaries, record)),
    section('Nodes, the slowest first', nodes(summaries)),
    section('More clients on the primary', sweepCharts(record), sweepNote(record)),
    section('Replicas behind the primary', lagCharts(firstOfEach(detail.series)), lagTable(record)),
    section('Latency, every transaction counted', latencyCurves(firstOfEach(detail.series), summaries)),
    section('The hosts meanwhile', hostMetrics(firstOfEach(detail.series))),
    section('Storage without a database', storage(record)),
    section('All figures', figures(summaries)),
    section('Where a read-write transaction spends its time', statements(detail.series)),
    section('Environment', environment(record)),
  ].join('\n');
  return page({
    title: `Benchmark ${record.profile}, ${record.at.slice(0, 10)}`,
    head: `<h1>${htmlText(record.deployment)}</h1><p>Profile ${htmlText(record.profile)} · scale ${record.scale} · ${htmlText(record.at.slice(0, 16).replace('T', ' '))} UTC · cluster ${htmlText(record.cluster.name)}, ${record.cluster.nodes.length} nodes, primary ${htmlText(record.cluster.primary)} · <a href="index.html">all runs</a></p>`,
    body,
  });
}

export function page({ title, head, body }: { title: string; head: string; body: string }): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${htmlText(title)}</title><style>${STYLE}</style></head><body><main>
<header>${head}</header>
${body}
</main></body></html>
`;
}

/** A part of the page; without content there is none. */
function section(title: string, ...parts: readonly string[]): string {
  const [content = '', ...more] = parts;
  if (content === '') return '';
  return `<section><h2>${htmlText(title)}</h2>${content}${more.join('')}</section>`;
}

/** What a reader must know before the figures: troubles, what changed since the run before, what disturbed. */
function said(
  { record, consistent }: RunDetail,
  verdict: NightVerdict,
  before: readonly RunRecord[],
): string {
  const lines: string[] = [];
  const line = (kind: string, head: string, text: string) =>
    lines.push(`<li class="${kind}"><b>${htmlText(head)}</b>${htmlText(text)}</li>`);
  if (record.interrupted !== undefined) line('bad', 'not finished', record.interrupted);
  for (const complaint of record.complaints) line('bad', 'went wrong', complaint);
  const last = verdict.lastFine ?? before.filter(r => r.profile === record.profile).at(-1);
  const since = last && `${last.at.slice(0, 10)}${verdict.lastFine ? ', the last fine night' : ''}`;
  for (const d of last ? differences(last, record) : [])
    line(
      d.weight === 'breaks' ? 'warn' : '',
      `${d.weight === 'breaks' ? 'not comparable with' : 'changed since'} ${since}`,
      differenceText(d),
    );
  if (verdict.lastFine && differences(verdict.lastFine, record).length === 0)
    line('', `changed since ${since}`, 'nothing that is known: same hosts, settings and software');
  for (const remark of record.remarks) line('warn', 'disturbed', remark);
  if (record.standIn)
    line(
      'warn',
      'a stand-in',
      'PostgreSQL stands in for PolarDB here: these figures say nothing about PolarDB.',
    );
  if (onOneMachine(record.fingerprint)) line('warn', 'one machine', ONE_MACHINE);
  if (consistent === true)
    line(
      '',
      'books',
      'After the load the sums of accounts, tellers, branches and history agree: no transaction was lost or doubled.',
    );
  return lines.length === 0 ? '' : `<section><ul class="said">${lines.join('')}</ul></section>`;
}

function tiles(summaries: readonly Summary[], record: RunRecord): string {
  const counting = summaries.filter(s => s.valid > 0);
  const scaled = scalingOf(summaries);
  const reads = counting.filter(s => s.workload === 'read-only').at(-1);
  const writes = counting.find(s => s.workload === 'read-write');
  const errors = record.cells.reduce((total, cell) => total + cell.errors, 0);
  const tile = (value: string, label: string, mark = '') =>
    `<li class="${mark}"><b>${value}</b>${htmlText(label)}</li>`;
  return `<ul class="tiles">${[
    ...(writes ? [tile(count(writes.tps), 'read-write transactions a second')] : []),
    ...(writes?.percentiles ? [tile(`${ms(writes.percentiles.p99)} ms`, 'read-write, 99th percentile')] : []),
    ...(reads
      ? [tile(count(reads.tps), `reads a second on ${reads.nodes} ${reads.nodes === 1 ? 'node' : 'nodes'}`)]
      : []),
    ...(scaled
      ? [
          tile(
            `${(100 * scaled.efficiency).toFixed(0)} %`,
            `of ideal scaling (${scaled.speedUp.toFixed(2)} × one node)`,
          ),
        ]
      : []),
    tile(String(errors), errors === 1 ? 'error' : 'errors', errors > 0 ? 'bad' : ''),
  ].join('')}</ul>`;
}

/** Reads a second against the number of nodes, with the line where ideal scaling would be. */
function scaling(summaries: readonly Summary[], record: RunRecord): string {
  const reads = summaries.filter(s => s.workload === 'read-only' && s.valid > 0);
  const single = reads.find(s => s.nodes === 1);
  if (!single || reads.length < 2) return '';
  const widest = Math.max(...reads.map(s => Math.max(s.tps, single.tps * s.nodes)));
  const rows = reads.map(s => {
    const ideal = single.tps * s.nodes;
    const efficiency = s.tps / ideal;
    return `<b>${s.nodes} ${s.nodes === 1 ? 'node' : 'nodes'}</b><div class="bar"><i style="width:${percent(s.tps / widest)}"></i><u style="left:${percent(ideal / widest)}" title="ideal: ${count(ideal)}"></u></div><span>${count(s.tps)}/s · ${(100 * efficiency).toFixed(0)} % of ideal</span>`;
  });
  return `<div class="bars">${rows.join('')}</div><p class="note">The mark is where ideal scaling from one node would be.${onOneMachine(record.fingerprint) ? ` ${ONE_MACHINE}` : ''}</p>`;
}

/** Every node of the measurement that has the most of them at the same time, whoever is slow first. */
function nodes(summaries: readonly Summary[]): string {
  const most = summaries.filter(s => s.workload === 'read-only' && s.perNode.length > 1).at(-1);
  if (!most) return '';
  const sorted = [...most.perNode].sort((a, b) => a.tps - b.tps);
  const widest = Math.max(...sorted.map(node => node.tps), 1);
  const middle = sorted[sorted.length >> 1]!.tps;
  const rows = sorted.map(({ host, tps, percentiles }) => {
    const slow = tps < 0.8 * middle ? ' class="slow"' : '';
    return `<b${slow}>${htmlText(host)}</b><div class="bar"><i${slow} style="width:${percent(tps / widest)}"></i></div><span>${count(tps)}/s${percentiles ? ` · p99 ${ms(percentiles.p99)} ms` : ''}</span>`;
  });
  return `<div class="bars">${rows.join('')}</div><p class="note">${htmlText(titleOf(most))}, all at the same time.</p>`;
}

function lagTable(record: RunRecord): string {
  const rows = record.cells
    .filter(cell => cell.lag && cell.repetition === 1)
    .flatMap(cell =>
      Object.entries(cell.lag!).map(
        ([host, lag]) =>
          `<tr><td>${htmlText(host)}</td><td>${htmlText(cell.workload)}</td>${named('behind, median', `${compact(lag.medianBytes / 1024)} KiB`)}${named('most', `${compact(lag.maxBytes / 1024)} KiB`)}${named('visible after, median', lag.visibleMedianMs === undefined ? '' : `${ms(lag.visibleMedianMs)} ms`)}${named('most', lag.visibleMaxMs === undefined ? '' : `${ms(lag.visibleMaxMs)} ms`)}</tr>`,
      ),
    );
  if (rows.length === 0) return '';
  return table(['replica', 'during', 'behind, median', 'most', 'visible after, median', 'most'], rows);
}

function storage({ storage: all }: RunRecord): string {
  if (all.length === 0) return '';
  const rows = all.map(
    s =>
      `<tr><td>${htmlText(s.host)}</td><td>${htmlText(s.test)}</td>${named('operations a second', count(s.iops))}${named('p99', `${ms(s.p99Ms)} ms`)}</tr>`,
  );
  return table(['host', 'fio', 'operations a second', 'p99'], rows);
}

function figures(summaries: readonly Summary[]): string {
  const rows = summaries.flatMap(s => {
    const gone = s.valid === 0;
    const scatter = s.interval
      ? ` (${count(s.interval.low)} … ${count(s.interval.high)} holds the median with ${(100 * s.interval.coverage).toFixed(0)} %)`
      : '';
    const counted = s.valid < s.repetitions ? `, ${s.valid} of ${s.repetitions} count` : '';
    const head = `<tr class="total${gone ? ' void' : ''}"><td>${htmlText(titleOf(s))}${gone ? ' — no measure' : ''}</td><td>${s.clients} clients each, ${s.repetitions} × ${s.seconds} s${counted}${scatter}</td>${figureCells(s, undefined)}</tr>`;
    if (s.perNode.length === 1) return [head];
    return [
      head,
      ...s.perNode.map(
        node =>
          `<tr${gone ? ' class="void"' : ''}><td></td><td>${htmlText(node.host)}</td>${figureCells(node, node.latencyMs)}</tr>`,
      ),
    ];
  });
  return table(['', '', 'TPS', 'mean ms', 'p50', 'p99', 'p99.9', 'max', 'errors'], rows);
}

function figureCells(
  { tps, percentiles: p, slowestMs, errors }: Pick<Summary, 'tps' | 'percentiles' | 'slowestMs' | 'errors'>,
  mean: number | undefined,
): string {
  const value = (number: number | undefined) => (number === undefined ? '' : ms(number));
  return [
    named('TPS', count(tps)),
    named('mean ms', value(mean)),
    named('p50', value(p?.p50)),
    named('p99', value(p?.p99)),
    named('p99.9', value(p?.p999)),
    named('max', p && p.max === undefined ? 'sample' : value(p?.max ?? slowestMs)),
    named('errors', String(errors)),
  ].join('');
}

function statements(series: readonly MeasuredSeries[]): string {
  const writes = series.find(s => s.workload === 'read-write')?.perNode[0];
  if (!writes || writes.statements.length === 0) return '';
  const rows = writes.statements
    .filter(s => !s.statement.startsWith('\\'))
    .map(
      s => `<tr><td><code>${htmlText(s.statement)}</code></td><td></td>${named('ms', s.ms.toFixed(3))}</tr>`,
    );
  return table(['statement', '', 'ms'], rows);
}

const WHERE: Readonly<Record<string, string>> = {
  nodes: 'pgbench ran on the node it measured, over its socket.',
  control: 'pgbench ran on the control machine, over the network.',
  clients: 'pgbench ran on the hosts of the group clients, over the network.',
};

function environment({ fingerprint, load }: RunRecord): string {
  const hosts = fingerprint.map(({ host, role, stable, momentary }) => {
    const rows = Object.entries({ ...stable, ...momentary }).map(
      ([k, v]) => `<tr><td>${htmlText(k)}</td><td>${htmlText(v)}</td></tr>`,
    );
    return `<details><summary>${htmlText(host)} <span>${htmlText(role)}</span></summary><table>${rows.join('')}</table></details>`;
  });
  return `<p class="note">${htmlText(entryOf(WHERE, String(load.from)) ?? WHERE.nodes!)}</p>${hosts.join('')}`;
}

/** A table that a narrow screen shows as a list: every cell carries its name. */
function table(head: readonly string[], rows: readonly string[]): string {
  const cells = head.map((name, i) => `<th${i > 1 ? ' class="n"' : ''}>${htmlText(name)}</th>`).join('');
  return `<table class="rows"><thead><tr>${cells}</tr></thead><tbody>${rows.join('')}</tbody></table>`;
}

const named = (name: string, value: string): string =>
  value === '' ? '<td class="n"></td>' : `<td class="n" data-name="${htmlText(name)}">${value}</td>`;

/** The first repetition of each measurement, in the order of the summaries. */
function firstOfEach(series: readonly MeasuredSeries[]): readonly MeasuredSeries[] {
  const place = (s: MeasuredSeries) => 1000 * ORDER.indexOf(s.workload) + s.nodes;
  const seen = new Map<number, MeasuredSeries>();
  for (const one of series) {
    const known = seen.get(place(one));
    if (!known || one.repetition < known.repetition) seen.set(place(one), one);
  }
  return [...seen].sort(([a], [b]) => a - b).map(([, one]) => one);
}

const count = (value: number): string => Math.round(value).toLocaleString('en').replaceAll(',', '\u202f');
const ms = (value: number): string => value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);
const percent = (share: number): string => `${(100 * share).toFixed(2)}%`;
