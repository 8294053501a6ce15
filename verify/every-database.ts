import { shellWord } from '../lib/transport/index.ts';
import type { Asks, Check, Place, Sight } from './check.ts';

/** What is wrong in one database. */
interface Objects {
  readonly database: string;
  readonly indexes: readonly string[];
  readonly sequences: readonly string[];
  /** Tables that autovacuum leaves alone. */
  readonly unvacuumed: readonly string[];
  /** What everybody may do and should not. */
  readonly open: readonly string[];
}

type Kind = Exclude<keyof Objects, 'database'>;

const INDEXES =
  "SELECT indexrelid::regclass::text FROM pg_index WHERE NOT (indisvalid AND indisready AND indislive) AND NOT EXISTS (SELECT FROM pg_locks WHERE relation = indexrelid AND mode IN ('ShareUpdateExclusiveLock', 'RowExclusiveLock')) LIMIT 20";
const SEQUENCES =
  "SELECT quote_ident(schemaname) || '.' || quote_ident(sequencename) FROM pg_sequences WHERE NOT cycle AND increment_by > 0 AND last_value > 0.9 * max_value LIMIT 20";
const UNVACUUMED =
  "SELECT oid::regclass::text FROM pg_class WHERE relkind IN ('r', 'm') AND EXISTS (SELECT FROM unnest(reloptions) o WHERE o ~* '^autovacuum_enabled=(f|of|n|0)') LIMIT 20";

/** What initdb keeps from everybody, by the privileges that it noted, and everybody has got since. */
const given = (catalog: string, acl: string, what: string) =>
  `SELECT ${what} FROM ${catalog} c JOIN pg_init_privs i ON i.objoid = c.oid AND i.classoid = '${catalog}'::regclass AND i.objsubid = 0, aclexplode(c.${acl}) now WHERE now.grantee = 0 AND NOT EXISTS (SELECT FROM aclexplode(i.initprivs) old WHERE old.grantee = 0 AND old.privilege_type = now.privilege_type)`;

/** A function of a superuser that anybody may call, and make it call another than it means. */
const UNSAFE_DEFINERS =
  "SELECT 'EXECUTE on ' || p.oid::regprocedure || ', SECURITY DEFINER of a superuser without a search_path of its own' FROM pg_proc p JOIN pg_roles r ON r.oid = p.proowner WHERE prosecdef AND rolsuper AND pronamespace <> 'pg_catalog'::regnamespace AND NOT EXISTS (SELECT FROM unnest(proconfig) c WHERE c LIKE 'search_path=%') AND has_function_privilege('public', p.oid, 'EXECUTE') AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')";

const openTo = (version: number) =>
  [
    given('pg_proc', 'proacl', "now.privilege_type || ' on ' || c.oid::regprocedure"),
    given('pg_class', 'relacl', "now.privilege_type || ' on ' || c.oid::regclass"),
    `SELECT 'CREATE on the schema ' || nspname FROM pg_namespace, aclexplode(nspacl) a WHERE a.grantee = 0 AND a.privilege_type = 'CREATE'${version < 15 ? " AND nspname <> 'public'" : ''}`,
    "SELECT 'the language ' || lanname || ', which is trusted' FROM pg_language WHERE lanpltrusted AND (lanname IN ('c', 'internal') OR lanname LIKE '%u')",
    UNSAFE_DEFINERS,
    ...(version < 15
      ? []
      : [
          "SELECT a.privilege_type || ' on the setting ' || parname FROM pg_parameter_acl, aclexplode(paracl) a WHERE a.grantee = 0",
        ]),
  ].join(' UNION ALL ');

const objects = (version: number) =>
  `SELECT json_build_object('database', current_database(), 'indexes', ARRAY(${INDEXES}), 'sequences', ARRAY(${SEQUENCES}), 'unvacuumed', ARRAY(${UNVACUUMED}), 'open', ARRAY(SELECT * FROM (${openTo(version)}) o LIMIT 20))`;

/** One session for each database. Its name is data: only the environment takes it for nothing else. */
function everyDatabase({ deployment, node }: Place): Asks {
  if (!node) return {};
  const { osUser, user, psql, port, socketDir } = node.sql;
  const ask = `${shellWord(psql)} -XAtqw -h ${shellWord(socketDir)} -p ${port} -U ${shellWord(user)}`;
  const each = `export PGCONNECT_TIMEOUT=5 PGOPTIONS='-c statement_timeout=5000 -c default_transaction_read_only=on' PGAPPNAME=polarplay-verify; PGDATABASE=postgres ${ask} -c "SELECT datname FROM pg_database WHERE datallowconn AND datname <> 'template1' ORDER BY 1 LIMIT 50" | while IFS= read -r d; do PGDATABASE=$d ${ask} -c ${shellWord(objects(Number(deployment.version)))} </dev/null; done`;
  return { objects: `cd / && runuser -u ${shellWord(osUser)} -- sh -c ${shellWord(each)}` };
}

/** What is wrong of one kind, each with its database; a database that says something else is a fault. */
function wrongIn(at: Sight, kind: Kind): readonly string[] {
  const objects = at.out('objects');
  // Where the roles have their way in, a check of its own says that it is shut.
  if (objects === '') at.skip('psql on the node is not let in');
  return objects
    .split('\n')
    .filter(Boolean)
    .flatMap(line => {
      try {
        const found = JSON.parse(line) as Objects;
        return found[kind].map(name => `${name} in ${found.database}`);
      } catch {
        at.check(false, 'an answer of every database', line);
        return [];
      }
    });
}

/** How a check is asked and judged that finds nothing of one kind in any database. */
export const nowhere = (kind: Kind, expected: string, separator = ', ') =>
  ({
    on: 'primary',
    needs: ['database.local'],
    asks: everyDatabase,
    judge: at => {
      const found = wrongIn(at, kind);
      at.check(found.length === 0, expected, found.join(separator));
    },
  }) satisfies Partial<Check>;
