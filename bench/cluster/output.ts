import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatHtml } from '../report/html.ts';
import { formatMarkdown } from '../report/markdown.ts';
import { appendHistory, readHistory } from './history.ts';
import type { RunDetail } from './result.ts';

/** Where the history of a folder of reports lies. */
export const historyFile = (dir: string): string => join(dir, 'history.jsonl');

export interface Written {
  readonly markdown: string;
  /** Path of the reports, without their endings. */
  readonly name: string;
}

/** Writes a run's line of history first, then its reports: the figures are safe before anything is drawn. */
export function writeRun(dir: string, detail: RunDetail): Written {
  const history = readHistory(historyFile(dir));
  appendHistory(historyFile(dir), detail.record);
  const name = join(dir, `${detail.record.id}-${detail.record.profile}`);
  const markdown = formatMarkdown(detail);
  replaceFile(`${name}.json`, `${JSON.stringify(detail)}\n`);
  replaceFile(`${name}.md`, markdown);
  replaceFile(`${name}.html`, formatHtml(detail, history.records));
  return { markdown, name };
}

/** A reader sees the file of before or the whole new one. */
function replaceFile(file: string, text: string): void {
  writeFileSync(`${file}.new`, text);
  renameSync(`${file}.new`, file);
}
