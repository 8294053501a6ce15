import type { Inventory } from '../inventory/types.ts';
import { SourceError } from '../source/errors.ts';
import type { Json, Value } from '../source/value.ts';
import type { DatabaseNode, Deployment, Export, PfsSettings, StorageHost, SyncPolicy } from './deployment.ts';
import type { RoleRecord } from './role-record.ts';
import { type HostVariables, plain } from './variables.ts';

/** The variables' names are the roles'; this file is the only place of the suite that knows them. */
const GROUPS = { storage: 'storage', primary: 'primary', nodes: 'nodes' } as const;
const STORAGE_SERVICE = 'polar-nbd-server.service';
const STORAGE_CONFIG = '/etc/polar/nbd-server.conf';
const DATABASE_SERVICE = 'polardb.service';
const diskService = (disk: string) => `polar-nbd@${disk}.service`;
const pfsService = (disk: string) => `polar-pfsd@${disk}.service`;
const RECORD_FILE = 'cluster_record';
const POLICIES: readonly string[] = ['off', 'any1', 'all', 'first1'] satisfies readonly SyncPolicy[];

/**
 * What the inventory, with the roles' defaults below it, says the cluster is; who is primary now, the role record says.
 * Throws SourceError where they do not say.
 */
export function deploymentOf(
  inventory: Inventory,
  variables: (host: string) => HostVariables,
  record: RoleRecord | undefined,
): Deployment {
  const primaryHost = record?.primary ?? onlyHost(inventory, GROUPS.primary);
  const nodeHosts = hostsIn(inventory, GROUPS.nodes);
  if (!nodeHosts.includes(primaryHost)) {
    throw new SourceError(
      'BAD_INVENTORY',
      `the primary is ${primaryHost}, which is not in the group "${GROUPS.nodes}"`,
    );
  }
  const ask = new Asking(variables(primaryHost));
  const database = ask.text('polardb_database');
  if (database !== 'polardb' && database !== 'postgresql') {
    throw ask.wrong('polardb_database', `is "${database}", expected polardb or postgresql`);
  }
  const storage = storageOf(inventory, variables);
  const sync = ask.text('polardb_sync');
  if (!POLICIES.includes(sync))
    throw ask.wrong('polardb_sync', `is "${sync}", expected ${POLICIES.join(', ')}`);
  const node = (host: string): DatabaseNode =>
    nodeOf(new Asking(variables(host)), host, host === primaryHost, storage, database);
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
  };
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

function storageOf(inventory: Inventory, variables: (host: string) => HostVariables): StorageHost {
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
    };
  });
  if (scratch !== '' && !exports.some(e => e.scratch)) {
    throw ask.wrong('scratch_export', `is "${scratch}", and no export has that name`);
  }
  const listen = ask.text('nbd_server_listen');
  return {
    host,
    service: STORAGE_SERVICE,
    address: ask.text('cluster_address'),
    port: ask.number('cluster_nbd_port'),
    anyAddressAllowed: listen === '0.0.0.0' || listen === '::',
    configFile: STORAGE_CONFIG,
    authFile: ask.text('nbd_server_authfile') || undefined,
    extraClients: ask.list('nbd_server_extra_clients').map(String),
    exports,
  };
}

function nodeOf(
  ask: Asking,
  host: string,
  primary: boolean,
  storage: StorageHost,
  database: Deployment['database'],
): DatabaseNode {
  const attached = ask.list('nbd_client_exports');
  const disks = storage.exports.filter(e => attached.length === 0 || attached.includes(e.name));
  const address = ask.text('cluster_address');
  const user = ask.text('polardb_user');
  const password = ask.secret('polardb_password');
  return {
    host,
    role: primary ? 'primary' : 'replica',
    address,
    slot: primary ? undefined : ask.text('polardb_slot'),
    diskServices: disks.map(disk => diskService(disk.device.replace('/dev/', ''))),
    services: [...(database === 'polardb' ? pfsOf(ask).disks.map(pfsService) : []), DATABASE_SERVICE],
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

function pfsOf(ask: Asking): PfsSettings {
  return {
    disks: ask.list('pfs_disks').map(String),
    cluster: ask.text('pfs_cluster'),
    pfsBinary: '/usr/local/bin/pfs',
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

  optional(name: string): string | undefined {
    const value = plain(this.#variables, name);
    return value === undefined || value === null ? undefined : String(value);
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

  list(name: string): readonly Json[] {
    const value = plain(this.#variables, name);
    if (value === undefined) return [];
    if (!Array.isArray(value)) throw this.wrong(name, 'is not a list');
    return value;
  }

  wrong(name: string, what: string): SourceError {
    return new SourceError('BAD_VALUE', `${this.#variables.host}: ${name} ${what}`);
  }
}

function textIn(entry: Json, key: string): string | undefined {
  if (entry === null || typeof entry !== 'object' || Array.isArray(entry)) return undefined;
  const value = entry[key];
  return value === undefined || value === null ? undefined : String(value);
}
