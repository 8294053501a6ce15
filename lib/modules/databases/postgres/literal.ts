import { fieldsOf, jsonText } from '../../../source/json.ts';
import { stripEnd } from '../../../source/strip-end.ts';
import type { Json } from '../../../source/value.ts';
import { ModuleError } from '../../kit/define.ts';

/**
 * A text as an SQL literal, whatever the server's standard_conforming_strings: a text with backslashes is written with
 * E'…' and doubled ones.
 */
export function literal(text: string): string {
  if (text.includes('\0')) throw new ModuleError('PostgreSQL texts cannot hold the character NUL');
  const quoted = text.replaceAll("'", "''");
  return quoted.includes('\\') ? ` E'${quoted.replaceAll('\\', '\\\\')}'` : `'${quoted}'`;
}

/** A name as an SQL identifier. */
export function identifier(name: string): string {
  if (name.includes('\0') || name === '')
    throw new ModuleError(`"${name}" is not a valid name in PostgreSQL`);
  return `"${name.replaceAll('"', '""')}"`;
}

/** An element of an array literal. */
function arrayElement(value: Json): string {
  if (value === null) return 'NULL';
  if (Array.isArray(value)) return arrayText(value);
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean')
    return String(value);
  const text = typeof value === 'object' ? jsonText(value) : String(value);
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

const arrayText = (values: readonly Json[]): string => `{${values.map(arrayElement).join(', ')}}`;

/** Any value as SQL: lists become arrays, mappings JSON. */
export function sqlValue(value: Json): string {
  if (value === null) return 'NULL';
  if (typeof value === 'boolean') return String(value);
  // A minus before a number could make a comment with one that stands before it.
  if (typeof value === 'number' || typeof value === 'bigint') return value < 0 ? ` ${value}` : String(value);
  if (typeof value === 'string') return literal(value);
  return literal(Array.isArray(value) ? arrayText(value) : jsonText(value));
}

type Arguments = Json[] | { [name: string]: Json } | undefined;

/**
 * The query with its `%s` or `%(name)s` replaced by quoted values, and `%%` by a percent sign; without arguments it stays
 * as it is. The same rules as psycopg's.
 */
export function bind(query: string, args: Arguments, quoteValue: (value: Json) => string = sqlValue): string {
  if (args === undefined) return query;
  const list = Array.isArray(args) ? args : undefined;
  let next = 0;
  const bound = query.replaceAll(
    /%(?:%|s|\(([^)]*)\)s|(.|$))/gs,
    (match: string, name: string | undefined) => {
      if (match === '%%') return '%';
      if (match === '%s' && list) {
        if (next >= list.length)
          throw new ModuleError('the query has more %s than there are positional_args');
        return quoteValue(list[next++] ?? null);
      }
      if (name !== undefined && !list) {
        const value = fieldsOf(args)[name];
        if (value === undefined) throw new ModuleError(`named_args has no value for %(${name})s`);
        return quoteValue(value);
      }
      throw new ModuleError(`"${match}" in a query with arguments: write %% for a percent sign`);
    },
  );
  if (list && next < list.length)
    throw new ModuleError('there are more positional_args than %s in the query');
  return bound;
}

interface Statement {
  /** First word, capitals. */
  readonly verb: string;
  /** One statement that the server can prepare, so that the types of its columns are known. */
  readonly preparable: boolean;
}

const PREPARABLE = new Set(['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'VALUES', 'WITH', 'TABLE', 'MERGE']);

const SKIPPED = /'(?:[^']|'')*'|"(?:[^"]|"")*"|\$([A-Za-z_]\w*)?\$[\s\S]*?\$\1\$|--[^\n]*|\/\*[\s\S]*?\*\//g;

/** What kind of statement a query is. Texts and comments are passed over. */
export function inspect(query: string): Statement {
  const bare = query.replaceAll(/\b[eE]'(?:[^'\\]|\\.|'')*'/gs, "''").replaceAll(SKIPPED, ' ');
  const verb = (/^[\s(]*([A-Za-z]+)/.exec(bare)?.[1] ?? '').toUpperCase();
  const several = stripEnd(bare, '; \t\r\n').includes(';');
  // SELECT … INTO makes a table: the server does not prepare it.
  const makesTable = verb === 'SELECT' && /\bINTO\b/i.test(bare);
  return { verb, preparable: PREPARABLE.has(verb) && !several && !makesTable };
}
