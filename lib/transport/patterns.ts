import { escapeRegExp } from '../source/escape-regexp.ts';

/** OpenSSH's pattern list: `*` and `?`, and `!` which wins over any match. */
export function matchesPatterns(patterns: readonly string[], name: string): boolean {
  if (patterns.some(pattern => pattern.startsWith('!') && matchesOne(pattern.slice(1), name))) return false;
  return patterns.some(pattern => !pattern.startsWith('!') && matchesOne(pattern, name));
}

function matchesOne(pattern: string, name: string): boolean {
  const source = escapeRegExp(pattern).replaceAll('\\*', '.*').replaceAll('\\?', '.');
  return new RegExp(`^${source}$`, 'i').test(name);
}
