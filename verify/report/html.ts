import { htmlText } from '../../lib/source/html-text.ts';
import type { Fault } from '../check.ts';
import {
  byLayer,
  type Finding,
  failedOf,
  figureText,
  totalsOf,
  type VerifyReport,
  whyNotSeen,
} from '../findings.ts';
import { excerpt } from './terminal.ts';

const WORDS = {
  passed: 'passed',
  failed: 'failed',
  waived: 'waived',
  waiting: 'not looked at',
  skipped: 'skipped',
} as const;
const MARKS = { passed: '✓', failed: '✗', waived: '~', waiting: '?', skipped: '–' } as const;

/** One page that needs nothing else: opens from a mail or an archive, light or dark as the reader's screen. */
export function formatHtml(report: VerifyReport, layerTitles: ReadonlyMap<string, string>): string {
  const totals = totalsOf(report.findings);
  const { subject } = report;
  const verdict = report.accepted ? 'passed' : 'failed';
  const hosts = subject.hosts.map(h => `<li><b>${htmlText(h.name)}</b> ${htmlText(h.role)}</li>`).join('');
  const failures = failedOf(report.findings);
  const layers = [...byLayer(report.findings)]
    .map(([name, findings]) => layerSection(layerTitles.get(name) ?? name, findings))
    .join('\n');
  const counts = (Object.keys(WORDS) as (keyof typeof WORDS)[])
    .filter(word => totals[word] > 0 || word === 'passed' || word === 'failed')
    .map(word => `<li class="${word}"><b>${totals[word]}</b> ${WORDS[word]}</li>`)
    .join('');
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${report.accepted ? 'Accepted' : 'Not accepted'}: ${totals.passed} passed, ${totals.failed} failed</title>
<style>${STYLE}</style></head><body><main>
<header class="${verdict}"><p class="verdict">${report.accepted ? 'Accepted' : 'Not accepted'}</p>
<h1>${htmlText(subject.deployment)}</h1>
<p>${htmlText(report.startedAt.replace('T', ' ').replace(/\..*/, ' UTC'))} · ${(report.durationMs / 1000).toFixed(1)} s · run ${htmlText(report.runId)} · ${htmlText(subject.inventory.join(', '))}</p>
<ul class="totals">${counts}</ul></header>
${subject.standIn ? '<p class="standin">PostgreSQL stands in for PolarDB here. What needs PolarDB or its file system was skipped, with the reason beside it.</p>' : ''}
<ul class="hosts">${hosts}</ul>
${failures.length > 0 ? `<section class="failures"><h2 class="failed">What failed</h2>${failures.map(row).join('')}</section>` : ''}
${layers}
<footer>${subject.remarks.map(r => `<p>${htmlText(r)}</p>`).join('')}</footer>
</main></body></html>
`;
}

/** The layer in a line; failures stand above in full. */
function layerSection(title: string, findings: readonly Finding[]): string {
  const { failed, skipped, waiting } = totalsOf(findings);
  const worst =
    failed > 0 ? 'failed' : waiting > 0 ? 'waiting' : skipped === findings.length ? 'skipped' : 'passed';
  return `<section><h2 class="${worst}">${htmlText(title)}</h2>${findings.map(f => (f.verdict === 'failed' ? reference(f) : row(f))).join('')}</section>`;
}

function reference({ id, title }: Finding): string {
  return `<article class="failed">${mark('failed')}<div><p class="title"><a href="#${htmlText(id)}">${htmlText(title)}</a></p><p class="on">${htmlText(id)}</p></div></article>`;
}

const mark = (verdict: Finding['verdict']) =>
  `<span class="mark" title="${WORDS[verdict]}">${MARKS[verdict]}</span>`;

function row(finding: Finding): string {
  const figures = finding.figures.map(f => `<li>${htmlText(figureText(f))}</li>`).join('');
  const held =
    finding.timeToTrueMs === undefined
      ? ''
      : `<li>true after ${(finding.timeToTrueMs / 1000).toFixed(1)} s</li>`;
  const on = [finding.id, finding.hosts.join(', ')].filter(Boolean).join(' · ');
  const label =
    finding.verdict === 'failed' && finding.severity === 'danger'
      ? '<strong class="danger">danger</strong> '
      : '';
  return `<article class="${finding.verdict}"${finding.verdict === 'failed' ? ` id="${htmlText(finding.id)}"` : ''}>${mark(finding.verdict)}
<div><p class="title">${label}${htmlText(finding.title)}</p><p class="on">${htmlText(on)}</p>${said(finding)}${figures || held ? `<ul class="figures">${held}${figures}</ul>` : ''}</div></article>`;
}

function said(finding: Finding): string {
  const waits = finding.notLookedAt
    .map(one => `<p class="reason">not looked at: ${htmlText(one.host)}: ${htmlText(whyNotSeen(one))}</p>`)
    .join('');
  switch (finding.verdict) {
    case 'failed':
      return `${finding.faults.map(fault).join('')}<p class="todo"><b>What to do</b> ${htmlText(finding.todo)}</p>${waits}`;
    case 'waived':
      return `<p class="reason">waived until ${htmlText(finding.expires)}: ${htmlText(finding.reason)}</p>`;
    case 'skipped':
      return `<p class="reason">${htmlText(finding.reason)}</p>`;
    default:
      return waits;
  }
}

function fault({ host, expected, found, reply }: Fault): string {
  const asked = reply
    ? `<details><summary>asked on ${htmlText(reply.host)}</summary><pre class="asked">${htmlText(reply.command)}\n\n${htmlText(excerpt(reply.output))}</pre></details>`
    : '';
  return `<dl><dt>${htmlText(host)}</dt><dd class="found">${htmlText(found)}</dd><dt>expected</dt><dd>${htmlText(expected)}</dd></dl>${asked}`;
}

const STYLE = `
:root{color-scheme:light dark;--bg:#f6f7f9;--card:#fff;--ink:#1c2430;--dim:#5c6675;--line:#e3e7ec;--passed:#157a41;--failed:#c02822;--waiting:#92640a;--waived:#92640a;--skipped:#92640a}
@media(prefers-color-scheme:dark){:root{--bg:#12161c;--card:#1a2029;--ink:#e6eaf0;--dim:#98a3b1;--line:#2a323d;--passed:#3fbf77;--failed:#f2746e;--waiting:#dba53a;--waived:#dba53a;--skipped:#dba53a}}
*{box-sizing:border-box}body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
main{max-width:62rem;margin:0 auto;padding:2rem 1.25rem 4rem}
header{background:var(--card);border:1px solid var(--line);border-top:4px solid var(--passed);border-radius:10px;padding:1.25rem 1.5rem}
header.failed{border-top-color:var(--failed)}.verdict{margin:0;font-weight:700;color:var(--passed)}header.failed .verdict{color:var(--failed)}
h1{font-size:1.5rem;margin:.15rem 0 .4rem}header p{margin:.1rem 0;color:var(--dim);overflow-wrap:anywhere}
ul{list-style:none;margin:0;padding:0}.totals{display:flex;flex-wrap:wrap;gap:.4rem 1.75rem;margin-top:.9rem}.totals b{font-size:1.4rem;margin-right:.25rem}
.passed>b{color:var(--passed)}.failed>b{color:var(--failed)}.skipped>b,.waiting>b,.waived>b{color:var(--skipped)}
.standin{border-left:4px solid var(--skipped);background:var(--card);padding:.6rem 1rem;border-radius:0 8px 8px 0}
.hosts{display:flex;flex-wrap:wrap;gap:.5rem;margin:1.1rem 0}.hosts li{background:var(--card);border:1px solid var(--line);border-radius:999px;padding:.1rem .8rem;color:var(--dim)}.hosts b{color:var(--ink)}
section{background:var(--card);border:1px solid var(--line);border-radius:10px;margin:1rem 0;overflow:hidden}
h2{font-size:1.02rem;margin:0;padding:.7rem 1.25rem;border-bottom:1px solid var(--line);border-left:4px solid var(--passed)}h2.failed{border-left-color:var(--failed)}h2.skipped,h2.waiting{border-left-color:var(--skipped)}
article{display:grid;grid-template-columns:1.4rem minmax(0,1fr);gap:.35rem;padding:.6rem 1.25rem;border-top:1px solid var(--line)}h2+article{border-top:0}
.mark{font-weight:700;color:var(--passed)}.failed .mark{color:var(--failed)}.skipped .mark,.waiting .mark,.waived .mark{color:var(--skipped)}
article p{margin:0}a{color:inherit}.on,.reason,.figures,footer{color:var(--dim);font-size:.86rem;overflow-wrap:anywhere}
.danger{color:var(--failed);text-transform:uppercase;font-size:.8rem}.figures{display:flex;flex-wrap:wrap;gap:.15rem 1.1rem;font-variant-numeric:tabular-nums}
dl{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:.1rem .8rem;margin:.5rem 0 .2rem}dt{color:var(--dim)}dd{margin:0;overflow-wrap:anywhere;white-space:pre-wrap}.found{color:var(--failed);font-weight:600}
.todo{margin:.4rem 0!important}summary{cursor:pointer;color:var(--dim);font-size:.86rem}pre{margin:.35rem 0;padding:.6rem .8rem;border-radius:6px;border:1px solid var(--line);background:var(--bg);white-space:pre-wrap;overflow-wrap:anywhere;font-size:.8rem}
footer{margin-top:1.5rem}footer p{margin:.1rem 0}
@media(max-width:30rem){main{padding:1rem .6rem 2rem}article,h2{padding-left:.8rem;padding-right:.8rem}dl{grid-template-columns:minmax(0,1fr)}}
@media print{:root{--bg:#fff;--card:#fff;--ink:#000;--dim:#333;--line:#999;--passed:#0a5a2c;--failed:#a31510;--skipped:#6b4800;--waiting:#6b4800;--waived:#6b4800}body{font-size:10pt}main{max-width:none;padding:0}article,dl{break-inside:avoid}h2{break-after:avoid}}
`;
