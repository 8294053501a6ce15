import { stripEnd } from '../../source/strip-end.ts';
import type { Json } from '../../source/value.ts';
import { A } from '../kit/arguments.ts';
import {
  type Done,
  ModuleError,
  orFailed,
  quote,
  type Reply,
  type Result,
  type Steps,
} from '../kit/define.ts';
import { ask, type Records } from '../kit/reply.ts';
import { pathWord } from '../kit/stat.ts';

/** Arguments that `command` and `shell` share. */
export const runArgs = {
  chdir: A.opt(A.path('Directory to run in.')),
  creates: A.opt(A.path('File or glob pattern; when it is there, the command does not run.')),
  removes: A.opt(A.path('File or glob pattern; when it is not there, the command does not run.')),
  stdin: A.opt(A.str('Text for the standard input of the command; empty without it.')),
  stdin_add_newline: A.bool('Add a newline to stdin.', { default: true }),
  warn: A.opt(A.raw('Refused when the task runs: Ansible has no such argument any more.')),
  strip_empty_ends: A.bool('Take empty lines off the end of stdout and stderr.', { default: true }),
};

/** Result fields of `command`, `shell` and their kin. */
export const RUN_RETURNS = {
  cmd: 'The command as it was given to the host.',
  rc: 'Exit code; 0 when it did not run.',
  stdout: 'What it printed.',
  stdout_lines: 'The same, in lines.',
  stderr: 'What it printed as errors.',
  stderr_lines: 'The same, in lines.',
  start: 'When it started, by the clock of the control machine.',
  end: 'When it ended.',
  delta: 'How long it took, such as 0:00:01.250000.',
  msg: 'Why it did not run, or "non-zero return code".',
  stdout_truncated:
    'True when stdout was longer than --output-limit and only its beginning is here; likewise stderr_truncated.',
};

export interface Running {
  /** Shown as `cmd`. */
  readonly cmd: Json;
  /** The program and its arguments. */
  readonly argv: readonly string[];
  /** The same as shell words, expansions included. */
  readonly words: readonly string[];
  readonly args: {
    readonly chdir?: string | undefined;
    readonly creates?: string | undefined;
    readonly removes?: string | undefined;
    readonly stdin?: string | undefined;
    readonly warn?: Json;
    readonly stdin_add_newline?: boolean;
    readonly strip_empty_ends?: boolean;
  };
}

/** Runs a command for real: one request, in which creates, removes and chdir are looked at first. */
export function* runCommand(running: Running): Steps<Result> {
  const { args } = running;
  if (args.warn !== undefined)
    throw new ModuleError('Unsupported parameters for (ansible.legacy.command) module: warn.');
  const started = Date.now();
  const reply = yield* ask(runScript(running), {
    ...(args.stdin !== undefined && { stdin: args.stdin + (args.stdin_add_newline === false ? '' : '\n') }),
    live: true,
    userLocale: true,
  });
  const ended = Date.now();
  if (reply.complaint !== undefined) return didNotRun(running, reply.complaint, 'Did');
  return finished(running, reply, started, ended);
}

/** Check mode: creates and removes decide; without them nothing can be said and the task is skipped. */
export function* checkCommand(running: Running): Steps<Result | undefined> {
  const { creates, removes } = running.args;
  if (creates === undefined && removes === undefined) return undefined;
  const base = { cmd: running.cmd, ...EMPTY, rc: 0, msg: 'Command would have run if not in check mode' };
  const { complaint } = yield* ask(conditions(running.args));
  return complaint === undefined ? { changed: true, ...base } : didNotRun(running, complaint, 'Would');
}

/** Output of what did not run. */
export const EMPTY = { stdout: '', stderr: '', stdout_lines: [], stderr_lines: [] };

function runScript({ words, args }: Running): string {
  return [
    args.chdir === undefined ? '' : changeDirectory(args.chdir),
    conditions(args),
    `set -- ${words.join(' ')}`,
    // A path can be looked at; a name is looked up by exec, which ends the shell when there is none.
    `case $1 in */*) if [ ! -e "$1" ]; then fail errno 2; elif [ -d "$1" ] || [ ! -x "$1" ]; then fail errno 13; fi;; esac`,
    `trap 'fail errno 2' 0`,
    'exec "$@"',
  ]
    .filter(Boolean)
    .join('\n');
}

/** Enters the directory, or ends the script. */
function changeDirectory(path: string): string {
  const problem = `if [ -d "$d" ]; then fail chdir 13 "$d"; elif [ -e "$d" ]; then fail chdir 20 "$d"; else fail chdir 2 "$d"; fi`;
  return `d=${pathWord(path)}\ncd -P "$d" 2>/dev/null || { ${problem}; }`;
}

function conditions(args: Running['args']): string {
  const { creates, removes } = args;
  return [
    creates === undefined ? '' : `if ${exists(creates)}; then fail creates ${quote(creates)}; fi`,
    removes === undefined ? '' : `if ! ${exists(removes)}; then fail removes ${quote(removes)}; fi`,
  ]
    .filter(Boolean)
    .join('\n');
}

/** A shell word for a path in which glob characters keep their meaning. */
export function globWord(pattern: string): string {
  const words = pattern
    .split(/([*?[\]])/)
    .map((part, i) => (part === '' || /^[*?[\]]$/.test(part) ? part : i === 0 ? pathWord(part) : quote(part)))
    .join('');
  return words || "''";
}

/** Shell test for a path or a glob pattern with at least one match. */
const exists = (pattern: string) => `{ set -- ${globWord(pattern)}; [ -e "$1" ] || [ -h "$1" ]; }`;

const ERRORS: Readonly<Record<string, string>> = {
  2: 'No such file or directory',
  13: 'Permission denied',
  20: 'Not a directory',
};

function didNotRun({ cmd, argv }: Running, said: string, shoulda: string): Result {
  const [what, ...rest] = said.split(' ');
  const name = rest.join(' ');
  switch (what) {
    case 'creates':
      return skipped(
        cmd,
        `${shoulda} not run command since '${name}' exists`,
        `skipped, since ${name} exists`,
      );
    case 'removes':
      return skipped(
        cmd,
        `${shoulda} not run command since '${name}' does not exist`,
        `skipped, since ${name} does not exist`,
      );
    case 'chdir': {
      const [number = '', ...path] = rest;
      const msg = `Unable to change directory before execution: [Errno ${number}] ${ERRORS[number]}: b'${path.join(' ')}'`;
      return { changed: false, failed: true, cmd, ...EMPTY, rc: null, msg };
    }
    default: {
      const msg = `[Errno ${name}] ${ERRORS[name]}: b'${argv[0]}'`;
      const line = argv.map(quote).join(' ');
      return { changed: false, failed: true, cmd: line, ...EMPTY, rc: Number(name), msg };
    }
  }
}

function skipped(cmd: Json, msg: string, stdout: string): Result {
  return { changed: false, cmd, ...EMPTY, rc: 0, msg, stdout, stdout_lines: [stdout] };
}

function finished({ cmd, args }: Running, reply: Records, started: number, ended: number): Result {
  const strip = (text: string) => (args.strip_empty_ends === false ? text : stripEnd(text, '\r\n'));
  const done: Done = {
    changed: true,
    cmd,
    ...outputFields(strip(reply.stdout.toString()), strip(reply.stderr)),
    rc: reply.rc,
    start: timeText(started),
    end: timeText(ended),
    delta: deltaText(ended - started),
    msg: '',
    ...truncation(reply),
  };
  return orFailed(done, failureReason(reply));
}

/** Why a command counts as failed; undefined when it ended well. */
export function failureReason(reply: Pick<Reply, 'rc' | 'timedOut'>): string | undefined {
  if (reply.timedOut) return 'the command took longer than its time limit and was ended';
  return reply.rc === 0 ? undefined : 'non-zero return code';
}

/** Says that output is not all there, and how much is missing. */
export function truncation({ dropped }: Pick<Reply, 'dropped'>): Readonly<Record<string, Json>> {
  const { stdout = 0, stderr = 0 } = dropped ?? {};
  const streams = [
    ...(stdout > 0 ? [['stdout', stdout] as const] : []),
    ...(stderr > 0 ? [['stderr', stderr] as const] : []),
  ];
  if (streams.length === 0) return {};
  return {
    ...Object.fromEntries(streams.map(([name]) => [`${name}_truncated`, true])),
    warnings: streams.map(
      ([name, bytes]) =>
        `${name} is longer than the limit: ${bytes} more bytes are not in the result (--output-limit, --output-dir)`,
    ),
  };
}

/** The four output fields. */
export const outputFields = (stdout: string, stderr: string) => ({
  stdout,
  stderr,
  stdout_lines: linesOf(stdout),
  stderr_lines: linesOf(stderr),
});

/** Lines as Python's splitlines gives them. */
const linesOf = (text: string): string[] => {
  const lines = text.split(/\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]/);
  if (lines.at(-1) === '') lines.pop();
  return lines;
};

const pad = (number: number, width = 2) => String(number).padStart(width, '0');

/** `2026-01-31 12:00:00.250000`, local time, as Python prints a datetime. */
export function timeText(ms: number): string {
  const t = new Date(ms);
  const day = `${t.getFullYear()}-${pad(t.getMonth() + 1)}-${pad(t.getDate())}`;
  return `${day} ${pad(t.getHours())}:${pad(t.getMinutes())}:${pad(t.getSeconds())}.${pad(t.getMilliseconds(), 3)}000`;
}

/** `0:00:01.250000`, `1 day, 0:00:00`: as Python prints a timedelta. */
export function deltaText(ms: number): string {
  const days = Math.floor(ms / 86_400_000);
  const seconds = Math.floor(ms / 1000) % 86_400;
  const clock = `${Math.floor(seconds / 3600)}:${pad(Math.floor(seconds / 60) % 60)}:${pad(seconds % 60)}`;
  const fraction = ms % 1000 === 0 ? '' : `.${pad(ms % 1000, 3)}000`;
  return `${days === 0 ? '' : `${days} day${days === 1 ? '' : 's'}, `}${clock}${fraction}`;
}
