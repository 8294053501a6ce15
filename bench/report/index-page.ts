import { htmlText } from '../../lib/source/html-text.ts';
import type { NightVerdict } from '../cluster/history/verdict.ts';
import type { RunRecord } from '../cluster/result.ts';
import type { KeptHttpRun } from '../http/kept.ts';
import { page } from './html.ts';
import { trendCharts } from './trend.ts';

/** Older runs stay in the history; the page would grow for ever. */
const SHOWN = 100;

/** All runs of a folder, the latest first, each with its sentence; above them how the latest night stands. */
export function formatIndex(
  runs: readonly { readonly record: RunRecord; readonly verdict: NightVerdict }[],
  httpRuns: readonly KeptHttpRun[] = [],
): string {
  const latest = runs.at(-1);
  const rows = [
    ...runs.map(({ record: { id, at, profile }, verdict: { level, sentence } }) => ({
      at,
      page: `${id}-${profile}.html`,
      kind: profile,
      level,
      sentence,
    })),
    ...httpRuns.map(run => ({ ...run, kind: 'endpoints' })),
  ]
    .sort((a, b) => (a.at < b.at ? 1 : -1))
    .slice(0, SHOWN)
    .map(
      ({ at, page: href, kind, level, sentence }) =>
        `<tr><td><a href="${htmlText(href)}">${htmlText(at.slice(0, 16).replace('T', ' '))}</a></td><td><span class="level ${level}">${level}</span> ${htmlText(kind)}</td><td>${htmlText(sentence)}</td></tr>`,
    );
  const trends = latest ? trendCharts(latest.verdict) : '';
  return page({
    title: 'Benchmarks',
    head: `<h1>Benchmarks${latest ? ` of ${htmlText(latest.record.cluster.name)}` : ''}</h1><p>${latest ? htmlText(latest.record.deployment) : 'no run yet'}</p>`,
    body: `${latest ? `<p class="verdict ${latest.verdict.level}">${htmlText(latest.verdict.sentence)}</p>` : ''}
<section><h2>Runs</h2><table class="runs"><thead><tr><th>when, UTC</th><th>verdict</th><th></th></tr></thead><tbody>${rows.join('')}</tbody></table></section>
${trends === '' ? '' : `<section><h2>The nights of profile ${htmlText(latest!.record.profile)}</h2>${trends}</section>`}`,
  });
}
