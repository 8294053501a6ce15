import { bytesOf as encoded } from '../../source/bytes.ts';
import { jsonText } from '../../source/json.ts';
import type { RunRequest } from '../connection.ts';

/** A single-quoted word that any POSIX shell reads back as exactly these bytes. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** A word that any POSIX shell reads back as exactly `text`; left bare where that is safe. */
export function shellWord(text: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(text) ? text : quoted(text);
}

/** Text and bytes share one spelling here: each character is one byte (latin1). */
function bytesOf(text: Buffer | string): string {
  return (typeof text === 'string' ? encoded(text) : text).toString('latin1');
}

/** Throws for what no shell can run or export. */
export function assertSendable(request: RunRequest): void {
  if (request.script.includes('\0')) throw new Error('a script cannot hold a NUL byte');
  for (const [name, value] of Object.entries(request.env ?? {})) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
      throw new Error(`${jsonText(name)} is not a name that a shell can export`);
    }
    if (value.includes('\0')) throw new Error(`environment variable ${name} cannot hold a NUL byte`);
  }
}

/**
 * A script that comes to its own end when a signal ends it: a shell that HUP, INT, PIPE or TERM kills does not run what
 * `trap … 0` sets, and leaves its temporary files. Only where there is such an end: a shell with a trap runs no last
 * program in its own place.
 */
export const comingToItsEnd = (script: string): string =>
  /\btrap\b/.test(script) ? `trap 'exit 143' HUP INT PIPE TERM\n${script}` : script;

function body(request: RunRequest, announce: string): string {
  const exports = Object.entries(request.env ?? {}).map(
    ([name, value]) => `${name}=${quoted(bytesOf(value))}`,
  );
  const lines = [announce, exports.length > 0 ? `export ${exports.join(' ')}` : ''];
  // The blank keeps a script that begins with a hyphen from being taken for an option.
  return [...lines, `eval ${quoted(` ${bytesOf(comingToItsEnd(request.script))}`)}`]
    .filter(Boolean)
    .join('\n');
}

/** Up to here a here-document goes into a pipe without a process of its own. */
const SMALL_DOCUMENT = 4000;

export interface Framing {
  readonly token: string;
  /** Whether the shell hands a small here-document over in a pipe: older bash needs room in /tmp for it. */
  readonly documents: boolean;
}

/** A format from which `printf` makes these bytes; a hyphen in front would be an option. */
function printfFormat(bytes: string): string {
  const escapes: Readonly<Record<string, string>> = { '\0': '\\000', '%': '%%', '\\': '\\\\', '-': '\\055' };
  return quoted(bytes.replace(/[\\%\0]|^-/g, character => escapes[character] as string));
}

/** Of the process that expands it: no other way to know a subshell's process id costs so little. */
export const OWN_TASKS = '/proc/self/task/*';

/**
 * The text that makes a worker's `sh` run one request in a subshell and frame its output. The worker's own stderr
 * is /dev/null (shells report killed children there, script and all); fd 4 is the real one. The subshell begins by
 * saying so on both streams, and its process id, by which it can be stopped.
 */
export function requestText(request: RunRequest, { token, documents }: Framing): Buffer {
  const announce = `printf '${token}b\\n' >&2; printf '${token}b%s\\n' ${OWN_TASKS}`;
  const subshell = `( ${body(request, announce)}\n)`;
  const done = `printf '${token}e%d\\n' $?; printf '${token}e\\n' >&4\n`;
  return Buffer.from(withInput(subshell, bytesOf(request.stdin ?? ''), token, documents, done), 'latin1');
}

/**
 * Whether every shell hands `stdin` over unchanged as a here-document that ends in `token`. dash 0.5.12 drops a byte
 * above 0x7f that follows the beginning of the token at a line's beginning: it takes it for the end of the script
 * (parser.c, checkend).
 */
function isDocument(stdin: string, token: string): boolean {
  if (stdin.length > SMALL_DOCUMENT || !stdin.endsWith('\n') || stdin.includes('\0')) return false;
  return !stdin.split('\n').some(line => line.startsWith(token.charAt(0)) && /[\x80-\xff]/.test(line));
}

function withInput(subshell: string, stdin: string, token: string, documents: boolean, done: string): string {
  const errors = '2>&4 4>&-';
  if (stdin === '') return `${subshell} </dev/null ${errors}; ${done}`;
  if (documents && isDocument(stdin, token)) {
    return `${subshell} <<'${token}' ${errors}\n${stdin}${token}\n${done}`;
  }
  return `printf ${printfFormat(stdin)} | ${subshell} ${errors}; ${done}`;
}
