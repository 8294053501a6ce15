import { A, Type } from '../../../modules/kit/arguments.ts';
import { defineState, ModuleError, mustSh, quote } from '../../../modules/kit/define.ts';
import { toTheEnd } from '../../../modules/kit/to-the-end.ts';
import { AS_LINES, probeDisk, probeScript } from './pfs_probe.ts';
import { type BlankDisk, decideDisk, explainRefusal, probeFromJson, ZERO_MIB } from './pfs-disk.ts';

const args = Type.Object({
  disk: A.str('Name of the disk below /dev, such as nvmepolar1.'),
  probes: A.rawList(
    'Results of pfs_probe from every host that can reach the disk, the storage host included.',
  ),
  witnesses: A.list(
    'Hosts that must have looked before a disk counts as blank; the host itself always looks.',
    {
      default: [],
    },
  ),
  system_identifier: A.str('Of the database recorded for this cluster; empty before the first deployment.', {
    default: '',
  }),
  cluster: A.str('Cluster name given to PFS.', { default: 'disk' }),
  shared: A.str('Folder of the database below the root of the PFS.', { default: 'shared_data' }),
  time_limit: A.int('Seconds mkfs may take.', { default: 600 }),
});
type Args = Type.Static<typeof args>;

export const pfsFormat = defineState({
  name: 'pfs_format',
  summary:
    'Makes a PFS on a disk that every host sees alike and that is blank; any other disk stops the run untouched.',
  examples: `
# A step of site.yml, which looks at the disk from every host first. A disk
# that is not blank is refused.
- name: Make the file system on a blank disk
  pfs_format:
    disk: nvmepolar1
    probes: "{{ hostvars.values() | map(attribute='pfs_view') | list }}"
    witnesses: "{{ groups['nodes'] }}"
`,
  args,
  returns: {
    state: 'BLANK, PFS_EMPTY or PFS_DATA, as found.',
    system_identifier: 'Of the database found on it.',
  },

  *probe(args, ctx) {
    const others = args.probes.map(probeFromJson).filter(probe => probe.host !== ctx.host);
    const look = {
      path: `/dev/${args.disk}`,
      look_inside: !others.some(({ content }) => content),
      cluster: args.cluster,
      shared: args.shared,
      ignore_processes: [],
    };
    const own = yield* probeDisk(look, ctx.host);
    return decideDisk([own, ...others], args.system_identifier, args.witnesses);
  },

  diff(found, args) {
    if ('findings' in found) throw new ModuleError(explainRefusal(args.disk, found), { state: found.state });
    return {
      changes: found.state === 'BLANK' ? [`make a PFS on /dev/${args.disk}`] : [],
      result: {
        state: found.state,
        system_identifier: found.state === 'PFS_DATA' ? found.systemIdentifier : '',
      },
    };
  },

  *apply(found, args) {
    if (found.state !== 'BLANK')
      throw new ModuleError(`${args.disk} is ${found.state}, it is not to be formatted`);
    yield* mustSh(
      `making a PFS on ${args.disk} failed`,
      toTheEnd(`pfs-${args.disk}`, formatScript(found.blank, args)),
      {
        live: true,
        timeout: args.time_limit + 60,
      },
    );
    return {};
  },
});

/**
 * mkfs, after the host has looked once more in the same script: what is not blank in this very moment is left alone.
 * There is no force. Once begun it goes on without the runner, since an interrupted mkfs leaves the disk useless.
 */
export function formatScript(blank: BlankDisk, { disk, cluster, time_limit }: Args): string {
  return `
look() {
${AS_LINES}
${probeScript({ path: `/dev/${disk}`, ignore_processes: [] })}
}
view=$(look)
refuse() { echo "the disk has changed since it was looked at ($1): nothing was written" >&2; exit 65; }
has() { printf '%s\\n' "$view" | grep -qxF -- "$1"; }
has kind=block || refuse 'no block device'
has size=${blank.size} || refuse size
has head=${blank.head} || refuse 'first 4 KiB'
has first=${ZERO_MIB} || refuse 'first MiB'
has last=${ZERO_MIB} || refuse 'last MiB'
printf '%s\\n' "$view" | grep -E '^(signature|use|root|chunk|filled)=' >&2 && refuse 'signature, data or user'
cd / || exit 1
install -d -m 0770 /run/pfs
log=/var/log/polar-mkfs-${disk}.log
echo "$(date -u +%FT%TZ) mkfs begins at $(date +%s)" >>"$log"
timeout -k 5 ${time_limit} /usr/local/bin/pfs -C ${quote(cluster)} mkfs ${quote(disk)} </dev/null >>"$log" 2>&1
rc=$?
[ $rc -eq 0 ] || { tail -n 5 "$log" >&2; exit $rc; }
echo "$(date -u +%FT%TZ) mkfs ended" >>"$log"
`;
}
