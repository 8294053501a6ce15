import { fault } from '../fault.ts';
import { checkLength } from './limits.ts';

const SURROGATE = /[\ud800-\udfff]/;

/** Characters as Python counts them. */
export function characters(text: string): string[] {
  return SURROGATE.test(text) ? Array.from(text) : text.split('');
}

export function textLength(text: string): number {
  return SURROGATE.test(text) ? Array.from(text).length : text.length;
}

/** `text` from `start` to `end`, counted in characters; both must be in range. */
export function substring(text: string, start: number, end?: number): string {
  if (!SURROGATE.test(text)) return text.slice(start, end);
  return Array.from(text).slice(start, end).join('');
}

export function repeatText(text: string, count: number): string {
  checkLength(text.length * count);
  return count > 0 ? text.repeat(count) : '';
}

/** The indexes a Python slice selects. */
export function sliceIndexes(
  length: number,
  start: number | undefined,
  stop: number | undefined,
  step = 1,
): number[] {
  if (step === 0) throw fault('the step of a slice can not be zero');
  const [low, high] = step > 0 ? [0, length] : [-1, length - 1];
  const clamp = (index: number) => Math.min(Math.max(index < 0 ? index + length : index, low), high);
  const from = start === undefined ? (step > 0 ? low : high) : clamp(start);
  const to = stop === undefined ? (step > 0 ? high : low) : clamp(stop);
  const indexes: number[] = [];
  for (let i = from; step > 0 ? i < to : i > to; i += step) indexes.push(i);
  return indexes;
}

export function padStart(text: string, width: number, fill = ' '): string {
  return repeatText(fill, width - textLength(text)) + text;
}

export function padEnd(text: string, width: number, fill = ' '): string {
  return text + repeatText(fill, width - textLength(text));
}

const WHITESPACE_START = /^[\s\x1c-\x1f\x85]+/;
const WHITESPACE_END = /[\s\x1c-\x1f\x85]+$/;

/** Python's strip: whitespace, or any of `chars`, from the chosen sides. */
export function strip(
  text: string,
  chars: string | undefined,
  sides: 'both' | 'left' | 'right' = 'both',
): string {
  if (chars === undefined) {
    const left = sides === 'right' ? text : text.replace(WHITESPACE_START, '');
    return sides === 'left' ? left : left.replace(WHITESPACE_END, '');
  }
  const set = new Set(characters(chars));
  const all = characters(text);
  let [from, to] = [0, all.length];
  if (sides !== 'right') while (from < to && set.has(all[from] as string)) from++;
  if (sides !== 'left') while (to > from && set.has(all[to - 1] as string)) to--;
  return all.slice(from, to).join('');
}

const LINE_END = /\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]/g;

/** Python's splitlines. */
export function splitLines(text: string, keepEnds = false): string[] {
  const lines: string[] = [];
  let from = 0;
  for (const match of text.matchAll(LINE_END)) {
    const end = match.index + match[0].length;
    lines.push(text.slice(from, keepEnds ? end : match.index));
    from = end;
  }
  if (from < text.length) lines.push(text.slice(from));
  return lines;
}

/** First letter upper case, the rest lower. */
export function capitalize(text: string): string {
  const [first = '', ...rest] = characters(text);
  return first.toUpperCase() + rest.join('').toLowerCase();
}
