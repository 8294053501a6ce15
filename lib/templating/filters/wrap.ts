import { fault } from '../fault.ts';
import { characters, textLength } from '../python/text.ts';

export interface WrapRules {
  readonly width: number;
  readonly breakLong: boolean;
  readonly breakHyphens: boolean;
}

// A hyphen inside a word, after two letters and before one, is a place where the word may be broken.
const HYPHEN =
  /(?<=[\p{L}_]{2}-)(?=[\p{L}_]-?[\p{L}_])|(?<=[^\s\p{L}\p{N}_-])(?=-{2,}[\p{L}\p{N}_])|(?<=[\p{L}\p{N}_])(?=-{2,}[\p{L}\p{N}_])|(?<=-{2,})(?=[\p{L}\p{N}_])/u;

/** Breaks one paragraph into lines of at most `width`, as Python's textwrap does. */
export function wrap(text: string, rules: WrapRules): string[] {
  if (rules.width < 1) throw fault('the width must be at least 1');
  const chunks = text
    .split(/([ \t\n\v\f\r]+)/)
    .flatMap(part => (rules.breakHyphens && part.trim() !== '' ? part.split(HYPHEN) : [part]))
    .filter(part => part !== '')
    .reverse();
  const lines: string[] = [];
  while (chunks.length > 0) {
    const line: string[] = [];
    if (lines.length > 0 && chunks.at(-1)?.trim() === '') chunks.pop();
    fillLine(line, chunks, rules);
    if (line.length > 0 && line.at(-1)?.trim() === '') line.pop();
    if (line.length > 0) lines.push(line.join(''));
  }
  return lines;
}

function fillLine(line: string[], chunks: string[], rules: WrapRules): void {
  let length = 0;
  while (chunks.length > 0) {
    const size = textLength(chunks.at(-1) as string);
    if (length + size > rules.width) break;
    line.push(chunks.pop() as string);
    length += size;
  }
  const next = chunks.at(-1);
  if (next !== undefined && textLength(next) > rules.width)
    breakLongWord(line, chunks, rules, rules.width - length);
}

function breakLongWord(line: string[], chunks: string[], rules: WrapRules, room: number): void {
  const word = characters(chunks.at(-1) as string);
  if (rules.breakLong) {
    const space = Math.max(1, room);
    let end = space;
    if (rules.breakHyphens && word.length > space) {
      const hyphen = word.slice(0, space).lastIndexOf('-');
      if (hyphen > 0 && word.slice(0, hyphen).some(char => char !== '-')) end = hyphen + 1;
    }
    line.push(word.slice(0, end).join(''));
    chunks[chunks.length - 1] = word.slice(end).join('');
  } else if (line.length === 0) line.push(chunks.pop() as string);
}
