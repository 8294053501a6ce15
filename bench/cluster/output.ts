import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../../lib/source/errors.ts';
import { httpRunsIn } from '../http/kept.ts';
import { formatHtml } from '../report/html.ts';
import { formatIndex } from '../report/index-page.ts';
import { formatMarkdown } from '../report/markdown.ts';
import { readAccepted } from './history/accepted.ts';
import { appendHistory, readHistory } from './history/history.ts';
import { judgeRun, type NightVerdict, runsBefore } from './history/verdict.ts';
import type { RunDetail, RunRecord } from './result.ts';

/** Where the history of a folder of reports lies. */
export const historyFile = (dir: string): string => join(dir, 'history.jsonl');

export interface Written {
  readonly markdown: string;
  readonly verdict: NightVerdict;
  /** Path of the reports, without their endings. */
  readonly name: string;
}

/**
 * Writes a run's line of history first, then its reports: the figures are safe before anything is drawn. A run that is in
 * the history already (its reports could not be written then) is not written there again.
 */
export function writeRun(dir: string, detail: RunDetail): Written {
  const { id, profile } = detail.record;
  const { records } = readHistory(historyFile(dir));
  if (!records.some(r => r.id === id && r.profile === profile))
    appendHistory(historyFile(dir), detail.record);
  const written = writeReports(dir, detail);
  writeIndex(dir);
  return written;
}

export interface Kept extends Written {
  /** Whether the disk took it; where not, the journal stays, and the next run writes what is in it. */
  readonly onDisk: boolean;
}

/** Writes a run that has ended, and says what the disk does not take. */
export function keepRun(
  dir: string,
  detail: RunDetail,
  journal: { close(): void },
  say: (line: string) => void,
): Kept {
  try {
    const written = writeRun(dir, detail);
    journal.close();
    return { ...written, onDisk: true };
  } catch (error) {
    say(
      `bench: the reports could not be written: ${messageOf(error)}; the next run into ${dir} writes what is in its journal`,
    );
    return { ...judged(dir, detail), onDisk: false };
  }
}

/** How a run stands among those before it, in words, whether it can be written or not. */
function judged(dir: string, detail: RunDetail): Written & { readonly before: readonly RunRecord[] } {
  const { record } = detail;
  const before = runsBefore(record, readHistory(historyFile(dir)).records);
  const verdict = judgeRun(record, before, readAccepted(dir));
  const name = join(dir, `${record.id}-${record.profile}`);
  return { verdict, before, name, markdown: formatMarkdown(detail, verdict, before) };
}

/** The reports of a run that is in the history. */
export function writeReports(dir: string, detail: RunDetail): Written {
  const run = judged(dir, detail);
  const { name, markdown, verdict, before } = run;
  replaceFile(`${name}.json`, `${JSON.stringify(detail)}\n`);
  replaceFile(`${name}.md`, markdown);
  replaceFile(`${name}.html`, formatHtml(detail, verdict, before));
  return run;
}

/** How many of the last nights the page and `nights.json` list; the history has all. */
const LISTED = 100;

/** The page that lists the last runs, and the same for programs, with their sentences, the latest first. */
export function writeIndex(dir: string): void {
  const { records } = readHistory(historyFile(dir));
  const accepted = readAccepted(dir);
  const runs = records
    .slice(-LISTED)
    .map(record => ({ record, verdict: judgeRun(record, records, accepted) }));
  replaceFile(join(dir, 'index.html'), formatIndex(runs, httpRunsIn(dir)));
  const nights = runs.reverse().map(({ record: { id, at, profile }, verdict: { level, sentence } }) => ({
    id,
    at,
    profile,
    level,
    sentence,
  }));
  replaceFile(join(dir, 'nights.json'), `${JSON.stringify(nights)}\n`);
}

/** A reader sees the file of before or the whole new one. */
function replaceFile(file: string, text: string): void {
  writeFileSync(`${file}.new`, text);
  renameSync(`${file}.new`, file);
}
