import { defined } from '../../source/defined.ts';
import { ModuleError, quote } from './define.ts';

/** The first word of a command line, and what is behind it as it was written. */
export function firstWord(line: string): readonly [string, string] {
  const trimmed = line.trim();
  const raw = defined(
    /^(?:'[^']*'|"(?:\\[\s\S]|[^"\\])*"|\\[\s\S]|[^\s'"\\])*/.exec(trimmed),
    'the pattern matches an empty text',
  )[0];
  return [splitWords(raw)[0] ?? '', trimmed.slice(raw.length)];
}

/** Splits a command line into words as Python's shlex does: quotes and backslashes, no expansion of anything. */
export function splitWords(line: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quoteChar = '';
  for (let i = 0; i < line.length; i++) {
    const char = line.charAt(i);
    if (quoteChar !== '') {
      if (char === quoteChar) quoteChar = '';
      else if (char === '\\' && quoteChar === '"' && /["\\]/.test(line[i + 1] ?? ''))
        word += line.charAt(++i);
      else word += char;
    } else if (char === '"' || char === "'") {
      quoteChar = char;
      word ??= '';
    } else if (char === '\\') {
      if (i + 1 >= line.length) throw new ModuleError(`No escaped character in: ${line}`);
      word = (word ?? '') + line.charAt(++i);
    } else if (/\s/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? '') + char;
  }
  if (quoteChar !== '') throw new ModuleError(`No closing quotation in: ${line}`);
  if (word !== undefined) words.push(word);
  return words;
}

/** Further arguments that an author wrote as one text, as shell words: no expansion of anything, no second command. */
export const quotedWords = (text: string): string => splitWords(text).map(quote).join(' ');
