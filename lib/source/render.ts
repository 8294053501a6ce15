import type { Position } from './errors.ts';
import { visible } from './visible.ts';

/** What is shown of a mistake, or of what a rule has found. */
interface Shown {
  readonly code: string;
  readonly message: string;
  readonly hint?: string | undefined;
  readonly position?: Position | undefined;
}

/** A line below a message: what it says of itself, and the text; further lines of the text stand below it. */
export const detail = (label: string, text: string): string =>
  `    ${label.padEnd(9)} ${text.replaceAll('\n', `\n${' '.repeat(14)}`)}`;

/**
 * `file:line:col CODE message`, then the source line with a caret below, then the hint. `readFile` may fail: no
 * excerpt then.
 */
export function formatSourceError(error: Shown, readFile: (path: string) => string | undefined): string {
  const { position, code, message, hint } = error;
  const place = position && `${position.file}:${position.line}:${position.col} `;
  const lines = [
    visible(`${place ?? ''}${code} ${message}`),
    position && excerptOf(position, readFile),
    hint !== undefined && visible(detail('hint', hint)),
  ];
  return lines.filter(Boolean).join('\n');
}

function excerptOf(position: Position, readFile: (path: string) => string | undefined): string | undefined {
  const line = safely(() => readFile(position.file))?.split(/\r?\n/)[position.line - 1];
  if (line === undefined) return undefined;
  const number = String(position.line).padStart(5);
  const before = line.slice(0, position.col - 1).replace(/[^\t]/g, ' ');
  const carets = '^'.repeat(Math.max(1, Math.min(position.length ?? 1, line.length - position.col + 1)));
  const note = foreignSign(line);
  const shown = `${number} | ${visible(line)}\n${' '.repeat(5)} | ${before}${carets}`;
  return note === undefined ? shown : `${shown}\n${' '.repeat(5)} = ${note}`;
}

/** Signs that an input method writes for those of YAML; they look alike. */
function foreignSign(line: string): string | undefined {
  if (/^[ ]*[\u3000\u00a0]/.test(line))
    return 'the line begins with a full-width or no-break space: YAML is indented with ordinary spaces';
  if (/^\s*(?:- +)*(?:[\w.-]+ *|.*[{,] *[\w.-]+ *)：/.test(line))
    return 'the line holds the full-width colon "：": YAML wants ":" and a space';
  const plain = line.replace(/"[^"]*"|'[^']*'/g, '').replace(/ #.*/, '');
  if (/[{[].*，/.test(plain)) return 'the line holds the full-width comma "，": YAML wants ","';
  if (/[“”‘’]/.test(plain))
    return 'the line holds the quotes “ or ‘, which are letters to YAML: write " or \'';
  return undefined;
}

function safely<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
