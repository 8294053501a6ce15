import type { RunRequest } from './connection.ts';

/** A single-quoted word that any POSIX shell reads back as exactly these bytes. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** A word that any POSIX shell reads back as exactly `text`; left bare where that is safe. */
export function shellWord(text: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(text) ? text : quoted(text);
}

/** Names that a POSIX shell cannot export, or that bash keeps read-only. */
const NEEDS_ENV = /^(?![A-Za-z_][A-Za-z0-9_]*$)|^(?:UID|EUID|PPID|BASHOPTS|SHELLOPTS|BASH_VERSINFO)$/;

/** Text and bytes share one spelling here: each character is one byte (latin1). */
function bytesOf(text: Buffer | string): string {
  return (typeof text === 'string' ? Buffer.from(text) : text).toString('latin1');
}

/** The pieces a request is made of, all as latin1 text. Throws for what no shell can hold. */
function body(request: RunRequest, announce: string): string {
  const script = bytesOf(request.script);
  if (script.includes('\0')) throw new Error('a script cannot hold a NUL byte');
  const exported: string[] = [];
  const through: string[] = [];
  for (const [name, value] of Object.entries(request.env ?? {})) {
    if (value.includes('\0') || name === '' || /[=\0]/.test(name)) {
      throw new Error(`environment variable ${JSON.stringify(name)} cannot be passed to a program`);
    }
    if (NEEDS_ENV.test(name)) through.push(quoted(bytesOf(`${name}=${value}`)));
    else exported.push(`${name}=${quoted(bytesOf(value))}`);
  }
  const lines = [announce];
  if (exported.length > 0) lines.push(`export ${exported.join(' ')}`);
  lines.push(
    through.length > 0
      ? `exec env -- ${through.join(' ')} /bin/sh -c ${quoted(script)}`
      : `eval ${quoted(` ${script}`)}`,
  );
  return lines.filter(Boolean).join('\n');
}

/** Up to here a here-document goes into a pipe without a process of its own. */
const SMALL_DOCUMENT = 4000;

function printfFormat(bytes: string): string {
  return quoted(bytes.replace(/[\\%\0]/g, c => (c === '\0' ? '\\000' : c === '%' ? '%%' : '\\\\')));
}

/**
 * The text that makes a worker's `sh` run one request in a subshell and frame its output. The worker's own stderr
 * is /dev/null (shells report killed children there, script and all); fd 4 is the real one.
 */
export function requestText(request: RunRequest, token: string, limited: boolean): Buffer {
  const announce = limited ? `printf '${token}b%s\\n' /proc/self/task/*` : '';
  const subshell = `( ${body(request, announce)}\n)`;
  const done = `printf '${token}e%d\\n' $?; printf '${token}e\\n' >&4\n`;
  const stdin = bytesOf(request.stdin ?? '');
  if (stdin === '') return Buffer.from(`${subshell} </dev/null 2>&4 4>&-; ${done}`, 'latin1');
  if (stdin.length <= SMALL_DOCUMENT && stdin.endsWith('\n') && !stdin.includes('\0')) {
    const text = `${subshell} <<'${token}' 2>&4 4>&-\n${stdin}${token}\n${done}`;
    return Buffer.from(text, 'latin1');
  }
  return Buffer.from(`printf ${printfFormat(stdin)} | ${subshell} 2>&4 4>&-; ${done}`, 'latin1');
}
