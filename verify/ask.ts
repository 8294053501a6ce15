import { randomBytes } from 'node:crypto';
import { shellWord } from '../lib/transport/index.ts';

/** What one question got: undefined where the host did not come to it. */
export interface Answer {
  readonly rc: number;
  readonly output: string;
}

/**
 * One script for many commands: each answer comes with its length, so that nothing a command prints can pass for
 * another answer, and what came before a command that hangs is not lost.
 */
export function askScript(commands: readonly string[]): string {
  return [
    'LC_ALL=C; export LC_ALL',
    'ask() { out=$(eval "$1" 2>&1 </dev/null); rc=$?; printf "%s %s\\n%s\\n" "$rc" "${#out}" "$out"; }',
    ...commands.map(command => `ask ${shellWord(command)}`),
  ].join('\n');
}

/** Reads the answers in order; ends where the output ends. */
export function parseAnswers(stdout: Buffer): readonly Answer[] {
  const answers: Answer[] = [];
  let at = 0;
  while (at < stdout.length) {
    const end = stdout.indexOf(0x0a, at);
    const head = end < 0 ? undefined : /^(\d+) (\d+)$/.exec(stdout.toString('latin1', at, end));
    if (!head) break;
    const from = end + 1;
    const to = from + Number(head[2]);
    if (to >= stdout.length) break;
    answers.push({ rc: Number(head[1]), output: stdout.toString('utf8', from, to) });
    at = to + 1;
  }
  return answers;
}

/**
 * Commands that may hang, side by side and each with a limit. What hangs in the kernel cannot be killed: it is left
 * behind, and nobody waits for it.
 */
export function boundedScript(commands: readonly string[], seconds: number): string {
  return [
    'LC_ALL=C; export LC_ALL',
    'dir=$(mktemp -d) || exit 1',
    'trap \'rm -rf "$dir"\' EXIT',
    'n=0',
    'bounded() { n=$((n + 1)); sh -c \'timeout -s KILL "$3" sh -c "$2" >"$1.out" 2>&1 </dev/null; echo $? >"$1.rc"\' - "$dir/$n" "$1" "$2" >/dev/null 2>&1 & }',
    ...commands.map(command => `bounded ${shellWord(command)} ${seconds}`),
    `tries=0; until [ "$(ls "$dir"/*.rc 2>/dev/null | wc -l)" -ge "$n" ] || [ $((tries += 1)) -gt ${seconds * 20 + 10} ]; do sleep 0.05; done`,
    'i=0; while [ $((i += 1)) -le "$n" ]; do rc=$(cat "$dir/$i.rc" 2>/dev/null || echo 124); out=$(cat "$dir/$i.out" 2>/dev/null); printf "%s %s\\n%s\\n" "$rc" "${#out}" "$out"; done',
  ].join('\n');
}

/** How a query ended: its rows, or what the server said. */
export type QueryAnswer = { readonly rows: readonly unknown[] } | { readonly error: string };

/** Rows as JSON in one line, so that a value has the same type whichever way it came. */
export const asJsonLine = (query: string): string =>
  `SELECT coalesce(jsonb_agg(q), '[]')::text AS rows FROM (${query}) q`;

/** One input for psql: every query in a session that can only read, each answer behind a mark that nobody can guess. */
export function queryScript(
  queries: readonly string[],
  statementMs: number,
): { readonly text: string; readonly mark: string } {
  const mark = `polarplay-${randomBytes(12).toString('hex')}`;
  const text = [
    `SET statement_timeout = ${statementMs};`,
    'SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY;',
    ...queries.flatMap((query, i) => [
      `\\echo ${mark} ${i}`,
      `${asJsonLine(query)};`,
      '\\if :ERROR',
      `\\echo ${mark} error :LAST_ERROR_SQLSTATE :LAST_ERROR_MESSAGE`,
      '\\endif',
    ]),
    `\\echo ${mark} ${queries.length}`,
    '',
  ].join('\n');
  return { text, mark };
}

/** The answers of queryScript, by the query's number; one that is missing was not come to. */
export function parseQueryAnswers(stdout: string, mark: string): ReadonlyMap<number, QueryAnswer> {
  const answers = new Map<number, QueryAnswer>();
  const parts = stdout.split(`${mark} `).slice(1);
  let current = -1;
  for (const part of parts) {
    const error = /^error (.*)$/s.exec(part);
    if (error) {
      answers.set(current, { error: error[1]!.trim() });
      continue;
    }
    current = Number.parseInt(part, 10);
    const json = part.slice(part.indexOf('\n') + 1).trim();
    if (json.startsWith('[')) answers.set(current, { rows: JSON.parse(json) as unknown[] });
  }
  return answers;
}
