import type { Static } from 'typebox';
import { defined } from '../../source/defined.ts';
import type { Json } from '../../source/value.ts';
import { A, Type } from '../kit/arguments.ts';
import { defineState, ModuleError, type Steps } from '../kit/define.ts';
import { connectionArgs } from './postgres/connection.ts';
import { identifier, literal, onlyRow, QueryError, type Row, runQueries } from './postgres/session.ts';

const args = Type.Object({
  name: A.str('Name of the extension.', { aliases: ['ext'] }),
  db: A.str('Database it belongs to.', { aliases: ['login_db'] }),
  state: A.choice(['absent', 'present'], 'Whether it should be installed.', { default: 'present' }),
  schema: A.opt(A.str('Schema of a new extension.')),
  version: A.opt(A.str('Version to install or update to; "latest" for the newest.')),
  cascade: A.bool('Install what it needs, or remove what needs it.', { default: false }),
  ...connectionArgs,
});

type Args = Static<typeof args>;

interface Found {
  readonly installed: string | null;
  readonly standard: string | null;
  readonly versions: readonly string[];
  /** Whether an update from the installed version to the wanted one exists. */
  readonly path: boolean;
}

function foundIn({ installed, standard, versions, path }: Row): Found {
  const text = (value: Json | undefined) => (typeof value === 'string' ? value : null);
  return {
    installed: text(installed),
    standard: text(standard),
    versions: Array.isArray(versions) ? versions.map(String) : [],
    path: path === true,
  };
}

/** The statement that brings the extension to what is wanted; undefined when it is so. Pure. */
function statement(found: Found, args: Args): string | undefined {
  const name = identifier(args.name);
  const cascade = args.cascade ? ' CASCADE' : '';
  if (args.state === 'absent')
    return found.installed === null ? undefined : `DROP EXTENSION ${name}${cascade}`;
  const latest = args.version === 'latest';
  if (found.installed === null) {
    if (found.versions.length === 0) throw new ModuleError(`Extension ${args.name} is not available`);
    if (args.version !== undefined && !latest && !found.versions.includes(args.version))
      throw new ModuleError(`Passed version '${args.version}' is not available`);
    const schema = args.schema === undefined ? '' : ` WITH SCHEMA ${identifier(args.schema)}`;
    const version = args.version === undefined || latest ? '' : ` VERSION ${literal(args.version)}`;
    return `CREATE EXTENSION ${name}${schema}${version}${cascade}`;
  }
  const wanted = latest ? found.standard : args.version;
  if (wanted === undefined || wanted === null || wanted === found.installed) return undefined;
  if (!found.path)
    throw new ModuleError(
      `Passed version '${wanted}' has no valid update path from the currently installed version '${found.installed}' or the passed version is not available`,
    );
  return `ALTER EXTENSION ${name} UPDATE TO ${literal(wanted)}`;
}

export const postgresqlExt = defineState({
  name: 'postgresql_ext',
  aliases: ['community.postgresql.postgresql_ext'],
  summary: 'Installs, updates and removes extensions of a PostgreSQL database.',
  examples: `
- name: Have statistics of statements
  postgresql_ext: {name: pg_stat_statements, db: app}
  become: true
  become_user: postgres
`,
  args,
  returns: { ext: 'Name of the extension.', db: 'The database.', queries: 'The statements.' },
  differences: [
    'Needs psql on the host instead of Python and psycopg2.',
    'version=latest changes nothing when the newest version is installed.',
  ],
  touches: args => [`pg-database:${args.login_host}:${args.port}:${args.db}`],

  *probe(args): Steps<Found> {
    const name = literal(args.name);
    const target =
      args.version === undefined || args.version === 'latest' ? 'e.default_version' : literal(args.version);
    const query = `select x.extversion as installed, e.default_version as standard,
array(select version::text from pg_available_extension_versions where name = ${name}) as versions,
exists(select from pg_extension_update_paths(${name}) p where p.source = x.extversion and p.target = ${target} and p.path is not null) as path
from (values (1)) one(n) left join pg_extension x on x.extname = ${name} left join pg_available_extensions e on e.name = ${name}`;
    try {
      const [result] = yield* runQueries(args, [query], { database: args.db, autocommit: true });
      return foundIn(onlyRow(result));
    } catch (error) {
      // Update paths cannot be asked for when there is no such extension at all.
      if (
        !(error instanceof QueryError) ||
        !/extension ".*" (is not available|does not exist)|could not open extension control file/.test(
          error.serverMessage,
        )
      )
        throw error;
      return { installed: null, standard: null, versions: [], path: false };
    }
  },

  diff(found, args) {
    const sql = statement(found, args);
    const warnings =
      args.version !== undefined && args.state === 'absent'
        ? ['Parameter version is ignored when state=absent']
        : [];
    return {
      changes: sql === undefined ? [] : [sql],
      result: {
        ext: args.name,
        db: args.db,
        queries: sql === undefined ? [] : [sql],
        ...(warnings.length > 0 && { warnings }),
      },
    };
  },

  *apply(found, args) {
    try {
      yield* runQueries(args, [defined(statement(found, args), 'apply runs only after a change')], {
        database: args.db,
        autocommit: true,
      });
    } catch (error) {
      if (!(error instanceof QueryError)) throw error;
      throw new ModuleError(`Management of PostgreSQL extension failed: ${error.serverMessage}`, {
        ext: args.name,
        db: args.db,
      });
    }
    return {};
  },
});
