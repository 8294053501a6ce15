import { type Position, SourceError } from '../source/errors.ts';
import { didYouMean } from '../source/suggest.ts';
import { type Dict, keyPositionOf, positionOf, type Value } from '../source/value.ts';
import type { Graph } from './graph.ts';
import type { AddHost } from './ini.ts';
import { expandHosts, HostRangeError } from './ranges.ts';

const KEYS = ['hosts', 'vars', 'children'];

/** Adds a YAML inventory to the graph: group names at the top, and below each `hosts`, `vars` and `children`. */
export function readYaml(data: Dict, graph: Graph, addHost: AddHost): void {
  for (const [name, value] of data) new GroupReader(graph, addHost).group(data, name, value);
}

class GroupReader {
  private readonly graph: Graph;
  private readonly addHost: AddHost;

  constructor(graph: Graph, addHost: AddHost) {
    this.graph = graph;
    this.addHost = addHost;
  }

  group(parent: Dict, key: Value, value: Value): string {
    const at = keyPositionOf(parent, key);
    if (typeof key !== 'string' || key === '') {
      throw new SourceError(
        'BAD_INVENTORY',
        `the name of a group must be text, not ${String(key)}`,
        at,
        'quote it',
      );
    }
    if (value !== null && !(value instanceof Map)) {
      throw new SourceError(
        'BAD_INVENTORY',
        `group "${key}" must be a mapping`,
        positionOf(parent, key),
        'below it come "hosts:", "vars:" and "children:"',
      );
    }
    this.graph.addGroup(key);
    for (const [part, content] of value ?? []) this.part(key, value ?? new Map(), String(part), content);
    return key;
  }

  private part(group: string, dict: Dict, key: string, value: Value): void {
    if (!KEYS.includes(key)) {
      const hint = didYouMean(key, KEYS) ?? `known are ${KEYS.join(', ')}`;
      throw new SourceError(
        'UNKNOWN_KEY',
        `group "${group}" has no "${key}"`,
        keyPositionOf(dict, key),
        hint,
      );
    }
    const content = this.mapping(group, dict, key, value);
    if (key === 'vars')
      for (const [name, item] of content) this.graph.setGroupVar(group, name, item, content);
    else if (key === 'hosts') for (const [name, item] of content) this.host(group, content, name, item);
    else {
      for (const [name, item] of content) {
        const child = this.group(content, name, item);
        this.graph.addChild(group, child, keyPositionOf(content, name));
      }
    }
  }

  private mapping(group: string, dict: Dict, key: string, value: Value): Dict {
    if (value === null) return new Map();
    if (value instanceof Map) return value;
    if (typeof value === 'string' && key !== 'vars') return new Map([[value, null]]);
    const hint =
      key === 'vars' ? 'write "name: value" lines' : 'write each name with a colon after it, without "- "';
    throw new SourceError(
      'BAD_INVENTORY',
      `"${key}" of group "${group}" must be a mapping`,
      positionOf(dict, key),
      hint,
    );
  }

  private host(group: string, hosts: Dict, key: Value, value: Value): void {
    const at = keyPositionOf(hosts, key);
    if (typeof key !== 'string') {
      throw new SourceError(
        'BAD_INVENTORY',
        `the name of a host must be text, not ${String(key)}`,
        at,
        'quote it',
      );
    }
    if (value !== null && !(value instanceof Map)) {
      throw new SourceError(
        'BAD_INVENTORY',
        `variables of host "${key}" must be a mapping`,
        positionOf(hosts, key),
        'write "name: value" lines below it',
      );
    }
    const { names, port } = expand(key, at);
    for (const name of names) this.addHost(name, group, value ?? new Map(), port);
  }
}

function expand(entry: string, at: Position | undefined) {
  try {
    return expandHosts(entry);
  } catch (error) {
    if (error instanceof HostRangeError)
      throw new SourceError('BAD_INVENTORY', `"${entry}": ${error.message}`, at);
    throw error;
  }
}
