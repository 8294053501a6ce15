import { clusterInventoryMistakes } from '../../cluster/inventory-mistakes.ts';
import type { Run } from '../../engine/run.ts';
import type { Inventory, VarLayer } from '../../inventory/types.ts';
import { connectionVariableMistakes } from '../../playbook/connection-variables.ts';
import { roleVariableMistakes } from '../../playbook/roles/role-variables.ts';
import type { Playbook } from '../../playbook/types.ts';
import { type SourceError, SourceErrors } from '../../source/errors.ts';

type Input = Pick<Run, 'inventory' | 'extraVars' | 'files'>;

/** What inventory and command line give to the hosts, for playbooks in these folders. */
export function givenTo(
  { inventory, extraVars }: Omit<Input, 'files'>,
  dirs: readonly string[],
): readonly VarLayer[] {
  return [...[...inventory.hosts.keys()].flatMap(host => inventory.layers(host, dirs)), extraVars];
}

/** Refuses mistakes in what a playbook is given, before any host is contacted. */
export function checkInput(input: Input, playbook: Playbook): readonly VarLayer[] {
  const { dir, plays } = playbook;
  const given = givenTo(input, [...new Set([dir, ...plays.map(play => play.dir)])]);
  refuse([
    ...connectionVariableMistakes([...given, ...plays.flatMap(play => play.vars)]),
    ...roleVariableMistakes(playbook, given, input.files),
  ]);
  return given;
}

/** Refuses an inventory that no host need be asked about: `checkClusterGroups` comes before. */
export const checkCluster = (inventory: Inventory): void => refuse(clusterInventoryMistakes(inventory));

/** Refuses values that no connection can be made with. */
export const checkConnections = (input: Omit<Input, 'files'>): void =>
  refuse(connectionVariableMistakes(givenTo(input, [])));

function refuse(mistakes: readonly SourceError[]): void {
  if (mistakes.length > 0) throw new SourceErrors([...mistakes]);
}
