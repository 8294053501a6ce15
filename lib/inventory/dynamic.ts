import { spawnSync } from 'node:child_process';
import { SourceError } from '../source/errors.ts';
import { parseJson } from '../source/json.ts';
import { type Dict, fromPlain, type Value } from '../source/value.ts';
import type { Graph } from './graph.ts';
import type { AddHost } from './ini.ts';

const TIMEOUT_MS = 120_000;

/** Adds what an executable inventory prints for `--list` (and `--host`, when it gives no `_meta`). */
export function readExecutable(file: string, shown: string, graph: Graph, addHost: AddHost): void {
  const data = run(file, shown, ['--list']);
  const meta = data.get('_meta');
  const hostvars = meta instanceof Map ? meta.get('hostvars') : undefined;
  const hosts = new Set<string>();
  for (const [name, value] of data) {
    if (name !== '_meta')
      readGroup(shown, String(name), value, graph, host => {
        hosts.add(host);
        addHost(host, String(name), new Map(), undefined);
      });
  }
  for (const host of hosts) {
    const vars = hostvars instanceof Map ? (hostvars.get(host) ?? null) : run(file, shown, ['--host', host]);
    if (vars instanceof Map) for (const [key, value] of vars) graph.setHostVar(host, key, value);
  }
}

function readGroup(
  shown: string,
  name: string,
  value: Value,
  graph: Graph,
  addHost: (host: string) => void,
): void {
  const data = groupData(name, value);
  graph.addGroup(name);
  for (const host of listOf(shown, name, 'hosts', data)) addHost(host);
  const vars = data.get('vars') ?? null;
  if (vars instanceof Map) for (const [key, item] of vars) graph.setGroupVar(name, key, item);
  else if (vars !== null) throw bad(shown, `"vars" of group "${name}" must be an object`);
  for (const child of listOf(shown, name, 'children', data)) {
    graph.addGroup(child);
    graph.addChild(name, child, { file: shown, line: 1, col: 1 });
  }
}

/** The short forms: a list of hosts, or variables of a host that is its own group. */
function groupData(name: string, value: Value): Dict {
  if (!(value instanceof Map)) return new Map([['hosts', value]]);
  const known = ['hosts', 'vars', 'children'].some(key => value.has(key));
  return known
    ? value
    : new Map<Value, Value>([
        ['hosts', [name]],
        ['vars', value],
      ]);
}

function listOf(shown: string, group: string, key: string, data: Dict): string[] {
  const list = data.get(key) ?? [];
  if (Array.isArray(list)) return list.map(String);
  throw bad(shown, `"${key}" of group "${group}" must be a list`);
}

function run(file: string, shown: string, args: readonly string[]): Dict {
  const what = `${shown} ${args.join(' ')}`;
  const { status, stdout, stderr, error } = spawnSync(file, args, {
    encoding: 'utf8',
    timeout: TIMEOUT_MS,
    maxBuffer: 2 ** 28,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (error) throw bad(shown, `"${what}" cannot be run: ${error.message}`);
  if (status !== 0)
    throw bad(shown, `"${what}" ended with ${status}: ${stderr.trim().split('\n').at(-1) ?? ''}`);
  if (stdout.trim() === '') return new Map();
  const data = printed(stdout, what, shown);
  if (!(data instanceof Map)) throw bad(shown, `"${what}" must print a JSON object`);
  return data;
}

function printed(text: string, what: string, shown: string): Value {
  try {
    return fromPlain(parseJson(text));
  } catch (error) {
    throw bad(shown, `"${what}" prints no JSON: ${(error as Error).message}`);
  }
}

function bad(shown: string, message: string): SourceError {
  return new SourceError('BAD_INVENTORY', message, { file: shown, line: 1, col: 1 });
}
