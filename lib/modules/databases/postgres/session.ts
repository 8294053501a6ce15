import { randomBytes } from 'node:crypto';
import type { Json } from '../../../source/value.ts';
import { ModuleError, type Steps, sh } from '../../kit/define.ts';
import { type ConnectionArgs, connectScript, passwordLine } from './connection.ts';
import { identifier, inspect, literal } from './literal.ts';
import { typedValue } from './values.ts';

export type Row = { readonly [column: string]: Json };

export interface QueryResult {
  readonly query: string;
  readonly rows: readonly Row[];
  /** False for a statement that returns no table, such as an INSERT without RETURNING. */
  readonly returnsRows: boolean;
  /** `SELECT 3`, `INSERT 0 1`, `CREATE TABLE`: as the server says it. */
  readonly status: string;
}

export interface SessionOptions {
  readonly database?: string | undefined;
  /** Each query commits by itself; otherwise all are one transaction. */
  readonly autocommit?: boolean;
  /** The transaction is undone at the end. */
  readonly rollback?: boolean;
  readonly searchPath?: readonly string[] | undefined;
}

/** A failed query: which one, and what the server said. */
export class QueryError extends ModuleError {
  readonly index: number;
  readonly serverMessage: string;
  constructor(index: number, query: string, serverMessage: string) {
    super(`Cannot execute SQL '${query}': ${serverMessage}`, {});
    this.index = index;
    this.serverMessage = serverMessage;
  }
}

/** Texts that divide psql's output: random, so that no data can be mistaken for them. */
interface Marks {
  readonly field: string;
  readonly record: string;
  readonly none: string;
  readonly section: string;
}

function newMarks(): Marks {
  const id = randomBytes(12).toString('hex');
  return { field: `<f${id}>`, record: `<r${id}>`, none: `<n${id}>`, section: `<s${id}>` };
}

/** A text in single quotes for a psql command: backslashes are escapes there. */
const psqlQuoted = (text: string) =>
  `'${text.replaceAll('\\', '\\\\').replaceAll("'", "''").replaceAll('\n', '\\n').replaceAll('\r', '\\r')}'`;

/**
 * The input of psql. Queries reach the server through a variable and \gexec: psql itself never reads them, so nothing in
 * them can be a psql command or variable. A statement that can be prepared is, for the types of its columns.
 */
function psqlInput(
  queries: readonly string[],
  options: SessionOptions,
  role: string | undefined,
  marks: Marks,
): string {
  const transaction = !options.autocommit;
  const path = options.searchPath?.map(schema => identifier(schema.trim())).join(', ');
  return [
    '\\set SHOW_ALL_RESULTS off',
    '\\pset format unaligned',
    '\\pset footer off',
    `\\pset fieldsep ${psqlQuoted(marks.field)}`,
    `\\pset recordsep ${psqlQuoted(marks.record)}`,
    `\\pset null ${psqlQuoted(marks.none)}`,
    ...(role === undefined ? [] : [`SET ROLE ${identifier(role)};`]),
    ...(path ? [`SET search_path TO ${path};`] : []),
    ...(transaction ? ['BEGIN;'] : []),
    ...queries.flatMap((query, i) => queryInput(query, i, marks)),
    ...(transaction ? [options.rollback ? 'ROLLBACK;' : 'COMMIT;'] : []),
    `\\echo ${psqlQuoted(`${marks.section}done`)}`,
    '',
  ].join('\n');
}

function queryInput(query: string, index: number, marks: Marks): string[] {
  if (query.includes('\0')) throw new ModuleError('a query cannot hold the character NUL');
  const section = (name: string) => `\\echo ${psqlQuoted(`${marks.section}${name} ${index}`)}`;
  const set = `\\set polarplay_query ${psqlQuoted(query)}`;
  const run = `SELECT :'polarplay_query' \\gexec`;
  if (!inspect(query).preparable) return [section('start'), set, section('plain'), run, section('end')];
  return [
    section('start'),
    set,
    `SELECT 'PREPARE polarplay AS ' || :'polarplay_query' \\gexec`,
    section('types'),
    'EXECUTE polarplay \\gdesc',
    section('typed'),
    'EXECUTE polarplay;',
    section('after'),
    'DEALLOCATE polarplay;',
  ];
}

/** Runs queries on one connection, in order; the first that fails ends it and undoes the transaction. */
export function* runQueries(
  args: ConnectionArgs,
  queries: readonly string[],
  options: SessionOptions = {},
): Steps<readonly QueryResult[]> {
  const marks = newMarks();
  const input = psqlInput(queries, options, args.session_role, marks);
  const script = `${connectScript(args, options.database, 'psql')}
export PGCLIENTENCODING=UTF8 PGDATESTYLE=ISO
exec psql -X -w -v ON_ERROR_STOP=1 -f -`;
  const reply = yield* sh(script, { stdin: passwordLine(args) + input });
  const sections = parseSections(reply.stdout, marks);
  if (reply.rc !== 0) throw sessionError(reply.rc, reply.stderr, sections, queries);
  return queries.map((query, i) => resultOf(query, i, sections, marks));
}

/** The one row of a query that always gives one. */
export function onlyRow(result: QueryResult | undefined): Row {
  const row = result?.rows[0];
  if (!row) throw new ModuleError('psql answered without the row that was asked for');
  return row;
}

/** Section name → its text; a name that comes again continues the section. */
function parseSections(stdout: string, marks: Marks): Map<string, string> {
  const found = new Map<string, string>();
  for (const part of stdout.split(marks.section).slice(1)) {
    const end = part.indexOf('\n');
    found.set(part.slice(0, end), part.slice(end + 1));
  }
  return found;
}

function sessionError(
  rc: number,
  stderr: string,
  sections: ReadonlyMap<string, string>,
  queries: readonly string[],
): ModuleError {
  const said = stderr
    .split('\n')
    .map(row => row.replace(/^psql:<stdin>:\d+: /, ''))
    .filter(row => row !== '')
    .join('\n')
    .replaceAll(
      /^LINE (\d+): PREPARE polarplay AS (.*)\n( *)\^/gm,
      (_, line: string, text: string, blanks: string) => {
        return `LINE ${line}: ${text}\n${blanks.slice('PREPARE polarplay AS '.length)}^`;
      },
    );
  if (rc === 96) return new ModuleError(said);
  const last = [...sections.keys()].findLast(name => /^(start|plain|types|typed|after) /.test(name));
  if (last === undefined) {
    const connecting =
      /connection to server|could not connect|connection refused|no password supplied|authentication failed/i.test(
        said,
      );
    return new ModuleError(
      connecting ? `unable to connect to database: ${said}` : said || `psql failed with exit code ${rc}`,
    );
  }
  const index = Number(last.split(' ')[1]);
  return new QueryError(index, queries[index] ?? '', said || `psql failed with exit code ${rc}`);
}

function resultOf(
  query: string,
  index: number,
  sections: ReadonlyMap<string, string>,
  marks: Marks,
): QueryResult {
  const { verb, preparable } = inspect(query);
  if (!preparable) return plainResult(query, verb, sections.get(`plain ${index}`) ?? '', marks);
  const types = parseTypes(sections.get(`types ${index}`) ?? '', marks);
  const text = sections.get(`typed ${index}`) ?? '';
  if (types === undefined) return { query, rows: [], returnsRows: false, status: text.trim() };
  const { rows, status } = parseTable(text, marks, types);
  return { query, rows, returnsRows: true, status: status || `SELECT ${rows.length}` };
}

/** \gdesc's table of columns and types; undefined when the statement returns none. */
function parseTypes(text: string, marks: Marks): string[] | undefined {
  if (!text.includes(marks.record)) return undefined;
  return text
    .replace(/\n$/, '')
    .split(marks.record)
    .slice(1)
    .map(row => row.split(marks.field)[1] ?? 'text');
}

const TAG = /^(INSERT|UPDATE|DELETE|MERGE|SELECT|FETCH|MOVE|COPY)( \d+)+$/;

function parseTable(
  text: string,
  marks: Marks,
  types: readonly string[] | undefined,
): { rows: Row[]; status: string } {
  let body = text.replace(/\n$/, '');
  let status = '';
  const lastLine = body.slice(body.lastIndexOf('\n') + 1);
  if (TAG.test(lastLine) && body.includes('\n')) {
    status = lastLine;
    body = body.slice(0, -lastLine.length - 1);
  }
  const [header = '', ...records] = body.split(marks.record);
  const columns = header.split(marks.field);
  const rows = records.map(record => {
    const values = record.split(marks.field);
    return Object.fromEntries(
      columns.map((column, i) => {
        const value = values[i] ?? '';
        return [column, value === marks.none ? null : typedValue(value, types?.[i] ?? 'text')];
      }),
    );
  });
  return { rows, status };
}

/** A statement that cannot be prepared: a table only from those that are known to give one. */
function plainResult(query: string, verb: string, text: string, marks: Marks): QueryResult {
  if (!text.includes(marks.record) && !/^(SHOW|EXPLAIN|FETCH)$/.test(verb))
    return { query, rows: [], returnsRows: false, status: text.trim().split('\n').at(-1) ?? '' };
  const { rows, status } = parseTable(text, marks, undefined);
  const counted = verb === 'FETCH' || verb === 'SELECT' ? `${verb} ${rows.length}` : verb;
  return { query, rows, returnsRows: true, status: status || counted };
}

export { identifier, literal };
