import {
  type Document,
  parseAllDocuments,
  type Scalar,
  visit,
  type YAMLError,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml';

/** A parsed text. Offsets of nodes and errors count in what the parser saw; `toSource` leads back to the file. */
export interface ParsedText {
  readonly documents: readonly Document.Parsed[];
  /** The first mistake; what follows it is mostly its consequence. */
  readonly error: YAMLError | undefined;
  readonly toSource: (offset: number) => number;
  /** Offset in the file of a quote or bracket that is never closed, when that is the mistake. */
  readonly unclosed: number | undefined;
}

/** More than any line is indented by. */
const PAD = 256;
const MAX_ROUNDS = 100;

/**
 * Parses a text as YAML 1.1. The lines of a quoted text, and those between brackets, may stand as far left as they
 * like, as PyYAML allows; the parser wants them indented, so they are: white space at their start does not count.
 */
export function parseText(source: string): ParsedText {
  const insertions = new Set<number>();
  const repaired: { readonly start: number; readonly end: number }[] = [];
  for (let round = 0; ; round += 1) {
    const at = [...insertions].sort((a, b) => a - b);
    const toSource = mapping(at);
    const documents = parse(withInsertions(source, at));
    const error = documents.flatMap(document => document.errors)[0];
    const opening = error && openingOf(documents, error);
    const start = opening === undefined ? undefined : toSource(opening);
    const end = start === undefined ? undefined : closingOf(source, start);
    const before = insertions.size;
    if (start !== undefined && end !== undefined && round < MAX_ROUNDS) {
      for (const line of continuationLines(source, start, end)) insertions.add(line);
    }
    if (insertions.size > before) {
      repaired.push({ start: start ?? 0, end: lineEnd(source, end ?? 0) });
      continue;
    }
    const wrong =
      error && repaired.find(one => toSource(error.pos[0]) >= one.start && toSource(error.pos[0]) <= one.end);
    return { documents, error, toSource, unclosed: wrong?.start ?? start };
  }
}

function parse(text: string): Document.Parsed[] {
  const documents = parseAllDocuments(text, {
    version: '1.1',
    schema: 'failsafe',
    merge: false,
    uniqueKeys: false,
    prettyErrors: false,
    strict: true,
    logLevel: 'silent',
  });
  return Array.isArray(documents) ? documents : [];
}

function withInsertions(source: string, at: readonly number[]): string {
  const parts = [...at, source.length].map((offset, i) => source.slice(at[i - 1] ?? 0, offset));
  return parts.join(' '.repeat(PAD));
}

/** From an offset in the padded text to the one in the source: padding leads to the place it was put at. */
function mapping(at: readonly number[]): (offset: number) => number {
  return offset => {
    let low = 0;
    let high = at.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((at[middle] ?? 0) + middle * PAD <= offset) low = middle + 1;
      else high = middle;
    }
    return low === 0 ? offset : Math.max(at[low - 1] ?? 0, offset - low * PAD);
  };
}

/** Where the quote or bracket stands that is never closed; the parser points at the end of what it took. */
function openingOf(documents: readonly Document.Parsed[], error: YAMLError): number | undefined {
  const quote = error.code === 'MISSING_CHAR' && /closing ["']/.test(error.message);
  const flow = /^Flow \w+ in block collection must be sufficiently indented/.test(error.message);
  if (!quote && !flow) return undefined;
  let start: number | undefined;
  const visitor = {
    Scalar: (_: unknown, { type, range }: Scalar) => {
      const quoted = type === 'QUOTE_DOUBLE' || type === 'QUOTE_SINGLE';
      if (quote && quoted && range && range[0] <= error.pos[0]) start = range[0];
    },
    Collection: (_: unknown, { flow: inBrackets, range }: YAMLMap | YAMLSeq) => {
      if (!flow || !inBrackets || !range || range[0] > error.pos[0]) return undefined;
      start = range[0];
      return visit.SKIP; // the outermost is the one to mend
    },
  };
  for (const document of documents) visit(document, visitor);
  return start;
}

function closingOf(source: string, start: number): number | undefined {
  return /["']/.test(source[start] ?? '') ? closingQuote(source, start) : closingBracket(source, start);
}

/** The bracket that closes the one at `start`, those in quotes and comments left out. */
function closingBracket(source: string, start: number): number | undefined {
  let depth = 0;
  for (let i = start; i < source.length; i += 1) {
    const char = source[i] ?? '';
    const before = source[i - 1] ?? '';
    if (/["']/.test(char) && /[\s[{,:]/.test(before)) i = closingQuote(source, i) ?? source.length;
    else if (char === '#' && /\s/.test(before)) i = lineEnd(source, i);
    else if (/[[{]/.test(char)) depth += 1;
    else if (/[\]}]/.test(char)) {
      depth -= 1;
      if (depth === 0) return i;
    }
  }
  return undefined;
}

function closingQuote(source: string, start: number): number | undefined {
  const quote = source[start];
  for (let i = start + 1; i < source.length; i += 1) {
    if (source[i] === '\\' && quote === '"') i += 1;
    else if (source[i] === quote && quote === "'" && source[i + 1] === "'") i += 1;
    else if (source[i] === quote) return i;
  }
  return undefined;
}

/** Starts of the lines, blank ones apart, between two offsets. */
function continuationLines(source: string, start: number, end: number): number[] {
  const lines: number[] = [];
  for (let at = source.indexOf('\n', start); at >= 0 && at < end; at = source.indexOf('\n', at + 1)) {
    if (/\S/.test(source.slice(at + 1, lineEnd(source, at + 1)))) lines.push(at + 1);
  }
  return lines;
}

function lineEnd(source: string, at: number): number {
  const end = source.indexOf('\n', at);
  return end < 0 ? source.length : end;
}
