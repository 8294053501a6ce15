import { expect } from 'chai';
import { type Deployment, hostsOf, nodesOf, type PfsSettings } from '../../lib/cluster/deployment.ts';
import type { Hosts } from '../../lib/cluster/hosts.ts';
import type { Check, Layer } from '../check.ts';

/** What a formatted and initialised PFS disk holds at its top. */
const NEEDED = ['.pfs-journal', '.pfs-paxos', 'shared_data'];

const RUN_FOLDERS = ['/run/pfs', '/run/pfsd', '/dev/shm/pfsd'];

/** How `timeout` ends when time is up. */
const TIMED_OUT = 124;

const WRITERS = 'the kernel lets the primary write to the database’s disk, and refuses every replica';

/** The file system on the shared disks, and its daemon on every node. */
export const pfsLayer = (hosts: Hosts): Layer<Deployment> => ({
  name: 'pfs',
  title: 'PolarDB file system',
  checks: deployment => {
    const nodes = hostsOf(nodesOf(deployment));
    const { pfs } = deployment;
    if (!pfs) {
      const skip = 'the stand-in has no PFS; runs when the deployed database is PolarDB';
      return [
        { id: 'pfs.daemon', title: 'one pfsdaemon per disk', hosts: nodes, skip },
        { id: 'pfs.content', title: 'the disk is formatted and initialised', hosts: nodes, skip },
        { id: 'pfs.writers', title: WRITERS, hosts: nodes, skip },
      ];
    }
    return [
      ...pfs.disks.map(disk => daemonCheck(hosts, disk, nodes)),
      foldersCheck(hosts, nodes),
      contentCheck(hosts, pfs, deployment),
      writersCheck(hosts, deployment),
    ];
  },
});

/**
 * Everything that runs a program called pfsdaemon, whoever started it: its state as in proc(5) and its command line,
 * `\x1f` between the words. One process looks for all: on hosts where a process is dear, one for each entry of /proc
 * takes longer than anybody waits.
 */
const DAEMONS = `for name in $(grep -lsx pfsdaemon /proc/[0-9]*/comm)
do read -r stat <"\${name%comm}stat" && printf '%.1s\\037' "\${stat##*) }" && tr '\\0' '\\037' <"\${name%comm}cmdline" && echo
done 2>/dev/null; :`;

function daemonCheck(hosts: Hosts, disk: string, nodes: readonly string[]): Check {
  return {
    id: `pfs.daemon.${disk}`,
    title: `exactly one pfsdaemon serves ${disk}, and runs`,
    hosts: nodes,
    run: async context => {
      await context.each(async node => {
        const { stdout } = await hosts.script(node, DAEMONS);
        const daemons = stdout.split('\n').map(line => line.split('\x1f'));
        const serving = daemons.filter(([, ...argv]) => servesDisk(argv, disk));
        expect(serving.length, `pfsdaemon processes for ${disk}`).to.equal(1);
        // A listing does not tell: it succeeds beside a daemon that is stopped.
        const state = serving[0]?.[0] ?? '';
        expect(/[Tt]/.test(state) ? 'stopped by a signal' : 'running', `pfsdaemon of ${disk}`).to.equal(
          'running',
        );
      });
    },
  };
}

/** Whether a command line is the daemon of a disk. A shell whose text mentions both does not count. */
export function servesDisk(argv: readonly string[], disk: string): boolean {
  const program = argv[0]?.split('/').at(-1);
  return program === 'pfsdaemon' && argv[argv.indexOf('-p') + 1] === disk;
}

function foldersCheck(hosts: Hosts, nodes: readonly string[]): Check {
  return {
    id: 'pfs.folders',
    title: 'the run folders that a reboot takes away are there',
    hosts: nodes,
    run: async context => {
      await context.each(async node => {
        const script = `for folder in ${RUN_FOLDERS.join(' ')}; do [ -d "$folder" ] || echo "$folder"; done`;
        const { stdout } = await hosts.script(node, script);
        expect(stdout.split('\n').filter(Boolean), 'folders that are missing').to.deep.equal([]);
      });
    },
  };
}

function contentCheck(hosts: Hosts, pfs: PfsSettings, { primary }: Deployment): Check {
  return {
    id: 'pfs.content',
    title: 'the disk is formatted and initialised',
    hosts: [primary.host],
    run: async () => {
      // The tool waits for ever when the daemon is gone, and prints everything on stderr: only the listing counts.
      const disk = pfs.disks[0]!;
      const seconds = Math.max(1, Math.floor(hosts.timeoutMs / 1500));
      const argv = ['timeout', `${seconds}`, pfs.pfsBinary, '-C', pfs.cluster, 'ls', `/${disk}/`];
      const { rc, stdout } = await hosts.command(primary.host, argv);
      if (rc === TIMED_OUT)
        throw new Error(`${argv.slice(2).join(' ')} found no pfsdaemon to answer it in ${seconds} s`);
      expect(rc, `exit of ${argv.join(' ')}`).to.equal(0);
      for (const name of NEEDED) expect(stdout, `listing of /${disk}/`).to.contain(name);
    },
  };
}

/** A replica that somebody promotes by hand must not get one block to the disk. */
function writersCheck(hosts: Hosts, deployment: Deployment): Check {
  const nodes = nodesOf(deployment);
  const roles = new Map(nodes.map(({ host, role }) => [host, role]));
  return {
    id: 'pfs.writers',
    title: WRITERS,
    hosts: hostsOf(nodes),
    run: async context => {
      await context.each(async host => {
        const { rc, stdout } = await hosts.script(
          host,
          '. /etc/polar/guard.env && blockdev --getro "/dev/$DISK"',
        );
        expect(rc, 'exit of blockdev --getro').to.equal(0);
        expect(stdout.trim() === '1' ? 'refused' : 'written', `a write of the ${roles.get(host)}`).to.equal(
          roles.get(host) === 'primary' ? 'written' : 'refused',
        );
      });
    },
  };
}
