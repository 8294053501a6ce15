import type { DatabaseNode, Deployment } from '../lib/cluster/deployment.ts';
import type { Hosts } from '../lib/cluster/hosts.ts';
import type { Databases } from '../lib/cluster/sql.ts';

/** Below every other: what a layer stands on comes before it. */
export const LAYERS = {
  host: 'Hosts',
  storage: 'Storage host',
  block: 'Block devices',
  os: 'Operating system',
  build: 'Programs',
  pfs: 'PolarDB file system',
  services: 'Services',
  database: 'Database',
  settings: 'Settings',
  replication: 'Replication',
  security: 'Security',
  boot: 'Next boot and switchover',
  data: 'Data',
  backup: 'Backup',
  health: 'Health',
  performance: 'Performance',
} as const;
/** The layer of users' own checks, which stand in no file of this suite. */
export const OWN_LAYER = 'own';
export type LayerName = keyof typeof LAYERS | typeof OWN_LAYER;

/** A figure worth reporting beside the verdict: a delay, a lag, a version. */
export interface Figure {
  readonly name: string;
  readonly value: number | string;
  readonly unit?: string;
  readonly host?: string;
}

/** danger: data is at stake; fault: the cluster is not what it should be; warning: it will hurt later. */
export type Severity = 'danger' | 'fault' | 'warning';

/** What was asked of a host, as somebody would type it, and what came back. */
export interface Reply {
  readonly host: string;
  /** The command, or the SQL. */
  readonly command: string;
  readonly rc: number;
  readonly output: string;
}

/** One host that does not fulfil one expectation. */
export interface Fault {
  readonly host: string;
  readonly expected: string;
  readonly found: string;
  /** What was asked to find out; undefined where no single question shows it. */
  readonly reply?: Reply | undefined;
  /** It does not become true by waiting. */
  readonly final?: boolean;
}

/** Where a check looks: the deployment, and one host of it. */
export interface Place {
  readonly deployment: Deployment;
  readonly host: string;
  /** The database node on that host; undefined on the storage host. */
  readonly node: DatabaseNode | undefined;
}

/** Commands or queries by a name that the check uses for them. */
export type Asks = Readonly<Record<string, string>>;
type AsksOf = Asks | ((place: Place) => Asks);

/** Whom a check concerns. */
export type Subjects = 'all' | 'storage' | 'nodes' | 'primary' | 'replicas' | 'backup';

interface Head {
  /** `layer.what`: stable name in reports, selections and waivers. */
  readonly id: `${LayerName}.${string}`;
  readonly title: string;
  /** What holds when the check passes, and why that matters. */
  readonly proves: string;
  readonly expects: string;
  /** What to do when it fails. Never anything that destroys data. */
  readonly todo: string;
  readonly severity: Severity;
  readonly on: Subjects;
  readonly tags?: readonly string[];
  /** Ids of checks without which this one cannot tell: of the same host, or with `@storage`, `@primary` of that host. */
  readonly needs?: readonly string[];
  /** Why the check does not apply to a deployment. */
  readonly skip?: (deployment: Deployment) => string | undefined;
  /** Commands, run as root on every host that the check concerns. */
  readonly asks?: AsksOf;
  /** Commands that read shared disks: they may hang, so they are asked apart and each with a limit. */
  readonly diskAsks?: AsksOf;
  readonly storageAsks?: AsksOf;
  readonly primaryAsks?: AsksOf;
  /** Queries, on every node that the check concerns. */
  readonly sql?: AsksOf;
  readonly primarySql?: AsksOf;
  /** A cluster that was just started may need a moment for it. */
  readonly settles?: boolean;
}

/** Judges each host by itself. */
export interface HostCheck extends Head {
  judge(at: Sight): void;
}

/** Judges the hosts against each other. */
export interface AcrossCheck extends Head {
  across(all: Sights): void;
}

/** Does something itself: connects, writes what is its own. */
export interface ActiveCheck extends Head {
  act(doing: Doing): Promise<void>;
  /** What it may take beyond the limit of one command. */
  readonly extraMs?: number;
}

/** One expectation, as data and pure functions; only an ActiveCheck does anything. */
export type Check = HostCheck | AcrossCheck | ActiveCheck;

export const layerOf = ({ id }: Pick<Check, 'id'>): LayerName => id.split('.')[0] as LayerName;

/** Between these it lies for certain: no host can be asked in an instant. */
export interface Bounds {
  readonly least: number;
  readonly most: number;
}

/** What is seen of one host. */
export interface View {
  readonly host: string;
  /** What a command printed; a command that failed is a fault. */
  out(name: string): string;
  /** How a command ended, whatever its exit code. */
  reply(name: string): Reply;
  rows<Row>(name: string): readonly Row[];
  /** The first row. */
  row<Row>(name: string): Row;
}

export interface Sight extends View, Place {
  /** Why the host, or the server on it, did not answer; undefined where it did. */
  readonly reached: { readonly host: string | undefined; readonly server: string | undefined };
  /** By how many seconds its clock is before that of this machine, at least and at most. */
  readonly clock: Bounds | undefined;
  readonly storage: View;
  readonly primary: View;
  /** The one assertion: without `ok`, a fault. `final`: waiting does not help. */
  check(ok: boolean, expected: string, found: string | number, options?: { readonly final?: boolean }): void;
  note(figure: Omit<Figure, 'host'>): void;
  /** There is nothing to judge on this host, and why. */
  skip(reason: string): void;
}

export interface Sights {
  readonly deployment: Deployment;
  readonly hosts: readonly Sight[];
  readonly storage: View;
  readonly primary: View;
  /** Like Sight's, about one host. */
  check(host: string, ok: boolean, expected: string, found: string | number): void;
  /** Every host that differs from what most hosts (and on a draw the primary) say is a fault. */
  same(what: string, values: ReadonlyMap<string, string>): void;
  note(figure: Figure): void;
}

export interface Doing {
  readonly deployment: Deployment;
  readonly hosts: readonly string[];
  readonly signal: AbortSignal;
  readonly runId: string;
  readonly reach: Hosts;
  readonly databases: Databases;
  check(host: string, ok: boolean, expected: string, found: string | number, reply?: Reply): void;
  note(figure: Figure): void;
  /** Runs at the end of the check, whatever came of it. */
  cleanUp(work: () => Promise<void>): void;
  skip(reason: string): void;
}
