import type { Deployment } from '../../lib/cluster/deployment.ts';
import { shellWord } from '../../lib/transport/index.ts';
import type { Check, Place } from '../check.ts';

/** What a formatted and initialised PFS disk holds at its top. */
const NEEDED = ['.pfs-journal', '.pfs-paxos', 'shared_data'];
const RUN_FOLDERS = ['/run/pfs', '/run/pfsd', '/dev/shm/pfsd'];
const CHUNK = 10 * 2 ** 30;

const noPfs = ({ pfs }: Deployment) =>
  pfs ? undefined : 'the stand-in has no PFS; runs when the deployed database is PolarDB';

const disks = ({ deployment }: Place) => deployment.pfs?.disks ?? [];

/** The tool waits for ever when its daemon is gone. */
const pfsTool = ({ deployment: { pfs } }: Place, words: string) =>
  `timeout 8 ${shellWord(pfs?.pfsBinary ?? '')} -C ${shellWord(pfs?.cluster ?? '')} ${words} 2>&1`;

/**
 * Everything that runs a program called pfsdaemon, whoever started it: its state as in proc(5) and its command line. One
 * process looks for all: on hosts where a process is dear, one for each entry of /proc takes longer than anybody waits.
 */
const DAEMONS = `for name in $(grep -lsx pfsdaemon /proc/[0-9]*/comm)
do read -r stat <"\${name%comm}stat" && printf '%.1s\\037' "\${stat##*) }" && tr '\\0' '\\037' <"\${name%comm}cmdline" && echo
done 2>/dev/null; :`;

/** The file system on the shared disks, and its daemon on every node. */
export const pfsChecks: readonly Check[] = [
  {
    id: 'pfs.daemon',
    title: 'exactly one pfsdaemon serves each disk, and runs',
    proves: 'Each PFS disk has one daemon on each node, which is not stopped by a signal.',
    expects: 'one running pfsdaemon for each disk',
    todo: 'Start polar-pfsd@DISK. Continue a stopped daemon (kill -CONT). Of two end the one that systemd did not start, with SIGINT.',
    severity: 'fault',
    on: 'nodes',
    skip: noPfs,
    needs: ['services.active'],
    asks: { daemons: DAEMONS },
    judge: at => {
      const daemons = at
        .out('daemons')
        .split('\n')
        .map(line => line.split('\x1f'));
      for (const disk of disks(at)) {
        const serving = daemons.filter(([, ...argv]) => servesDisk(argv, disk));
        at.check(serving.length === 1, `one pfsdaemon for ${disk}`, serving.length);
        // A listing does not tell: it succeeds beside a daemon that is stopped.
        const stopped = serving.some(([state = '']) => /[Tt]/.test(state));
        at.check(!stopped, `the pfsdaemon of ${disk} runs`, 'stopped by a signal');
      }
    },
  },
  {
    id: 'pfs.folders',
    title: 'the run folders that a reboot takes away are there, and come again',
    proves: 'PFS has its folders below /run and /dev/shm, and tmpfiles.d makes them at boot.',
    expects: RUN_FOLDERS.join(', '),
    todo: 'Run site.yml.',
    severity: 'fault',
    on: 'nodes',
    skip: noPfs,
    asks: ({ deployment }) => ({
      missing: `for folder in ${RUN_FOLDERS.join(' ')}; do [ -d "$folder" ] || echo "$folder"; ${deployment.guarded ? 'grep -hqs -- "$folder" /etc/tmpfiles.d/*.conf || echo "$folder at boot"; ' : ''}done`,
    }),
    judge: at => {
      const missing = at.out('missing').split('\n').filter(Boolean);
      at.check(missing.length === 0, RUN_FOLDERS.join(', '), `missing: ${missing.join(', ')}`);
    },
  },
  {
    id: 'pfs.content',
    title: 'the disk is formatted and initialised',
    proves: 'The disk of the database carries a PFS with its journal, its lock and the shared data.',
    expects: NEEDED.join(', '),
    todo: 'Never format a disk again that holds something. A disk without .pfs-paxos or .pfs-journal is half formatted: see docs/operations.md.',
    severity: 'danger',
    on: 'nodes',
    skip: noPfs,
    needs: ['pfs.daemon'],
    asks: place => ({ list: pfsTool(place, `ls ${shellWord(`/${disks(place)[0]}/`)}`) }),
    judge: at => {
      const list = at.out('list');
      for (const name of NEEDED) at.check(list.includes(name), name, 'it is not listed');
    },
  },
  {
    id: 'pfs.size',
    title: 'PFS uses the whole disk',
    proves: 'The file system has as many chunks of 10 GiB as the disk holds.',
    expects: 'size / 10 GiB chunks',
    todo: 'grow.yml makes PFS as large as the disk.',
    severity: 'warning',
    on: 'primary',
    skip: noPfs,
    needs: ['pfs.daemon'],
    asks: place => ({
      info: pfsTool(place, `info ${shellWord(disks(place)[0] ?? '')}`),
      size: `blockdev --getsize64 ${shellWord(`/dev/${disks(place)[0]}`)}`,
    }),
    judge: at => {
      const chunks = /nchild\s*:?\s*(\d+)/.exec(at.out('info'))?.[1];
      const wanted = Math.floor(Number(at.out('size')) / CHUNK);
      at.check(chunks === undefined || Number(chunks) === wanted, `${wanted} chunks`, chunks ?? '');
    },
  },
  {
    id: 'pfs.death',
    title: 'the shared data bears no mark of two writers',
    proves: 'PolarDB 11 leaves a file DEATH in the shared data when two servers wrote to it.',
    expects: 'no DEATH',
    todo: 'Do not remove the file: two writers were at work, and the data may be damaged. Stop all nodes, find out which one wrote last, and check the data or restore a backup.',
    severity: 'danger',
    on: 'primary',
    skip: deployment =>
      noPfs(deployment) ?? (deployment.version === '11' ? undefined : 'only PolarDB 11 marks it'),
    needs: ['pfs.content'],
    asks: place => ({ list: pfsTool(place, `ls ${shellWord(`/${disks(place)[0]}/shared_data/`)}`) }),
    judge: at => {
      at.check(!/\bDEATH\b/.test(at.out('list')), 'no DEATH', 'DEATH is there');
      at.check(/\bRWID\b/.test(at.out('list')), 'RWID, which fences', 'it is missing');
    },
  },
  {
    id: 'pfs.writers',
    title: 'the kernel lets the primary write to the database’s disk, and refuses every replica',
    proves: 'A replica that somebody promotes by hand cannot get one block to the shared disk.',
    expects: 'writable on the primary, read-only on replicas',
    todo: 'Restart polardb on the node: polar-guard sets what the role record says. Do not set it by hand.',
    severity: 'danger',
    on: 'nodes',
    skip: deployment =>
      noPfs(deployment) ??
      (deployment.guarded
        ? undefined
        : 'somebody else set this cluster up (verify_guard: false): no guard watches it'),
    needs: ['services.active'],
    asks: { readonly: '. /etc/polar/guard.env && blockdev --getro "/dev/$DISK"' },
    judge: at => {
      const found = at.out('readonly').trim() === '1' ? 'refused' : 'written';
      const wanted = at.node?.role === 'primary' ? 'written' : 'refused';
      at.check(found === wanted, `a write of the ${at.node?.role} is ${wanted}`, found);
    },
  },
];

/** Whether a command line is the daemon of a disk. A shell whose text mentions both does not count. */
export function servesDisk(argv: readonly string[], disk: string): boolean {
  const program = argv[0]?.split('/').at(-1);
  return program === 'pfsdaemon' && argv[argv.indexOf('-p') + 1] === disk;
}
