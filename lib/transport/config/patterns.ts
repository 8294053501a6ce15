import { escapeRegExp } from '../../source/escape-regexp.ts';

/** OpenSSH's pattern list: `*` and `?`, and `!` which wins over any match. Names of hosts have no case. */
export function matchesPatterns(
  patterns: readonly string[],
  name: string,
  as: 'host' | 'exact' = 'host',
): boolean {
  const flags = as === 'host' ? 'is' : 's';
  if (patterns.some(pattern => pattern.startsWith('!') && matchesOne(pattern.slice(1), name, flags)))
    return false;
  return patterns.some(pattern => !pattern.startsWith('!') && matchesOne(pattern, name, flags));
}

function matchesOne(pattern: string, name: string, flags: string): boolean {
  const source = escapeRegExp(pattern).replaceAll('\\*', '.*').replaceAll('\\?', '.');
  return new RegExp(`^${source}$`, flags).test(name);
}
