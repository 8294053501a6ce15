import { type Deployment, hostsOf, nodesOf } from '../lib/cluster/deployment.ts';
import type { Subjects } from './check.ts';

/** The hosts that a check concerns. */
export function subjectsOf(on: Subjects, deployment: Deployment): readonly string[] {
  const { storage, primary, replicas, backup } = deployment;
  switch (on) {
    case 'all':
      return [...new Set([storage.host, ...hostsOf(nodesOf(deployment))])];
    case 'storage':
      return [storage.host];
    case 'nodes':
      return hostsOf(nodesOf(deployment));
    case 'primary':
      return [primary.host];
    case 'replicas':
      return hostsOf(replicas);
    case 'backup':
      return [backup.host];
  }
}
