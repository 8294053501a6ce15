import { A, Type } from '../../modules/kit/arguments.ts';
import { defineAction, ModuleError, quote, type Steps } from '../../modules/kit/define.ts';
import { ask } from '../../modules/kit/reply.ts';
import { stripEnd } from '../../source/strip-end.ts';
import { asDatabaseUser, serverArgs } from './polardb-psql.ts';

const args = Type.Object({
  query: A.str('One SQL command, run as the superuser through the socket; its commit waits for no replica.'),
  until: A.str('Runs the command again until it prints exactly this (columns separated by |).', {
    default: '',
  }),
  within: A.int('Seconds until then; an unreachable server counts as not yet.', { default: 60 }),
  changes: A.bool(
    'The command changes something: check mode leaves it out, and the task counts as changed.',
    {
      default: false,
    },
  ),
  ...serverArgs,
});
type Args = Type.Static<typeof args>;

export const polardbSql = defineAction({
  name: 'polardb_sql',
  summary: 'Runs one SQL command on the host’s database, or waits until it gives the wanted answer.',
  examples: `
- name: Wait until both replicas stream
  polardb_sql:
    query: select count(*) from pg_stat_replication where state = 'streaming'
    until: "2"
    within: 60
    bin: /usr/local/polardb/bin
    socket: /run/polardb
    port: 5432
    user: polardb
`,
  args,
  returns: { rows: 'Lines of the answer.', value: 'The first line.', seconds: 'How long the wait took.' },

  *run(args) {
    return yield* query(args);
  },

  *check(args) {
    return args.changes || args.until !== '' ? undefined : yield* query(args);
  },
});

function* query(args: Args): Steps<{ changed: boolean; rows: string[]; value: string; seconds: number }> {
  const reply = yield* ask(script(args), { timeout: args.within + 120 });
  const rows = linesOf(reply.text('rows') ?? '');
  if (reply.rc !== 0) {
    const expected = args.until === '' ? '' : `no "${args.until}" within ${args.within} s: `;
    throw new ModuleError(`${expected}${reply.stderr.trim() || rows.join('\n')}`, { rc: reply.rc, rows });
  }
  return { changed: args.changes, rows, value: rows[0] ?? '', seconds: Number(reply.text('seconds') ?? 0) };
}

function linesOf(text: string): string[] {
  const lines = stripEnd(text, '\n');
  return lines === '' ? [] : lines.split('\n');
}

function script(args: Args): string {
  const command = `timeout 300 ${asDatabaseUser(args, 'psql')} -d postgres -XAtq -v ON_ERROR_STOP=1 -c ${quote(args.query)}`;
  if (args.until === '') return `cd / && begin rows && ${command}`;
  return `
cd /
start=$(date +%s)
until answer=$(${command} 2>&1) && [ "$answer" = ${quote(args.until)} ]; do
  [ $(($(date +%s) - start)) -lt ${args.within} ] || { echo "last answer: $answer" >&2; exit 1; }
  sleep 0.2
done
field seconds $(($(date +%s) - start))
field rows "$answer"
`;
}
