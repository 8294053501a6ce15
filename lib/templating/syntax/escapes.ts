import { LETTER_ESCAPES } from '../../source/python/escapes.ts';

const ESCAPE = /\\(?:(\n)|([\\'"abfnrtv])|([0-7]{1,3})|x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8}))/g;

/** Resolves the backslash escapes of a Python string literal; unknown ones stay as written. */
export function resolveEscapes(body: string): string {
  if (!body.includes('\\')) return body;
  return body.replace(ESCAPE, (whole, newline, simple, octal, hex, short, long) => {
    if (newline) return '';
    if (simple) return LETTER_ESCAPES[simple] ?? simple;
    if (octal) return String.fromCodePoint(Number.parseInt(octal, 8));
    const code = Number.parseInt(hex ?? short ?? long, 16);
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}
