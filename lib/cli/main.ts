import '../source/frozen-prototype.ts';
import { existsSync } from 'node:fs';
import { resourceHint, UsageError, withHint } from '../source/errors.ts';
import { entryOf } from '../source/record.ts';
import { visible } from '../source/visible.ts';
import { COMMANDS } from './command-table.ts';
import { surviveBrokenStreams } from './standard-output.ts';

const HELP = `polarplay runs playbooks on hosts over plain SSH, without Python on the hosts.

  polarplay PLAYBOOK… -i INVENTORY [options]   run playbooks
  polarplay run PATTERN -i INVENTORY -a ARGS   one task on many hosts
  polarplay inventory --list|--graph|--host    what the inventory says
  polarplay doc NAME                           what a module, filter, role or variable does
  polarplay init                               the files of a new cluster, from four addresses
  polarplay check -i INVENTORY                 can the cluster be deployed on these hosts?
  polarplay status -i INVENTORY                a cluster at a glance
  polarplay serve -i INVENTORY                 the same as a page, JSON and metrics
  polarplay verify -i INVENTORY                what must be true after a deployment
  polarplay faults -i INVENTORY                break a test cluster under load, and heal it: nothing is lost
  polarplay bench -i INVENTORY                 pgbench on every node, with a report
  polarplay wipe -i INVENTORY                  empty a shared disk, after asking for its identity
  polarplay runs [show last]                   what earlier runs did, also as a page
  polarplay lint [FILE…] [--fix]               mistakes and style findings, by ansible-lint's rules
  polarplay schema NAME                        JSON Schema, for editors
  polarplay completion bash|zsh|fish           completion for the shell
  polarplay vault encrypt|decrypt|view|edit    secrets in files
  polarplay lab up|down|status|ssh|reboot      throw-away hosts on this machine

Examples:
  polarplay init prod && cd prod && polarplay check -i hosts.yaml
  polarplay site.yml -i hosts.yaml
  polarplay site.yml -i hosts.yaml --check --diff
  polarplay site.yml -i hosts.yaml --role nbd_client --limit ro1

"polarplay --help all" lists the options, "polarplay COMMAND --help" those of a command.
`;

async function main(argv: readonly string[]): Promise<number> {
  const [first] = argv;
  if (first === 'version') {
    process.stdout.write(`polarplay ${process.env['POLARPLAY_VERSION'] ?? 'development'}\n`);
    return 0;
  }
  // For the build.
  if (first === 'man-page') {
    const { manPage } = await import('./reference/man-page.ts');
    process.stdout.write(await manPage(COMMANDS, HELP, process.env['POLARPLAY_VERSION'] ?? ''));
    return 0;
  }
  if (first === undefined || (argv.length === 1 && ['help', '--help', '-h'].includes(first))) {
    process.stdout.write(HELP);
    return first === undefined ? 5 : 0;
  }
  if (first === 'help') return main([...argv.slice(1), '--help']);
  const command = entryOf(COMMANDS, first);
  if (command) return (await command())(argv.slice(1));
  if (isWord(first)) throw new UsageError(await unknownCommand(first), 5);
  const { runPlaybookCommand } = await import('./commands/playbook.ts');
  return runPlaybookCommand(argv);
}

/** A word that can only be a command: a playbook is a file, and its name has a dot or a slash. */
const isWord = (text: string): boolean => /^[a-z][a-z-]*$/i.test(text) && !existsSync(text);

/** What people of Ansible type first. */
const ANSIBLE: Readonly<Record<string, string>> = {
  ansible: 'polarplay run PATTERN',
  'ansible-playbook': 'polarplay PLAYBOOK.yml',
};

async function unknownCommand(word: string): Promise<string> {
  const own = entryOf(ANSIBLE, word) ?? word.replace(/^ansible-/, 'polarplay ');
  if (own !== word) return `"${word}" is Ansible's: here it is "${own}"`;
  const { didYouMean } = await import('../source/suggest.ts');
  const hint = didYouMean(word, [...Object.keys(COMMANDS), 'help', 'version']);
  return `"${word}" is not a command${hint === undefined ? '' : `, ${hint}`} ("polarplay help" lists them); a playbook's name ends in .yml`;
}

surviveBrokenStreams();

main(process.argv.slice(2)).then(
  code => {
    process.exitCode = code;
  },
  async (error: unknown) => {
    const { text, code } = await explained(error);
    process.stderr.write(text);
    process.exitCode = code;
  },
);

/** The code that explains a failure is loaded only then. If it cannot be read either, the message stands alone. */
async function explained(error: unknown): Promise<{ readonly text: string; readonly code: number }> {
  if (error instanceof UsageError)
    return { text: `polarplay: ${visible(withHint(error))}\n`, code: error.exitCode };
  const { message, code } = error as NodeJS.ErrnoException;
  const hint = resourceHint(code);
  if (hint !== undefined) return { text: `polarplay: ${visible(`${message}\n${hint}`)}\n`, code: 1 };
  const { failureText } = await import('./failure.ts');
  return failureText(error);
}
