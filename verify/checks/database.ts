import type { Deployment } from '../../lib/cluster/deployment.ts';
import type { Check, Sights } from '../check.ts';
import { nowhere } from '../every-database.ts';

const HOSTID = "SELECT current_setting('polar_hostid') AS id";
/** Which server this is: no two have the same. */
const SERVER =
  "SELECT (SELECT system_identifier::text FROM pg_control_system()) || ' ' || extract(epoch FROM pg_postmaster_start_time()) AS server";
const SHARED = [
  'polar_enable_shared_storage_mode',
  'polar_datadir',
  'polar_disk_name',
  'polar_storage_cluster_name',
];
/** Replicas are shut out as well on the day when the password of the database user expires. */
const EXPIRY_DAYS = 30;
const polarOnly = ({ database }: Deployment) =>
  database === 'polardb' ? undefined : 'the stand-in has no shared data directory';

/** The servers: they answer, one of them writes, and they are one cluster. */
export const databaseChecks: readonly Check[] = [
  {
    id: 'database.writers',
    title: 'exactly one node takes writes: the primary of the role record',
    proves:
      'Every replica is in recovery and the primary is not. Two nodes that write to one shared disk destroy it.',
    expects: 'the primary writes, every replica is in recovery',
    todo: 'Stop the node that should not write AT ONCE (`systemctl stop polardb` there). Do not restart it: run failover.yml or rejoin.yml as docs/operations.md says, after you know which node wrote last.',
    severity: 'danger',
    on: 'nodes',
    settles: true,
    sql: { recovering: 'SELECT pg_is_in_recovery() AS recovering' },
    across: all => {
      const writers = all.hosts.filter(at => !at.row<{ recovering: boolean }>('recovering').recovering);
      const names = writers.map(at => at.host).join(' and ');
      for (const at of all.hosts) {
        const writes = writers.includes(at);
        const primary = at.node?.role === 'primary';
        all.check(
          at.host,
          writes === primary,
          primary ? 'the primary takes writes' : 'a replica, in recovery',
          writers.length > 1 ? `${names} take writes` : primary ? 'it is in recovery' : 'it takes writes',
        );
      }
    },
  },
  {
    id: 'database.answers',
    title: 'every node answers SQL',
    proves: 'psql on each node gets an answer, as the database user on its socket: what the roles rely on.',
    expects: 'an answer',
    todo: 'See the log of the server and `systemctl status polardb`. "Peer authentication failed" or "no pg_hba.conf entry": run site.yml, which writes pg_hba.conf.',
    severity: 'fault',
    on: 'nodes',
    needs: ['services.active', 'host.processes'],
    settles: true,
    sql: { one: 'SELECT 1 AS one' },
    judge: at => {
      at.check(at.reached.server === undefined, 'an answer', at.reached.server ?? '');
      if (at.reached.server === undefined) at.rows('one');
    },
  },
  {
    id: 'database.local',
    title: 'the roles’ own way in works: psql on the node as the database user',
    proves: 'The database user gets in on the socket without a password; playbooks would fail otherwise.',
    expects: 'psql on the node is let in',
    todo: 'Run site.yml, which writes pg_hba.conf; see whether the socket is where polardb_socket_directory says.',
    severity: 'fault',
    on: 'nodes',
    skip: ({ guarded }) =>
      guarded
        ? undefined
        : 'somebody else set this cluster up (verify_guard: false): no playbook works on it',
    needs: ['database.answers'],
    act: async ({ hosts, databases, check }) => {
      for (const host of hosts) {
        const refused = databases.refusedLocally(host);
        check(host, refused === undefined, 'psql on the node is let in', refused ?? '');
      }
    },
  },
  {
    id: 'database.login',
    title: 'clients get in over TCP with the password',
    proves:
      'From here, as a client does: the address and port of the inventory, the database user and its password lead to the server of that node, and to no other.',
    expects: 'a session with the server of the node',
    todo: 'Refused connection: listen_addresses, the port, a firewall. "no pg_hba.conf entry": the rules of polardb_hba do not let this machine in. "password authentication failed": the password beside the inventory is not that of the database (ALTER ROLE … PASSWORD).',
    severity: 'fault',
    on: 'nodes',
    needs: ['database.answers'],
    act: async doing => {
      await Promise.all(
        doing.hosts.map(async host => {
          const local = await doing.databases.local<{ server: string }>(host, SERVER).catch(() => undefined);
          const answer = await doing.databases.direct(host).then(
            async session => {
              const [row] = await session.select<{ server: string }>(SERVER);
              await session.close();
              return { server: row?.server };
            },
            (error: unknown) => ({ refused: (error as Error).message }),
          );
          doing.check(host, !('refused' in answer), 'let in', 'refused' in answer ? answer.refused : '');
          if ('refused' in answer || local === undefined) return;
          doing.check(
            host,
            answer.server === local.server,
            `the server on ${host}`,
            'another server answers there',
          );
        }),
      );
    },
  },
  {
    id: 'database.identity',
    title: 'all nodes belong to one cluster, the recorded one',
    proves:
      'The system identifier and the timeline are the same on all nodes, and the one in the role record.',
    expects: 'one system identifier and one timeline',
    todo: 'A node with another identifier serves another database: stop it, and look where its data directory and disk come from.',
    severity: 'danger',
    on: 'nodes',
    needs: ['database.writers'],
    sql: {
      control:
        'SELECT (SELECT system_identifier::text FROM pg_control_system()) AS id, (SELECT timeline_id FROM pg_control_checkpoint()) AS timeline',
    },
    across: judgeIdentity,
  },
  {
    id: 'database.place',
    title: 'each server works in the data directory and on the port of the inventory',
    proves: 'The server that answers is the one that the roles configure, back up and restart.',
    expects: 'the data directory and port of the inventory',
    todo: 'Find out who started the other server; correct polardb_data or polardb_port if the inventory is wrong.',
    severity: 'fault',
    on: 'nodes',
    sql: {
      place:
        "SELECT current_setting('data_directory') AS data, current_setting('port') AS port, current_setting('config_file') AS config, current_setting('hba_file') AS hba",
    },
    judge: at => {
      const { data, port, config, hba } = at.row<{ data: string; port: string; config: string; hba: string }>(
        'place',
      );
      const wanted = at.node?.data;
      at.check(data === wanted, `the data directory ${wanted}`, data);
      at.check(port === String(at.node?.sql.port), `port ${at.node?.sql.port}`, port);
      // Somebody else may keep the files elsewhere, such as Debian's packages do.
      if (!at.deployment.guarded) return;
      at.check(config === `${wanted}/postgresql.conf`, `${wanted}/postgresql.conf`, config);
      at.check(hba === `${wanted}/pg_hba.conf`, `${wanted}/pg_hba.conf`, hba);
    },
  },
  {
    id: 'database.open',
    title: 'databases and the database user may be connected to',
    proves:
      'No database that clients use and no role that the cluster uses is closed, limited or expired, nor expires soon: the replicas log in as it as well.',
    expects: 'open databases and a superuser that may log in',
    todo: "ALTER DATABASE … ALLOW_CONNECTIONS true, CONNECTION LIMIT -1; ALTER ROLE … LOGIN SUPERUSER REPLICATION CONNECTION LIMIT -1 VALID UNTIL 'infinity'.",
    severity: 'fault',
    on: 'primary',
    sql: {
      databases:
        "SELECT datname AS name, datallowconn AS allowed, datconnlimit AS most, datname = 'template0' AS closed FROM pg_database",
      roles: `SELECT rolname AS name, rolcanlogin AS login, rolsuper AS super, rolreplication AS replication, rolconnlimit AS most, coalesce(rolvaliduntil < now(), false) AS expired, CASE WHEN rolvaliduntil < now() + interval '${EXPIRY_DAYS} days' THEN rolvaliduntil::text END AS ends FROM pg_roles WHERE rolcanlogin OR rolsuper`,
    },
    judge: at => {
      for (const { name, allowed, most, closed } of at.rows<{
        name: string;
        allowed: boolean;
        most: number;
        closed: boolean;
      }>('databases')) {
        // It is what every database can be made from anew, as long as nobody writes to it.
        if (closed) at.check(!allowed, `${name} allows no connections`, 'it does');
        if (closed) continue;
        at.check(allowed, `${name} allows connections`, 'it allows none');
        at.check(most !== 0, `${name} allows connections`, 'its connection limit is 0');
        const own = ['postgres', 'template1'].includes(name);
        at.check(!own || most <= 0, `${name} has no limit of connections`, most);
        at.check(most !== -2, `${name} is valid`, 'dropping it was interrupted');
      }
      const user = at.node?.sql.user ?? '';
      const role = at
        .rows<{
          name: string;
          login: boolean;
          super: boolean;
          replication: boolean;
          most: number;
          expired: boolean;
          ends: string | null;
        }>('roles')
        .find(({ name }) => name === user);
      at.check(role?.login === true, `${user} may log in`, role ? 'NOLOGIN' : 'there is no such role');
      if (!role) return;
      at.check(role.super, `${user} is superuser`, 'it is not');
      at.check(role.replication, `${user} may replicate`, 'it may not');
      at.check(role.most === -1, `${user} has no limit of connections`, role.most);
      at.check(!role.expired, `the password of ${user} is valid`, 'it has expired');
      at.check(
        role.expired || !role.ends,
        `the password of ${user} is valid for ${EXPIRY_DAYS} days`,
        `it expires on ${role.ends}`,
      );
    },
  },
  {
    id: 'database.hostids',
    title: 'every node has the polar_hostid of the inventory, and of its own',
    proves: 'No two nodes use the same identity on the shared disk.',
    expects: 'the identities of the inventory',
    todo: 'Set polar_hostid in the inventory once for each node and never give one to another; run site.yml and restart the node.',
    severity: 'danger',
    on: 'nodes',
    skip: polarOnly,
    sql: { hostid: HOSTID },
    across: all => {
      const ids = new Map(all.hosts.map(at => [at.host, at.row<{ id: string }>('hostid').id]));
      for (const at of all.hosts) {
        const id = ids.get(at.host)!;
        all.check(at.host, id === String(at.node?.hostid), `polar_hostid ${at.node?.hostid}`, id);
        const twin = [...ids].find(([host, other]) => other === id && host !== at.host);
        all.check(at.host, twin === undefined, 'an identity of its own', `${id}, as ${twin?.[0]}`);
      }
    },
  },
  {
    id: 'database.shared',
    title: 'all nodes work on the same shared data directory',
    proves: 'The nodes are one PolarDB cluster on one disk, not several that look alike.',
    expects: 'shared storage mode, the same disk and directory',
    todo: 'Run site.yml; a node that has another directory must not be started as a writer.',
    severity: 'danger',
    on: 'nodes',
    skip: polarOnly,
    sql: { shared: `SELECT ${SHARED.map(name => `current_setting('${name}') AS ${name}`).join(', ')}` },
    across: all => {
      const rows = new Map(all.hosts.map(at => [at.host, at.row<Record<string, string>>('shared')]));
      for (const name of SHARED)
        all.same(name, new Map([...rows].map(([host, row]) => [host, row[name] ?? ''])));
      for (const [host, row] of rows)
        all.check(host, row[SHARED[0]!] === 'on', `${SHARED[0]} is on`, row[SHARED[0]!] ?? '');
    },
  },
  {
    id: 'database.checksums',
    title: 'no page was found damaged, and pages bear checksums',
    proves: 'Data checksums are on, and no database has counted a failure.',
    expects: 'checksums on, no failure',
    todo: 'A failure means damaged pages: take no backup over an old one, find the table (pg_amcheck), restore it. Without checksums: pg_checksums --enable while the cluster is stopped.',
    severity: 'danger',
    on: 'nodes',
    sql: {
      checksums: "SELECT current_setting('data_checksums') AS value",
      failures:
        "SELECT coalesce(sum((to_jsonb(d)->>'checksum_failures')::bigint), 0)::int AS failures FROM pg_stat_database d",
    },
    judge: at => {
      const { value } = at.row<{ value: string }>('checksums');
      at.check(value === 'on', 'data checksums are on', value);
      const { failures } = at.row<{ failures: number }>('failures');
      at.check(failures === 0, 'no failed checksum', `${failures} failures`);
    },
  },
  {
    id: 'database.indexes',
    title: 'no index is invalid, in any database',
    proves:
      'Every index is used, in every database that allows connections (at most 50); one that is invalid costs writes and helps nobody.',
    expects: 'no invalid index',
    todo: 'REINDEX INDEX CONCURRENTLY, or drop it.',
    severity: 'warning',
    ...nowhere('indexes', 'no invalid index'),
  },
  {
    id: 'database.sequences',
    title: 'no sequence is near its end, in any database',
    proves: 'Inserts that take their key from a sequence go on: fewer than 90 % of its values are used.',
    expects: 'less than 90 % of the values used',
    todo: 'ALTER TABLE … ALTER COLUMN … TYPE bigint and ALTER SEQUENCE … AS bigint, while there is time.',
    severity: 'warning',
    ...nowhere('sequences', 'sequences with room'),
  },
  {
    id: 'database.autovacuum',
    title: 'autovacuum leaves no table out, in any database',
    proves:
      'No table has autovacuum_enabled = off: its dead rows would stay until somebody vacuums by hand, or until the end of the transaction ids forces it.',
    expects: 'no table without autovacuum',
    todo: 'ALTER TABLE … RESET (autovacuum_enabled). A table that is loaded just now: waive it until the load ends.',
    severity: 'warning',
    ...nowhere('unvacuumed', 'no table without autovacuum'),
  },
  {
    id: 'database.collations',
    title: 'sort orders are those with which the indexes were made',
    proves:
      'The library of the host sorts text as it did when each database was made, on every node: after an update of glibc or ICU, or on a node with another version, indexes of text find nothing.',
    expects: 'the recorded version of every collation',
    todo: 'REINDEX the indexes of text in that database on the primary, then ALTER DATABASE … REFRESH COLLATION VERSION. Bring all nodes to one release of the distribution first.',
    severity: 'danger',
    on: 'nodes',
    skip: ({ version }) =>
      Number(version) < 15 ? 'before version 15 a database records no version' : undefined,
    sql: {
      collations:
        'SELECT datname AS name, datcollversion AS recorded, pg_database_collation_actual_version(oid) AS actual FROM pg_database WHERE datcollversion IS NOT NULL AND datallowconn',
    },
    judge: at => {
      for (const { name, recorded, actual } of at.rows<{ name: string; recorded: string; actual: string }>(
        'collations',
      ))
        at.check(recorded === actual, `${name} sorts as in version ${recorded}`, actual);
    },
  },
  {
    id: 'database.tablespaces',
    title: 'no tablespace lies outside of what the nodes share',
    proves:
      'A replica replays what happens in a tablespace in a folder of its own host: where that is missing it stops, and for PolarDB data there is not on the shared disk.',
    expects: 'no tablespaces of one’s own',
    todo: 'ALTER TABLE … SET TABLESPACE pg_default for what lies in it, then DROP TABLESPACE. With the stand-in make the folder on every node before.',
    severity: 'fault',
    on: 'primary',
    sql: {
      spaces:
        "SELECT spcname AS name, pg_tablespace_location(oid) AS place FROM pg_tablespace WHERE spcname NOT IN ('pg_default', 'pg_global')",
    },
    judge: at => {
      const spaces = at
        .rows<{ name: string; place: string }>('spaces')
        .map(({ name, place }) => `${name} in ${place}`);
      at.check(spaces.length === 0, 'no tablespace', spaces.join(', '));
    },
  },
  {
    id: 'database.wraparound',
    title: 'no database is near the end of its transaction ids',
    proves: 'Autovacuum freezes in time: a database that runs out of transaction ids refuses writes.',
    expects: 'an age below autovacuum_freeze_max_age, or a little more while vacuum runs',
    todo: 'Look for what holds back vacuum: old transactions, prepared transactions, slots. Then VACUUM (FREEZE) the oldest tables.',
    severity: 'fault',
    on: 'primary',
    sql: {
      ages: "SELECT datname AS name, age(datfrozenxid) AS age, mxid_age(datminmxid) AS members, current_setting('autovacuum_freeze_max_age')::bigint AS most, current_setting('autovacuum_multixact_freeze_max_age')::bigint AS most_members FROM pg_database",
    },
    judge: at => {
      for (const { name, age, members, most, most_members } of at.rows<{
        name: string;
        age: number;
        members: number;
        most: number;
        most_members: number;
      }>('ages')) {
        at.check(age < 1.1 * most, `${name} is younger than ${1.1 * most} transactions`, age);
        at.check(
          members < 1.1 * most_members,
          `${name} is younger than ${1.1 * most_members} multixacts`,
          members,
        );
      }
    },
  },
];

function judgeIdentity(all: Sights): void {
  const rows = new Map(all.hosts.map(at => [at.host, at.row<{ id: string; timeline: number }>('control')]));
  all.same('the system identifier', new Map([...rows].map(([host, { id }]) => [host, id])));
  all.same('the timeline', new Map([...rows].map(([host, { timeline }]) => [host, String(timeline)])));
  const recorded = all.deployment.record?.systemIdentifier;
  for (const [host, { id }] of rows)
    all.check(host, recorded === undefined || id === recorded, `${recorded}, as recorded`, id);
  all.note({ name: 'system identifier', value: [...rows.values()][0]!.id });
}
