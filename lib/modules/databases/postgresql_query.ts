import type { Static } from 'typebox';
import { defined } from '../../source/defined.ts';
import { jsonText } from '../../source/json.ts';
import type { Json } from '../../source/value.ts';
import { A, Type } from '../kit/arguments.ts';
import { defineAction, type ModuleContext, ModuleError, type Result, type Steps } from '../kit/define.ts';
import { connectionArgs } from './postgres/connection.ts';
import { bind } from './postgres/literal.ts';
import { QueryError, type QueryResult, runQueries } from './postgres/session.ts';

const args = Type.Object({
  query: A.raw('A query, or a list of them; %s and %(name)s stand for arguments.'),
  positional_args: A.opt(A.rawList('Values for %s, in order; a list becomes an array.')),
  named_args: A.opt(A.dict('Values for %(name)s.')),
  db: A.opt(A.str('Database to connect to.', { aliases: ['login_db'] })),
  autocommit: A.bool('Run outside of a transaction, as VACUUM and the like need it.', { default: false }),
  search_path: A.opt(A.list('Schemas to look in.')),
  encoding: A.opt(A.str('Accepted; texts travel as UTF-8.')),
  ...connectionArgs,
});

type Args = Static<typeof args>;

/** Rows a statement gave or touched, by its status. */
function count(result: QueryResult): number {
  const number = Number(/ (\d+)$/.exec(result.status)?.[1] ?? 0);
  return result.returnsRows ? Math.max(result.rows.length, number) : number;
}

/** Whether a statement changed anything: reading does not, writing no row does not, anything else does. */
export function changes(status: string): boolean {
  if (/SELECT/.test(status)) return false;
  if (!/UPDATE|INSERT|DELETE/.test(status)) return true;
  const words = status.split(/\s+/);
  return words.length === 2 || words.length === 3 ? words.at(-1) !== '0' : true;
}

function* run(args: Args, ctx: ModuleContext): Steps<Result> {
  const texts = Array.isArray(args.query) ? args.query : [args.query];
  if (texts.length === 0 || !texts.every(q => typeof q === 'string'))
    throw new ModuleError('query argument must be of type string or list');
  if (args.autocommit && ctx.checkMode)
    throw new ModuleError('Using autocommit is mutually exclusive with check_mode');
  const values = args.positional_args?.length ? args.positional_args : args.named_args;
  const queries = texts.map(text => bind(text, values));
  let results: readonly QueryResult[];
  try {
    results = yield* runQueries(args, queries, {
      database: args.db,
      autocommit: args.autocommit,
      rollback: ctx.checkMode,
      searchPath: args.search_path,
    });
  } catch (error) {
    if (!(error instanceof QueryError)) throw error;
    throw new ModuleError(
      `Cannot execute SQL '${texts[error.index]}' ${jsonText(values ?? null)}: ${error.serverMessage}, query list: ${jsonText(texts)}`,
    );
  }
  const last = defined(results.at(-1), 'there is a query');
  const rowsOf = (r: QueryResult): Json => (r.returnsRows ? [...r.rows] : {});
  return {
    changed: results.some(r => changes(r.status)),
    query: last.query,
    query_list: texts,
    statusmessage: last.status,
    query_result: rowsOf(last),
    query_all_results: results.map(rowsOf),
    rowcount: results.reduce((sum, r) => sum + count(r), 0),
  };
}

export const postgresqlQuery = defineAction({
  name: 'postgresql_query',
  aliases: ['community.postgresql.postgresql_query'],
  summary: 'Runs SQL in a PostgreSQL database and gives the rows.',
  examples: `
- name: Count the orders of a customer
  postgresql_query:
    db: app
    query: select count(*) from orders where customer = %s
    positional_args: ["{{ customer }}"]
  register: orders
  become: true
  become_user: postgres
`,
  args,
  rules: { mutuallyExclusive: [['positional_args', 'named_args']] },
  returns: {
    query_result: 'Rows of the last query, each a mapping.',
    query_all_results: 'Rows of all queries.',
    query: 'The last query as it was sent.',
    query_list: 'The queries as written.',
    statusmessage: 'What the server said of the last query.',
    rowcount: 'Rows given or touched by all queries together.',
  },
  differences: [
    'Needs psql on the host instead of Python and psycopg2.',
    'Of several statements in one text, the values of the last are given as text: write them as a list.',
    'Intervals are given as the server spells them; integers beyond 2^53 as text.',
    'path_to_script and as_single_query, deprecated there, do not exist.',
  ],
  run,
  check: run,
});
