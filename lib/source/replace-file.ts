import { chmodSync, chownSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { UsageError } from './errors.ts';

/**
 * Writes beside the file and renames over it: an interrupted write leaves the old file whole. Owner and mode stay as they
 * were; a new file is for its owner only. Throws UsageError where that cannot be.
 */
export function replaceFile(file: string, content: string | Buffer): void {
  const before = statSync(file, { throwIfNoEntry: false });
  const target = before ? realpathSync(file) : file;
  const temporary = join(dirname(target), `.${basename(target)}.${process.pid}.new`);
  try {
    writeFileSync(temporary, content, { mode: 0o600, flag: 'wx' });
    if (before && (before.uid !== process.getuid?.() || before.gid !== process.getgid?.()))
      chownSync(temporary, before.uid, before.gid);
    chmodSync(temporary, (before?.mode ?? 0o600) & 0o7777);
    renameSync(temporary, target);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw new UsageError(`can't write "${target}": ${(error as Error).message}`);
  }
}
