import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from '../../../lib/source/errors.ts';
import { historyFile } from '../output.ts';
import type { RunDetail, RunRecord } from '../result.ts';
import { readHistory } from './history.ts';

/** The runs of a folder, oldest first; what cannot be read is told on stderr. */
export function runsIn(dir: string, profile?: string): readonly RunRecord[] {
  const { records, unreadable } = readHistory(historyFile(dir));
  for (const { line, reason } of unreadable)
    process.stderr.write(`${historyFile(dir)}:${line}: left out: ${reason}\n`);
  return records.filter(r => profile === undefined || r.profile === profile);
}

/** A run by its id, by the beginning of one that no other has, or counted from the end: `last`, `last-1`. */
export function findRun(runs: readonly RunRecord[], name: string): RunRecord {
  const back = /^last(?:-(\d+))?$/.exec(name);
  const found = back
    ? [runs.at(-1 - Number(back[1] ?? 0))].filter(r => r !== undefined)
    : runs.filter(r => r.id.startsWith(name));
  if (found.length === 1) return found[0]!;
  if (found.length === 0) throw new UsageError(`there is no run ${name}: \`bench history\` lists them`, 5);
  throw new UsageError(`${found.length} runs begin with ${name}: ${found.map(r => r.id).join(', ')}`, 5);
}

/** What the reports of a run are drawn from; undefined when its file is gone. */
export function detailIn(dir: string, { id, profile }: RunRecord): RunDetail | undefined {
  const file = join(dir, `${id}-${profile}.json`);
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as RunDetail) : undefined;
}
