import { randomBytes } from 'node:crypto';
import type { Static } from 'typebox';
import { jsonText } from '../../source/json.ts';
import type { Json } from '../../source/value.ts';
import { A, Type } from '../kit/arguments.ts';
import { defineAction, ModuleError, type Result, type Steps } from '../kit/define.ts';
import {
  loginFailure,
  mysqlArgs,
  mysqlClient,
  mysqlComplaint,
  mysqlValue,
  parseResults,
  type Row,
} from './mysql/client.ts';
import { bind } from './postgres/literal.ts';

const args = Type.Object({
  query: A.raw('A query, or a list of them; %s and %(name)s stand for arguments.'),
  positional_args: A.opt(A.rawList('Values for %s, in order.')),
  named_args: A.opt(A.dict('Values for %(name)s.')),
  single_transaction: A.bool('Run all queries in one transaction.', { default: false }),
  login_db: A.opt(A.str('Database to use.')),
  ...mysqlArgs,
});

type Args = Static<typeof args>;

/** Notes that the thing was there, or was not there, already. */
const ALREADY = new Set([1007, 1008, 1050, 1051, 1061, 1091, 1304, 1305, 1359, 1360, 1396, 1537, 1539]);

function isChange(query: string, count: number, already: boolean): boolean {
  const start = query.trimStart().slice(0, 8).toUpperCase();
  if (/INSERT|UPDATE|DELETE|REPLACE/.test(start)) return count > 0;
  return /CREATE|DROP|ALTER|RENAME|TRUNCATE/.test(start) && !already;
}

function* run(args: Args): Steps<Result> {
  const texts = Array.isArray(args.query) ? args.query : [args.query];
  if (texts.length === 0 || !texts.every(q => typeof q === 'string'))
    throw new ModuleError('the query option value must be a string or list of strings');
  const values = args.positional_args?.length ? args.positional_args : args.named_args;
  const queries = texts.map(text => bind(text, values, mysqlValue));
  // The client takes no delimiter longer than fifteen characters.
  const mark = `m${randomBytes(7).toString('hex')}`;
  const input = [
    `delimiter ${mark}`,
    ...(args.single_transaction ? [`set autocommit = 0${mark}`] : []),
    ...queries.flatMap((query, i) => [
      `${query}\n${mark}`,
      `select ${i} as n, row_count() as affected${mark}`,
      `show warnings${mark}`,
    ]),
    ...(args.single_transaction ? [`commit${mark}`] : []),
    '',
  ].join('\n');
  const reply = yield* mysqlClient(args, input, args.login_db);
  if (reply.rc !== 0) throw failure(reply.stderr, reply.stdout, texts, values ?? null);
  return collect(queries, parseResults(reply.stdout));
}

const COUNT = /^select (\d+) as n, row_count\(\) as affected$/;

function failure(stderr: string, stdout: string, texts: readonly string[], values: Json): ModuleError {
  const said = mysqlComplaint(stderr);
  if (!/^ERROR .*at line \d+:/.test(said)) return loginFailure(said);
  const done = parseResults(stdout).filter(r => COUNT.test(r.statement.trim())).length;
  return new ModuleError(`Cannot execute SQL '${texts[done]}' args [${jsonText(values)}]: ${said}`);
}

/** Sorts the client's tables to the queries they belong to. */
function collect(queries: readonly string[], results: ReturnType<typeof parseResults>): Result {
  const rows: Row[][] = [];
  const counts: number[] = [];
  let changed = false;
  let own: Row[] = [];
  for (const [i, result] of results.entries()) {
    const index = COUNT.exec(result.statement.trim())?.[1];
    if (index === undefined) {
      if (result.statement.trim() !== 'show warnings') own = result.rows;
      continue;
    }
    const affected = Number(result.rows[0]?.affected ?? 0);
    const count = affected < 0 ? own.length : affected;
    const next = results[i + 1];
    const notes = next?.statement.trim() === 'show warnings' ? next.rows : [];
    const already = notes.some(note => ALREADY.has(Number(note.Code)));
    changed ||= isChange(queries[Number(index)] ?? '', count, already);
    rows.push(own);
    counts.push(count);
    own = [];
  }
  return { changed, executed_queries: [...queries], query_result: rows, rowcount: counts };
}

export const mysqlQuery = defineAction({
  name: 'mysql_query',
  aliases: ['community.mysql.mysql_query', 'ansible.mysql.mysql_query'],
  summary: 'Runs SQL in a MySQL or MariaDB database and gives the rows.',
  examples: `
- name: Count the orders before the move
  mysql_query:
    query: select count(*) from orders
    login_db: shop
    login_unix_socket: /run/mysqld/mysqld.sock
  register: orders
`,
  args,
  rules: { mutuallyExclusive: [['positional_args', 'named_args']] },
  returns: {
    query_result: 'For each query the list of its rows.',
    rowcount: 'For each query the rows given or touched.',
    executed_queries: 'The queries as they were sent.',
  },
  differences: [
    'Needs the mysql client on the host instead of Python and PyMySQL.',
    'The client tells no types: whole numbers are given as numbers, all else as text.',
    'CREATE … IF NOT EXISTS of what exists, and DROP … IF EXISTS of what does not, report no change.',
  ],
  run,
});
