import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Inventory } from '../inventory/types.ts';
import { SourceError } from '../source/errors.ts';
import { type Dict, type Json, positionOf, toPlain, Undefined, type Value } from '../source/value.ts';
import { FileReader, isDirectory, isFile } from '../source/yaml/read-yaml.ts';
import type { Templar, Variables } from '../templating/templar.ts';

/** What is known of a host besides the inventory: the few facts that role defaults refer to. */
export type Facts = ReadonlyMap<string, Value>;

/** Where variables come from. The suite has no plays: role defaults, then the inventory, then `-e`. */
export interface VariableSources {
  readonly inventory: Inventory;
  readonly templar: Templar;
  readonly defaults: Dict;
  readonly extra: Dict;
  readonly playbookDirs: readonly string[];
  facts(host: string): Facts;
}

/**
 * The defaults of all roles, the role `cluster` (which the others depend on) last so that it wins where two define a
 * name.
 */
export function loadRoleDefaults(rolesDir: string, reader = new FileReader()): Dict {
  const merged: Dict = new Map();
  if (!isDirectory(rolesDir)) return merged;
  const names = readdirSync(rolesDir).sort(
    (a, b) => Number(a === 'cluster') - Number(b === 'cluster') || a.localeCompare(b),
  );
  for (const name of names) {
    const file = join(rolesDir, name, 'defaults', 'main.yml');
    if (!isFile(file)) continue;
    for (const [key, value] of reader.vars(file)) merged.set(key, value);
  }
  return merged;
}

/** The variables of one host, each rendered when it is first asked for. */
export class HostVariables implements Variables {
  readonly host: string;
  readonly #sources: VariableSources;
  /** Highest precedence first. */
  readonly #layers: readonly Dict[];
  readonly #defaults: readonly Dict[];
  readonly #rendered = new Map<string, Value>();
  readonly #inProgress = new Set<string>();

  constructor(
    sources: VariableSources,
    host: string,
    options: { readonly defaults: boolean } = { defaults: true },
  ) {
    this.host = host;
    this.#sources = sources;
    const inventory = sources.inventory.layers(host, sources.playbookDirs).map(layer => layer.vars);
    this.#defaults = options.defaults ? [sources.defaults] : [];
    this.#layers = [sources.extra, new Map(sources.facts(host)), ...inventory.reverse(), ...this.#defaults];
  }

  /** Whether it is said about this cluster: a role's default is said about every one. */
  said(name: string): boolean {
    return this.#layers.some(layer => layer.has(name) && !this.#defaults.includes(layer));
  }

  has(name: string): boolean {
    return !(this.#magic(name) instanceof Undefined) || this.#layers.some(layer => layer.has(name));
  }

  names(): Iterable<string> {
    return new Set(this.#layers.flatMap(layer => [...layer.keys()].filter(key => typeof key === 'string')));
  }

  get(name: string): Value {
    const known = this.#rendered.get(name);
    if (known !== undefined) return known;
    const value = this.#resolve(name);
    this.#rendered.set(name, value);
    return value;
  }

  #resolve(name: string): Value {
    const layer = this.#layers.find(l => l.has(name));
    if (!layer) return this.#magic(name);
    const at = positionOf(layer, name);
    if (this.#inProgress.has(name)) {
      throw new SourceError('RECURSIVE_VARIABLE', `the variable "${name}" refers to itself`, at);
    }
    this.#inProgress.add(name);
    try {
      return this.#sources.templar.render(layer.get(name)!, this, at);
    } finally {
      this.#inProgress.delete(name);
    }
  }

  #magic(name: string): Value {
    const { inventory } = this.#sources;
    switch (name) {
      case 'inventory_hostname':
        return this.host;
      case 'inventory_dir':
        return inventory.dir ?? null;
      case 'group_names':
        return (inventory.hosts.get(this.host)?.groups ?? []).filter(group => group !== 'all');
      case 'groups':
        return new Map([...inventory.groups.keys()].map(group => [group, [...inventory.hostsOf(group)]]));
      case 'hostvars':
        return new Map([...inventory.hosts.keys()].map(host => [host, new LazyDict(this.#sources, host)]));
      default:
        return new Undefined(name);
    }
  }
}

/** `hostvars[host]`: another host's variables without role defaults, each rendered when it is asked for. */
class LazyDict extends Map<Value, Value> {
  readonly #variables: () => HostVariables;

  constructor(sources: VariableSources, host: string) {
    super();
    let variables: HostVariables | undefined;
    this.#variables = () => (variables ??= new HostVariables(sources, host, { defaults: false }));
  }

  override has(name: Value): boolean {
    return typeof name === 'string' && this.#variables().has(name);
  }

  override get(name: Value): Value | undefined {
    return this.has(name) ? this.#variables().get(name as string) : undefined;
  }

  override *keys(): MapIterator<Value> {
    yield* this.#variables().names();
    return undefined;
  }
}

/** A variable as plain JSON; what is undefined is `undefined`. */
export function plain(variables: Variables, name: string): Json | undefined {
  const value = variables.get(name);
  return value instanceof Undefined ? undefined : toPlain(value);
}
