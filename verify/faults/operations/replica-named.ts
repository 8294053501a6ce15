import type { DatabaseNode, Deployment } from '../../../lib/cluster/deployment.ts';
import { UsageError } from '../../../lib/source/errors.ts';

/** The replica that a flag names, the first one without it. */
export function replicaNamed({ replicas }: Deployment, flag: string, name: string | undefined): DatabaseNode {
  const replica = name === undefined ? replicas[0] : replicas.find(({ host }) => host === name);
  if (replica) return replica;
  const known = replicas.map(({ host }) => host).join(', ') || 'none';
  throw new UsageError(`${flag} ${name ?? ''}: there are the replicas ${known}`, 5);
}
