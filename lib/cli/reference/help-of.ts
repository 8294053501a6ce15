import { entryOf } from '../../source/record.ts';
import { PLAYBOOK_HELP } from '../playbook-flags.ts';

type Command = (argv: readonly string[]) => Promise<number>;

/** Commands by their word; each loads what it needs and nothing else. */
export type Commands = Readonly<Record<string, () => Promise<Command>>>;

/** What `polarplay COMMAND --help` prints; without a command the help of playbooks. */
export async function helpOf(commands: Commands, command: string | undefined): Promise<string> {
  const load = command === undefined ? undefined : entryOf(commands, command);
  if (!load) return PLAYBOOK_HELP;
  const run = await load();
  return captured(() => run(['--help']));
}

/** What a command would print. */
export async function captured(run: () => Promise<number>): Promise<string> {
  const written: string[] = [];
  const { write } = process.stdout;
  process.stdout.write = (text: string | Uint8Array) => written.push(String(text)) > 0;
  try {
    await run();
  } finally {
    process.stdout.write = write;
  }
  return written.join('');
}
