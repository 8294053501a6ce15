import { type Dirent, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fnmatch } from '../../source/fnmatch.ts';

/** Regular files that a shell pattern matches. */
export function globFiles(pattern: string): string[] {
  return glob(pattern).filter(path => statSync(path, { throwIfNoEntry: false })?.isFile());
}

/** Paths that a shell pattern (`*`, `?`, `[…]`) matches, each folder's names in order. */
export function glob(pattern: string): string[] {
  const parts = pattern.split('/').filter(part => part !== '');
  return parts.reduce<string[]>(
    (paths, part) => paths.flatMap(path => step(path, part)),
    [pattern.startsWith('/') ? '/' : ''],
  );
}

function step(base: string, part: string): string[] {
  if (!/[*?[]/.test(part)) {
    const path = join(base, part);
    return statSync(path, { throwIfNoEntry: false }) ? [path] : [];
  }
  const matches = fnmatch(part);
  return entries(base === '' ? '.' : base)
    .map(entry => entry.name)
    .filter(name => (!name.startsWith('.') || part.startsWith('.')) && matches.test(name))
    .sort()
    .map(name => join(base, name));
}

function entries(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    // not a folder, or none that may be read: nothing matches there
    return [];
  }
}
