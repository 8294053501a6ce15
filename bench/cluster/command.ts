import { UsageError } from '../../lib/source/errors.ts';
import { didYouMean } from '../../lib/source/suggest.ts';
import { runCommand } from './commands/run.ts';

type Command = (argv: readonly string[]) => Promise<number>;

/** What `polarplay bench` can do; measuring is the word left out. */
const COMMANDS: ReadonlyMap<string, () => Promise<Command>> = new Map([
  ['run', async () => runCommand],
  ['http', async () => (await import('../http/command.ts')).httpCommand],
  ['history', async () => (await import('./commands/history.ts')).historyCommand],
  ['compare', async () => (await import('./commands/compare.ts')).compareCommand],
  ['accept', async () => (await import('./commands/accept.ts')).acceptCommand],
  ['report', async () => (await import('./commands/report.ts')).reportCommand],
  ['watch', async () => (await import('./commands/watch.ts')).watchCommand],
  ['simulate', async () => (await import('./commands/simulate.ts')).simulateCommand],
]);

/** `polarplay bench`: measures a cluster and tells how tonight compares; gives the exit code. */
export async function benchCommand(argv: readonly string[]): Promise<number> {
  const [first = ''] = argv;
  if (first === '' || first.startsWith('-')) return runCommand(argv);
  const command = COMMANDS.get(first);
  if (command) return (await command())(argv.slice(1));
  const hint = didYouMean(first, [...COMMANDS.keys()]);
  throw new UsageError(
    `"${first}" is nothing that bench does${hint === undefined ? '' : `, ${hint}`}: ${[...COMMANDS.keys()].join(', ')}; an inventory is named with -i`,
    5,
  );
}
