import { type Position, SourceError, SourceErrors } from '../source/errors.ts';
import { didYouMean } from '../source/suggest.ts';
import { opened } from '../source/unsafe.ts';
import { type Dict, keyPositionOf, positionOf, type Value } from '../source/value.ts';
import type { FileReader } from '../source/yaml/read-yaml.ts';
import { createTemplar } from '../templating/index.ts';
import { str } from '../templating/python/print.ts';
import { StaticVariables } from '../templating/static-variables.ts';
import type { Templar, Variables } from '../templating/templar.ts';
import type { Graph } from './graph.ts';
import type { LoadedInventory } from './inventory.ts';

const SWITCHES = ['strict', 'leading_separator', 'use_vars_plugins', 'use_extra_vars'];
const OPTIONS = ['plugin', 'compose', 'groups', 'keyed_groups', ...SWITCHES];
const KEYED = ['key', 'prefix', 'separator', 'parent_group', 'default_value', 'trailing_separator'];

export interface ConstructedSources {
  readonly graph: Graph;
  readonly reader: FileReader;
  /** What the sources before this one say, their group_vars and host_vars included. */
  readonly before: LoadedInventory;
  readonly extraVars: Dict;
}

/** An expression of the file. */
interface Rule {
  readonly name: string;
  readonly expression: string;
  readonly at: Position | undefined;
}

interface KeyedGroup extends Rule {
  readonly prefix: string;
  readonly separator: string;
  readonly parent: Value;
  /** What stands for an empty name. */
  readonly standIn: string | undefined;
  readonly keepsSeparator: boolean;
}

/**
 * The inventory plugin `constructed`: variables and groups made of the variables that hosts have from the sources
 * before it. What can't be computed for a host is left out for that host, unless `strict` is set.
 */
export function readConstructed(data: Dict, sources: ConstructedSources): void {
  refuseUnknown(data, OPTIONS, '"constructed"');
  new Constructed(data, sources).run();
}

class Constructed {
  readonly #data: Dict;
  readonly #sources: ConstructedSources;
  readonly #templar: Templar;

  constructor(data: Dict, sources: ConstructedSources) {
    this.#data = data;
    this.#sources = sources;
    const { reader } = sources;
    this.#templar = createTemplar({
      searchPath: () => [],
      readFile: path => reader.read(path),
      decrypt: text => reader.vault.decrypt(text).toString('utf8'),
      env: process.env,
      readOnly: true,
    });
  }

  run(): void {
    const compose = this.#rules('compose');
    const groups = this.#rules('groups');
    const keyed = keyedGroups(this.#data);
    for (const rule of [...compose, ...groups, ...keyed]) this.#checkSyntax(rule);
    const { graph } = this.#sources;
    for (const host of [...graph.hosts.keys()]) {
      const layers = this.#layers(host);
      const known = this.#variables(host, layers);
      for (const rule of compose)
        this.#attempt(rule, host, () => graph.setHostVar(host, rule.name, this.#compute(rule, known)));
      const composed = this.#variables(host, [...layers, graph.hosts.get(host)?.vars ?? new Map()]);
      for (const rule of groups)
        this.#attempt(rule, host, () => {
          if (this.#templar.test(rule.expression, composed, rule.at)) this.#join(host, rule.name);
        });
      for (const rule of keyed) this.#attempt(rule, host, () => this.#joinKeyed(host, rule, composed));
    }
  }

  #rules(option: 'compose' | 'groups'): Rule[] {
    const rules = this.#data.get(option) ?? null;
    if (rules === null) return [];
    const at = positionOf(this.#data, option);
    if (!(rules instanceof Map)) throw bad(`"${option}" must be a mapping of names to expressions`, at);
    return [...rules].map(([name, expression]) => ({
      name: str(name),
      expression: str(expression),
      at: positionOf(rules, name),
    }));
  }

  /** What no host can make right is a mistake at once; a name of a Python plugin may be known elsewhere. */
  #checkSyntax({ expression, at }: Rule): void {
    try {
      this.#templar.checkExpression(expression, at);
    } catch (error) {
      if (!(error instanceof SourceErrors)) throw error;
      const wrong = error.errors.filter(({ code }) => code === 'TEMPLATE_SYNTAX');
      if (wrong.length > 0) throw new SourceErrors(wrong);
    }
  }

  #isOn(option: string, otherwise: boolean): boolean {
    return isOn(this.#data, option, otherwise);
  }

  #layers(host: string): Dict[] {
    const { before, extraVars, graph } = this.#sources;
    const known = graph.hosts.get(host);
    const ofGroups = (known?.groups ?? []).map(name => graph.groups.get(name)?.vars ?? new Map());
    const layers = this.#isOn('use_vars_plugins', false)
      ? before.layers(host, []).map(layer => layer.vars)
      : [...ofGroups, known?.vars ?? new Map()];
    // Copies: a variable that is made here is not seen by the others.
    return [...layers, ...(this.#isOn('use_extra_vars', false) ? [extraVars] : [])].map(
      vars => new Map(vars),
    );
  }

  #variables(host: string, layers: readonly Dict[]): Variables {
    const groups = this.#sources.graph.hosts.get(host)?.groups ?? [];
    const magic: Dict = new Map<Value, Value>([
      ['inventory_hostname', host],
      ['inventory_hostname_short', host.split('.')[0] ?? host],
      ['group_names', groups.filter(name => name !== 'all').sort()],
    ]);
    return new StaticVariables(this.#templar, [...layers, magic]);
  }

  #compute({ expression, at }: Rule, vars: Variables): Value {
    return this.#templar.evaluate(expression, vars, at);
  }

  /** Only what the expression comes to is forgiven, not what it is used for. */
  #attempt(rule: Rule, host: string, work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof SourceError) || error.code === 'BAD_INVENTORY') throw error;
      if (!this.#isOn('strict', false)) return;
      const message = `"${rule.name}" can't be computed for host "${host}": ${error.message}`;
      throw bad(message, error.position ?? rule.at, error.hint ?? 'without "strict" it is left out there');
    }
  }

  #join(host: string, name: string, parent?: string): void {
    const { graph } = this.#sources;
    const group = safeName(name);
    graph.addGroup(group);
    graph.addHost(host, group);
    if (parent === undefined) return;
    graph.addGroup(safeName(parent));
    graph.addChild(safeName(parent), group);
  }

  #joinKeyed(host: string, rule: KeyedGroup, vars: Variables): void {
    const key = opened(this.#compute(rule, vars), () => {});
    const names = namesOf(key, rule);
    if (names === undefined && this.#isOn('strict', false))
      throw bad(`"${rule.name}" is empty for host "${host}"`, rule.at, 'give it a "default_value"');
    const { prefix, parent, at } = rule;
    const above = parent === null ? undefined : str(this.#templar.render(parent, vars, at));
    const separator = prefix === '' && !this.#isOn('leading_separator', true) ? '' : rule.separator;
    for (const name of names ?? []) this.#join(host, `${prefix}${separator}${name}`, above);
  }
}

function keyedGroups(data: Dict): KeyedGroup[] {
  const list = data.get('keyed_groups') ?? null;
  if (list === null) return [];
  if (!Array.isArray(list)) throw bad('"keyed_groups" must be a list', positionOf(data, 'keyed_groups'));
  return list.map((entry, i) => {
    const at = positionOf(list, i);
    if (!(entry instanceof Map) || !entry.has('key'))
      throw bad('an entry of "keyed_groups" must be a mapping with "key"', at);
    refuseUnknown(entry, KEYED, 'an entry of "keyed_groups"');
    if (entry.has('default_value') && entry.has('trailing_separator'))
      throw bad('"default_value" and "trailing_separator" exclude each other', at);
    const expression = str(entry.get('key') ?? null);
    const standIn = entry.get('default_value') ?? null;
    return {
      name: expression,
      expression,
      at: positionOf(entry, 'key'),
      prefix: str(entry.get('prefix') ?? ''),
      separator: str(entry.get('separator') ?? '_'),
      parent: entry.get('parent_group') ?? null,
      standIn: standIn === null ? undefined : str(standIn),
      keepsSeparator: isOn(entry, 'trailing_separator', true),
    };
  });
}

/** The names that a key gives: a text, those of a list, or name and value of a mapping. Undefined for nothing at all. */
function namesOf(key: Value, rule: KeyedGroup): string[] | undefined {
  const { separator, standIn, keepsSeparator } = rule;
  const orStandIn = (text: string) => (text === '' ? (standIn ?? '') : text);
  if (Array.isArray(key)) return key.map(name => orStandIn(str(name)));
  if (key instanceof Map)
    return [...key].map(([name, value]) => {
      const end = orStandIn(str(value));
      return end === '' && !keepsSeparator ? str(name) : `${str(name)}${separator}${end}`;
    });
  if (typeof key === 'string') {
    const name = orStandIn(key);
    return name === '' ? undefined : [name];
  }
  if (key === null || key === false || key === 0) return undefined;
  throw bad(
    `the key "${rule.name}" gives a ${typeof key}, not a text, a list or a mapping`,
    rule.at,
    `write "${rule.name} | string"`,
  );
}

/** A name of a group that patterns can use, as Ansible makes it: letters, digits and underscores. */
const safeName = (name: string): string => name.replace(/^[^\p{L}_]|[^\p{L}\p{N}_]/gu, '_');

function isOn(options: Dict, option: string, otherwise: boolean): boolean {
  const value = options.get(option) ?? otherwise;
  if (typeof value === 'boolean') return value;
  throw bad(`"${option}" must be true or false`, positionOf(options, option));
}

function refuseUnknown(options: Dict, known: readonly string[], what: string): void {
  for (const key of options.keys()) {
    if (known.includes(str(key))) continue;
    const hint = didYouMean(str(key), [...known]) ?? `known are ${known.join(', ')}`;
    throw new SourceError('UNKNOWN_KEY', `${what} has no "${str(key)}"`, keyPositionOf(options, key), hint);
  }
}

function bad(message: string, at: Position | undefined, hint?: string): SourceError {
  return new SourceError('BAD_INVENTORY', message, at, hint);
}
