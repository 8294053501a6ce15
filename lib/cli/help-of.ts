import { entryOf } from '../source/record.ts';
import { COMMANDS } from './command-table.ts';
import { PLAYBOOK_HELP } from './playbook-flags.ts';

/** What `polarplay COMMAND --help` prints; without a command the help of playbooks. */
export async function helpOf(command: string | undefined): Promise<string> {
  const load = command === undefined ? undefined : entryOf(COMMANDS, command);
  if (!load) return PLAYBOOK_HELP;
  const run = await load();
  const written: string[] = [];
  const { write } = process.stdout;
  process.stdout.write = (text: string | Uint8Array) => written.push(String(text)) > 0;
  try {
    await run(['--help']);
  } finally {
    process.stdout.write = write;
  }
  return written.join('');
}
