import { byLayer, type Finding, figureText, totalsOf, type VerifyReport } from '../findings.ts';
import { htmlText } from './html-text.ts';

/** One page that needs nothing else: opens from a mail or an archive, light or dark as the reader's screen. */
export function formatHtml(report: VerifyReport, layerTitles: ReadonlyMap<string, string>): string {
  const { passed, failed, skipped } = totalsOf(report.findings);
  const { subject } = report;
  const verdict = failed > 0 ? 'failed' : 'passed';
  const hosts = subject.hosts.map(h => `<li><b>${htmlText(h.name)}</b> ${htmlText(h.role)}</li>`).join('');
  const layers = [...byLayer(report.findings)]
    .map(([name, findings]) => layerSection(layerTitles.get(name) ?? name, findings))
    .join('\n');
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Acceptance: ${verdict}, ${passed} passed, ${failed} failed</title>
<style>${STYLE}</style></head><body><main>
<header class="${verdict}"><p class="verdict">${failed > 0 ? 'Not accepted' : 'Accepted'}</p>
<h1>${htmlText(subject.deployment)}</h1>
<p>${htmlText(report.startedAt.replace('T', ' ').replace(/\..*/, ' UTC'))} · ${(report.durationMs / 1000).toFixed(1)} s · ${htmlText(subject.inventory.join(', '))}</p>
<ul class="totals"><li class="passed"><b>${passed}</b> passed</li><li class="failed"><b>${failed}</b> failed</li><li class="skipped"><b>${skipped}</b> skipped</li></ul></header>
${subject.standIn ? '<p class="standin">PostgreSQL stands in for PolarDB here. What needs PolarDB or its file system was skipped, with the reason beside it.</p>' : ''}
<ul class="hosts">${hosts}</ul>
${layers}
<footer>${subject.remarks.map(r => `<p>${htmlText(r)}</p>`).join('')}</footer>
</main></body></html>
`;
}

function layerSection(title: string, findings: readonly Finding[]): string {
  const { failed, skipped } = totalsOf(findings);
  const worst = failed > 0 ? 'failed' : skipped === findings.length ? 'skipped' : 'passed';
  return `<section><h2 class="${worst}">${htmlText(title)}</h2>${findings.map(row).join('')}</section>`;
}

function row(finding: Finding): string {
  const figures = finding.figures.map(f => `<li>${htmlText(figureText(f))}</li>`).join('');
  const said =
    finding.verdict === 'failed'
      ? `<pre>${htmlText(finding.message)}</pre>`
      : finding.verdict === 'skipped'
        ? `<p class="reason">${htmlText(finding.reason)}</p>`
        : '';
  const time = finding.verdict === 'skipped' ? '' : `${Math.round(finding.durationMs)} ms`;
  return `<article class="${finding.verdict}"><span class="mark" title="${finding.verdict}"></span>
<div><p class="title">${htmlText(finding.title)}</p><p class="on">${htmlText(finding.hosts.join(', '))}</p>${said}${figures ? `<ul class="figures">${figures}</ul>` : ''}</div>
<time>${time}</time></article>`;
}

const STYLE = `
:root{color-scheme:light dark;--bg:#f6f7f9;--card:#fff;--ink:#1c2430;--dim:#67717f;--line:#e3e7ec;--passed:#1a8a4a;--failed:#c9302c;--skipped:#b07a0c}
@media(prefers-color-scheme:dark){:root{--bg:#12161c;--card:#1a2029;--ink:#e6eaf0;--dim:#939eac;--line:#2a323d;--passed:#3fbf77;--failed:#f0655f;--skipped:#dba53a}}
*{box-sizing:border-box}body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
main{max-width:62rem;margin:0 auto;padding:2rem 1.25rem 4rem}
header{background:var(--card);border:1px solid var(--line);border-top:4px solid var(--passed);border-radius:10px;padding:1.25rem 1.5rem}
header.failed{border-top-color:var(--failed)}.verdict{margin:0;font-weight:700;color:var(--passed)}header.failed .verdict{color:var(--failed)}
h1{font-size:1.5rem;margin:.15rem 0 .4rem}header p{margin:.1rem 0;color:var(--dim)}
ul{list-style:none;margin:0;padding:0}.totals{display:flex;gap:1.75rem;margin-top:.9rem}.totals b{font-size:1.4rem;margin-right:.25rem}
li.passed b{color:var(--passed)}li.failed b{color:var(--failed)}li.skipped b{color:var(--skipped)}
.standin{border-left:4px solid var(--skipped);background:var(--card);padding:.6rem 1rem;border-radius:0 8px 8px 0}
.hosts{display:flex;flex-wrap:wrap;gap:.5rem;margin:1.1rem 0}.hosts li{background:var(--card);border:1px solid var(--line);border-radius:999px;padding:.1rem .8rem;color:var(--dim)}.hosts b{color:var(--ink)}
section{background:var(--card);border:1px solid var(--line);border-radius:10px;margin:1rem 0;overflow:hidden}
h2{font-size:1.02rem;margin:0;padding:.7rem 1.25rem;border-bottom:1px solid var(--line);border-left:4px solid var(--passed)}h2.failed{border-left-color:var(--failed)}h2.skipped{border-left-color:var(--skipped)}
article{display:grid;grid-template-columns:1.4rem 1fr auto;gap:.35rem;padding:.6rem 1.25rem;border-top:1px solid var(--line)}h2+article{border-top:0}
.mark{width:.7rem;height:.7rem;border-radius:50%;margin-top:.42rem;background:var(--passed)}.failed .mark{background:var(--failed);border-radius:2px}.skipped .mark{background:none;border:2px solid var(--skipped)}
article p{margin:0}.on,time,.reason,.figures,footer{color:var(--dim);font-size:.86rem}time{font-variant-numeric:tabular-nums;white-space:nowrap}
.figures{display:flex;flex-wrap:wrap;gap:.15rem 1.1rem;font-variant-numeric:tabular-nums}pre{margin:.35rem 0;padding:.6rem .8rem;border-radius:6px;background:color-mix(in srgb,var(--failed) 11%,transparent);white-space:pre-wrap;overflow-wrap:anywhere;font-size:.85rem}
footer{margin-top:1.5rem}footer p{margin:.1rem 0}
`;
