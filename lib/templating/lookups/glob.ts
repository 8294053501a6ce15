import { type Dirent, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fault } from '../fault.ts';

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
  const matches = matcher(part);
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

/** A shell pattern for one name as a regular expression. */
export function matcher(pattern: string): RegExp {
  const source = pattern.replace(/\[(!?)([^\]]+)\]|[*?]|[.+^${}()|\\[\]]/g, (part, not, set) => {
    if (part === '*') return '.*';
    if (part === '?') return '.';
    return set === undefined ? `\\${part}` : `[${not ? '^' : ''}${set.replace(/[\\^]/g, '\\$&')}]`;
  });
  try {
    return new RegExp(`^${source}$`, 's');
  } catch {
    throw fault(`"${pattern}" is not a valid pattern`);
  }
}
