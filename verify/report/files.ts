import { accessSync, constants, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, extname, resolve } from 'node:path';
import { messageOf, UsageError } from '../../lib/source/errors.ts';
import type { VerifyReport } from '../findings.ts';
import { formatHtml } from './html.ts';
import { formatJunit } from './junit.ts';

const REPORTS = ['.html', '.json', '.xml'];

/** A report that could not be written is found before anything is looked at. */
export function checkReportFile(file: string): void {
  if (!REPORTS.includes(extname(file)))
    throw new UsageError(`--report ${file}: expected a name that ends in ${REPORTS.join(', ')}`, 5);
  try {
    const path = resolve(file);
    mkdirSync(dirname(path), { recursive: true });
    accessSync(dirname(path), constants.W_OK);
    const there = statSync(path, { throwIfNoEntry: false });
    if (there?.isDirectory()) throw new Error('it is a directory');
    if (there) accessSync(path, constants.W_OK);
  } catch (error) {
    throw new UsageError(`--report ${file}: it cannot be written: ${messageOf(error)}`, 5);
  }
}

/** Writes a report in the format that the name of the file says; `json` is what a program reads of it. */
export function writeReportFile(
  file: string,
  report: VerifyReport,
  { titles, name, json = report }: { titles: ReadonlyMap<string, string>; name?: string; json?: unknown },
): void {
  const kind = extname(file);
  const text =
    kind === '.html'
      ? formatHtml(report, titles)
      : kind === '.xml'
        ? formatJunit(report, name)
        : `${JSON.stringify(json, null, 1)}\n`;
  writeFileSync(resolve(file), text);
}
