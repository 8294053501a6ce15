import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** Reports of a run: its time and its profile, as `writeReports` names them. */
const REPORT = /^\d{8}T\d{6}-[\w.-]+\.(html|md|json)$/;

/** Removes the reports of all but the latest nights; the history keeps their figures. Gives how many files went. */
export function keepNights(dir: string, nights: number): number {
  const files = readdirSync(dir).filter(name => REPORT.test(name));
  const kept = new Set([...new Set(files.map(runOf))].sort().slice(-nights));
  const old = files.filter(name => !kept.has(runOf(name)));
  for (const name of old) rmSync(join(dir, name), { force: true });
  return old.length;
}

const runOf = (name: string): string => name.replace(/\.\w+$/, '');
