import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { PACKAGE_ROOT } from '../../lib/source/package-root.ts';

/** Pages that readers find, from the root of the project. */
export const PAGES: readonly string[] = ['.', 'docs', 'docs/zh-CN', 'verify', 'bench', 'lib/lab'].flatMap(
  folder =>
    readdirSync(join(PACKAGE_ROOT, folder))
      .filter(name => name.endsWith('.md') && name !== 'CHANGELOG.md')
      .map(name => join(folder, name)),
);
