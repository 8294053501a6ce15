import { randomBytes } from 'node:crypto';
import { textOf } from '../../source/bytes.ts';
import { stripEnd } from '../../source/strip-end.ts';
import { ModuleError, type Reply, type Request, type Steps, sh } from './define.ts';

/**
 * What a script found, as records of a name and a value. Every record begins with a mark that is drawn anew for each
 * request: no name of a file, no content and no program's output can hold it, so a value is whatever bytes stand
 * between its own mark and the next. The script writes records with the functions of `writer`.
 */
export class Records {
  readonly rc: number;
  readonly timedOut: boolean;
  /** What programs printed there; not what `fail` said. */
  readonly stderr: string;
  /** What `fail` said. */
  readonly complaint: string | undefined;
  /** All of stdout, marks and all: for a script that writes no records. */
  readonly stdout: Buffer;
  readonly dropped: Reply['dropped'];
  readonly #values: ReadonlyMap<string, readonly Buffer[]>;

  constructor(
    from: Pick<Records, 'rc' | 'timedOut' | 'stderr' | 'complaint' | 'stdout' | 'dropped'>,
    values: ReadonlyMap<string, readonly Buffer[]>,
  ) {
    this.rc = from.rc;
    this.timedOut = from.timedOut;
    this.stderr = from.stderr;
    this.complaint = from.complaint;
    this.stdout = from.stdout;
    this.dropped = from.dropped;
    this.#values = values;
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  /** The value exactly as it was written; undefined when there is no such record. */
  bytes(name: string): Buffer | undefined {
    return this.#values.get(name)?.[0];
  }

  /** The same as text, from which `bytesOf` gives the bytes back. */
  text(name: string): string | undefined {
    const bytes = this.bytes(name);
    return bytes && textOf(bytes);
  }

  /** What a program printed: without the line break at its end, as `$(…)` has it. */
  output(name: string): string | undefined {
    const text = this.text(name);
    return text && stripEnd(text, '\n');
  }

  /** Values of all records of the name, in order. */
  all(name: string): readonly Buffer[] {
    return this.#values.get(name) ?? [];
  }

  names(): string[] {
    return [...this.#values.keys()];
  }

  /** The records behind `part NAME`. */
  part(name: string): Records {
    const inside = [...this.#values].flatMap(([key, value]): [string, readonly Buffer[]][] =>
      key.startsWith(`${name}.`) ? [[key.slice(name.length + 1), value]] : [],
    );
    return new Records(this, new Map(inside));
  }
}

/** Shell functions that write records. The names are unset first: what is exported already would be handed on. */
const writer = (mark: string): string => `unset _m _g CDPATH; _m=${mark} _g=
field() { printf '%s%s%s\\n%s' "$_m" "$_g" "$1" "\${2-}"; }
begin() { printf '%s%s%s\\n' "$_m" "$_g" "$1"; }
part() { _g=$1.; }
fail() { printf '%s%s' "$_m" "$*" >&2; exit 99; }
`;

/** A word that nobody knows before the request is made. */
const newMark = (): string => `r-${randomBytes(8).toString('hex')}-`;

/**
 * Runs a script that answers with records.
 *
 * - `field NAME VALUE` writes one, `field NAME` one without a value.
 * - `begin NAME` begins one whose value is all that is printed up to the next.
 * - `part NAME` puts all that follow into a part of that name.
 * - `fail WHY` ends the script; WHY is the `complaint`.
 */
export function* ask(
  script: string,
  options: Omit<Extract<Request, { kind: 'sh' }>, 'kind' | 'script'> = {},
): Steps<Records> {
  const mark = newMark();
  return parseRecords(yield* sh(writer(mark) + script, options), mark);
}

/** Like `ask`, but an exit code other than zero fails the task with `what` as the message. */
export function* mustAsk(
  what: string,
  script: string,
  options: Omit<Extract<Request, { kind: 'sh' }>, 'kind' | 'script'> = {},
): Steps<Records> {
  const records = yield* ask(script, options);
  const { rc, stderr, complaint, timedOut } = records;
  if (rc === 0 && !timedOut) return records;
  throw new ModuleError(`${what}: ${complaint || stderr.trim() || `exit code ${rc}`}`, { rc, stderr });
}

/** Whether a line of output is a record's beginning: nothing to show to a person. */
export const hasMark = (line: string): boolean => /\br-[0-9a-f]{16}-/.test(line);

/** The mark of a script that `ask` sent: for tests that play the host. */
export const markOf = (script: string): string | undefined => /^unset .*; _m=(\S+) /.exec(script)?.[1];

export function parseRecords(reply: Reply, mark: string): Records {
  const bytes = reply.stdoutBytes;
  const values = new Map<string, Buffer[]>();
  for (let at = bytes.indexOf(mark); at >= 0; ) {
    const next = bytes.indexOf(mark, at + mark.length);
    const end = next < 0 ? bytes.length : next;
    const line = bytes.indexOf(10, at);
    if (line >= 0 && line < end) {
      const name = bytes.toString('latin1', at + mark.length, line);
      const value = bytes.subarray(line + 1, end);
      const known = values.get(name);
      if (known) known.push(value);
      else values.set(name, [value]);
    }
    at = next;
  }
  const said = reply.stderr.lastIndexOf(mark);
  return new Records(
    {
      rc: reply.rc,
      timedOut: reply.timedOut,
      stdout: bytes,
      dropped: reply.dropped,
      stderr: said < 0 ? reply.stderr : reply.stderr.slice(0, said),
      complaint: said < 0 ? undefined : reply.stderr.slice(said + mark.length),
    },
    values,
  );
}
