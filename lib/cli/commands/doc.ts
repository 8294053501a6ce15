import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from '../../source/errors.ts';
import { type Flags, flagsHelp, type Parsed, parseFlags } from '../../source/flags.ts';
import { PACKAGE_ROOT } from '../../source/package-root.ts';
import { didYouMean, nearest } from '../../source/suggest.ts';
import { entriesOf, entryNamed, KINDS, type Kind } from '../reference/entries.ts';
import { referencePages } from '../reference/reference.ts';
import { lookOf, terminalPage } from '../reference/terminal-page.ts';

const FLAGS = {
  type: { short: 't', value: 'TYPE', help: `${KINDS.join(', ')}; any of them if not given.` },
  list: { short: 'l', help: 'All of a type (default module), a line each.' },
  write: { value: 'DIR', help: 'Write the reference pages into this folder.' },
  roles: { value: 'DIR', help: 'The roles whose variables are described (default those of the package).' },
  help: { short: 'h', help: 'This text.' },
} as const satisfies Flags;

const HELP = `polarplay doc NAME…: what a module, filter, test, lookup, keyword, role or variable does

  polarplay doc copy                  # a module: its arguments and results
  polarplay doc -t filter combine     # one of several things of a name
  polarplay doc polardb_port          # a variable of a role
  polarplay doc -l -t filter          # all filters, a line each

${flagsHelp(FLAGS)}
`;

/** `polarplay doc`. */
export async function runDocCommand(argv: readonly string[]): Promise<number> {
  const flags = parseFlags(FLAGS, argv);
  const dir = flags.text('write');
  if (flags.has('help') || (flags.positionals.length === 0 && !flags.has('list') && dir === undefined)) {
    process.stdout.write(HELP);
    return flags.has('help') ? 0 : 5;
  }
  const roles = flags.text('roles') ?? join(PACKAGE_ROOT, 'roles');
  if (dir !== undefined) {
    mkdirSync(dir, { recursive: true });
    for (const [name, text] of Object.entries(referencePages(roles))) writeFileSync(join(dir, name), text);
  }
  const kind = kindOf(flags);
  if (flags.has('list'))
    for (const { name, summary } of entriesOf(kind ?? 'module', roles))
      process.stdout.write(`${name.padEnd(24)} ${summary}\n`);
  const pages = flags.positionals.flatMap(name => pagesOf(name, kind, roles));
  process.stdout.write(pages.join('\n'));
  return 0;
}

function kindOf(flags: Parsed): Kind | undefined {
  const word = flags.text('type');
  const kind = KINDS.find(one => one === word);
  if (word === undefined || kind !== undefined) return kind;
  throw new UsageError(`no type "${word}", ${didYouMean(word, KINDS) ?? `there are ${KINDS.join(', ')}`}`, 5);
}

/** A page for each entry of this name. Throws UsageError when there is none. */
function pagesOf(name: string, kind: Kind | undefined, roles: string): string[] {
  const kinds = kind === undefined ? KINDS : [kind];
  const found = kinds.flatMap(one => entryNamed(one, name, roles) ?? []);
  if (found.length > 0) return found.map(entry => terminalPage(entry.page(), lookOf(process.stdout)));
  const near = nearest(
    name,
    kinds.flatMap(one => entriesOf(one, roles).map(entry => entry.name)),
  );
  const what = kind ?? 'module, filter, test, lookup, keyword, role or variable';
  throw new UsageError(`no ${what} "${name}"${near === undefined ? '' : `, did you mean "${near}"?`}`);
}
