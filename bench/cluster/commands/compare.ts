import { UsageError } from '../../../lib/source/errors.ts';
import { differences, differenceText } from '../history/comparability.ts';
import { findRun, runsIn } from '../history/runs.ts';
import type { RunRecord } from '../result.ts';
import { titleOf } from '../summary.ts';
import { readWithNames } from './names.ts';

const USAGE = `usage: polarplay bench compare RUN RUN [--out DIR]

Shows two runs side by side: what differs between the hosts, the settings and the loads, then the figures. RUN is an id of
\`bench history\`, the beginning of one, or last, last-1 and so on.
`;

export async function compareCommand(argv: readonly string[]): Promise<number> {
  const { flags, names } = readWithNames(argv, {
    out: { type: 'string', default: '.polarplay/bench' },
    help: { type: 'boolean', short: 'h', default: false },
  });
  if (flags.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const [one, other, ...more] = names;
  if (one === undefined || other === undefined || more.length > 0)
    throw new UsageError('name two runs: polarplay bench compare last-1 last', 5);
  const runs = runsIn(flags.out);
  process.stdout.write(comparisonText(findRun(runs, one), findRun(runs, other)));
  return 0;
}

/** Two runs as text: first what is different about them, since that explains the figures. */
export function comparisonText(before: RunRecord, after: RunRecord): string {
  const changed = differences(before, after);
  const breaks = changed.filter(d => d.weight === 'breaks');
  const noted = changed.filter(d => d.weight === 'noted');
  return [
    `${before.id} (${before.profile}) and ${after.id} (${after.profile})`,
    '',
    ...(breaks.length > 0
      ? ['not comparable, because of', ...breaks.map(d => `  ${differenceText(d)}`)]
      : []),
    ...(noted.length > 0 ? ['also different', ...noted.map(d => `  ${differenceText(d)}`)] : []),
    ...(changed.length === 0 ? ['hosts, settings and loads are the same'] : []),
    '',
    ...figures(before, after),
    '',
  ].join('\n');
}

function figures(before: RunRecord, after: RunRecord): string[] {
  const rows = after.night.map(b => {
    const a = before.night.find(n => n.workload === b.workload && n.nodes === b.nodes);
    return [
      titleOf(b),
      a ? a.tps.toFixed(0) : 'not measured',
      b.tps.toFixed(0),
      a ? change(a.tps, b.tps) : '',
      p99(a),
      p99(b),
    ];
  });
  const table = [['', 'TPS', 'TPS', '', 'p99 ms', 'p99 ms'], ...rows];
  const widths = table[0]!.map((_, i) => Math.max(...table.map(row => row[i]!.length)));
  return table.map(row =>
    row
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join('  ')
      .trimEnd(),
  );
}

const p99 = (figures: RunRecord['night'][number] | undefined): string =>
  figures?.percentiles?.p99.toFixed(2) ?? '';

const change = (a: number, b: number): string =>
  `${b < a ? '\u2212' : '+'}${(100 * Math.abs(b / a - 1)).toFixed(1)} %`;
