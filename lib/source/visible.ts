import { jsonText } from './json.ts';

/**
 * Characters that a terminal acts on instead of showing them: controls but line end and tab, the 8-bit controls, and marks
 * that turn the direction of text round.
 */
const ACTIVE =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** Text as a terminal or a page may show it, whoever wrote it: what would act on the terminal stands there as its code. */
export function visible(text: string): string {
  return text.replaceAll('\r\n', '\n').replace(ACTIVE, escaped);
}

function escaped(char: string): string {
  const code = char.charCodeAt(0);
  return code < 0x100
    ? `\\x${code.toString(16).padStart(2, '0')}`
    : `\\u${code.toString(16).padStart(4, '0')}`;
}

/** JSON that is safe to print: the same document, with those characters as escapes. */
export function visibleJson(value: unknown, indent?: number): string {
  const coded = (char: string) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return (jsonText(value, indent) ?? 'null').replace(ACTIVE, coded);
}
