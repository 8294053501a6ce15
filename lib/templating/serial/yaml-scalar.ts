import { resolvePlain } from '../../source/yaml/scalar.ts';

/** Which ways of writing a text are possible. */
export interface Analysis {
  readonly isEmpty: boolean;
  readonly isMultiline: boolean;
  readonly flowPlain: boolean;
  readonly blockPlain: boolean;
  readonly singleQuoted: boolean;
}

const BLANKS = new Set(['', '\0', ' ', '\t', '\r', '\n', '\x85', '\u2028', '\u2029']);
const BREAKS = new Set(['\n', '\r', '\x85', '\u2028', '\u2029']);
// libyaml escapes what lies beyond the first plane of Unicode, so emoji are never plain.
const PRINTABLE = /^[\n\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd]$/u;

export function isBreak(char: string | undefined): boolean {
  return char !== undefined && BREAKS.has(char);
}

export function isPrintable(char: string): boolean {
  return PRINTABLE.test(char);
}

/** Looks at a text as YAML's emitter does before it chooses between plain, 'single' and "double". */
export function analyze(chars: readonly string[]): Analysis {
  if (chars.length === 0) {
    return { isEmpty: true, isMultiline: false, flowPlain: false, blockPlain: true, singleQuoted: true };
  }
  const { flow, block } = indicators(chars);
  const last = chars.length - 1;
  let [breakSpace, spaceBreak, special, lines] = [false, false, false, false];
  for (const [i, char] of chars.entries()) {
    const before = chars[i - 1];
    if (char === ' ' && isBreak(before)) breakSpace = true;
    if (isBreak(char)) lines = true;
    if (isBreak(char) && before === ' ') spaceBreak = true;
    if (!isPrintable(char)) special = true;
  }
  const edge = [chars[0], chars[last]].some(char => char === ' ' || isBreak(char));
  const anyPlain = !edge && !breakSpace && !spaceBreak && !special && !lines;
  return {
    isEmpty: false,
    isMultiline: lines,
    flowPlain: anyPlain && !flow,
    blockPlain: anyPlain && !block,
    singleQuoted: !breakSpace && !spaceBreak && !special,
  };
}

/** Characters that would mean something else if the text stood without quotes. */
function indicators(chars: readonly string[]): { flow: boolean; block: boolean } {
  const head = chars.slice(0, 3).join('');
  let flow = head === '---' || head === '...';
  let block = flow;
  for (const [i, char] of chars.entries()) {
    const beforeBlank = BLANKS.has(chars[i + 1] ?? '');
    const isFirst = i === 0;
    if (isFirst && `#,[]{}&*!|>'"%@\``.includes(char)) flow = block = true;
    if (isFirst && '?:'.includes(char)) {
      flow = true;
      block ||= beforeBlank;
    }
    if (isFirst && char === '-' && beforeBlank) flow = block = true;
    if (!isFirst && ',?[]{}'.includes(char)) flow = true;
    if (!isFirst && char === ':') {
      flow = true;
      block ||= beforeBlank;
    }
    if (!isFirst && char === '#' && BLANKS.has(chars[i - 1] ?? '')) flow = block = true;
  }
  return { flow, block };
}

const DATE =
  /^\d{4}-\d\d-\d\d$|^\d{4}-\d\d?-\d\d?(?:[Tt]|[ \t]+)\d\d?:\d\d:\d\d(?:\.\d*)?(?:[ \t]*(?:Z|[-+]\d\d?(?::\d\d)?))?$/;

/** A text that, written without quotes, would be read as something else than a text. */
export function readsAsOther(text: string): boolean {
  return text === '=' || text === '<<' || DATE.test(text) || typeof resolvePlain(text) !== 'string';
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\0': '\\0',
  '\x07': '\\a',
  '\b': '\\b',
  '\t': '\\t',
  '\n': '\\n',
  '\v': '\\v',
  '\f': '\\f',
  '\r': '\\r',
  '\x1b': '\\e',
  '"': '\\"',
  '\\': '\\\\',
  '\x85': '\\N',
  '\xa0': '\\_',
  '\u2028': '\\L',
  '\u2029': '\\P',
};

/** A character inside double quotes, escaped where it must be. */
export function doubleQuoted(char: string): string {
  const mustEscape =
    char === '"' || char === '\\' || isBreak(char) || char === '\ufeff' || !isPrintable(char);
  if (!mustEscape) return char;
  const known = ESCAPES[char];
  if (known) return known;
  const code = char.codePointAt(0) ?? 0;
  const hex = code.toString(16).toUpperCase();
  if (code <= 0xff) return `\\x${hex.padStart(2, '0')}`;
  return code <= 0xffff ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
}
