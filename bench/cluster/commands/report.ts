import { UsageError } from '../../../lib/source/errors.ts';
import { detailIn, findRun, runsIn } from '../history/runs.ts';
import { writeIndex, writeReports } from '../output.ts';
import { readWithNames } from './names.ts';

const USAGE = `usage: polarplay bench report [RUN…] [--out DIR]

Writes the reports of runs and the index anew, from what is kept of them: after \`bench accept\`, or with a newer polarplay.
Without RUN those of all runs.
`;

export async function reportCommand(argv: readonly string[]): Promise<number> {
  const { flags, names } = readWithNames(argv, {
    out: { type: 'string', default: '.polarplay/bench' },
    help: { type: 'boolean', short: 'h', default: false },
  });
  if (flags.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const runs = runsIn(flags.out);
  if (runs.length === 0) throw new UsageError(`there is no run in ${flags.out}`, 5);
  const chosen = names.length === 0 ? runs : names.map(name => findRun(runs, name));
  let written = 0;
  for (const record of chosen) {
    const detail = detailIn(flags.out, record);
    if (detail) {
      writeReports(flags.out, detail);
      written++;
    } else process.stderr.write(`${record.id}: its details are gone; its line of history stays\n`);
  }
  writeIndex(flags.out);
  process.stdout.write(
    `written: ${written} ${written === 1 ? 'report' : 'reports'}, ${flags.out}/index.html\n`,
  );
  return 0;
}
