import { writeFileSync } from 'node:fs';
import { type Entry, readJournal } from '../../report/journal.ts';
import { duration } from '../../report/lines.ts';
import { runPage } from '../../report/page.ts';
import { choosePaint } from '../../report/style.ts';
import { formatTable } from '../../report/table.ts';
import { TerminalReport } from '../../report/terminal.ts';
import { UsageError } from '../../source/errors.ts';
import { type Flags, flagsHelp, parseFlags } from '../../source/flags.ts';
import { didYouMean } from '../../source/suggest.ts';
import { journalFile, keptRuns, runsFolder } from '../run-journal.ts';

const FLAGS = {
  report: { value: 'FILE', help: 'Write the run as one HTML page.' },
  verbose: { short: 'v', help: 'Show results; up to -vvvv shows more.' },
  diff: { short: 'D', help: 'Show what changed in files, where the run noted it (--diff).' },
  help: { short: 'h', help: 'This text.' },
} as const satisfies Flags;

const HELP = `polarplay runs [show ID|last]: the last runs of playbooks on this machine

${flagsHelp(FLAGS)}

  polarplay runs                                 # lists them, the newest first
  polarplay runs show last                       # shows the newest one again
  polarplay runs show last --report run.html     # as a page: failures, changes, slowest tasks, times per host

Runs are kept in $POLARPLAY_RUNS, or in ~/.local/state/polarplay/runs: the newest 50, for you alone to read.
`;

/** `polarplay runs`: what earlier runs did, from their journals. */
export async function runRunsCommand(argv: readonly string[]): Promise<number> {
  const flags = parseFlags(FLAGS, argv);
  const [word = 'list', id = 'last'] = flags.positionals;
  if (flags.has('help')) process.stdout.write(HELP);
  else if (word === 'list') process.stdout.write(listText());
  else if (word === 'show') {
    const entries = readJournal(journalFile(chosen(id)));
    const file = flags.text('report');
    if (file !== undefined) writeFileSync(file, runPage(entries));
    else replay(entries, { verbosity: flags.count('verbose'), showDiff: flags.has('diff') });
  } else {
    const hint = didYouMean(word, ['list', 'show']);
    throw new UsageError(`runs: there is "list" and "show ID", not "${word}"`, 5, hint);
  }
  return 0;
}

function chosen(id: string): string {
  const runs = keptRuns();
  const found = id === 'last' ? runs[0] : runs.find(run => run === id);
  if (found !== undefined) return found;
  throw new UsageError(
    runs.length === 0
      ? `no run is kept in ${runsFolder()}`
      : `no run "${id}" is kept (polarplay runs lists them)`,
  );
}

function listText(): string {
  const runs = keptRuns().map(id => ({ id, entries: readJournal(journalFile(id)) }));
  if (runs.length === 0) return 'no run is kept yet\n';
  const rows = runs.map(({ id, entries }) => rowOf(id, entries));
  const paint = choosePaint(process.stdout.isTTY === true, process.env);
  return `${formatTable(['RUN', 'PLAYBOOK', 'HOSTS', 'CHANGED', 'TIME', 'END'], rows, paint)}\n`;
}

function rowOf(id: string, entries: readonly Entry[]): string[] {
  const start = entries.find(entry => entry.type === 'run-start');
  const end = entries.findLast(entry => entry.type === 'run-end');
  const hosts = Object.values(end?.summary.hosts ?? {});
  const code = end?.summary.exitCode;
  return [
    id,
    `${start?.playbooks.join(', ') ?? ''}${start?.checkMode ? ' (dry run)' : ''}`,
    end ? String(hosts.length) : '-',
    end ? String(hosts.reduce((sum, host) => sum + host.changed, 0)) : '-',
    duration((entries.at(-1)?.at ?? 0) - (entries[0]?.at ?? 0)),
    code === undefined ? 'killed' : code === 0 ? 'done' : `failed (${code})`,
  ];
}

/** The run as its own terminal showed it. */
function replay(entries: readonly Entry[], shown: { verbosity: number; showDiff: boolean }): void {
  const isTerminal = process.stdout.isTTY === true;
  const options = {
    paint: choosePaint(isTerminal, process.env),
    width: (isTerminal && process.stdout.columns) || 80,
    ...shown,
  };
  const report = new TerminalReport(process.stdout, options, false);
  for (const entry of entries) report.on(entry);
  report.finish();
}
