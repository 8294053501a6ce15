import { A, Type } from '../../modules/kit/arguments.ts';
import { type Dict, toJson, Unsafe, type Value } from '../../source/value.ts';
import type { Run } from '../run.ts';
import { defineControl } from './control.ts';

const GROUPS = ['groups', 'group', 'groupname'];
const OWN_ARGUMENTS = new Set(['name', 'hostname', 'host', ...GROUPS]);
/** Arguments of both modules that give names. */
const NAMES = [...OWN_ARGUMENTS, 'key', 'parents'];

/** add_host: the host is there for the next play, and in `hostvars` at once. */
export const addHost = defineControl({
  name: 'add_host',
  summary: 'Adds a host to the inventory of this run.',
  examples: `
- name: Make a group of the node that was just created
  add_host:
    name: ro3
    groups: [nodes, replicas]
    ansible_host: 10.0.0.14
`,
  args: Type.Object({
    name: A.str('Name of the host, with `:port` if need be.', { aliases: ['hostname', 'host'] }),
    groups: A.list('Groups to put it in.', { default: [], aliases: ['group', 'groupname'] }),
  }),
  open: true,
  returns: { add_host: 'host_name, groups and host_vars of the new host.' },
  traits: { scope: 'all-hosts', makesGroups: GROUPS },
  run: ({ plain, args, playRun }) => {
    const { inventory } = playRun.run;
    const [name, port] = splitPort(String(plain['name']));
    const vars: Dict = new Map([...args].filter(([key]) => !OWN_ARGUMENTS.has(String(key))));
    if (port !== undefined) vars.set('ansible_ssh_port', port);
    const groups = plain['groups'] as string[];
    noteForeign(playRun.run, args, [name, ...groups]);
    const changed = inventory.addHost(name, groups, vars);
    playRun.inventoryLayers.delete(name);
    return { result: { changed, add_host: { host_name: name, groups, host_vars: toJson(vars) } } };
  },
});

/** Remembers names that are made of what a host said. */
function noteForeign(run: Run, args: Dict, names: readonly string[]): void {
  const isUnsafe = (value: Value | undefined): boolean =>
    value instanceof Unsafe || (Array.isArray(value) && value.some(isUnsafe));
  if (NAMES.some(key => isUnsafe(args.get(key)))) for (const name of names) run.foreignNames.add(name);
}

function splitPort(name: string): readonly [string, number | undefined] {
  const match = /^([^:]+):(\d+)$/.exec(name);
  return match ? [match[1]!, Number(match[2])] : [name, undefined];
}

export const groupBy = defineControl({
  name: 'group_by',
  summary: 'Puts the host in a group named after a fact.',
  examples: `
- name: Make a group for each distribution
  group_by: {key: "os_{{ ansible_distribution | lower }}"}
`,
  args: Type.Object({
    key: A.str('Name of the group.'),
    parents: A.list('Groups that contain it.', { default: ['all'] }),
  }),
  returns: { add_group: 'The group.', parent_groups: 'Groups that contain it.' },
  traits: { makesGroups: ['key', 'parents'] },
  run: ({ args, plain, playRun, host }) => {
    const { inventory } = playRun.run;
    const group = String(plain['key']).replaceAll(' ', '-');
    const parents = (plain['parents'] as string[]).map(parent => parent.replaceAll(' ', '-'));
    noteForeign(playRun.run, args, [group, ...parents]);
    const changed = inventory.addToGroup(host, group, parents);
    playRun.inventoryLayers.delete(host);
    return { result: { changed, add_group: group, parent_groups: parents } };
  },
});
