import type { Deployment } from '../../../lib/cluster/deployment.ts';
import { runPlaybook } from '../../../lib/cluster/run-playbook.ts';
import { UsageError } from '../../../lib/source/errors.ts';
import { failover } from './failover.ts';
import { handPromotion } from './hand-promotion.ts';
import { replicaNamed } from './replica-named.ts';
import type { Choices, Experiment, Operation } from './under-load.ts';

interface Kind {
  readonly summary: string;
  plan(deployment: Deployment, choices: Choices): Experiment;
}

/** What can be done to a cluster under load, by name. */
export const EXPERIMENTS: Readonly<Record<string, Kind>> = {
  switchover: {
    summary: 'switchover.yml there and back, several times',
    plan(deployment, { rounds, to, reaching }) {
      const { primary } = deployment;
      const other = replicaNamed(deployment, '--to', to).host;
      const operations = Array.from({ length: rounds }, (_, i) =>
        [other, primary.host].map(target => switchTo(target, i + 1, reaching)),
      ).flat();
      return {
        title: `switchover ${primary.host} → ${other} and back, ${rounds} times`,
        operations,
        undisturbed: false,
      };
    },
  },
  failover: {
    summary: 'the primary killed, failover.yml, the old one started (refused), rejoin.yml, and back',
    plan: failover,
  },
  'add-replica': {
    summary: 'add_replica.yml: no write may fail, the primary may not restart',
    plan({ primary, replicas }, { node, reaching }) {
      if (node === undefined || !replicas.some(({ host }) => host === node))
        throw new UsageError(
          `--node ${node ?? ''}: name a replica of the inventory that does not run yet`,
          5,
        );
      const run = () => runPlaybook('add_replica.yml', [...reaching, '-e', `node=${node}`]);
      return {
        title: `add ${node}`,
        operations: [{ title: `add ${node}`, run, primaryAfter: primary.host }],
        undisturbed: true,
      };
    },
  },
  'promote-by-hand': {
    summary: 'a running replica promoted without a playbook: it may not write, and must follow again',
    plan: (deployment, { node, hosts }) => handPromotion(deployment, node, hosts),
  },
  'rolling-restart': {
    summary: 'rolling_restart.yml: replicas first, the primary in its place',
    plan({ primary }, { reaching }) {
      const run = () => runPlaybook('rolling_restart.yml', reaching);
      return {
        title: 'rolling restart',
        operations: [{ title: 'rolling restart', run, primaryAfter: primary.host }],
        undisturbed: false,
      };
    },
  },
};

function switchTo(target: string, round: number, reaching: readonly string[]): Operation {
  return {
    title: `round ${round}, to ${target}`,
    run: () => runPlaybook('switchover.yml', [...reaching, '-e', `new_primary=${target}`]),
    primaryAfter: target,
  };
}
