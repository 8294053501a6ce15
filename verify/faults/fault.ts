import type { Deployment } from '../../lib/cluster/deployment.ts';

/** What a fault breaks; the order of the list, from below upwards. */
export const PARTS = {
  storage: 'Storage host',
  nbd: 'NBD server and disks',
  network: 'Network',
  pfs: 'PolarDB file system',
  primary: 'Primary',
  replica: 'Replica',
  disk: 'Full disks',
  clock: 'Clocks',
  runner: 'polarplay itself',
} as const;
export type Part = keyof typeof PARTS;

/** What is done on one host, as POSIX sh with the helpers of PRELUDE. */
export interface Step {
  readonly host: string;
  readonly breaks: string;
  /** Undefined: the host mends it by itself. It may run twice, and where nothing is broken. */
  readonly heals?: string;
  /** Ends with 0 where the fault can be tried on the host; else says why not, on standard error. */
  readonly probe?: string;
}

/** One way in which something breaks, and what must hold. */
export interface Fault {
  readonly id: `${Part}.${string}`;
  readonly title: string;
  /** What is done, for people. */
  readonly breaks: string;
  /** Who puts it right again. */
  readonly heals: string;
  /** What must hold beside what always must: nothing acknowledged is lost, no wrong row, one writer. */
  readonly expects: string;
  /** Seconds that it stays broken; 0: the host mends it by itself, at once. */
  readonly holdS: number;
  /** Whether commits must go on meanwhile, given who has to acknowledge them. */
  readonly writesGoOn: (deployment: Deployment) => boolean;
  /** Why it does not concern a deployment. */
  readonly skip?: (deployment: Deployment) => string | undefined;
  readonly steps: (deployment: Deployment) => readonly Step[];
  /** The playbook whose run is killed; its second run is the heal. */
  readonly playbook?: string;
  /** How long to watch at least: the cluster may notice late. */
  readonly watchS?: number;
}

/** Seconds that the cluster may take, from when it can recover, until commits, reads on all nodes and all replicas go on. */
export interface Budget {
  readonly writesS: number;
  readonly readsS: number;
  readonly replicasS: number;
  /** The longest pause of commits where they must go on. */
  readonly pauseS: number;
}
