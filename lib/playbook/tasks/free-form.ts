import { LETTER_ESCAPES } from '../../source/python/escapes.ts';

/** Text that cannot be split: a quote or a template is opened and never closed. */
export class UnbalancedError extends Error {}

const PAIRS = [
  ['{{', '}}'],
  ['{%', '%}'],
  ['{#', '#}'],
] as const;

const count = (text: string, part: string) => text.split(part).length - 1;

/** Open templates and quotes after some words. */
interface Open {
  readonly quote: string | undefined;
  readonly depths: readonly number[];
}

const isOpen = ({ quote, depths }: Open) => quote !== undefined || depths.some(depth => depth > 0);

function advance({ quote, depths }: Open, word: string): Open {
  return {
    quote: quoteAfter(word, quote),
    depths: PAIRS.map(([open, close], i) =>
      Math.max(0, (depths[i] ?? 0) + count(word, open) - count(word, close)),
    ),
  };
}

function quoteAfter(word: string, before: string | undefined): string | undefined {
  let quote = before;
  for (let i = 0; i < word.length; i += 1) {
    const char = word[i];
    if ((char !== '"' && char !== "'") || word[i - 1] === '\\') continue;
    if (quote === undefined) quote = char;
    else if (quote === char) quote = undefined;
  }
  return quote;
}

/** Words of a free-form text. White space inside quotes and templates belongs to its word; quotes stay. */
export function splitWords(text: string): string[] {
  const words: string[] = [];
  let open: Open = { quote: undefined, depths: [0, 0, 0] };
  const append = (part: string) => {
    if (words.length === 0) words.push(part);
    else words[words.length - 1] += part;
  };
  const lines = text.split('\n');
  for (const [number, line] of lines.entries()) {
    let continued = false;
    for (const [i, word] of line.split(' ').entries()) {
      if (word === '' && i > 0) append(' ');
      else if (word === '\\' && open.quote === undefined) continued = true;
      else {
        if (isOpen(open)) append(i > 0 ? ` ${word}` : word);
        else if (word !== '') words.push(word);
        open = advance(open, word);
      }
    }
    if (number < lines.length - 1 && !continued) append('\n');
  }
  if (isOpen(open)) throw new UnbalancedError('a quote or a template is opened and never closed');
  return words;
}

/** The first word of a text; the whole text when it cannot be split. */
export function firstWord(text: string): string {
  try {
    return splitWords(text)[0]?.trim() ?? '';
  } catch (error) {
    if (error instanceof UnbalancedError) return text;
    throw error;
  }
}

/** The words of a command put together again, as they were. */
export function joinWords(words: readonly string[]): string {
  return words.reduce(
    (text, word) => (text === '' || text.endsWith('\n') ? text + word : `${text} ${word}`),
    '',
  );
}

export interface FreeForm {
  readonly pairs: ReadonlyMap<string, string>;
  /** What is not a `key=value`, as it was written. */
  readonly rest: string;
}

/** Splits `a b creates=x` into pairs and the rest. With `known` only those keys make pairs. */
export function parseFreeForm(text: string, known?: ReadonlySet<string>): FreeForm {
  const pairs = new Map<string, string>();
  const rest: string[] = [];
  for (const word of splitWords(text)) {
    const decoded = decodeEscapes(word);
    const at = equalsSign(decoded);
    const key = at === undefined ? '' : decoded.slice(0, at);
    if (at === undefined) rest.push(decoded.includes('=') ? decoded.replaceAll('\\=', '=') : word);
    else if (known && !known.has(key)) rest.push(word);
    else pairs.set(key.trim(), unquote(decoded.slice(at + 1).trim()));
  }
  return { pairs, rest: joinWords(rest) };
}

/** Index of the first `=` that no backslash protects; one at the very start does not count. */
function equalsSign(word: string): number | undefined {
  for (let at = word.indexOf('=', 1); at > 0; at = word.indexOf('=', at + 1)) {
    if (word[at - 1] !== '\\') return at;
  }
  return undefined;
}

/** Text without the quotes around it. */
export function unquote(text: string): string {
  const first = text[0];
  const last = text[text.length - 1];
  const quoted =
    text.length > 1 && first === last && (first === '"' || first === "'") && text[text.length - 2] !== '\\';
  return quoted ? text.slice(1, -1) : text;
}

function decodeEscapes(text: string): string {
  return text.replace(
    /\\(?:U([0-9a-fA-F]{8})|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|([\\'"abfnrtv]))/g,
    (all, long, short, byte, simple) => {
      if (simple !== undefined) return LETTER_ESCAPES[simple] ?? simple;
      const code = Number.parseInt(long ?? short ?? byte, 16);
      return code <= 0x10ffff ? String.fromCodePoint(code) : all;
    },
  );
}
