import { A, Type } from '../../../modules/kit/arguments.ts';
import { defineState, ModuleError, mustSh, quote } from '../../../modules/kit/define.ts';
import { toTheEnd } from '../../../modules/kit/to-the-end.ts';
import { probeDisk } from './pfs_probe.ts';
import { chunksOf } from './pfs-disk.ts';

const args = Type.Object({
  disk: A.str('Name of the disk below /dev, such as nvmepolar1.'),
  cluster: A.str('Cluster name given to PFS.', { default: 'disk' }),
  time_limit: A.int('Seconds it may take.', { default: 300 }),
});

export const pfsGrow = defineState({
  name: 'pfs_grow',
  summary:
    'Makes a PFS as large as its disk, in whole chunks of 10 GiB. No server may use the disk meanwhile.',
  examples: `
- name: Let PFS use the whole of a disk that was grown
  pfs_grow: {disk: nvmepolar1}
  run_once: true
`,
  args,
  returns: {
    chunks: 'Chunks of 10 GiB that the PFS had before.',
    possible: 'Chunks that the disk has room for.',
    wasted: 'Bytes of the disk that stay unused.',
  },

  *probe({ disk, cluster }, ctx) {
    const path = `/dev/${disk}`;
    return yield* probeDisk(
      { path, cluster, look_inside: false, shared: 'shared_data', ignore_processes: ['pfsdaemon'] },
      ctx.host,
    );
  },

  diff(found, { disk }) {
    if (!found.pfs) throw new ModuleError(`/dev/${disk} holds no PFS`);
    if (!found.pfs.complete)
      throw new ModuleError(
        `the PFS on /dev/${disk} is incomplete: ${found.pfs.missing}. Do NOT wipe it: it may be damaged and hold a database. See docs/operations.md, "The shared disk is damaged"`,
      );
    const { chunks, wasted } = chunksOf(found.size);
    if (chunks < found.pfs.chunks)
      throw new ModuleError(
        `/dev/${disk} has room for ${chunks} chunks of 10 GiB, but its PFS has ${found.pfs.chunks}: it has shrunk. Give the disk its size back before anything writes to it`,
      );
    return {
      changes:
        chunks > found.pfs.chunks
          ? [`grow the PFS on /dev/${disk} from ${found.pfs.chunks} to ${chunks} chunks`]
          : [],
      result: { chunks: found.pfs.chunks, possible: chunks, wasted },
    };
  },

  *apply(found, { disk, cluster, time_limit }) {
    const from = found.pfs?.chunks ?? 0;
    const to = chunksOf(found.size).chunks;
    const script = `
cd / || exit 1
log=/var/log/polar-growfs-${disk}.log
timeout -k 5 ${time_limit} /usr/local/bin/pfs -C ${quote(cluster)} growfs -o ${from} -n ${to} ${quote(disk)} </dev/null >"$log" 2>&1
rc=$?
[ $rc -eq 0 ] || { tail -n 5 "$log" >&2; exit $rc; }
`;
    yield* mustSh(`growing the PFS on ${disk} failed`, toTheEnd(`pfs-${disk}`, script), {
      timeout: time_limit + 60,
      live: true,
    });
    return {};
  },
});
