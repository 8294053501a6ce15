import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { allModules, findModule } from '../../engine/module-list.ts';
import { UsageError } from '../../source/errors.ts';
import { type Flags, flagsHelp, parseFlags } from '../../source/flags.ts';
import { nearest } from '../../source/suggest.ts';
import { modulePage, referencePages } from '../reference/reference.ts';

const FLAGS = {
  list: { short: 'l', help: 'All modules, a line each.' },
  write: { value: 'DIR', help: 'Write the reference pages into this folder.' },
  roles: { value: 'DIR', help: 'With --write: the roles whose variables are described (default roles).' },
  help: { short: 'h', help: 'This text.' },
} as const satisfies Flags;

/** `polarplay doc`: what a module does and takes. */
export async function runDocCommand(argv: readonly string[]): Promise<number> {
  const flags = parseFlags(FLAGS, argv);
  const dir = flags.text('write');
  if (flags.has('help') || (flags.positionals.length === 0 && !flags.has('list') && dir === undefined)) {
    process.stdout.write(`polarplay doc MODULE… | --list\n\n${flagsHelp(FLAGS)}\n`);
    return flags.has('help') ? 0 : 5;
  }
  if (dir !== undefined) {
    mkdirSync(dir, { recursive: true });
    for (const [name, text] of Object.entries(referencePages(flags.text('roles') ?? 'roles')))
      writeFileSync(join(dir, name), text);
  }
  if (flags.has('list'))
    for (const { name, summary } of allModules()) process.stdout.write(`${name.padEnd(24)} ${summary}\n`);
  for (const name of flags.positionals) {
    const module = findModule(name);
    const near = module
      ? undefined
      : nearest(
          name,
          allModules().map(one => one.name),
        );
    if (!module)
      throw new UsageError(`no module "${name}"${near === undefined ? '' : `, did you mean "${near}"?`}`);
    process.stdout.write(modulePage(module));
  }
  return 0;
}
