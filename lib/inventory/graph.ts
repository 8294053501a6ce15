import { type Position, SourceError } from '../source/errors.ts';
import { mergedValue } from '../source/unsafe.ts';
import { adoptOrigin, type Dict, type Value } from '../source/value.ts';
import type { Group, Host } from './types.ts';

export const LOCAL_NAMES: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '::1']);

class GroupNode {
  readonly name: string;
  readonly vars: Dict = new Map();
  readonly children = new Set<GroupNode>();
  readonly parents = new Set<GroupNode>();
  readonly hosts = new Set<string>();
  priority = 1;

  constructor(name: string) {
    this.name = name;
  }
}

interface HostNode {
  readonly name: string;
  readonly vars: Dict;
}

/** Groups and hosts as they grow while sources are read, and while a run adds to them. */
export class Graph {
  private readonly nodes = new Map<string, GroupNode>();
  private readonly hostNodes = new Map<string, HostNode>();
  private readonly merges: boolean;
  private isSettled = false;
  private hostCache = new Map<string, readonly string[]>();
  private views: { readonly hosts: Map<string, Host>; readonly groups: Map<string, Group> } | undefined;

  /** `merges`: mappings that one host or group gets twice under one name are merged. */
  constructor(merges = false) {
    this.merges = merges;
    this.addGroup('all');
    this.addGroup('ungrouped');
    this.addChild('all', 'ungrouped');
  }

  addGroup(name: string): void {
    if (!this.nodes.has(name)) this.nodes.set(name, new GroupNode(name));
    this.forget();
  }

  hasGroup(name: string): boolean {
    return this.nodes.has(name);
  }

  /** Makes `child` a group below `parent`; both exist. A circle is the author's mistake. */
  addChild(parent: string, child: string, at?: Position): void {
    const [above, below] = [this.group(parent), this.group(child)];
    if (above === below || ancestors(above).has(below)) {
      const message =
        above === below
          ? `group "${child}" is a child of itself`
          : `groups "${parent}" and "${child}" contain each other`;
      throw new SourceError('BAD_INVENTORY', message, at, 'take one of the two out of "children"');
    }
    above.children.add(below);
    below.parents.add(above);
    this.forget();
  }

  addHost(name: string, group?: string): void {
    if (!this.hostNodes.has(name)) this.hostNodes.set(name, { name, vars: new Map() });
    if (group !== undefined) this.group(group).hosts.add(name);
    this.forget();
  }

  hasHost(name: string): boolean {
    return this.hostNodes.has(name);
  }

  /** `from` is the mapping the variable was written in, where there is one: mistakes are shown there. */
  setHostVar(host: string, key: Value, value: Value, from?: Dict): void {
    const vars = this.hostNodes.get(host)?.vars;
    vars?.set(key, this.joined(vars.get(key), value));
    if (vars && from) adoptOrigin(vars, key, from);
    this.forget();
  }

  private joined(before: Value | undefined, value: Value): Value {
    return this.merges ? mergedValue(before, value) : value;
  }

  hostVar(host: string, key: Value): Value | undefined {
    return this.hostNodes.get(host)?.vars.get(key);
  }

  setGroupVar(group: string, key: Value, value: Value, from?: Dict): void {
    const node = this.group(group);
    if (key === 'ansible_group_priority' && Number.isInteger(Number(value))) node.priority = Number(value);
    else node.vars.set(key, this.joined(node.vars.get(key), value));
    if (from) adoptOrigin(node.vars, key, from);
    this.forget();
  }

  /** True for a host of the group or of one below it. */
  isIn(host: string, group: string): boolean {
    const node = this.nodes.get(group);
    return node !== undefined && descendants(node).some(({ hosts }) => hosts.has(host));
  }

  /** Every group is below `all`; a host in no other group is in `ungrouped`. Done when somebody looks, not at every change. */
  private settle(): void {
    if (this.isSettled) return;
    const all = this.group('all');
    const ungrouped = this.group('ungrouped');
    for (const node of this.nodes.values())
      if (node !== all && node.parents.size === 0) this.addChild('all', node.name);
    const grouped = new Set<string>();
    for (const node of this.nodes.values()) {
      if (node !== all && node !== ungrouped) for (const host of node.hosts) grouped.add(host);
    }
    for (const name of this.hostNodes.keys()) {
      if (grouped.has(name)) ungrouped.hosts.delete(name);
      else ungrouped.hosts.add(name);
    }
    this.forget();
    this.isSettled = true;
  }

  /** Hosts of a group and the groups below it, level by level. */
  hostsOf(group: string): readonly string[] {
    this.settle();
    const node = this.nodes.get(group);
    if (!node) return [];
    const known = this.hostCache.get(group);
    if (known) return known;
    const hosts = [...new Set(descendants(node).flatMap(({ hosts }) => [...hosts]))];
    this.hostCache.set(group, hosts);
    return hosts;
  }

  get hosts(): ReadonlyMap<string, Host> {
    return this.view().hosts;
  }

  get groups(): ReadonlyMap<string, Group> {
    return this.view().groups;
  }

  private group(name: string): GroupNode {
    const node = this.nodes.get(name);
    if (!node) throw new Error(`no group ${name}`);
    return node;
  }

  private forget(): void {
    this.isSettled = false;
    this.views = undefined;
    this.hostCache = new Map();
  }

  private view(): { readonly hosts: Map<string, Host>; readonly groups: Map<string, Group> } {
    this.settle();
    this.views ??= { groups: this.groupViews(), hosts: this.hostViews() };
    return this.views;
  }

  private groupViews(): Map<string, Group> {
    const depths = depthsBelow(this.group('all'));
    return new Map(
      [...this.nodes.values()].map(node => {
        const { name, priority, vars } = node;
        const children = [...node.children].map(child => child.name);
        return [
          name,
          { name, priority, vars, children, hosts: [...node.hosts], depth: depths.get(node) ?? 0 },
        ];
      }),
    );
  }

  private hostViews(): Map<string, Host> {
    const depths = depthsBelow(this.group('all'));
    const memberships = new Map<string, Set<GroupNode>>();
    for (const node of this.nodes.values()) {
      for (const host of node.hosts) {
        const groups = memberships.get(host) ?? new Set<GroupNode>([this.group('all')]);
        for (const group of [node, ...ancestors(node)]) groups.add(group);
        memberships.set(host, groups);
      }
    }
    const byPrecedence = (a: GroupNode, b: GroupNode) =>
      (depths.get(a) ?? 0) - (depths.get(b) ?? 0) || a.priority - b.priority || (a.name < b.name ? -1 : 1);
    return new Map(
      [...this.hostNodes.values()].map(({ name, vars }) => {
        const groups = [...(memberships.get(name) ?? [this.group('all')])].sort(byPrecedence);
        return [name, { name, vars, groups: groups.map(group => group.name) }];
      }),
    );
  }
}

function ancestors(node: GroupNode): Set<GroupNode> {
  const found = new Set<GroupNode>();
  const open = [...node.parents];
  for (let next = open.pop(); next; next = open.pop()) {
    if (found.has(next)) continue;
    found.add(next);
    open.push(...next.parents);
  }
  return found;
}

/** The group and those below it, level by level, in the order written. */
function descendants(node: GroupNode): GroupNode[] {
  const found = new Set([node]);
  for (const group of found) for (const child of group.children) found.add(child);
  return [...found];
}

/** The longest way from `all` to every group. */
function depthsBelow(all: GroupNode): Map<GroupNode, number> {
  const depths = new Map<GroupNode, number>();
  const depthOf = (node: GroupNode): number => {
    const known = depths.get(node);
    if (known !== undefined) return known;
    const depth = node === all ? 0 : 1 + Math.max(-1, ...[...node.parents].map(depthOf));
    depths.set(node, depth);
    return depth;
  };
  for (const node of descendants(all)) depthOf(node);
  return depths;
}
