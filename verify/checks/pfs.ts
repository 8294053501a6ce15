import { expect } from 'chai';
import type { Check, Layer } from '../check.ts';
import { type Deployment, hostsOf, nodesOf, type PfsSettings } from '../deployment.ts';
import type { Hosts } from '../hosts.ts';

/** What a formatted and initialised PFS disk holds at its top. */
const NEEDED = ['.pfs-journal', '.pfs-paxos', 'shared_data'];

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

function daemonCheck(hosts: Hosts, disk: string, nodes: readonly string[]): Check {
  return {
    id: `pfs.daemon.${disk}`,
    title: `exactly one pfsdaemon serves ${disk}`,
    hosts: nodes,
    run: async context => {
      await context.each(async node => {
        const listing = await hosts.script(
          node,
          "for f in /proc/[0-9]*/cmdline; do tr '\\0' '\\037' <\"$f\" 2>/dev/null && echo; done; :",
        );
        const daemons = listing.stdout.split('\n').filter(line => servesDisk(line.split('\x1f'), disk));
        expect(daemons.length, `pfsdaemon processes for ${disk}`).to.equal(1);
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
        for (const folder of ['/run/pfs', '/run/pfsd', '/dev/shm/pfsd']) {
          const { rc } = await hosts.command(node, ['test', '-d', folder]);
          expect(rc, `${folder} exists (exit of test -d)`).to.equal(0);
        }
      });
    },
  };
}

function contentCheck(hosts: Hosts, pfs: PfsSettings, { primary }: Deployment): Check {
  return {
    id: 'pfs.content',
    title: 'the disk is formatted and initialised',
    hosts: [primary.host],
    timeoutMs: 30_000,
    run: async () => {
      // The tool waits for ever when the daemon is gone, and prints everything on stderr: only the listing counts.
      const disk = pfs.disks[0]!;
      const argv = ['timeout', '20', pfs.pfsBinary, '-C', pfs.cluster, 'ls', `/${disk}/`];
      const { rc, stdout } = await hosts.command(primary.host, argv, { timeoutMs: 25_000 });
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
