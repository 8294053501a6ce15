import { expect } from 'chai';
import { type Deployment, hostsOf, nodesOf } from '../../lib/cluster/deployment.ts';
import type { Databases } from '../../lib/cluster/sql.ts';
import { type Check, expectSame, type Layer } from '../check.ts';

/** The servers: right version, right role, one and the same cluster, not open to the world. */
export const databaseLayer = (databases: Databases): Layer<Deployment> => ({
  name: 'database',
  title: 'Database',
  checks: deployment => {
    const nodes = nodesOf(deployment);
    const all = hostsOf(nodes);
    const one = async <Row>(host: string, query: string): Promise<Row> => {
      const [row] = await (await databases.reader(host)).select<Row>(query);
      if (row === undefined) throw new Error(`no row from ${query}`);
      return row;
    };
    const checks: Check[] = [
      {
        id: 'database.answers',
        title: 'every node answers SQL',
        hosts: all,
        settles: true,
        run: async context => {
          await context.each(host => context.settled(() => one(host, 'SELECT 1'), host));
        },
      },
      {
        id: 'database.version',
        title: `every node runs ${deployment.database === 'polardb' ? 'PolarDB' : 'PostgreSQL'} ${deployment.version}, the same build`,
        hosts: all,
        run: async context => {
          const versions = await context.each(
            async host => (await one<{ version: string }>(host, 'SELECT version()')).version,
          );
          expectSame(versions, 'the version');
          const text = [...versions.values()][0]!;
          expect(text).to.match(new RegExp(`^PostgreSQL ${deployment.version}[.\\s]`));
          if (deployment.database === 'polardb') expect(text).to.match(/polardb/i);
          context.note({ name: 'version', value: text.split(' on ')[0]! });
        },
      },
      ...nodes.map(
        ({ host, role }): Check => ({
          id: `database.role.${host}`,
          title:
            role === 'primary'
              ? `${host} is the primary: not in recovery`
              : `${host} is a replica: in recovery`,
          hosts: [host],
          run: async () => {
            const { recovering } = await one<{ recovering: boolean }>(
              host,
              'SELECT pg_is_in_recovery() AS recovering',
            );
            expect(recovering, `${host} in recovery`).to.equal(role === 'replica');
          },
        }),
      ),
      {
        id: 'database.identity',
        title: 'all nodes belong to one cluster: the same system identifier',
        hosts: all,
        run: async context => {
          const query = 'SELECT system_identifier::text AS id FROM pg_control_system()';
          const ids = await context.each(async host => (await one<{ id: string }>(host, query)).id);
          expectSame(ids, 'the system identifier');
          const recorded = deployment.record?.systemIdentifier;
          if (recorded !== undefined)
            expect([...ids.values()][0], 'the recorded identifier').to.equal(recorded);
          context.note({ name: 'system identifier', value: [...ids.values()][0]! });
        },
      },
      {
        id: 'database.access',
        title: 'nobody is let in from everywhere without a password',
        hosts: all,
        run: async context => {
          const query = `SELECT line_number AS line FROM pg_hba_file_rules
            WHERE error IS NOT NULL OR (auth_method = 'trust' AND type LIKE 'host%' AND address IN ('0.0.0.0', '::', 'all'))`;
          await context.each(async host => {
            const rows = await (await databases.reader(host)).select<{ line: number }>(query);
            expect(
              rows.map(r => r.line),
              'lines of pg_hba.conf that are wrong or open to the world',
            ).to.deep.equal([]);
          });
        },
      },
      {
        id: 'database.assertions',
        title: 'the servers are not debug builds',
        hosts: all,
        run: async context => {
          const query = "SELECT current_setting('debug_assertions') AS value";
          await context.each(async host => {
            expect((await one<{ value: string }>(host, query)).value, 'debug_assertions').to.equal('off');
          });
        },
      },
    ];
    return deployment.database === 'polardb' ? [...checks, ...polarChecks(deployment, one)] : checks;
  },
});

const HOSTID = 'polar_hostid';
const SHARED_MODE = 'polar_enable_shared_storage_mode';
const SHARED_PLACE = ['polar_datadir', 'polar_disk_name', 'polar_storage_cluster_name'];

type One = <Row>(host: string, query: string) => Promise<Row>;

/** What only PolarDB has: nodes on one data directory, each with an id of its own. */
function polarChecks(deployment: Deployment, one: One): Check[] {
  const all = hostsOf(nodesOf(deployment));
  const settingsOf = async (host: string, names: readonly string[]) => {
    const columns = names.map(name => `current_setting('${name}') AS ${name}`).join(', ');
    return new Map(Object.entries(await one<Readonly<Record<string, string>>>(host, `SELECT ${columns}`)));
  };
  return [
    {
      id: 'database.hostids',
      title: 'every node has a polar_hostid of its own',
      hosts: all,
      run: async context => {
        const ids = await context.each(async host => (await settingsOf(host, [HOSTID])).get(HOSTID)!);
        expect(new Set(ids.values()).size, `different ids in ${[...ids.values()].join(', ')}`).to.equal(
          all.length,
        );
      },
    },
    {
      id: 'database.shared-storage',
      title: 'all nodes work on the same shared data directory',
      hosts: all,
      run: async context => {
        const found = await context.each(async host => {
          const settings = await settingsOf(host, [SHARED_MODE, ...SHARED_PLACE]);
          expect(settings.get(SHARED_MODE), SHARED_MODE).to.equal('on');
          return settings;
        });
        for (const name of SHARED_PLACE) {
          expectSame(new Map([...found].map(([host, settings]) => [host, settings.get(name)!])), name);
        }
      },
    },
  ];
}
