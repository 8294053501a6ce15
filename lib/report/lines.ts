import type { HostOutcome, HostStats, RunEvent, RunSummary } from '../engine/events.ts';
import type { FileDiff, Result } from '../modules/kit/define.ts';
import { withHint } from '../source/errors.ts';
import { jsonText } from '../source/json.ts';
import { detail } from '../source/render.ts';
import { fromPlain, type Json } from '../source/value.ts';
import { visible, visibleJson } from '../source/visible.ts';
import { str } from '../templating/python/print.ts';
import { textWidth } from './columns.ts';
import { failureMessage } from './failure-message.ts';
import { patchLines } from './patch.ts';
import type { Paint, Style } from './style.ts';
import { padColumns } from './table.ts';
import { warningText } from './warning.ts';

export interface LineOptions {
  readonly paint: Paint;
  readonly width: number;
  readonly verbosity: number;
  readonly showDiff: boolean;
  /** Of the window as it is now: it may be resized while work is shown. */
  readonly liveWidth?: () => number;
  readonly height?: () => number;
}

/** The text of an event as a terminal shows it; empty for events that have none. Pure. */
export function eventText(event: RunEvent, options: LineOptions): string {
  const { paint } = options;
  switch (event.type) {
    case 'run-start':
      return event.origin?.resumes === undefined
        ? ''
        : banner(`GOING ON FROM THE RUN ${event.origin.resumes}`, options);
    case 'play-start':
      return banner(`PLAY [${event.name}]`, options);
    case 'play-skipped':
      return `${banner(`PLAY [${event.name}]`, options)}${paint('skipped', `skipping: ${event.reason}`)}\n`;
    case 'no-hosts-left':
      return banner('NO MORE HOSTS LEFT', options);
    case 'task-start':
      return taskBanner(event.task, options);
    case 'retry':
      return (
        paint(
          'removed',
          `FAILED - RETRYING: [${event.host}]: ${event.task.name} (${event.left} retries left).`,
        ) +
        verboseResult(event.result, options) +
        '\n'
      );
    case 'item':
      return itemText(event, options);
    case 'outcome':
      return outcomeText(event, options);
    case 'included':
      return `${paint('skipped', `included: ${event.what} for ${event.hosts.join(', ')}${event.item === undefined ? '' : ` => (item=${itemLabel(event.item)})`}`)}\n`;
    case 'warning': {
      const at = event.position
        ? ` (${event.position.file}:${event.position.line}:${event.position.col})`
        : '';
      return `${paint('warning', warningText(withHint(event) + at))}\n`;
    }
    case 'interrupted':
      return `\n${paint('failed', '[ERROR]: interrupted by the operator; what was done so far is in the recap')}\n`;
    case 'run-end':
      return recap(event.summary, options);
    default:
      return '';
  }
}

const widthOf = ({ liveWidth, width }: LineOptions): number => liveWidth?.() ?? width;

function banner(text: string, options: LineOptions): string {
  const { paint } = options;
  const width = widthOf(options);
  return `\n${paint('bold', `${text} ${'*'.repeat(Math.max(3, width - textWidth(text) - 1))}`)}\n`;
}

function taskBanner(
  task: { name: string; handler: boolean; position: { file: string; line: number } },
  options: LineOptions,
): string {
  const text = banner(`${task.handler ? 'RUNNING HANDLER' : 'TASK'} [${task.name}]`, options);
  return options.verbosity >= 2
    ? `${text}${options.paint('dim', `task path: ${task.position.file}:${task.position.line}`)}\n`
    : text;
}

const who = ({ host, delegate }: HostOutcome): string =>
  delegate !== undefined && delegate !== host ? `${host} -> ${delegate}` : host;

function itemText(outcome: HostOutcome, options: LineOptions): string {
  const { paint } = options;
  const label = `(item=${itemLabel(outcome.item)})`;
  const diff = diffText(outcome, options);
  switch (outcome.status) {
    case 'ok':
    case 'changed':
      return `${diff}${paint(outcome.status, `${outcome.status}: [${who(outcome)}] => ${label}${before(outcome)}`)}${shownResult(outcome, options)}\n`;
    case 'skipped':
      return `${paint('skipped', `skipping: [${who(outcome)}] => ${label} `)}\n`;
    case 'unknown':
      return `${paint('skipped', `unknown: [${who(outcome)}] => ${label} ${reason(outcome.result)}`)}\n`;
    case 'failed':
    case 'unreachable':
      return `${diff}${paint('failed', `failed: [${who(outcome)}] ${label} => ${failureText(outcome, options)}`)}\n`;
  }
}

/** What an earlier run did is told apart from what this one finds. */
const before = ({ takenOver }: HostOutcome): string => (takenOver ? ' (finished before)' : '');

/** As Python prints it, which is what people know. */
const itemLabel = (item: Json | undefined): string => (item === undefined ? '' : str(fromPlain(item)));

function outcomeText(outcome: HostOutcome, options: LineOptions): string {
  const { paint } = options;
  const { status, result } = outcome;
  const hasItems = Array.isArray(result.results) && result.results.length > 0;
  const ignoring = outcome.ignored ? `${paint('skipped', '...ignoring')}\n` : '';
  if (hasItems && status !== 'unreachable') {
    if (status === 'skipped') return `${paint('skipped', `skipping: [${who(outcome)}]`)}\n`;
    return status === 'failed' ? ignoring : '';
  }
  const diff = diffText(outcome, options);
  switch (status) {
    case 'ok':
    case 'changed':
      return `${diff}${paint(status, `${status}: [${who(outcome)}]${before(outcome)}`)}${shownResult(outcome, options)}\n`;
    case 'skipped':
      return `${paint('skipped', `skipping: [${who(outcome)}]`)}${verboseResult(result, options)}\n`;
    case 'unknown':
      return `${paint('skipped', `unknown: [${who(outcome)}] => ${reason(result)}`)}\n`;
    case 'failed':
      return `${diff}${paint('failed', `fatal: [${who(outcome)}]: FAILED! => ${failureText(outcome, options)}`)}\n${ignoring}`;
    case 'unreachable':
      return `${paint('unreachable', `fatal: [${who(outcome)}]: UNREACHABLE! => ${messageOf(result)}${result.hint === undefined ? '' : `\n${detail('hint', result.hint)}`}`)}\n${ignoring}`;
  }
}

const reason = (result: Result): string => result.unknown ?? '';

/** debug shows what it was asked to; other results show from -v on. */
function shownResult(outcome: HostOutcome, options: LineOptions): string {
  if (outcome.task.module !== 'debug' || outcome.result.censored !== undefined)
    return verboseResult(outcome.result, options);
  const { changed: _changed, failed: _failed, ansible_loop_var: loopVar, ...rest } = outcome.result;
  // The item stands in the line already.
  const shown = Object.entries(rest).filter(([name]) => name !== loopVar);
  return ` => ${visibleJson(Object.fromEntries(shown), 4)}`;
}

function verboseResult(result: Result, { verbosity }: LineOptions): string {
  if (verbosity < 1) return '';
  const { diff: _diff, ...rest } = result;
  return ` => ${visibleJson(rest, verbosity >= 3 ? 4 : undefined)}`;
}

const TAIL_LINES = 20;

/** What a person needs of a failure: message, position, command, exit code and the end of stderr. */
function failureText(outcome: HostOutcome, options: LineOptions): string {
  const { result, task } = outcome;
  const { position } = task;
  const lines = [messageOf(result)];
  const hint = result.censored === undefined ? result.hint : undefined;
  const add = (label: string, text: string) => lines.push(detail(label, text));
  if (hint !== undefined) add('hint', hint);
  add('at', `${position.file}:${position.line}:${position.col}`);
  if (result['cmd'] !== undefined)
    add(
      'command',
      Array.isArray(result['cmd']) ? result['cmd'].map(String).join(' ') : String(result['cmd']),
    );
  if (result.rc !== undefined) add('exit code', String(result.rc));
  for (const stream of ['stderr', 'stdout'] as const) {
    const text = String(result[stream] ?? '').trimEnd();
    if (text !== '' && !lines[0]!.includes(text)) add(stream, tail(text));
  }
  return lines.join('\n') + verboseResult(result, options);
}

function messageOf(result: Result): string {
  const assertion =
    result['assertion'] === undefined ? '' : `${jsonText(result['assertion'])} does not hold: `;
  return assertion + failureMessage(result);
}

function tail(text: string): string {
  const lines = text.split('\n');
  return lines.length <= TAIL_LINES
    ? text
    : [`… ${lines.length - TAIL_LINES} lines before`, ...lines.slice(-TAIL_LINES)].join('\n');
}

function diffText({ result, takenOver }: HostOutcome, { showDiff, paint }: LineOptions): string {
  if (!showDiff || takenOver || !result.diff || result.censored !== undefined) return '';
  return result.diff.map(diff => unified(diff, paint)).join('');
}

/** A unified diff as Ansible prints it. */
function unified({ before, after, beforeHeader, afterHeader }: FileDiff, paint: Paint): string {
  if (before === after) return '';
  const names = { before: `before${label(beforeHeader)}`, after: `after${label(afterHeader)}` };
  const lines = patchLines(names, { before, after });
  return `${lines.map(line => paint(lineStyle(line), line)).join('\n')}\n\n`;
}

const label = (header: string | undefined): string => (header === undefined ? '' : `: ${header}`);

function lineStyle(line: string): Style {
  if (line.startsWith('+')) return 'added';
  if (line.startsWith('-')) return 'removed';
  return line.startsWith('@@') ? 'cyan' : 'dim';
}

function recap(summary: RunSummary, options: LineOptions): string {
  const { paint } = options;
  const widest = Math.max(...Object.keys(summary.hosts).map(textWidth));
  const rows = Object.entries(summary.hosts).map(([host, stats]) => recapLine(host, stats, options, widest));
  const custom = Object.entries(summary.custom).map(
    ([name, value]) => `\t${visible(name)}: ${visibleJson(value)}\n`,
  );
  const stats = custom.length > 0 ? `\nCUSTOM STATS: \n${custom.join('')}` : '';
  const taken =
    summary.takenOver === undefined
      ? ''
      : `\n${summary.takenOver} ${summary.takenOver === 1 ? 'result of the run before was' : 'results of the run before were'} taken over: that work was not done again\n`;
  return `${banner('PLAY RECAP', options)}${rows.join('')}${stats}${taken}\n${paint('dim', `total time ${duration(summary.elapsedMs)}`)}\n`;
}

const RECAP_COLUMNS = [
  ['ok', 'ok'],
  ['changed', 'changed'],
  ['unreachable', 'unreachable'],
  ['failed', 'failed'],
  ['skipped', 'skipped'],
  ['rescued', 'ok'],
  ['ignored', 'warning'],
] as const;

/** So wide is a line of the recap in full, with a name of up to 26 columns: programs read it in logs. */
const RECAP_WIDTH = 118;
/** In a window of 80 columns so much is left for a name beside the five counts that most runs have. */
const NARROW_NAME = 25;
const ALWAYS_SHOWN = 4;

function recapLine(host: string, stats: HostStats, options: LineOptions, widest: number): string {
  const { paint } = options;
  const style: Style =
    stats.failed > 0 || stats.unreachable > 0 ? 'failed' : stats.changed > 0 ? 'changed' : 'ok';
  // A window that is narrower shows of the later ones only what there is.
  const isNarrow = options.liveWidth !== undefined && widthOf(options) < RECAP_WIDTH;
  const columns = RECAP_COLUMNS.filter(
    ([name], index) => !isNarrow || index < ALWAYS_SHOWN || stats[name] > 0,
  ).map(([name, colour]) => {
    const text = `${name}=${stats[name]}`.padEnd(name.length + (isNarrow ? 3 : 5));
    return stats[name] > 0 ? paint(colour, text) : text;
  });
  const unknown = stats.unknown > 0 ? paint('skipped', `unknown=${stats.unknown}`) : '';
  const line = `${columns.join(' ')}${unknown}`;
  return `${paint(style, padColumns(host, isNarrow ? Math.min(Math.max(16, widest), NARROW_NAME) : 26))} : ${isNarrow ? line.trimEnd() : line}\n`;
}

/** A span of time as people read it: `850 ms`, `12.3 s`, `4 min 05 s`. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, '0')} s`;
}
