import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The package's own folder: the bundle stands in dist/, the sources stand in folders below. */
export const PACKAGE_ROOT = holderOf(import.meta.dirname);

function holderOf(folder: string): string {
  return existsSync(join(folder, 'playbooks')) || dirname(folder) === folder
    ? folder
    : holderOf(dirname(folder));
}
