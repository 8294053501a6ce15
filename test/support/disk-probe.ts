import type { DiskProbe } from '../../lib/cluster/modules/pfs/pfs-disk.ts';

/** What a look at a disk found, for tests: a disk of 20 GiB that holds something unknown in its first block. */
export const diskProbe = (changes: Partial<DiskProbe> = {}): DiskProbe => ({
  host: 'st1',
  kind: 'block',
  path: '/dev/vdb',
  size: 20 * 2 ** 30,
  head: 'aa',
  first: 'bb',
  last: 'cc',
  filled: 0,
  signatures: [],
  uses: [],
  rootDisk: false,
  pfs: undefined,
  mkfs: 0,
  content: undefined,
  ...changes,
});
