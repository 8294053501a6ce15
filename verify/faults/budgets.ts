import type { Budget } from './fault.ts';

const seconds = (writesS: number, readsS: number, replicasS: number, pauseS = 3): Budget => ({
  writesS,
  readsS,
  replicasS,
  pauseS,
});

/**
 * What each fault may cost, by its id: seconds from when the cluster can recover (at once, or when what was broken was put
 * right) until commits, reads on every node, and all replicas go on; then the longest pause of commits where they must
 * go on throughout. `docs/faults.md` has what was measured beside it.
 */
export const BUDGETS: Readonly<Record<string, Budget>> = {
  'storage.crash': seconds(120, 120, 120),
  'storage.reboot': seconds(120, 120, 120),
  'nbd.killed': seconds(60, 60, 60),
  'nbd.restarted': seconds(3, 3, 10),
  'nbd.stopped': seconds(60, 60, 60),
  'nbd.hung': seconds(60, 60, 60),
  'nbd.slow': seconds(30, 30, 30, 15),
  'nbd.disk-lost-primary': seconds(60, 60, 60),
  'nbd.disk-lost-replica': seconds(5, 60, 60),
  'network.storage-cut-10s-primary': seconds(60, 60, 60),
  'network.storage-cut-60s-primary': seconds(120, 120, 120),
  'network.storage-cut-10s-replica': seconds(5, 60, 60),
  'network.storage-cut-60s-replica': seconds(5, 120, 120),
  'network.replication-cut': seconds(10, 5, 60),
  'network.slow-primary': seconds(10, 10, 30, 15),
  'network.slow-replica': seconds(10, 10, 30, 15),
  'pfs.pfsd-killed-primary': seconds(60, 60, 60),
  'pfs.pfsd-killed-replica': seconds(5, 60, 60),
  'pfs.pfsd-restarted-primary': seconds(30, 30, 60),
  'pfs.pfsd-restarted-replica': seconds(5, 30, 60),
  'pfs.pfsd-hung-primary': seconds(30, 30, 60),
  'pfs.pfsd-hung-replica': seconds(5, 30, 60),
  'primary.killed': seconds(60, 60, 60),
  'primary.backend-killed': seconds(60, 60, 60),
  'primary.hung': seconds(30, 30, 60),
  'primary.stopped': seconds(60, 60, 60),
  'primary.reboot': seconds(300, 300, 300),
  'primary.crash': seconds(300, 300, 300),
  'replica.killed': seconds(5, 60, 60),
  'replica.backend-killed': seconds(5, 60, 60),
  'replica.hung': seconds(5, 30, 60),
  'replica.stopped': seconds(5, 120, 120),
  'replica.reboot': seconds(5, 300, 300),
  'replica.crash': seconds(5, 300, 300),
  'replica.away': seconds(5, 600, 600),
  'disk.pfs-full': seconds(120, 120, 120),
  'disk.data-full': seconds(120, 120, 120),
  'clock.step-primary': seconds(60, 60, 60),
  'clock.step-replica': seconds(5, 60, 60),
  'runner.killed': seconds(180, 180, 180),
};
