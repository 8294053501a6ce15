import type { Deployment } from '../../../lib/cluster/deployment.ts';
import type { CommandReply } from '../../../lib/cluster/hosts.ts';
import { runPlaybook } from '../../../lib/cluster/run-playbook.ts';
import { UsageError } from '../../../lib/source/errors.ts';
import { shellWord } from '../../../lib/transport/index.ts';
import { replicaNamed } from './replica-named.ts';
import type { Choices, Experiment } from './under-load.ts';

/** A start that is refused ends sooner; one that hangs is no refusal. */
const START_S = 100;

/**
 * The primary is lost and a replica takes over. Then somebody starts the old one while the new one lives: it must be
 * refused, since two writers destroy the data. At last it comes back as a replica, and into its role.
 */
export function failover(deployment: Deployment, { to, reaching, hosts }: Choices): Experiment {
  const { pfs, primary } = deployment;
  if (!pfs) throw new UsageError('the stand-in has no shared data that an old primary could come back to', 5);
  const old = primary.host;
  const next = replicaNamed(deployment, '--to', to).host;
  const play = (name: string, variable: string) => runPlaybook(name, [...reaching, '-e', variable]);
  return {
    title: `${old} is killed, ${next} takes over, ${old} is started, and comes back`,
    undisturbed: false,
    operations: [
      {
        title: `${old} killed, failover to ${next}`,
        run: async () => {
          await hosts.script(old, 'systemctl kill --kill-who=main -s KILL polardb');
          await play('failover.yml', `new_primary=${next}`);
        },
        primaryAfter: next,
      },
      {
        title: `${old} started while ${next} is the primary`,
        run: async () =>
          expectRefused(
            await hosts.script(old, startOf(pfs.disks[0]!), { timeoutMs: 1000 * (START_S + 60) }),
          ),
        primaryAfter: next,
      },
      { title: `${old} rejoins`, run: () => play('rejoin.yml', `node=${old}`), primaryAfter: next },
      { title: `back to ${old}`, run: () => play('switchover.yml', `new_primary=${old}`), primaryAfter: old },
    ],
  };
}

/** Starts the server, and says what runs and whether the disk can be read: writing to it to find out would be the damage. */
const startOf = (disk: string) => `systemctl reset-failed polardb 2>/dev/null
timeout ${START_S} systemctl restart polardb >/dev/null 2>&1
echo "server $(systemctl is-active polardb)"
if timeout 20 dd if=/dev/${shellWord(disk)} of=/dev/null bs=4096 count=1 iflag=direct 2>/dev/null; then echo 'disk read'; else echo 'disk refused'; fi`;

/** Throws when the old primary came up, or still has the disk that another node writes. */
export function expectRefused({ stdout }: Pick<CommandReply, 'stdout'>): void {
  const said = stdout.trim().split('\n');
  const runs = said.find(line => /^server (active|activating|reloading)$/.test(line));
  if (runs !== undefined) throw new Error(`the old primary is not refused: its service is ${runs.slice(7)}`);
  if (!said.includes('disk refused')) throw new Error('the old primary can still reach the shared disk');
}
