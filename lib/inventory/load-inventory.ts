import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { SourceError, SourceErrors, UsageError } from '../source/errors.ts';
import { nearFile } from '../source/suggest.ts';
import { type Dict, positionOf, type Value } from '../source/value.ts';
import { displayPath, type FileReader, isDirectory, utf8Of } from '../source/yaml/read-yaml.ts';
import { parseYaml } from '../source/yaml/yaml.ts';
import { readConstructed } from './constructed.ts';
import { readExecutable } from './dynamic.ts';
import { Graph } from './graph.ts';
import { type AddHost, readIni } from './ini.ts';
import { LoadedInventory } from './inventory.ts';
import { expandHosts, type HostNames, HostRangeError, splitPort } from './ranges.ts';
import type { Inventory } from './types.ts';
import { readYaml } from './yaml-form.ts';

const IGNORED =
  /^\.|^(?:host_vars|group_vars|vars_plugins)$|(?:~|\.pyc|\.pyo|\.swp|\.bak|\.rpm|\.md|\.txt|\.rst|\.orig|\.ini|\.cfg|\.retry)$/;
const YAML_EXTENSIONS = ['.yml', '.yaml', '.json'];

export interface InventoryOptions {
  /** Hears of sources that do not exist. */
  readonly onMissing?: ((message: string) => void) | undefined;
  /** Mappings that two sources give one name are merged, as the setting `hash_behaviour: merge` wants it. */
  readonly merges?: boolean;
  /** For a constructed inventory with `use_extra_vars`. */
  readonly extraVars?: Dict;
}

/** What is read so far, and how. */
interface Reading {
  readonly graph: Graph;
  readonly reader: FileReader;
  readonly problems: SourceError[];
  readonly extraVars: Dict;
  /** Files that are read. */
  readonly done: string[];
}

/**
 * Reads inventories: YAML, INI and executable files, directories of them, and lists such as `web1,web2`. Mistakes
 * come as SourceErrors, a source that does not exist as UsageError; where somebody is to be told of it, only when there
 * is no other.
 */
export function loadInventory(
  sources: readonly string[],
  reader: FileReader,
  { onMissing, merges = false, extraVars = new Map() }: InventoryOptions = {},
): Inventory {
  const graph = new Graph(merges);
  const problems: SourceError[] = [];
  const files: string[] = [];
  const reading = { graph, reader, problems, extraVars, done: [] };
  const missing = sources.filter(source => !source.includes(',') && !existsSync(source));
  for (const source of missing) {
    const message = `the inventory "${source}" does not exist`;
    if (!onMissing || missing.length === sources.length)
      throw new UsageError(message, 1, nearFile(source) ?? asList(source));
    onMissing(message);
  }
  for (const source of sources.filter(name => !missing.includes(name))) {
    if (source.includes(',')) readList(source, graph);
    else {
      const file = path.resolve(source);
      files.push(file);
      readSource(file, reading);
    }
  }
  if (problems.length > 0) throw new SourceErrors(problems);
  return inventoryOf(reading, files);
}

/** What is read so far; group_vars and host_vars count that stand beside one of the files. */
function inventoryOf({ graph, reader }: Reading, files: readonly string[]): LoadedInventory {
  const dirs = files.map(file => (isDirectory(file) ? file : path.dirname(file)));
  return new LoadedInventory(graph, reader, files, [...new Set(dirs)]);
}

/** Who wants a host and forgets the comma names a file. */
const asList = (source: string): string | undefined =>
  source.includes('/') ? undefined : `a list of hosts has a comma: write "${source},"`;

function readList(source: string, graph: Graph): void {
  for (const entry of source.split(',').map(part => part.trim())) {
    if (entry === '') continue;
    const { names, port } = hostsOf(entry);
    for (const host of names) {
      graph.addHost(host, 'ungrouped');
      if (port !== undefined) graph.setHostVar(host, 'ansible_port', port);
    }
  }
}

/** The hosts of an entry; where its brackets are not a range, as it is written. */
function hostsOf(entry: string): HostNames {
  try {
    return expandHosts(entry);
  } catch (error) {
    if (!(error instanceof HostRangeError)) throw error;
    const { host, port } = splitPort(entry);
    return { names: [host], port };
  }
}

function readSource(file: string, reading: Reading): void {
  if (isDirectory(file)) {
    const names = readdirSync(file)
      .filter(name => !IGNORED.test(name))
      .sort();
    for (const name of names) readSource(path.join(file, name), reading);
    return;
  }
  try {
    readFile(file, reading);
  } catch (error) {
    if (error instanceof SourceErrors) reading.problems.push(...error.errors);
    else if (error instanceof SourceError) reading.problems.push(error);
    else throw error;
  }
}

function readFile(file: string, reading: Reading): void {
  const { graph, reader } = reading;
  const shown = displayPath(file);
  const addHost: AddHost = (name, group, vars, port) => addHostTo(graph, file, name, group, vars, port);
  const content = reader.read(file);
  if (isProgram(content)) readProgram(file, shown, graph, addHost);
  else readText(utf8Of(content, file), file, reading, addHost);
  reading.done.push(file);
}

function readProgram(file: string, shown: string, graph: Graph, addHost: AddHost): void {
  if (!isExecutable(file)) {
    const message = 'a program as inventory must be executable';
    throw new SourceError(
      'BAD_INVENTORY',
      message,
      { file: shown, line: 1, col: 1 },
      `run chmod +x ${shown}`,
    );
  }
  readExecutable(file, shown, graph, addHost);
}

function readText(text: string, file: string, reading: Reading, addHost: AddHost): void {
  const shown = displayPath(file);
  const data = yamlOf(text, file, shown);
  if (!data) readIni(text, shown, reading.graph, addHost);
  else if (typeof data.get('plugin') === 'string') readPlugin(data, reading);
  else readYaml(data, reading.graph, addHost);
}

function readPlugin(data: Dict, reading: Reading): void {
  const plugin = String(data.get('plugin'));
  if (/^(?:ansible\.(?:builtin|legacy)\.)?constructed$/.test(plugin)) {
    readConstructed(data, { ...reading, before: inventoryOf(reading, reading.done) });
    return;
  }
  throw new SourceError(
    'BAD_INVENTORY',
    `the inventory plugin "${plugin}" is not supported, "constructed" is`,
    positionOf(data, 'plugin'),
    'use an executable inventory that prints JSON',
  );
}

function addHostTo(
  graph: Graph,
  file: string,
  name: string,
  group: string,
  vars: Dict,
  port: number | undefined,
): void {
  if (!graph.hasHost(name)) {
    graph.addHost(name);
    graph.setHostVar(name, 'inventory_file', file);
    graph.setHostVar(name, 'inventory_dir', path.dirname(file));
    if (port !== undefined) graph.setHostVar(name, 'ansible_port', port);
  }
  graph.addHost(name, group);
  for (const [key, value] of vars) graph.setHostVar(name, key, value, vars);
}

/** The content as YAML, or undefined when it is INI: by the extension, and by what it looks like without one. */
function yamlOf(text: string, file: string, shown: string): Dict | undefined {
  const extension = path.extname(file);
  const named = YAML_EXTENSIONS.includes(extension);
  if (!named && extension !== '' && !/^---/m.test(text)) return undefined;
  if (/^\s*\[[^\]\s,{"']+\]\s*(?:#.*)?$/m.test(text) && !/^---/m.test(text)) return undefined;
  try {
    return mappingOf(parseYaml(text, shown), named, shown);
  } catch (error) {
    if (named || /^(?:---|\w+:\s*$)/m.test(text)) throw error;
    return undefined;
  }
}

function mappingOf(value: Value, named: boolean, shown: string): Dict | undefined {
  if (value instanceof Map) return value;
  if (!named) return undefined;
  if (value === null) return new Map();
  const message = 'an inventory must be a mapping of groups';
  throw new SourceError(
    'BAD_INVENTORY',
    message,
    { file: shown, line: 1, col: 1 },
    'begin it with "all:" and "hosts:" below',
  );
}

function isProgram(content: Buffer): boolean {
  return (
    content.subarray(0, 2).toString('latin1') === '#!' ||
    content.subarray(0, 4).toString('latin1') === '\x7fELF'
  );
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
