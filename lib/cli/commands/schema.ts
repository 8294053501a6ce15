import { join } from 'node:path';
import { allModules } from '../../engine/module-list.ts';
import { playbookSchema } from '../../playbook/schema.ts';
import { UsageError } from '../../source/errors.ts';
import { PACKAGE_ROOT } from '../../source/package-root.ts';
import { entryOf } from '../../source/record.ts';
import { didYouMean } from '../../source/suggest.ts';
import { inventorySchema } from '../reference/inventory-schema.ts';

/** What makes each schema; those of other parts of the program are handed in. */
export type Schemas = Readonly<Record<string, () => object | Promise<object>>>;

const OWN: Schemas = {
  playbook: () => playbookSchema(allModules()),
  inventory: () => inventorySchema(join(PACKAGE_ROOT, 'roles')),
};

const HELP = `polarplay schema NAME: JSON Schema, for editors

  inventory   hosts and variables of the roles; init writes it, and names it in hosts.yaml
  playbook    plays and tasks, with the arguments of all modules
  profile     what "bench --profile FILE" measures
  waivers     faults that "verify --waivers FILE" lives with
  checks      checks of one's own, in verify.d

  polarplay schema waivers > waivers.schema.json

and, as the first line of waivers.yaml, for editors with yaml-language-server (VS Code, Neovim, Emacs and others):

  # yaml-language-server: $schema=waivers.schema.json
`;

/** `polarplay schema`: what may stand in a file, for editors. */
export async function runSchemaCommand(argv: readonly string[], more: Schemas): Promise<number> {
  const schemas = { ...OWN, ...more };
  const [name = '--help'] = argv;
  if (name === '--help' || name === '-h') {
    process.stdout.write(HELP);
    return 0;
  }
  const schema = entryOf(schemas, name);
  if (!schema) {
    const hint = didYouMean(name, Object.keys(schemas));
    throw new UsageError(`there is a schema for playbook and inventory, not for "${name}"`, 5, hint);
  }
  process.stdout.write(`${JSON.stringify(await schema(), null, 1)}\n`);
  return 0;
}
