import { spawnSync } from 'node:child_process';
import type { Context } from 'mocha';

/** Tests that change the machine they run on (users, packages) run only when that was asked for, as root. */
export function onlyWhereChangesAreAllowed(test: Context): void {
  if (process.env.POLARPLAY_TEST_SYSTEM === '1' && process.getuid?.() === 0) return;
  console.log('      skipped: changes this machine; runs as root with POLARPLAY_TEST_SYSTEM=1');
  test.skip();
}

/** Skips a test that only root can run, and says what for. */
export function onlyAsRoot(test: Context, what: string): void {
  if (process.getuid?.() === 0) return;
  console.log(`      skipped: only root ${what}; runs when the tests are run as root`);
  test.skip();
}

/** Skips a test that needs programs which are not installed, and says which. */
export function onlyWithPrograms(test: Context, ...programs: readonly string[]): void {
  const missing = programs.filter(p => spawnSync('sh', ['-c', `command -v ${p}`]).status !== 0);
  if (missing.length === 0) return;
  console.log(`      skipped: runs where ${missing.join(', ')} can be found`);
  test.skip();
}
