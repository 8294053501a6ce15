import { join } from 'node:path';
import type { Inventory } from '../inventory/types.ts';
import { SourceError } from '../source/errors.ts';
import { isObject } from '../source/json.ts';
import type { Json, Value } from '../source/value.ts';
import type {
  Balancer,
  DatabaseNode,
  Deployment,
  Endpoint,
  Export,
  PfsSettings,
  StorageHost,
  SyncPolicy,
} from './deployment.ts';
import type { NamesToFind } from './found-names.ts';
import type { RoleRecord } from './role-record.ts';
import { type HostVariables, plain } from './variables.ts';

/** The variables' names are the roles'; this file is the only place of the suite that knows them. */
const GROUPS = {
  storage: 'storage',
  primary: 'primary',
  nodes: 'nodes',
  balancers: 'balancers',
  clients: 'clients',
} as const;
/** Names of the roles. A cluster that somebody else set up has others, which the inventory says or a look finds. */
const STORAGE_SERVICE = 'polar-nbd-server.service';
const STORAGE_CONFIG = '/etc/polar/nbd-server.conf';
const DATABASE_SERVICE = 'polardb.service';
const PFS_BINARY = '/usr/local/bin/pfs';
const diskService = (disk: string) => `polar-nbd@${disk}.service`;
const pfsService = (disk: string) => `polar-pfsd@${disk}.service`;
const RECORD_FILE = 'cluster_record';
/** What the roles' defaults expect of the roles' own clusters, and of no other. */
const EXPECTATIONS = [
  'polardb_sync',
  'polardb_hba',
  'polardb_hba_method',
  'polardb_home',
  'polardb_locale',
  'polardb_limit_nofile',
  'polardb_parameters',
  'polardb_parameters_polar',
  'common_sysctl',
  'common_limits',
  'backup_max_age_hours',
];
const POLICIES: readonly string[] = ['off', 'any1', 'all', 'first1'] satisfies readonly SyncPolicy[];

/**
 * What the inventory, with the roles' defaults below it, says the cluster is; who is primary now, the role record says.
 * Throws SourceError where they do not say.
 */
export function deploymentOf(
  inventory: Inventory,
  variables: (host: string) => HostVariables,
  record: RoleRecord | undefined,
  recordProblem?: string,
): Deployment {
  const nodeHosts = hostsIn(inventory, GROUPS.nodes);
  const firstPrimary = onlyHost(inventory, GROUPS.primary);
  if (!nodeHosts.includes(firstPrimary)) {
    throw new SourceError(
      'BAD_INVENTORY',
      `the primary is ${firstPrimary}, which is not in the group "${GROUPS.nodes}"`,
    );
  }
  // A record that names a primary which does not exist is a finding, and no reason to look at nothing.
  const primaryHost = record && nodeHosts.includes(record.primary) ? record.primary : firstPrimary;
  const ask = new Asking(variables(primaryHost));
  const database = ask.text('polardb_database');
  if (database !== 'polardb' && database !== 'postgresql') {
    throw ask.wrong('polardb_database', `is "${database}", expected polardb or postgresql`);
  }
  const attached = new Map(
    nodeHosts.map(host => [host, new Asking(variables(host)).list('nbd_client_exports').map(String)]),
  );
  const storage = storageOf(inventory, variables, attached);
  const guarded = isGuarded(ask);
  const unsaid = new Set(guarded ? [] : EXPECTATIONS.filter(name => !ask.said(name)));
  const sync = ask.text('polardb_sync');
  if (!POLICIES.includes(sync))
    throw ask.wrong('polardb_sync', `is "${sync}", expected ${POLICIES.join(', ')}`);
  const node = (host: string): DatabaseNode =>
    nodeOf(new Asking(variables(host)), {
      host,
      primary: host === primaryHost,
      storage,
      database,
      guarded,
      unsaid,
    });
  return {
    database,
    version: ask.text(database === 'polardb' ? 'polardb_version' : 'polardb_postgresql_version'),
    storage,
    primary: node(primaryHost),
    replicas: nodeHosts.filter(host => host !== primaryHost).map(node),
    sync: sync as SyncPolicy,
    cluster: ask.text('cluster_name'),
    recordFile: ask.text(RECORD_FILE),
    record,
    pfs: database === 'polardb' ? pfsOf(ask) : undefined,
    access: {
      method: ask.text('polardb_hba_method'),
      replicationMethod: ask.text('polardb_hba_replication_method'),
      lines: ask.list('polardb_hba').map(String),
    },
    system: {
      sysctl: unsaid.has('common_sysctl') ? new Map() : ask.texts('common_sysctl'),
      limits: unsaid.has('common_limits') ? new Map() : ask.texts('common_limits'),
      nofile: unsaid.has('polardb_limit_nofile') ? 0 : ask.number('polardb_limit_nofile'),
      locale: unsaid.has('polardb_locale') ? '' : ask.text('polardb_locale'),
      timezone: ask.text('common_timezone'),
      timeService: ask.text('common_time_service') === 'true',
    },
    backup: {
      host: ask.text('backup_host'),
      directory: ask.text('backup_directory'),
      maxAgeHours: ask.number('backup_max_age_hours'),
      tried: ask.text('backup_check') === 'true',
    },
    guarded,
    unsaid,
    recordProblem,
    superusers: ask.list('verify_superusers').map(String),
    passwordFile:
      inventory.dir === undefined
        ? undefined
        : join(inventory.dir, 'credentials', `${ask.text('cluster_name')}.polardb`),
    health: {
      service: 'polar-health.socket',
      port: endpointOf(ask.text('health_listen'), '').port,
    },
    balancers: optionalGroup(inventory, GROUPS.balancers).map(host =>
      balancerOf(new Asking(variables(host)), host),
    ),
    clients: optionalGroup(inventory, GROUPS.clients),
    files: new Map(),
  };
}

const optionalGroup = (inventory: Inventory, name: string): readonly string[] =>
  inventory.groups.has(name) ? inventory.hostsOf(name) : [];

const isGuarded = (ask: Asking): boolean => ask.optional('verify_guard') !== 'false';

/** Where names of units and files must be looked for: on the hosts of a cluster that somebody else set up. */
export function namesToFind(
  inventory: Inventory,
  variables: (host: string) => HostVariables,
): readonly NamesToFind[] {
  const storage = onlyHost(inventory, GROUPS.storage);
  if (isGuarded(new Asking(variables(storage)))) return [];
  return [storage, ...hostsIn(inventory, GROUPS.nodes)].map(host => {
    const ask = new Asking(variables(host));
    const data = host === storage ? undefined : ask.text('polardb_data');
    return { host, data, said: name => ask.said(name) };
  });
}

/** Where the role record lies: the host and the file. */
export function recordPlace(
  inventory: Inventory,
  variables: (host: string) => HostVariables,
): { host: string; file: string } {
  const host = onlyHost(inventory, GROUPS.storage);
  return { host, file: new Asking(variables(host)).text(RECORD_FILE) };
}

/** The record as the variable that the roles register it under. */
export function recordFact({ primary, fenced }: RoleRecord): Value {
  return new Map<Value, Value>([
    [
      'record',
      new Map<Value, Value>([
        ['primary', primary],
        ['fenced', [...fenced]],
      ]),
    ],
  ]);
}

/** How long an answer of a health endpoint counts there. */
const HEALTH_KEPT_MS = 1000;
/** What answers and checks take on a busy machine. */
const CHECK_TAKES_MS = 1500;

function balancerOf(ask: Asking, host: string): Balancer {
  const address = ask.text('cluster_address');
  const figures = endpointOf(ask.text('haproxy_stats_listen'), address);
  const [interval, fast] = ['haproxy_check_interval', 'haproxy_check_fast_interval'].map(name => {
    const [, number, unit] = /^(\d+)(ms|s|m)?$/.exec(ask.text(name)) ?? [];
    if (number === undefined)
      throw ask.wrong(name, `is "${ask.text(name)}", expected a time such as 500ms or 1s`);
    return Number(number) * (unit === 's' ? 1000 : unit === 'm' ? 60_000 : 1);
  });
  return {
    host,
    write: endpointOf(ask.text('haproxy_write_listen'), address),
    read: endpointOf(ask.text('haproxy_read_listen'), address),
    figures: /^(127\.|::1$|localhost$)/.test(figures.address) ? undefined : figures,
    figuresPort: figures.port,
    readFallback: ask.flag('haproxy_read_fallback'),
    behindMs: HEALTH_KEPT_MS + interval! + (ask.number('haproxy_check_fall') - 1) * fast! + CHECK_TAKES_MS,
  };
}

/** `*:5000`, `10.0.0.1:5000`, `[::1]:5000`, `:5000` or `8008`: a port of all addresses is reached by the host's own. */
function endpointOf(listen: string, ownAddress: string): Endpoint {
  const at = listen.lastIndexOf(':');
  const address = listen.slice(0, Math.max(at, 0)).replace(/^\[|\]$/g, '');
  const all = ['', '*', '0.0.0.0', '::'].includes(address);
  return { address: all ? ownAddress : address, port: Number(listen.slice(at + 1)) };
}

function storageOf(
  inventory: Inventory,
  variables: (host: string) => HostVariables,
  attached: ReadonlyMap<string, readonly string[]>,
): StorageHost {
  const host = onlyHost(inventory, GROUPS.storage);
  const ask = new Asking(variables(host));
  const scratch = ask.text('scratch_export');
  const exports = ask.list('cluster_exports').map((entry, index): Export => {
    const name = textIn(entry, 'name');
    const backing = textIn(entry, 'file') ?? textIn(entry, 'device');
    if (name === undefined || backing === undefined) {
      throw ask.wrong('nbd_server_exports', `entry ${index + 1} needs a name, and a device or a file`);
    }
    return {
      name,
      backing,
      device: `/dev/${textIn(entry, 'disk') ?? `nvme${name}`}`,
      scratch: name === scratch,
      nodes: [...attached]
        .filter(([, names]) => names.length === 0 || names.includes(name))
        .map(([node]) => node),
    };
  });
  if (scratch !== '' && !exports.some(e => e.scratch)) {
    throw ask.wrong('scratch_export', `is "${scratch}", and no export has that name`);
  }
  const listen = ask.text('nbd_server_listen');
  return {
    host,
    service: ask.optional('verify_storage_service', STORAGE_SERVICE) || undefined,
    address: ask.text('cluster_address'),
    port: ask.number('cluster_nbd_port'),
    anyAddressAllowed: listen === '0.0.0.0' || listen === '::',
    configFile: ask.optional('verify_storage_config', STORAGE_CONFIG),
    authFile: ask.text('nbd_server_authfile') || undefined,
    extraClients: ask.list('nbd_server_extra_clients').map(String),
    listAllowed: ask.flag('nbd_server_allow_list'),
    readonly: ask.flag('nbd_server_readonly'),
    flush: ask.flag('nbd_server_flush'),
    fua: ask.flag('nbd_server_fua'),
    sync: ask.flag('nbd_server_sync'),
    recordExport: ask.text('cluster_record_export'),
    exports,
  };
}

function nodeOf(
  ask: Asking,
  about: Pick<Deployment, 'storage' | 'database' | 'guarded' | 'unsaid'> & {
    readonly host: string;
    readonly primary: boolean;
  },
): DatabaseNode {
  const { host, primary, storage, database } = about;
  const disks = storage.exports.filter(e => e.nodes.includes(host));
  const address = ask.text('cluster_address');
  const user = ask.text('polardb_user');
  const password = ask.secret('polardb_password');
  const unit = ask.optional('verify_database_service', DATABASE_SERVICE) || undefined;
  const disksOf = disks.map(disk => diskService(disk.device.replace('/dev/', '')));
  const daemons = database === 'polardb' ? pfsOf(ask).disks.map(pfsService) : [];
  return {
    host,
    role: primary ? 'primary' : 'replica',
    address,
    hostid: ask.number('polar_hostid'),
    data: ask.text('polardb_data'),
    home: ask.text('polardb_home'),
    bin: ask.text('polardb_bin'),
    ownSlot: ask.text('polardb_slot'),
    settings: settingsOf(ask, about),
    openSettings: ask.nulls('polardb_parameters'),
    slot: primary ? undefined : ask.text('polardb_slot'),
    diskServices: ask.names('verify_disk_services') ?? disksOf,
    services: [...(ask.names('verify_pfs_services') ?? daemons), ...(unit === undefined ? [] : [unit])],
    unit,
    sql: {
      host,
      address,
      port: ask.number('polardb_port'),
      database: 'postgres',
      user,
      ...(password === undefined ? {} : { password }),
      osUser: user,
      socketDir: ask.text('polardb_socket_directory'),
      psql: `${ask.text('polardb_bin')}/psql`,
    },
  };
}

/** What the role's template writes into postgresql.conf; a value of null leaves a setting to the server. */
function settingsOf(
  ask: Asking,
  {
    host,
    primary,
    database,
    guarded,
    unsaid,
  }: Pick<Deployment, 'database' | 'guarded' | 'unsaid'> & { host: string; primary: boolean },
): ReadonlyMap<string, string> {
  const polar = database === 'polardb';
  const settings = new Map([
    ...(unsaid.has('polardb_parameters') ? [] : ask.texts('polardb_parameters')),
    ...(polar && !unsaid.has('polardb_parameters_polar') ? ask.texts('polardb_parameters_polar') : []),
    ...ask.texts('polardb_parameters_extra'),
  ]);
  if (!guarded) return settings;
  settings.set('cluster_name', `${ask.text('cluster_name')}_${host}`);
  if (polar) {
    settings.set('polar_hostid', ask.text('polar_hostid'));
    settings.set('polar_enable_shared_storage_mode', 'on');
    settings.set('polar_disk_name', ask.text('polardb_disk'));
    settings.set('polar_datadir', ask.text('polardb_shared_data'));
    settings.set('polar_vfs.localfs_mode', 'off');
    settings.set('polar_storage_cluster_name', ask.text('pfs_cluster'));
    settings.set('shared_preload_libraries', ask.list('polardb_preload').join(','));
  } else {
    settings.set('wal_level', 'replica');
    settings.set('hot_standby', 'on');
  }
  if (!primary && !(polar && ask.number('polardb_version') < 12)) {
    settings.set('primary_slot_name', ask.text('polardb_slot'));
    settings.set(
      'primary_conninfo',
      `host=${ask.text('polardb_primary_address')} port=${ask.text('polardb_port')} user=${ask.text('polardb_user')} dbname=postgres application_name=${ask.text('polardb_slot')} passfile=${ask.text('polardb_home')}/.pgpass`,
    );
  }
  return settings;
}

function pfsOf(ask: Asking): PfsSettings {
  return {
    disks: ask.list('pfs_disks').map(String),
    cluster: ask.text('pfs_cluster'),
    pfsBinary: ask.optional('verify_pfs_binary', PFS_BINARY),
  };
}

/** Hosts of a group; none is a mistake: a suite that looks at nobody must not pass. */
function hostsIn(inventory: Inventory, group: string): readonly string[] {
  const hosts = inventory.groups.has(group) ? inventory.hostsOf(group) : [];
  if (hosts.length > 0) return hosts;
  const place = inventory.files[0];
  throw new SourceError(
    'BAD_INVENTORY',
    `the inventory has no host in the group "${group}"`,
    place === undefined ? undefined : { file: place, line: 1, col: 1 },
    'a cluster has the groups storage (one host), primary (one host) and nodes (the primary and its replicas)',
  );
}

function onlyHost(inventory: Inventory, group: string): string {
  const [host, ...others] = hostsIn(inventory, group);
  if (others.length === 0) return host!;
  throw new SourceError('BAD_INVENTORY', `the group "${group}" has ${others.length + 1} hosts, expected one`);
}

/** Reads variables as the types the suite needs. */
class Asking {
  readonly #variables: HostVariables;

  constructor(variables: HostVariables) {
    this.#variables = variables;
  }

  optional(name: string): string | undefined;
  optional(name: string, otherwise: string): string;
  optional(name: string, otherwise?: string): string | undefined {
    const value = plain(this.#variables, name);
    return value === undefined || value === null ? otherwise : String(value);
  }

  /** Whether the inventory says it, and no default of a role. */
  said(name: string): boolean {
    return this.#variables.said(name);
  }

  /** A password that this machine may not have: psql on the host works without. */
  secret(name: string): string | undefined {
    try {
      return this.optional(name);
    } catch (error) {
      if (error instanceof SourceError && error.code === 'TEMPLATE_RUNTIME') return undefined;
      throw error;
    }
  }

  text(name: string): string {
    const value = this.optional(name);
    if (value === undefined) throw this.wrong(name, 'is not defined, neither in the inventory nor by a role');
    return value;
  }

  number(name: string): number {
    const value = Number(this.text(name));
    if (!Number.isFinite(value)) throw this.wrong(name, `is "${this.text(name)}", expected a number`);
    return value;
  }

  flag(name: string): boolean {
    return ['true', 'yes', 'on', '1'].includes(this.text(name).toLowerCase());
  }

  /** A mapping to plain values; one that is null is left out. */
  texts(name: string): ReadonlyMap<string, string> {
    const value = plain(this.#variables, name);
    if (!isObject(value)) throw this.wrong(name, 'is not a mapping');
    return new Map(
      Object.entries(value).flatMap(([key, entry]) =>
        entry === null
          ? []
          : [[key, typeof entry === 'boolean' ? (entry ? 'on' : 'off') : String(entry)] as const],
      ),
    );
  }

  /** The keys of a mapping whose value is null. */
  nulls(name: string): readonly string[] {
    const value = plain(this.#variables, name);
    if (!isObject(value)) return [];
    return Object.keys(value).filter(key => value[key] === null);
  }

  list(name: string): readonly Json[] {
    const value = plain(this.#variables, name);
    if (value === undefined) return [];
    if (!Array.isArray(value)) throw this.wrong(name, 'is not a list');
    return value;
  }

  /** A list of names; undefined where nobody says one. */
  names(name: string): readonly string[] | undefined {
    return plain(this.#variables, name) === undefined ? undefined : this.list(name).map(String);
  }

  wrong(name: string, what: string): SourceError {
    return new SourceError('BAD_VALUE', `${this.#variables.host}: ${name} ${what}`);
  }
}

function textIn(entry: Json, key: string): string | undefined {
  if (!isObject(entry)) return undefined;
  const value = entry[key];
  return value === undefined || value === null ? undefined : String(value);
}
