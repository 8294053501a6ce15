import { escapeRegExp } from './escape-regexp.ts';

/**
 * A shell pattern as Python's `fnmatch` reads it, as the source of a regular expression for the whole text: `*` and
 * `?` match any character, `/` and line ends too; `[abc]`, `[a-z]` and `[!a]` one of a set. A bracket without an end is
 * a bracket. The source holds nothing that `grep -E` reads in another way, but for a set that is empty.
 */
export function fnmatchSource(pattern: string): string {
  let source = '';
  for (let i = 0; i < pattern.length; i++) {
    const char = pattern[i]!;
    // The first character of a set may be a bracket itself.
    const close = char === '[' ? pattern.indexOf(']', i + (pattern[i + 1] === '!' ? 3 : 2)) : -1;
    if (char === '*') source += '.*';
    else if (char === '?') source += '.';
    else if (close > 0) {
      source += setSource(pattern.slice(i + 1, close));
      i = close;
    } else source += escapeRegExp(char);
  }
  return source;
}

/** A shell pattern as a regular expression for the whole text. */
export const fnmatch = (pattern: string): RegExp => new RegExp(`^${fnmatchSource(pattern)}$`, 's');

/** Whether text is a shell pattern rather than a name. */
export const isPattern = (text: string): boolean => /[*?[]/.test(text);

function setSource(body: string): string {
  const negated = body.startsWith('!');
  const inside = (negated ? body.slice(1) : body).replace(/[\\[\]^]/g, '\\$&');
  const source = `[${negated ? '^' : ''}${inside}]`;
  try {
    new RegExp(source);
    return source;
  } catch {
    // A range that ends before it begins, such as [z-a]: nothing is in it.
    return negated ? '.' : '(?!)';
  }
}
