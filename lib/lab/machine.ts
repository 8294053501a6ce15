import type { ProcessOutput } from 'zx';
import type { Lab, LabHost } from './record.ts';

/** A way to run hosts: containers or virtual machines. Each host's processes live in the host's own cgroup. */
export interface Machine {
  /** Powers a host on and returns; the host then boots by itself. */
  start(lab: Lab, host: LabHost): Promise<void>;

  /** Runs a program as root inside a host, not by way of its network if that can be. Undefined when it can't be yet. */
  inside(lab: Lab, host: LabHost, argv: readonly string[]): Promise<ProcessOutput | undefined>;

  /** How long the slowest machine takes to boot one host among others. */
  readonly bootTimeoutMs: number;
}
