import { statusSections, statusTitle } from '../../cluster/status/status-page.ts';
import type { ClusterView } from '../../cluster/status/status-view.ts';
import { html, Markup } from '../../report/markup.ts';
import { PAGE_STYLE } from '../../report/page-style.ts';
import type { Reading } from './latest.ts';
import type { Night, VerifyRun } from './reports.ts';

/** A page asks again by itself, so that it can stay open. */
const REFRESH_S = 30;

const OWN_STYLE = new Markup(`
nav{display:flex;flex-wrap:wrap;gap:.2rem 1.2rem;margin:.8rem 0 0}a{color:var(--unknown)}h2.ok{color:var(--ok)}h2.failed{color:var(--bad)}
@media(max-width:40rem){.wide thead{display:none}.wide tr{display:grid;grid-template-columns:1fr 1fr;gap:0 .8rem;padding:.4rem 0;border-top:1px solid var(--line)}.wide td{border:0;padding:.1rem 0;text-align:left}.wide td:empty{display:none}.wide td[data-name]::before{content:attr(data-name) " ";color:var(--dim)}}
`);

const page = (title: string, head: Markup, body: Markup | readonly Markup[]): string =>
  html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta http-equiv="refresh" content="${REFRESH_S}">
<title>${title}</title><style>${PAGE_STYLE}${OWN_STYLE}</style></head><body><main>
<header>${head}<nav><a href="/">Status</a><a href="/nights/">Nights</a><a href="/verify/">Verify reports</a><a href="/status.json">JSON</a><a href="/metrics">Metrics</a></nav></header>
${body}
</main></body></html>
`.text;

/** How the cluster is, and how the last night and the last verify went. */
export function frontPage(
  { value, at, problem }: Reading<ClusterView>,
  nights: readonly Night[],
  runs: readonly VerifyRun[],
): string {
  const title = value ? statusTitle(value) : 'not read yet';
  const age = value ? html`<p>as of ${timeText(at)} UTC, ${ageText(Date.now() - at)} ago</p>` : '';
  const unread =
    problem === undefined
      ? value
        ? ''
        : html`<section><p>The hosts have not answered yet; this page asks again.</p></section>`
      : html`<section class="bad"><h2 class="failed">The status cannot be read</h2><p>${problem}</p></section>`;
  return page(
    value && value.problems.length === 0 && problem === undefined ? title : `! ${title}`,
    html`<h1>${title}</h1>${age}`,
    [
      html`${unread}`,
      ...(value ? [statusSections(value)] : []),
      html`<section><h2>Last night</h2>${nights[0] ? night(nights[0]) : NO_NIGHT}</section>`,
      html`<section><h2>Last verify report</h2>${runs[0] ? html`<p>${run(runs[0])}</p>` : NO_REPORT}</section>`,
    ],
  );
}

const NO_NIGHT = html`<p class="dim">There is none: <code>polarplay bench</code> measures one, the role bench_nightly each night.</p>`;
const NO_REPORT = html`<p class="dim">There is none: <code>polarplay verify --report FILE.html</code> writes one.</p>`;

const LEVELS: Readonly<Record<string, string>> = { fine: 'ok', confirmed: 'failed', broken: 'failed' };

function night({ id, at, profile, level, sentence }: Night): Markup {
  const href = `/nights/${encodeURIComponent(`${id}-${profile}.html`)}`;
  return html`<p><b class="${Object.hasOwn(LEVELS, level) ? LEVELS[level]! : ''}">${level}</b> <a href="${href}">${at.slice(0, 16).replace('T', ' ')} UTC, ${profile}</a></p><p>${sentence}</p>`;
}

/** Before the first night. */
export const noNights = (): string =>
  page('Nights', html`<h1>Nights</h1>`, html`<section>${NO_NIGHT}</section>`);

/** All reports of verify. */
export function verifyPage(runs: readonly VerifyRun[]): string {
  return page(
    'Verify reports',
    html`<h1>Verify reports</h1>`,
    html`<section>${runs.length === 0 ? NO_REPORT : html`<ul>${runs.map(one => html`<li>${run(one)}</li>`)}</ul>`}</section>`,
  );
}

function run({ name, changed, title, accepted }: VerifyRun): Markup {
  const style = accepted === undefined ? '' : accepted ? 'ok' : 'failed';
  const said = title ?? (accepted === undefined ? '' : accepted ? 'Accepted' : 'Not accepted');
  return html`<a href="/verify/${encodeURIComponent(name)}">${name}</a> <span class="${style}">${said}</span> <span class="dim">${timeText(changed)} UTC</span>`;
}

const timeText = (ms: number): string => new Date(ms).toISOString().slice(0, 19).replace('T', ' ');

const ageText = (ms: number): string =>
  ms < 120_000 ? `${Math.max(0, Math.round(ms / 1000))} s` : `${Math.round(ms / 60_000)} min`;
