import { join } from 'node:path';
import { allModules } from '../../engine/module-list.ts';
import { playbookSchema } from '../../playbook/schema.ts';
import { UsageError } from '../../source/errors.ts';
import { PACKAGE_ROOT } from '../../source/package-root.ts';
import { entryOf } from '../../source/record.ts';
import { didYouMean } from '../../source/suggest.ts';
import { inventorySchema } from '../reference/inventory-schema.ts';

const SCHEMAS: Readonly<Record<string, () => object>> = {
  playbook: () => playbookSchema(allModules()),
  inventory: () => inventorySchema(join(PACKAGE_ROOT, 'roles')),
};

const HELP = `polarplay schema playbook|inventory: JSON Schema, for editors

  polarplay schema inventory > inventory.schema.json

and, as the first line of hosts.yaml, for editors with yaml-language-server (VS Code, Neovim, Emacs and others):

  # yaml-language-server: $schema=inventory.schema.json
`;

/** `polarplay schema`: what may stand in a file, for editors. */
export async function runSchemaCommand(argv: readonly string[]): Promise<number> {
  const [name = '--help'] = argv;
  if (name === '--help' || name === '-h') {
    process.stdout.write(HELP);
    return 0;
  }
  const schema = entryOf(SCHEMAS, name);
  if (!schema) {
    const hint = didYouMean(name, Object.keys(SCHEMAS));
    throw new UsageError(`there is a schema for playbook and inventory, not for "${name}"`, 5, hint);
  }
  process.stdout.write(`${JSON.stringify(schema(), null, 1)}\n`);
  return 0;
}
