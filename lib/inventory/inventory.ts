import path from 'node:path';
import { jsonText } from '../source/json.ts';
import { type Dict, toPlain, type Value } from '../source/value.ts';
import { displayPath, type FileReader, findVarsFiles, isDirectory } from '../source/yaml/read-yaml.ts';
import type { Graph } from './graph.ts';
import { selectHosts, splitPattern } from './patterns.ts';
import type { Group, Host, Inventory, VarLayer } from './types.ts';

/** An inventory read from sources; `add_host` and `group_by` make it grow. */
export class LoadedInventory implements Inventory {
  readonly dir: string | undefined;
  readonly files: readonly string[];
  /** What a run added, for an inventory that is read anew. */
  private readonly additions: ((inventory: Inventory) => void)[] = [];
  private readonly graph: Graph;
  private readonly reader: FileReader;
  private readonly varsDirs: readonly string[];
  private readonly varsFiles = new Map<string, readonly VarLayer[]>();

  constructor(graph: Graph, reader: FileReader, files: readonly string[], varsDirs: readonly string[]) {
    this.graph = graph;
    this.reader = reader;
    this.files = files;
    this.varsDirs = varsDirs;
    this.dir = varsDirs[0];
  }

  get hosts(): ReadonlyMap<string, Host> {
    return this.graph.hosts;
  }

  get groups(): ReadonlyMap<string, Group> {
    return this.graph.groups;
  }

  hostsOf(group: string): readonly string[] {
    return this.graph.hostsOf(group);
  }

  select(pattern: string, onUnmatched: (part: string) => void = () => {}): readonly string[] {
    return selectHosts(splitPattern(pattern), this, onUnmatched);
  }

  layers(host: string, playbookDirs: readonly string[]): readonly VarLayer[] {
    const known = this.hosts.get(host);
    const groups = (known?.groups ?? []).filter(group => group !== 'all');
    const inFiles = (dirs: readonly string[], kind: string, names: readonly string[]) =>
      dirs.flatMap(dir => names.flatMap(name => this.fileLayers(dir, kind, name)));
    return [
      ...this.groupLayers(['all', ...groups]),
      ...inFiles(this.varsDirs, 'group_vars', ['all']),
      ...inFiles(playbookDirs, 'group_vars', ['all']),
      ...inFiles(this.varsDirs, 'group_vars', groups),
      ...inFiles(playbookDirs, 'group_vars', groups),
      ...(known ? [{ source: `inventory, host ${host}`, vars: known.vars }] : []),
      ...inFiles(this.varsDirs, 'host_vars', [host]),
      ...inFiles(playbookDirs, 'host_vars', [host]),
    ].filter(layer => layer.vars.size > 0);
  }

  addHost(name: string, groups: readonly string[], vars: Dict): boolean {
    this.additions.push(inventory => void inventory.addHost(name, groups, vars));
    const isNew = !this.graph.hasHost(name) || groups.some(group => !this.graph.isIn(name, group));
    if (!this.graph.hasHost(name)) {
      this.graph.addHost(name, 'all');
      this.graph.setHostVar(name, 'inventory_file', null);
      this.graph.setHostVar(name, 'inventory_dir', null);
    }
    const isOther = [...vars].some(([key, value]) => !isSame(this.graph.hostVar(name, key), value));
    for (const [key, value] of vars) this.graph.setHostVar(name, key, value);
    for (const group of groups) {
      this.graph.addGroup(group);
      this.graph.addHost(name, group);
    }
    return isNew || isOther;
  }

  addToGroup(host: string, group: string, parents: readonly string[]): boolean {
    this.additions.push(inventory => {
      if (inventory.hosts.has(host)) inventory.addToGroup(host, group, parents);
    });
    const isNew = !this.graph.isIn(host, group);
    this.graph.addGroup(group);
    for (const parent of parents) {
      this.graph.addGroup(parent);
      this.graph.addChild(parent, group);
    }
    this.graph.addHost(host, group);
    return isNew;
  }

  addAgainTo(inventory: Inventory): void {
    for (const add of this.additions) add(inventory);
  }

  private groupLayers(names: readonly string[]): VarLayer[] {
    return names.map(name => ({
      source: `inventory, group ${name}`,
      vars: this.groups.get(name)?.vars ?? new Map<Value, Value>(),
    }));
  }

  /** Files of `group_vars` or `host_vars` in one directory for one name, read once. */
  private fileLayers(dir: string, kind: string, name: string): readonly VarLayer[] {
    if (path.isAbsolute(name)) return []; // a host that is a path
    const base = path.join(dir, kind, name);
    const known = this.varsFiles.get(base);
    if (known) return known;
    const files =
      isDirectory(path.join(dir, kind)) && path.dirname(base) === path.join(dir, kind)
        ? findVarsFiles(base)
        : [];
    const layers = files.map(file => ({ source: displayPath(file), vars: this.reader.vars(file) }));
    this.varsFiles.set(base, layers);
    return layers;
  }
}

const isSame = (known: Value | undefined, value: Value): boolean =>
  known !== undefined && jsonText(toPlain(known)) === jsonText(toPlain(value));
