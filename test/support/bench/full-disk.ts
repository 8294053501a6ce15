/**
 * A run whose disk is full for a while, in a mount namespace of its own: node --import tsx full-disk.ts FOLDER, as root of
 * `unshare -m`. FOLDER gets a small disk. Prints as JSON what the run kept, and what a later run finds.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { RunJournal, type RunSoFar, recoverRuns } from '../../../bench/cluster/journal.ts';
import { historyFile, keepRun } from '../../../bench/cluster/output.ts';
import type { MeasuredFigures, Measurement } from '../../../bench/cluster/result.ts';
import { detailOf } from '../../../bench/cluster/run.ts';
import { madeUpNight } from './made-up-nights.ts';

const [dir = ''] = process.argv.slice(2);
execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'none', dir]);
const { record, series } = madeUpNight({ nodes: 2, day: 0 });
const { cells, night, complaints, remarks, storage, sweep, endedAt, failed, ...head } = record;
const measured = (figures: MeasuredFigures): Measurement => ({ figures, series: series[0]!, histograms: {} });

const filler = join(dir, 'somebody-elses');
function fill(): void {
  for (let size = 65_536; size >= 1; size >>= 1)
    try {
      for (;;) writeFileSync(filler, Buffer.alloc(size), { flag: 'a' });
    } catch {
      // This size is too large: what is left takes a smaller one.
    }
}

const journal = new RunJournal(dir, 'night');
journal.begin(head);
journal.measured(measured(cells[0]!));
fill();
journal.measured(measured(cells[1]!));
journal.measured(measured(cells[2]!));
const said: string[] = [];
const full = keepRun(dir, detailOf(journal.soFar!, true), journal, line => said.push(line));
rmSync(filler);
journal.remark('there is room again');
const onDisk = readFileSync(join(dir, 'night.running.jsonl'), 'utf8').trimEnd().split('\n');
const found: RunSoFar[] = [];
// As the next run finds it: this process has ended.
writeFileSync(join(dir, 'night.running.jsonl'), `${onDisk.slice(1).join('\n')}\n`);
recoverRuns(dir, run => found.push(run));
process.stdout.write(
  JSON.stringify({
    said,
    onDisk: full.onDisk,
    markdown: full.markdown,
    complaints: journal.soFar!.complaints,
    found: found.map(run => run.measurements.length),
    torn: onDisk.filter(line => !line.endsWith('}')),
    history: historyFile(dir),
  }),
);
