import { describeDeployment, nodesOf } from '../../lib/cluster/deployment.ts';
import type { Opened } from '../../lib/cluster/open-deployment.ts';
import type { Subject } from '../findings.ts';

/** The cluster of a run, for the head of its report. */
export function subjectOf({ inventory, deployment }: Opened, remarks: readonly string[] = []): Subject {
  return {
    deployment: describeDeployment(deployment),
    standIn: deployment.database === 'postgresql',
    inventory: inventory.files,
    hosts: [
      { name: deployment.storage.host, role: 'storage' },
      ...nodesOf(deployment).map(node => ({ name: node.host, role: node.role })),
    ],
    remarks,
  };
}
