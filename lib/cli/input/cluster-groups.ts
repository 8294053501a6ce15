import { existsSync } from 'node:fs';
import type { Inventory } from '../../inventory/types.ts';
import { groupsMade } from '../../playbook/groups-made.ts';
import type { Playbook } from '../../playbook/types.ts';
import { UsageError } from '../../source/errors.ts';
import { didYouMean } from '../../source/suggest.ts';
import { checkCluster } from './input-mistakes.ts';

/** Groups that our own playbooks work on. Without a host in one of them a run would do nothing and report success. */
const GROUPS = ['storage', 'nodes', 'primary', 'cluster'];

/** Groups that may be empty: optional ones of the inventory, and those that the role record leaves empty. */
const OPTIONAL = ['balancers', 'polar_replicas', 'polar_old', 'polar_rest', 'none'];

/** Refuses to run one of our playbooks (those in `folder`) with an inventory that describes no cluster. */
export function checkClusterGroups({ plays }: Playbook, inventory: Inventory, folder: string): void {
  const wanted = new Set(plays.filter(play => play.dir === folder).map(play => play.hosts.value));
  for (const group of GROUPS) if (wanted.has(group)) requireGroup(inventory, group);
  if (wanted.has('storage')) checkCluster(inventory);
}

/** Groups that may be missing: those that the playbook's own tasks make, and our optional ones. */
export function optionalGroups(playbook: Playbook, folder: string): ReadonlySet<string> {
  const isOurs = playbook.plays.some(({ dir }) => dir === folder || dir.startsWith(`${folder}/`));
  return new Set([...groupsMade(playbook), ...(isOurs ? OPTIONAL : [])]);
}

/** A group that must have a host; the message suggests a near name. */
export function requireGroup(inventory: Inventory, group: string): void {
  if (inventory.hostsOf(group).length > 0) return;
  if (inventory.hosts.size === 0)
    throw new UsageError(
      'no inventory: name one with -i',
      1,
      existsSync('hosts.yaml') ? 'such as -i hosts.yaml' : undefined,
    );
  const names = [...inventory.groups.keys()].filter(name => name !== 'all' && name !== 'ungrouped');
  const hint = didYouMean(group, names);
  const there = names.length === 0 ? 'it has no groups' : `it has ${names.join(', ')}`;
  throw new UsageError(
    `the inventory has no host in the group "${group}"`,
    1,
    hint ?? `${there}; "polarplay init" writes one`,
  );
}
