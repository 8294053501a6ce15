import { createHmac, randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { Journal } from '../report/journal.ts';
import { printWarning } from '../report/warning.ts';

/** How many runs are kept. */
const KEPT = 50;
const KEY_LENGTH = 32;
const NAME = /^\d{8}T\d{6}-\d+\.jsonl$/;

/** The folder of this user's runs: $POLARPLAY_RUNS, or below the usual folder for state. */
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
  return [new Journal(open, error => printWarning(`this run is not kept: ${error.message}`))];
}

/**
 * Makes the sums by which a later run knows what has changed. Their key lies beside the journals: a journal that is
 * given away tells nobody what a short secret was. Undefined where no journal is kept.
 */
export function journalSum(): ((text: string) => string) | undefined {
  const folder = runsFolder();
  if (folder === 'off') return undefined;
  const file = join(folder, 'key');
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const key = keyIn(file) ?? madeKey(file);
    return text => createHmac('sha256', key).update(text).digest('base64').slice(0, 32);
  } catch {
    // The journal itself says why it can't be kept.
    return undefined;
  }
}

function keyIn(file: string): Buffer | undefined {
  try {
    const key = readFileSync(file);
    return key.length === KEY_LENGTH ? key : undefined;
  } catch {
    return undefined;
  }
}

/** A new key. If another run has just made one, that one counts. */
function madeKey(file: string): Buffer {
  const own = `${file}.${process.pid}`;
  writeFileSync(own, randomBytes(KEY_LENGTH), { mode: 0o600 });
  try {
    linkSync(own, file);
  } catch {
    if (!keyIn(file)) renameSync(own, file);
  }
  rmSync(own, { force: true });
  return readFileSync(file);
}
