import type { HostStats, Status, TaskInfo } from '../engine/events.ts';
import type { Result } from '../modules/kit/define.ts';
import { withHint } from '../source/errors.ts';
import { jsonText } from '../source/json.ts';
import { failureMessage } from './failure-message.ts';
import type { Entry } from './journal.ts';
import { duration } from './lines.ts';
import { html, type Markup } from './markup.ts';
import { PAGE_STYLE } from './page-style.ts';
import { patchLines } from './patch.ts';
import { slowestTasks } from './slowest.ts';

interface Work {
  readonly task: TaskInfo;
  readonly play: string;
  readonly host: string;
  readonly status: Status;
  readonly ignored: boolean;
  readonly result: Result;
  /** Milliseconds since the run began, and how long it took. */
  readonly from: number;
  readonly took: number;
}

interface RunStory {
  readonly playbooks: readonly string[];
  readonly checkMode: boolean;
  readonly began: number;
  readonly took: number;
  readonly work: readonly Work[];
  readonly stats: Readonly<Record<string, HostStats>>;
  readonly warnings: readonly string[];
  /** Undefined when the run was killed: nothing said how it ended. */
  readonly exitCode: number | undefined;
}

/** One page that needs nothing else: failures first, then what changed, the slowest tasks, and a line of time per host. */
export function runPage(entries: readonly Entry[]): string {
  const story = storyOf(entries);
  const failed = story.work.filter(({ status }) => status === 'failed' || status === 'unreachable');
  const changed = story.work.filter(({ status }) => status === 'changed');
  const name = story.playbooks.map(file => file.replace(/^.*\//, '')).join(', ');
  const body = html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${name}, ${dateText(story.began)}</title><style>${PAGE_STYLE}</style></head><body><main>
<header><h1>${name}${story.checkMode ? html` <span class="tag">dry run</span>` : ''}</h1>
<p>${dateText(story.began)} · ${duration(story.took)} · ${verdict(story)}</p></header>
${story.warnings.length > 0 ? html`<section><h2>Warnings</h2><ul>${story.warnings.map(text => html`<li>${text}</li>`)}</ul></section>` : ''}
${failed.length > 0 ? html`<section class="bad"><h2>Failed</h2>${alike(failed).map(failure)}</section>` : ''}
<section><h2>Hosts</h2>${hostTable(story)}</section>
<section><h2>Time</h2>${timeline(story)}</section>
<section><h2>Changed${story.checkMode ? ' (would change)' : ''}: ${changed.length}</h2>${changed.length === 0 ? html`<p class="dim">Nothing.</p>` : alike(changed).map(change)}</section>
<section><h2>Slowest tasks</h2>${slowest(story)}</section>
</main></body></html>
`;
  return body.text;
}

function storyOf(entries: readonly Entry[]): RunStory {
  const start = entries.find(entry => entry.type === 'run-start');
  const end = entries.findLast(entry => entry.type === 'run-end');
  const began = entries[0]?.at ?? 0;
  let play = '';
  const work: Work[] = [];
  for (const entry of entries) {
    if (entry.type === 'play-start') play = entry.name;
    if (entry.type !== 'outcome') continue;
    const { task, host, status, ignored, result, elapsedMs, at } = entry;
    work.push({
      task,
      play,
      host,
      status,
      ignored,
      result,
      from: Math.max(0, at - began - elapsedMs),
      took: elapsedMs,
    });
  }
  return {
    playbooks: start?.playbooks ?? [],
    checkMode: start?.checkMode ?? false,
    began,
    took: (entries.at(-1)?.at ?? began) - began,
    work,
    stats: end?.summary.hosts ?? {},
    warnings: entries.flatMap(entry => (entry.type === 'warning' ? [withHint(entry)] : [])),
    exitCode: end?.summary.exitCode,
  };
}

function verdict({ exitCode }: RunStory): Markup {
  if (exitCode === undefined) return html`<b class="failed">the run did not end by itself</b>`;
  return exitCode === 0
    ? html`<b class="ok">done</b>`
    : html`<b class="failed">failed</b> (exit code ${exitCode})`;
}

const place = ({ task }: Work): string => `${task.position.file}:${task.position.line}`;

/** Work of one task with the same message and diff is one, with all its hosts. */
function alike(works: readonly Work[]): readonly Work[] {
  const groups = new Map<string, Work>();
  for (const work of works) {
    const { task, status, result } = work;
    const said = status === 'changed' ? jsonText(result.diff ?? []) : failureMessage(result);
    const key = `${task.id}\0${status}\0${said}`;
    const known = groups.get(key);
    groups.set(key, known ? { ...known, host: `${known.host}, ${work.host}` } : work);
  }
  return [...groups.values()];
}

function failure(work: Work): Markup {
  const { host, task, result, status, ignored } = work;
  const details = ['cmd', 'rc', 'stderr', 'stdout']
    .filter(key => result[key] !== undefined && result[key] !== '')
    .map(key => `${key}: ${textOf(result[key])}`);
  return html`<article><h3><span class="${status}">${status}</span> ${host}: ${task.name}${ignored ? ' (ignored)' : ''}</h3>
<p class="dim">${place(work)}</p><pre>${failureMessage(result)}</pre>${result.hint !== undefined && result.censored === undefined ? html`<p>${result.hint}</p>` : ''}${details.length > 0 ? html`<pre>${details.join('\n')}</pre>` : ''}</article>`;
}

function change(work: Work): Markup {
  const { host, task, result } = work;
  const diffs = result.censored === undefined ? (result.diff ?? []) : [];
  const patch = diffs.flatMap(({ before, after, beforeHeader = '', afterHeader = '' }) =>
    patchLines({ before: beforeHeader, after: afterHeader }, { before, after }),
  );
  const title = html`<span class="changed">${host}</span> ${task.name} <span class="dim">${place(work)}</span>`;
  if (patch.length === 0) return html`<p>${title}</p>`;
  const lines = patch.map(
    line =>
      html`<span class="${line.startsWith('+') ? 'added' : line.startsWith('-') ? 'removed' : ''}">${line}</span>\n`,
  );
  return html`<details><summary>${title}</summary><pre>${lines}</pre></details>`;
}

const COUNTS = [
  'ok',
  'changed',
  'failed',
  'unreachable',
  'skipped',
  'unknown',
  'rescued',
  'ignored',
] as const;

function hostTable({ stats }: RunStory): Markup {
  const rows = Object.entries(stats).map(
    ([host, counts]) =>
      html`<tr><th scope="row">${host}</th>${COUNTS.map(name => html`<td class="n ${counts[name] > 0 ? name : 'dim'}">${counts[name]}</td>`)}</tr>`,
  );
  return html`<div class="wide"><table><thead><tr><th>Host</th>${COUNTS.map(name => html`<th class="n">${name}</th>`)}</tr></thead><tbody>${rows}</tbody></table></div>`;
}

/** One line per host: where it worked, and what it waited for. */
function timeline({ work, took }: RunStory): Markup {
  const hosts = [...new Set(work.map(({ host }) => host))];
  const percent = (ms: number) => ((100 * ms) / Math.max(1, took)).toFixed(3);
  const lines = hosts.map(host => {
    const bars = work
      .filter(one => one.host === host && one.status !== 'skipped')
      .map(
        ({ task, status, from, took: ms }) =>
          html`<i class="${status}" style="left:${percent(from)}%;width:${percent(ms)}%" title="${task.name}: ${status}, ${duration(ms)}"></i>`,
      );
    return html`<div class="row"><span>${host}</span><div class="track">${bars}</div></div>`;
  });
  return html`<div class="times">${lines}<div class="row dim"><span></span><div class="scale"><span>0</span><span>${duration(took / 2)}</span><span>${duration(took)}</span></div></div></div>`;
}

function slowest({ work }: RunStory): Markup {
  const outcomes = work.map(({ task, host, took }) => ({ task, host, elapsedMs: took }));
  const rows = slowestTasks(outcomes, 15).map(
    ({ name, ms, host }) =>
      html`<tr><td class="n">${duration(ms)}</td><td>${name}</td><td class="dim">${host}</td></tr>`,
  );
  return html`<table><thead><tr><th class="n">Time</th><th>Task</th><th>Slowest host</th></tr></thead><tbody>${rows}</tbody></table>`;
}

/** Words of a command stand in one line. */
const textOf = (value: unknown): string =>
  typeof value === 'string' ? value : Array.isArray(value) ? value.map(String).join(' ') : jsonText(value, 1);

const dateText = (at: number): string => `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
