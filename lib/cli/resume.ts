import { readFileSync } from 'node:fs';
import { EarlierRun } from '../engine/earlier-run.ts';
import type { Emit, RunOrigin } from '../engine/events.ts';
import { type Entry, parseEntries, readJournal } from '../report/journal.ts';
import { UsageError } from '../source/errors.ts';
import type { Parsed } from '../source/flags.ts';
import { journalFile, keptRuns, runsFolder } from './run-journal.ts';
import { differencesOf } from './run-origin.ts';

/** Options that exclude --resume, since they do no work. */
const DOING_NOTHING = ['check', 'syntax-check', 'list-hosts', 'list-tasks', 'list-tags'];

export function checkResumeOptions(flags: Parsed): void {
  const other = flags.has('resume') ? DOING_NOTHING.find(name => flags.has(name)) : undefined;
  if (other !== undefined)
    throw new UsageError(`--resume goes on with a run: it can't be used with --${other}`, 5);
}

interface KeptRun {
  readonly id: string;
  readonly entries: readonly Entry[];
  readonly origin: RunOrigin;
}

/**
 * --resume: the newest run of the same playbooks, to continue. Throws UsageError when it can't: the run ended well,
 * is still under way, or something that decided it has changed.
 */
export function runToResume(
  flags: Parsed,
  now: RunOrigin,
  sum: (text: string) => string,
  emit: Emit,
): { readonly id: string; readonly earlier: EarlierRun } {
  const last = newestRun(now);
  const names = flags.positionals.join(', ');
  if (!last)
    throw new UsageError(
      `--resume: no run of ${names} with this inventory is kept in ${runsFolder()}; run it without --resume`,
    );
  const end = last.entries.findLast(entry => entry.type === 'run-end');
  if (end?.summary.exitCode === 0)
    throw new UsageError(
      `--resume: the last run of ${names} (${last.id}) ended well, so there is nothing to resume`,
    );
  if (!end && isUnderWay(last)) throw new UsageError(`--resume: the run ${last.id} is still under way`);
  const chain = withThoseBefore(last);
  const differences = differencesOf(last.origin, now, filesOf(chain), sum);
  if (differences.length > 0) throw new UsageError(refusal(last.id, differences));
  const earlier = new EarlierRun(
    chain.map(({ entries }) => entries),
    emit,
  );
  for (const [host, id] of changedSince(last.id)) earlier.leave(host, `the run ${id} changed it since`);
  return { id: last.id, earlier };
}

const SHOWN = 4;

function refusal(id: string, differences: readonly string[]): string {
  const more = differences.length > SHOWN ? `, and ${differences.length - SHOWN} more` : '';
  const named = differences.slice(0, SHOWN).join('; ');
  return `--resume: the run ${id} can't go on: ${named}${more}. Without --resume the playbook runs from its beginning, and finds done what is done.`;
}

/** The newest run of the same playbooks with the same inventory: one folder may hold those of several clusters. */
function newestRun({ command }: RunOrigin): KeptRun | undefined {
  for (const id of keptRuns()) {
    const start = startOf(id);
    if (!start?.origin || start.checkMode) continue;
    if (['playbooks', 'inventory'].some(name => start.origin!.command[name] !== command[name])) continue;
    return { id, entries: readJournal(journalFile(id)), origin: start.origin };
  }
  return undefined;
}

/** How a run began; warnings may stand before it. */
function startOf(id: string): Extract<Entry, { type: 'run-start' }> | undefined {
  const lines = readFileSync(journalFile(id), 'utf8').split('\n', 50);
  return parseEntries(lines.filter(line => line.includes('"type":"run-start"'))).find(
    entry => entry.type === 'run-start',
  );
}

/** The runs that this one went on from, the oldest first, and itself. */
function withThoseBefore(last: KeptRun): readonly KeptRun[] {
  const chain = [last];
  for (let id = last.origin.resumes; id !== undefined; id = chain[0]!.origin.resumes) {
    const entries = keptRuns().includes(id) ? readJournal(journalFile(id)) : [];
    const start = entries.find(entry => entry.type === 'run-start');
    if (!start?.origin)
      throw new UsageError(`--resume: the run ${last.id} went on from ${id}, which is no longer kept`);
    chain.unshift({ id, entries, origin: start.origin });
  }
  return chain;
}

/** All files that the runs read, with the sums of their first content. */
const filesOf = (chain: readonly KeptRun[]): ReadonlyMap<string, string> =>
  new Map([
    ...chain.flatMap(({ origin }) => Object.entries(origin.files)),
    ...chain.flatMap(({ entries }) =>
      entries.flatMap(entry => (entry.type === 'file-read' ? [[entry.file, entry.sum] as const] : [])),
    ),
  ]);

/** A process of the run's number that has the playbook on its command line. */
function isUnderWay({ id, entries }: KeptRun): boolean {
  const start = entries.find(entry => entry.type === 'run-start');
  try {
    const words = readFileSync(`/proc/${id.split('-')[1]}/cmdline`, 'utf8').split('\0');
    return start!.playbooks.every(file => words.includes(file));
  } catch {
    return false;
  }
}

/** Hosts that a newer run changed, with that run. */
function changedSince(id: string): ReadonlyMap<string, string> {
  const changed = new Map<string, string>();
  for (const newer of keptRuns().filter(other => other > id)) {
    const entries = readJournal(journalFile(newer));
    if (entries.some(entry => entry.type === 'run-start' && entry.checkMode)) continue;
    for (const entry of entries)
      if (entry.type === 'outcome' && entry.status === 'changed')
        changed.set(entry.delegate ?? entry.host, newer);
  }
  return changed;
}
