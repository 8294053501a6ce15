import { type Position, withHint } from './errors.ts';
import { visible } from './visible.ts';

/** What is shown of a mistake, or of what a rule has found. */
interface Shown {
  readonly code: string;
  readonly message: string;
  readonly hint?: string | undefined;
  readonly position?: Position | undefined;
}

/** `file:line:col CODE message, hint`, then the source line with a caret below. `readFile` may fail: no excerpt then. */
export function formatSourceError(error: Shown, readFile: (path: string) => string | undefined): string {
  const { position, code } = error;
  const text = withHint(error);
  if (!position) return visible(`${code} ${text}`);
  const head = visible(`${position.file}:${position.line}:${position.col} ${code} ${text}`);
  const excerpt = excerptOf(position, readFile);
  return excerpt === undefined ? head : `${head}\n${excerpt}`;
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
  return undefined;
}

function safely<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
