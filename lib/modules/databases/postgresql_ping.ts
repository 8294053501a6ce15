import type { Json } from '../../source/value.ts';
import { A, Type } from '../kit/arguments.ts';
import { defineAction, ModuleError } from '../kit/define.ts';
import { connectionArgs } from './postgres/connection.ts';
import { runQueries } from './postgres/session.ts';

/** `PostgreSQL 15.8 (PolarDB 15.8.2.0 …) on x86_64…` → its parts. */
export function serverVersion(raw: string): Json {
  const full = raw.split(/\s+/)[1] ?? '';
  const [, major, minor, patch] = /^(\d+)(?:\.(\d+))?(?:\.(\d+))?/.exec(full) ?? [];
  return {
    major: Number(major ?? 0),
    minor: Number(minor ?? 0),
    full,
    raw,
    ...(patch !== undefined && { patch: Number(patch) }),
  };
}

export const postgresqlPing = defineAction({
  name: 'postgresql_ping',
  aliases: ['community.postgresql.postgresql_ping'],
  summary: 'Says whether a PostgreSQL server takes connections, and which version it is.',
  examples: `
- name: See that the server answers
  postgresql_ping: {db: app}
  become: true
  become_user: postgres
`,
  args: Type.Object({
    db: A.opt(A.str('Database to connect to.', { aliases: ['login_db'] })),
    ...connectionArgs,
  }),
  returns: {
    is_available: 'Whether the connection could be made.',
    server_version: 'major, minor, patch, full and raw.',
    conn_err_msg: 'Why the connection could not be made.',
  },
  differences: ['Needs psql on the host instead of Python and psycopg2.'],
  readOnly: true,

  *run(args) {
    try {
      const [result] = yield* runQueries(args, ['select version() as v'], {
        database: args.db,
        autocommit: true,
      });
      const raw = String(result?.rows[0]?.v ?? '');
      return {
        changed: false,
        is_available: raw !== '',
        server_version: serverVersion(raw),
        conn_err_msg: '',
      };
    } catch (error) {
      if (!(error instanceof ModuleError) || /^the program psql/.test(error.message)) throw error;
      const why = error.message.replace(/^unable to connect to database: /, '');
      return { changed: false, is_available: false, server_version: {}, conn_err_msg: why };
    }
  },
});
