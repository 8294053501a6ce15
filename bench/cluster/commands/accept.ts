import { userInfo } from 'node:os';
import { UsageError } from '../../../lib/source/errors.ts';
import { accept } from '../history/accepted.ts';
import { findRun, runsIn } from '../history/runs.ts';
import { measurementName } from '../history/verdict.ts';
import { readWithNames } from './names.ts';

const USAGE = `usage: polarplay bench accept RUN --reason TEXT [--out DIR] [--measurement WORKLOAD/NODES]

From this run on the cluster is as fast as it is meant to be: nights before it are no longer compared with. RUN is an id of
\`bench history\`, the beginning of one, or last, last-1 and so on.

      --reason TEXT                why, for those who read the trend later
      --measurement WORKLOAD/NODES only this one, such as read-write/1 (default: all)
      --out DIR                    where the runs are (default: .polarplay/bench)
`;

export async function acceptCommand(argv: readonly string[]): Promise<number> {
  const { flags, names } = readWithNames(argv, {
    out: { type: 'string', default: '.polarplay/bench' },
    reason: { type: 'string', default: '' },
    measurement: { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
  });
  if (flags.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  if (names.length !== 1) throw new UsageError('name one run: polarplay bench accept RUN --reason TEXT', 5);
  if (flags.reason === '') throw new UsageError('--reason says why, for those who read the trend later', 5);
  const run = findRun(runsIn(flags.out), names[0]!);
  const known = run.night.map(measurementName);
  if (flags.measurement !== undefined && !known.includes(flags.measurement))
    throw new UsageError(`--measurement ${flags.measurement}: run ${run.id} has ${known.join(', ')}`, 5);
  accept(flags.out, {
    id: run.id,
    ...(flags.measurement === undefined ? {} : { measurement: flags.measurement }),
    at: new Date().toISOString(),
    by: userInfo().username,
    reason: flags.reason,
  });
  process.stdout.write(
    `from ${run.id} on, ${flags.measurement ?? 'every measurement'} is compared with ${run.at.slice(0, 10)} and later nights only\n`,
  );
  return 0;
}
