/** A regular expression (as text) for a shell pattern: `*`, `?` and `[…]`. */
export function globToRegExp(pattern: string): string {
  return pattern
    .replaceAll(/[\\^$.|+(){}]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.')
    .replaceAll('[!', '[^');
}

/** Whether text matches a whole shell pattern. */
export function matchesGlob(text: string, pattern: string): boolean {
  return new RegExp(`^${globToRegExp(pattern)}$`, 's').test(text);
}

/** Whether text is a shell pattern rather than a name. */
export const isGlob = (text: string): boolean => /[*?[\]!]/.test(text);
