import type { Position } from '../errors.ts';

/** How a scalar is written, and where: enough to find the place of any character of its value again. */
export interface ScalarText {
  readonly style: 'plain' | 'single' | 'double' | 'literal' | 'folded';
  /** The whole file. */
  readonly source: string;
  /** Offsets of the scalar in the file, quotes and block header included. */
  readonly start: number;
  readonly end: number;
}

const SCALAR = Symbol('scalar');

/** Remembers in a position how the scalar that stands there is written. Invisible to everything that reads positions. */
export function withScalar(position: Position, scalar: ScalarText): Position {
  return Object.defineProperty(position, SCALAR, { value: scalar, enumerable: false });
}

/**
 * The place in its file of character `offset` of a scalar's value. `at` is where the scalar starts and `text` its
 * value. Quotes, escapes and the indentation of block scalars are counted when `at` came from `parseYaml`.
 */
export function shiftPosition(at: Position, text: string, offset: number, length = 1): Position {
  const scalar = (at as { [SCALAR]?: ScalarText })[SCALAR];
  if (!scalar) return countLines(at, text, offset, length);
  const place = locate(scalar, text, offset);
  const before = scalar.source.slice(scalar.start, place);
  const lines = before.split('\n');
  const last = lines[lines.length - 1] ?? '';
  const line = at.line + lines.length - 1;
  const col = lines.length === 1 ? at.col + last.length : last.length + 1;
  const lineEnd = scalar.source.indexOf('\n', place);
  const room = (lineEnd < 0 ? scalar.source.length : lineEnd) - place;
  return { file: at.file, line, col, length: Math.max(1, Math.min(length, room)) };
}

function countLines(at: Position, text: string, offset: number, length: number): Position {
  const lines = text.slice(0, offset).split('\n');
  const last = lines[lines.length - 1] ?? '';
  const col = lines.length === 1 ? at.col + last.length : last.length + 1;
  return { file: at.file, line: at.line + lines.length - 1, col, length };
}

/** Offset in the file of the value's character `offset`. */
function locate(scalar: ScalarText, value: string, offset: number): number {
  return scalar.style === 'literal'
    ? locateLiteral(scalar, value, offset)
    : locateFlowing(scalar, value, offset);
}

/** A literal block has a line in the file for every line of its value, each indented by the same width. */
function locateLiteral({ source, start, end }: ScalarText, value: string, offset: number): number {
  const lines = source.slice(lineAfter(source, start), end).split('\n');
  const values = value.split('\n');
  const first = values.findIndex(line => line.trim() !== '');
  const indent = Math.max(0, (lines[first]?.length ?? 0) - (values[first]?.length ?? 0));
  const before = value.slice(0, offset).split('\n');
  let place = lineAfter(source, start);
  for (const line of lines.slice(0, before.length - 1)) place += line.length + 1;
  return Math.min(end, place + indent + (before.at(-1)?.length ?? 0));
}

/** In all other styles lines are folded or escaped: value and source are walked side by side. */
function locateFlowing(scalar: ScalarText, value: string, offset: number): number {
  const { source, style, start, end } = scalar;
  let at = start;
  if (style === 'single' || style === 'double') at += 1;
  if (style === 'folded') at = skipBlank(source, lineAfter(source, at), end);
  for (let i = 0; i < offset && at < end; i += 1) at = step(scalar, value, i, at);
  const next = value[offset];
  if (next !== undefined && !/\s/.test(next)) at = skipFolds(scalar, at);
  return Math.min(at, end);
}

/** Passes the source text that stands for character `i` of the value. */
function step(scalar: ScalarText, value: string, i: number, at: number): number {
  const { source, style, end } = scalar;
  const wanted = value[i] ?? '';
  if (/\s/.test(wanted)) {
    if (style === 'double' && source[at] === '\\' && source[at + 1] !== '\n')
      return at + escapeLength(source, at);
    if (source[at] === wanted && wanted !== '\n') return at + 1;
    return /\s/.test(value[i + 1] ?? '') ? at + 1 : skipBlank(source, at, end);
  }
  const here = skipFolds(scalar, at);
  if (style === 'double' && source[here] === '\\') return here + escapeLength(source, here);
  if (style === 'single' && source.startsWith("''", here)) return here + 2;
  return here + 1;
}

/** Passes white space and, in double quotes, escaped line ends: nothing of the value. */
function skipFolds({ source, style, end }: ScalarText, at: number): number {
  let here = skipBlank(source, at, end);
  while (style === 'double' && source.startsWith('\\\n', here)) here = skipBlank(source, here + 2, end);
  return here;
}

function escapeLength(source: string, at: number): number {
  const sizes: Record<string, number> = { x: 4, u: 6, U: 10 };
  return sizes[source[at + 1] ?? ''] ?? 2;
}

function lineAfter(source: string, at: number): number {
  const end = source.indexOf('\n', at);
  return end < 0 ? source.length : end + 1;
}

function skipBlank(source: string, at: number, end: number): number {
  let here = at;
  while (here < end && /\s/.test(source[here] ?? '')) here += 1;
  return here;
}
