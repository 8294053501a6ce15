import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { HTTP_REPORT } from '../../http/kept.ts';

/** Reports of a run: its time and its profile, as `writeReports` names them. */
const REPORT = /^\d{8}T\d{6}-[\w.-]+\.(html|md|json)$/;

/**
 * Removes the reports of all but the latest nights, and those of `bench http` from before them; the history keeps the
 * figures. Gives how many files went.
 */
export function keepNights(dir: string, nights: number): number {
  const files = readdirSync(dir).filter(name => REPORT.test(name));
  const runs = [...new Set(files.filter(name => !HTTP_REPORT.test(name)).map(runOf))].sort();
  const [oldest = ''] = runs.slice(-nights);
  const old = files.filter(name => runOf(name) < oldest);
  for (const name of old) rmSync(join(dir, name), { force: true });
  return old.length;
}

const runOf = (name: string): string => name.replace(/\.\w+$/, '');
