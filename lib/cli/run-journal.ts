import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { Journal } from '../report/journal.ts';

/** How many runs are kept. */
const KEPT = 50;
const NAME = /^\d{8}T\d{6}-\d+\.jsonl$/;

/** Where runs are kept, of this person: $POLARPLAY_RUNS, or below the usual folder for state. */
export const runsFolder = (env: NodeJS.ProcessEnv = process.env): string =>
  env['POLARPLAY_RUNS'] ??
  join(env['XDG_STATE_HOME'] ?? join(homedir(), '.local', 'state'), 'polarplay', 'runs');

/** Kept runs, the newest first. */
export function keptRuns(folder = runsFolder()): readonly string[] {
  try {
    return readdirSync(folder)
      .filter(name => NAME.test(name))
      .sort()
      .reverse()
      .map(name => name.replace(/\.jsonl$/, ''));
  } catch {
    return [];
  }
}

export const journalFile = (id: string, folder = runsFolder()): string => join(folder, `${id}.jsonl`);

/** The journal of a run that begins, or none where $POLARPLAY_RUNS is "off"; the oldest ones make room. */
export function startJournal(now = new Date()): readonly Journal[] {
  const folder = runsFolder();
  if (folder === 'off') return [];
  const open = () => {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    for (const old of keptRuns(folder).slice(KEPT - 1)) rmSync(journalFile(old, folder), { force: true });
    const stamp = now.toISOString().slice(0, 19).replaceAll(/[-:]/g, '');
    return journalFile(`${stamp}-${process.pid}`, folder);
  };
  return [
    new Journal(open, error => process.stderr.write(`[WARNING]: this run is not kept: ${error.message}\n`)),
  ];
}
