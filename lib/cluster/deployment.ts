import type { RoleRecord } from './role-record.ts';
import type { SqlTarget } from './sql.ts';

/** The contents that a file on a host may have: more than one where a host's own nature decides. */
export type ManagedFiles = ReadonlyMap<string, readonly string[]>;

/** One exported disk, as the storage host gives it out and the nodes see it. */
export interface Export {
  readonly name: string;
  /** What the storage host exports: a device or a file. */
  readonly backing: string;
  /** Path of the block device on the nodes. */
  readonly device: string;
  /** Meant for the suite's own blocks. No other export is ever written. */
  readonly scratch: boolean;
  /** The nodes that attach it. */
  readonly nodes: readonly string[];
}

export interface StorageHost {
  readonly host: string;
  /** Undefined where no unit runs the server. */
  readonly service: string | undefined;
  readonly address: string;
  readonly port: number;
  /** Listening on every address of the host is wanted, not an accident. */
  readonly anyAddressAllowed: boolean;
  readonly configFile: string;
  /** The file that lists who may connect; undefined when the deployment keeps none. */
  readonly authFile: string | undefined;
  /** Addresses besides the nodes' that may connect. */
  readonly extraClients: readonly string[];
  /** Whether the names of the exports may be listed. */
  readonly listAllowed: boolean;
  /** What the running server must promise its clients. */
  readonly readonly: boolean;
  readonly flush: boolean;
  readonly fua: boolean;
  /** Whether each write reaches the disk before it is acknowledged; only the configuration shows it. */
  readonly sync: boolean;
  /** The export through which the nodes read the role record. */
  readonly recordExport: string;
  readonly exports: readonly Export[];
}

export interface DatabaseNode {
  readonly host: string;
  readonly role: 'primary' | 'replica';
  readonly address: string;
  readonly sql: SqlTarget;
  readonly hostid: number;
  readonly data: string;
  readonly home: string;
  readonly bin: string;
  /** The slot that the node uses as a replica, whatever it is now. */
  readonly ownSlot: string;
  /** What postgresql.conf must say, by name, as the inventory and the roles' defaults have it. */
  readonly settings: ReadonlyMap<string, string>;
  /** Settings that the roles work out on the host, or leave to the server: any value will do. */
  readonly openSettings: readonly string[];
  /** Replication slot on the primary and name in pg_stat_replication; replicas only. */
  readonly slot: string | undefined;
  /** Services that keep a shared disk attached. systemd restarts them to connect again after the storage host was away. */
  readonly diskServices: readonly string[];
  /** The other services that keep the node running, in the order they start. Nothing should ever restart them. */
  readonly services: readonly string[];
  /** The service of the database, the last of them; undefined where no unit runs it. */
  readonly unit: string | undefined;
}

/** Which replicas a commit waits for: none, any one, all, or the first that streams while the others stand by. */
export type SyncPolicy = 'off' | 'any1' | 'all' | 'first1';

export interface PfsSettings {
  /** Name of the PFS disk, such as `nvme0n1`. */
  readonly disks: readonly string[];
  readonly cluster: string;
  readonly pfsBinary: string;
}

/** What pg_hba.conf may say. */
export interface AccessRules {
  readonly method: string;
  readonly replicationMethod: string;
  /** Lines of the inventory, after those for replication. */
  readonly lines: readonly string[];
}

/** What the operating system of each host must be set to. */
export interface SystemSettings {
  readonly sysctl: ReadonlyMap<string, string>;
  readonly limits: ReadonlyMap<string, string>;
  readonly nofile: number;
  readonly locale: string;
  readonly timezone: string;
  readonly timeService: boolean;
}

/** A host that leads clients to the nodes. */
export interface Balancer {
  readonly host: string;
  /** Where clients of its two ports connect, and where it says how it is; undefined: on its loopback only. */
  readonly write: Endpoint;
  readonly read: Endpoint;
  readonly figures: Endpoint | undefined;
  /** The port of its figures, for who asks on the host itself. */
  readonly figuresPort: number;
  readonly readFallback: boolean;
  /** How long after a node's own word it may lead there still, in milliseconds. */
  readonly behindMs: number;
}

export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

export interface BackupPolicy {
  readonly host: string;
  readonly directory: string;
  readonly maxAgeHours: number;
  /** Whether each is restored on a copy and read. */
  readonly tried: boolean;
}

/** What the inventory says the cluster is: the expectation that every layer checks. */
export interface Deployment {
  /** `postgresql` is the stand-in: the distribution's server, without PolarDB and without PFS. */
  readonly database: 'polardb' | 'postgresql';
  readonly version: string;
  readonly storage: StorageHost;
  readonly primary: DatabaseNode;
  readonly replicas: readonly DatabaseNode[];
  readonly sync: SyncPolicy;
  /** Name of the cluster, and where the storage host keeps who is who; undefined record: not deployed yet. */
  readonly cluster: string;
  readonly recordFile: string;
  readonly record: RoleRecord | undefined;
  readonly pfs: PfsSettings | undefined;
  readonly access: AccessRules;
  readonly system: SystemSettings;
  readonly backup: BackupPolicy;
  /** Whether this project deployed the cluster, with its guard and role record; false: somebody else did. */
  readonly guarded: boolean;
  /** Variables of the roles' defaults that are not an expectation of a cluster which somebody else set up. */
  readonly unsaid: ReadonlySet<string>;
  /** What is wrong with the role record, in words; undefined: it could be read. */
  readonly recordProblem: string | undefined;
  /** Superusers beside the database user. */
  readonly superusers: readonly string[];
  /** The file on this machine that keeps the password; undefined when it comes from elsewhere. */
  readonly passwordFile: string | undefined;
  readonly health: { readonly service: string; readonly port: number };
  readonly balancers: readonly Balancer[];
  /** Hosts that benchmarks may put load on the cluster from. */
  readonly clients: readonly string[];
  /** By host: the files that the roles write, with the contents they may have. Filled by who wants to compare them. */
  readonly files: ReadonlyMap<string, ManagedFiles>;
}

/** Primary first. */
export function nodesOf({ primary, replicas }: Deployment): readonly DatabaseNode[] {
  return [primary, ...replicas];
}

export function hostsOf(nodes: readonly DatabaseNode[]): readonly string[] {
  return nodes.map(node => node.host);
}

/** What was deployed, in words; the stand-in is named as such wherever results are shown. */
export function describeDeployment({ database, version }: Deployment): string {
  return database === 'polardb'
    ? `PolarDB for PostgreSQL ${version} on PFS`
    : `PostgreSQL ${version} as a STAND-IN for PolarDB: no PFS, no shared data directory`;
}
