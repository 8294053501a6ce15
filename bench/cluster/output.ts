import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { httpRunsIn } from '../http/kept.ts';
import { formatHtml } from '../report/html.ts';
import { formatIndex } from '../report/index-page.ts';
import { formatMarkdown } from '../report/markdown.ts';
import { readAccepted } from './history/accepted.ts';
import { appendHistory, readHistory } from './history/history.ts';
import { judgeRun, type NightVerdict } from './history/verdict.ts';
import type { RunDetail } from './result.ts';

/** Where the history of a folder of reports lies. */
export const historyFile = (dir: string): string => join(dir, 'history.jsonl');

export interface Written {
  readonly markdown: string;
  readonly verdict: NightVerdict;
  /** Path of the reports, without their endings. */
  readonly name: string;
}

/** Writes a run's line of history first, then its reports: the figures are safe before anything is drawn. */
export function writeRun(dir: string, detail: RunDetail): Written {
  appendHistory(historyFile(dir), detail.record);
  const written = writeReports(dir, detail);
  writeIndex(dir);
  return written;
}

/** The reports of a run that is in the history. */
export function writeReports(dir: string, detail: RunDetail): Written {
  const { record } = detail;
  const before = readHistory(historyFile(dir)).records.filter(r => r.at < record.at);
  const verdict = judgeRun(record, before, readAccepted(dir));
  const name = join(dir, `${record.id}-${record.profile}`);
  const markdown = formatMarkdown(detail, verdict, before);
  replaceFile(`${name}.json`, `${JSON.stringify(detail)}\n`);
  replaceFile(`${name}.md`, markdown);
  replaceFile(`${name}.html`, formatHtml(detail, verdict, before));
  return { markdown, verdict, name };
}

/** How many nights `nights.json` holds: it is for who shows how the last ones went, the history has all. */
const LISTED = 100;

/** The page that lists all runs, and for programs the last ones with their sentences, the latest first. */
export function writeIndex(dir: string): void {
  const { records } = readHistory(historyFile(dir));
  const accepted = readAccepted(dir);
  const runs = records.map(record => ({ record, verdict: judgeRun(record, records, accepted) }));
  replaceFile(join(dir, 'index.html'), formatIndex(runs, httpRunsIn(dir)));
  const nights = runs
    .slice(-LISTED)
    .reverse()
    .map(({ record: { id, at, profile }, verdict: { level, sentence } }) => ({
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
