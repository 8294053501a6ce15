import { PAGE_STYLE } from '../../lib/cluster/page-style.ts';
import { htmlText } from '../../lib/source/html-text.ts';
import { type Phase, REFERENCE, type Row, type Sample, spreadOf, type Target } from './summary.ts';

export interface RunnerReport {
  readonly schema: 1;
  readonly startedAt: string;
  readonly machine: string;
  readonly repetitions: number;
  readonly runners: readonly {
    readonly name: string;
    readonly title: string;
    readonly settings: string;
    readonly version: string;
  }[];
  /** What disturbed the machine before the start; nothing when it was idle. */
  readonly disturbed?: string;
  readonly rows: readonly Row[];
  readonly targets: readonly Target[];
  readonly samples: readonly Sample[];
}

const PHASES: readonly { readonly phase: Phase; readonly title: string }[] = [
  { phase: 'first', title: 'First run' },
  { phase: 'again', title: 'Run that changes nothing' },
];

const seconds = (ms: number): string => (ms / 1000).toFixed(ms < 10_000 ? 2 : 1);
const ratio = (value: number): string =>
  Number.isNaN(value) ? '' : value >= 10 ? value.toFixed(0) : value.toFixed(2);

/** Rows of one phase and size, the quickest first. */
function group(report: RunnerReport, phase: Phase, hosts: number): readonly Row[] {
  return report.rows.filter(r => r.phase === phase && r.hosts === hosts).sort((a, b) => a.wallMs - b.wallMs);
}

const sizes = (report: RunnerReport): readonly number[] =>
  [...new Set(report.rows.map(r => r.hosts))].sort((a, b) => a - b);

const titleOf = (report: RunnerReport, name: string): string =>
  report.runners.find(c => c.name === name)?.title ?? name;

/** The tables as text, for terminals and pull requests. */
export function formatMarkdown(report: RunnerReport): string {
  const lines = ['# The same thirty tasks, side by side', ''];
  lines.push(
    `${report.startedAt.slice(0, 10)}, ${report.machine}; medians of ${report.repetitions}; CPU is control side plus hosts.`,
  );
  if (report.disturbed !== undefined)
    lines.push('', `**The machine was not idle: ${report.disturbed}. Nothing is concluded.**`);
  for (const { phase, title } of PHASES) {
    lines.push(
      '',
      `## ${title}`,
      '',
      '| hosts | | wall s | CPU s | control | hosts | wall ÷ polarplay | CPU ÷ polarplay | spread of CPU |',
      '|--:|---|--:|--:|--:|--:|--:|--:|--:|',
    );
    for (const hosts of sizes(report)) {
      for (const row of group(report, phase, hosts)) {
        const figures = [row.wallMs, row.cpuMs, row.controlCpuMs, row.hostsCpuMs].map(seconds);
        lines.push(
          `| ${hosts} | ${titleOf(report, row.runner)} | ${figures.join(' | ')} | ${ratio(row.wallRatio)} | ${ratio(row.cpuRatio)} | ${(100 * spreadOf(row.cpuRange, row.cpuMs)).toFixed(0)} % |`,
        );
      }
    }
  }
  lines.push(
    '',
    '## Targets',
    '',
    ...report.targets.map(
      t => `- ${t.verdict === 'kept' ? 'kept' : `**${t.verdict}**`}: ${t.text} (${t.measured})`,
    ),
  );
  lines.push('', '## Who', '', ...report.runners.map(c => `- ${c.title}: ${c.version}; ${c.settings}`), '');
  return lines.join('\n');
}

/** One page with bars, needing nothing else. */
export function formatHtml(report: RunnerReport): string {
  const targets = report.targets
    .map(
      t =>
        `<li class="${{ kept: 'good', missed: 'bad', unsure: 'warn' }[t.verdict]}"><b>${t.verdict}</b> ${htmlText(t.text)} <span>${htmlText(t.measured)}</span></li>`,
    )
    .join('');
  const sections = PHASES.map(({ phase, title }) => {
    const charts = sizes(report)
      .map(hosts => chart(report, phase, hosts))
      .join('');
    return `<section><h2>${title}</h2><div class="charts">${charts}</div></section>`;
  }).join('');
  const who = report.runners
    .map(
      c =>
        `<tr><td>${htmlText(c.title)}</td><td>${htmlText(c.settings)}</td><td>${htmlText(c.version)}</td></tr>`,
    )
    .join('');
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>The same thirty tasks, side by side</title><style>${PAGE_STYLE}${STYLE}</style></head><body><main>
<header><h1>The same thirty tasks, side by side</h1><p>${htmlText(report.startedAt.slice(0, 10))} · ${htmlText(report.machine)} · medians of ${report.repetitions}</p></header>
<ul class="targets">${targets}</ul>
<p class="legend"><i class="control"></i> CPU, control side <i class="remote"></i> CPU, hosts <i class="wall"></i> wall time</p>
${sections}
<section><h2>Who</h2><table>${who}</table></section>
</main></body></html>
`;
}

/** Bars of one field: CPU stacked, wall time below, all on one scale. */
function chart(report: RunnerReport, phase: Phase, hosts: number): string {
  const rows = group(report, phase, hosts);
  const longest = Math.max(...rows.flatMap(r => [r.wallMs, r.cpuMs]));
  const width = (ms: number) => `${((100 * ms) / longest).toFixed(2)}%`;
  const bars = rows.map(row => {
    const factor =
      row.runner === REFERENCE
        ? ''
        : `<span>${ratio(row.wallRatio)}× wall, ${ratio(row.cpuRatio)}× CPU</span>`;
    return `<div class="row${row.runner === REFERENCE ? ' own' : ''}"><p>${htmlText(titleOf(report, row.runner))} ${factor}</p>
<div class="bar"><i class="control" style="width:${width(row.controlCpuMs)}"></i><i class="remote" style="width:${width(row.hostsCpuMs)}"></i><b>${seconds(row.cpuMs)} s</b></div>
<div class="bar"><i class="wall" style="width:${width(row.wallMs)}"></i><b>${seconds(row.wallMs)} s</b></div></div>`;
  });
  return `<figure><figcaption>${hosts} ${hosts === 1 ? 'host' : 'hosts'}</figcaption>${bars.join('')}</figure>`;
}

const STYLE = `
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(19rem,1fr));gap:1.5rem}
figure{margin:0}figcaption{font-weight:600;margin-bottom:.5rem}
.row{margin-bottom:.8rem}.row p{margin:0 0 .2rem;font-size:.88rem}.row p span,.targets span{color:var(--dim);font-size:.84rem}.row.own p{font-weight:700}
.bar{display:flex;align-items:center;height:.85rem;margin:1px 0;padding-right:4.2rem}.bar i{height:100%;min-width:1px}.bar b{font:500 .78rem/1 system-ui;margin:0 -4rem 0 .4rem;white-space:nowrap;color:var(--dim);font-variant-numeric:tabular-nums}
i.control{background:var(--series1)}i.remote{background:var(--series2)}i.wall{background:var(--series3)}
.legend{font-size:.88rem;color:var(--dim)}.legend i{display:inline-block;width:.8rem;height:.8rem;border-radius:2px;margin:0 .2rem 0 .9rem;vertical-align:-1px}
.targets li{background:var(--card);border:1px solid var(--line);border-left:4px solid var(--good);border-radius:0 8px 8px 0;padding:.4rem .9rem;margin:.4rem 0}.targets li.bad{border-left-color:var(--bad)}.targets li.warn{border-left-color:var(--warn)}.targets .bad b{color:var(--bad)}.targets .good b{color:var(--good)}
`;
