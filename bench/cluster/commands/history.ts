import { readFlags } from '../../../lib/cluster/flags.ts';
import { oneOf } from '../../../lib/source/flags.ts';
import { visible } from '../../../lib/source/visible.ts';
import { readAccepted } from '../history/accepted.ts';
import { csvOf, rowsOf } from '../history/rows.ts';
import { runsIn } from '../history/runs.ts';
import { judgeRun } from '../history/verdict.ts';

const USAGE = `usage: polarplay bench history [--out DIR] [--profile NAME] [--format table|csv|json]

Lists the runs of a folder, each with its sentence. csv has one line for each measurement and node, json one for each run.

      --out DIR       where the runs are (default: .polarplay/bench)
      --profile NAME  only runs of this profile
      --format FORMAT table (default), csv or json
`;

export async function historyCommand(argv: readonly string[]): Promise<number> {
  const flags = readFlags(argv, {
    out: { type: 'string', default: '.polarplay/bench' },
    profile: { type: 'string' },
    format: { type: 'string', default: 'table' },
    help: { type: 'boolean', short: 'h', default: false },
  });
  if (flags.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  oneOf('format', ['table', 'csv', 'json'], flags.format);
  const runs = runsIn(flags.out, flags.profile);
  const accepted = readAccepted(flags.out);
  const judged = runs.map(record => ({ record, verdict: judgeRun(record, runs, accepted) }));
  if (flags.format === 'csv')
    process.stdout.write(csvOf(judged.flatMap(({ record, verdict }) => rowsOf(record, verdict))));
  else if (flags.format === 'json')
    for (const { record, verdict } of judged)
      process.stdout.write(
        `${JSON.stringify({ id: record.id, at: record.at, profile: record.profile, level: verdict.level, sentence: verdict.sentence, rows: rowsOf(record, verdict) })}\n`,
      );
  else
    for (const { record, verdict } of judged)
      process.stdout.write(
        visible(
          `${record.id}  ${record.profile.padEnd(8)}  ${verdict.level.padEnd(9)}  ${verdict.sentence}\n`,
        ),
      );
  return 0;
}
