import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** Before any test: the bundle is made from this source, once, because tests run it as people do. */
export function mochaGlobalSetup(): void {
  execFileSync(process.execPath, ['build.mjs'], { cwd: join(import.meta.dirname, '../..') });
}
