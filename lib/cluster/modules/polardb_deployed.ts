import { matchesPassword } from '../../modules/databases/postgres/password.ts';
import { A, Type } from '../../modules/kit/arguments.ts';
import { defineAction, ModuleError } from '../../modules/kit/define.ts';
import { mustAsk, type Records } from '../../modules/kit/reply.ts';
import { stripEnd } from '../../source/strip-end.ts';

const args = Type.Object({
  cluster: A.str('Name of the cluster.'),
  node: A.str('Name of the node.'),
  hostid: A.int('Identity of the node on the shared storage.'),
  database: A.choice(['polardb', 'postgresql'], 'What is deployed.'),
  version: A.int('Major version of PolarDB.'),
  disk: A.str('Disk of the database.'),
  data: A.path('Data directory of the node.'),
  user: A.str('Database superuser, who is also the operating system user.'),
  port: A.int('Port of the server.'),
  password: A.str('Password of the database superuser.', { secret: true }),
});
type Args = Type.Static<typeof args>;

/** What the password is compared with. The primary knows best; the password file has what the last run wrote. */
type Witness = 'primary' | 'replica' | 'file' | 'nobody';

/** What is deployed on a node, by its own files and its server. */
interface Deployed {
  readonly settings: ReadonlyMap<string, string>;
  /** Port of the running server; empty when none runs. */
  readonly port: string;
  readonly witness: Witness;
  /** The hash that the server stores, or the password in the password file. */
  readonly secret: string | null;
}

export const polardbDeployed = defineAction({
  name: 'polardb_deployed',
  summary:
    'Refuses an inventory that does not describe the node as it is deployed, and compares the password with the database’s.',
  examples: `
# Every operation does this before it changes anything.
- name: Compare the inventory with what is deployed
  polardb_deployed:
    cluster: polar
    node: "{{ inventory_hostname }}"
    hostid: 2
    database: polardb
    version: 15
    disk: nvmeexport1
    data: /home/polardb/data
    user: polardb
    port: 5432
    password: "{{ polardb_password }}"
`,
  args,
  returns: {
    password: 'same or other; unknown where nothing tells.',
    witness:
      'What the password was compared with: primary or replica (the running server), file (the password file), or nobody.',
  },
  readOnly: true,

  *run(args) {
    const found = parseDeployed(yield* mustAsk('cannot see what is deployed', SCRIPT, { timeout: 30 }));
    if (!found) return { changed: false, password: 'unknown', witness: 'nobody' };
    const differences = compareSettings(found, args);
    if (differences.length > 0)
      throw new ModuleError(
        `the inventory does not describe ${args.node} as it is deployed: ${differences.join('; ')}`,
        { hint: 'use the inventory with which the cluster was deployed; nothing was changed' },
      );
    return { changed: false, password: comparePassword(found, args), witness: found.witness };
  },
});

/** Reads only. The server is asked on its own port, whatever the inventory says. */
const SCRIPT = `
cd /
[ -e /etc/polar/guard.env ] || exit 0
. /etc/polar/guard.env
for name in CLUSTER NODE HOSTID DATABASE VERSION DISK DATA OWNER; do
  eval "field setting.$name \\"\\$$name\\""
done
begin pgpass; runuser -u "$OWNER" -- cat "$OWNER_HOME/.pgpass" 2>/dev/null
pid=$(systemctl show -p MainPID --value polardb)
[ "\${pid:-0}" -gt 0 ] || exit 0
bin=$(dirname "$(readlink "/proc/$pid/exe" | sed 's/ (deleted)$//')")
port=$(sed -n 4p "$DATA/postmaster.pid" 2>/dev/null)
[ -n "$port" ] || exit 0
field port "$port"
socket=$(sed -n 5p "$DATA/postmaster.pid")
case $socket in .*) socket=$DATA ;; esac
begin server
runuser -u "$OWNER" -- env PGCONNECT_TIMEOUT=8 timeout -k 2 8 "$bin/psql" -h "\${socket:-/tmp}" -p "$port" -U "$OWNER" -d postgres -XAtq -c \\
  "select case when pg_is_in_recovery() then 'replica' else 'primary' end || ' ' || coalesce(rolpassword, '') from pg_authid where rolname = current_user" 2>/dev/null
exit 0
`;

/** What the script found; undefined on a host where no node is deployed. */
export function parseDeployed(records: Records): Deployed | undefined {
  const settings = new Map(
    records
      .part('setting')
      .names()
      .map(name => [name, records.output(`setting.${name}`) ?? '']),
  );
  if (settings.size === 0) return undefined;
  const port = records.output('port') ?? '';
  const server = /^(primary|replica) (.*)$/.exec(records.output('server') ?? '');
  if (server) {
    const witness = server[1] === 'primary' ? 'primary' : 'replica';
    return { settings, port, witness, secret: server[2] || null };
  }
  const kept = passwordOf(records.output('pgpass') ?? '');
  return { settings, port, witness: kept === undefined ? 'nobody' : 'file', secret: kept ?? null };
}

/** The password of the first line of a password file, in which a backslash stands before : and \. */
export function passwordOf(pgpass: string): string | undefined {
  const [line = ''] = stripEnd(pgpass, '\n').split('\n');
  return /^(?:(?:[^:\\]|\\.)*:){4}((?:[^\\]|\\.)*)$/s.exec(line)?.[1]?.replace(/\\(.)/gs, '$1');
}

/** What the inventory says otherwise than the node; empty when they agree. */
export function compareSettings({ settings, port }: Deployed, args: Args): string[] {
  const known = (name: string) => settings.get(name) ?? '';
  const rows: readonly (readonly [variable: string, deployed: string, wanted: string, note?: string])[] = [
    ['the name of the node', known('NODE'), args.node, 'are ansible_host of two nodes exchanged?'],
    ['cluster_name', known('CLUSTER'), args.cluster],
    [
      'polardb_database',
      known('DATABASE'),
      args.database,
      'inventory/standin.yaml goes with the stand-in only',
    ],
    ['polar_hostid', known('HOSTID'), String(args.hostid)],
    ['polardb_data', known('DATA'), args.data],
    ['polardb_user', known('OWNER'), args.user],
    ...(args.database === 'polardb' && known('DATABASE') === 'polardb'
      ? [
          ['polardb_version', known('VERSION'), String(args.version)] as const,
          [
            'polardb_disk',
            known('DISK'),
            args.disk,
            'do nbd_server_exports stand in another order?',
          ] as const,
        ]
      : []),
    ...(port === ''
      ? []
      : [
          [
            'polardb_port',
            port,
            String(args.port),
            'to change it, run stop.yml with the old port, then site.yml with the new one',
          ] as const,
        ]),
  ];
  return rows
    .filter(([, deployed, wanted]) => deployed !== '' && deployed !== wanted)
    .map(
      ([variable, deployed, wanted, note]) =>
        `${variable} is ${deployed} there and ${wanted} in the inventory${note ? ` (${note})` : ''}`,
    );
}

/** Whether the password is that of the database. */
export function comparePassword({ witness, secret }: Deployed, args: Args): 'same' | 'other' | 'unknown' {
  if (witness === 'nobody') return 'unknown';
  const same =
    witness === 'file' ? secret === args.password : matchesPassword(secret, args.password, args.user);
  return same ? 'same' : 'other';
}
