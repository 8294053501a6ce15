import type { Node, Pair, Scalar, YAMLMap } from 'yaml';
import { findModule } from '../engine/module-list.ts';
import type { Module } from '../modules/kit/define.ts';
import { KEYWORDS } from '../playbook/keywords.ts';
import { parseFreeForm, UnbalancedError } from '../playbook/tasks/free-form.ts';
import type { Value } from '../source/value.ts';
import { type LintFile, mapsOf, pairsOf, scalarOf, textOf } from './lint-file.ts';

export interface LintPlay {
  readonly map: YAMLMap;
  readonly pairs: ReadonlyMap<string, Pair<Scalar, Node | null>>;
}

/** The module call of a task. */
export interface Call {
  /** The name as it is written. */
  readonly name: string;
  readonly key: Scalar;
  readonly value: Node | null;
  /** Without its collection. */
  readonly short: string;
  /** Ours, where we have it. */
  readonly module: Module | undefined;
  /** Arguments with the values that can be read; a mapping or list stands as undefined. */
  readonly args: ReadonlyMap<string, Value | undefined>;
  /** Where each argument's value stands; not those within a text. */
  readonly nodes: ReadonlyMap<string, Node | null>;
  /** What of a text is not an argument. */
  readonly free: string | undefined;
}

/** A task, handler or block as it is written. */
export interface LintTask {
  readonly map: YAMLMap;
  readonly pairs: ReadonlyMap<string, Pair<Scalar, Node | null>>;
  readonly call: Call | undefined;
  readonly isBlock: boolean;
  readonly isHandler: boolean;
  readonly play: LintPlay | undefined;
  readonly lines: readonly [first: number, last: number];
}

const SECTIONS = ['pre_tasks', 'tasks', 'post_tasks', 'handlers'] as const;
const IN_BLOCKS = ['block', 'rescue', 'always'] as const;
const KEYS: ReadonlySet<string> = new Set(KEYWORDS.map(({ name }) => name));

/** The plays of a playbook. */
export function playsOf(file: LintFile): readonly LintPlay[] {
  if (file.kind !== 'playbook') return [];
  return file.roots.flatMap(mapsOf).map(map => ({ map, pairs: pairsOf(map) }));
}

/** Every task of a file, blocks and what they hold included. */
export function tasksOf(file: LintFile): readonly LintTask[] {
  if (file.kind === 'tasks' || file.kind === 'handlers')
    return file.roots.flatMap(root => tasksIn(file, root, undefined, file.kind === 'handlers'));
  return playsOf(file).flatMap(play =>
    SECTIONS.flatMap(name => tasksIn(file, play.pairs.get(name)?.value, play, name === 'handlers')),
  );
}

function tasksIn(file: LintFile, list: unknown, play: LintPlay | undefined, isHandler: boolean): LintTask[] {
  return mapsOf(list).flatMap(map => {
    const pairs = pairsOf(map);
    const isBlock = pairs.has('block');
    const [start, end] = file.range(map);
    const last = isBlock ? file.lineOf(start) : file.lineOf(Math.max(start, end - 1));
    const lines = [file.lineOf(start), last] as const;
    const own = { map, pairs, call: isBlock ? undefined : callOf(pairs), isBlock, isHandler, play, lines };
    const inner = IN_BLOCKS.flatMap(name => tasksIn(file, pairs.get(name)?.value, play, isHandler));
    return [own, ...inner];
  });
}

function callOf(pairs: LintTask['pairs']): Call | undefined {
  const pair = [...pairs].find(([name]) => !KEYS.has(name) && !name.startsWith('with_'))?.[1];
  if (!pair) return oldCall(pairs);
  const name = String(pair.key.value);
  return call(name, pair.key, pair.value, pairs.get('args')?.value);
}

/** `action:` and `local_action:`. */
function oldCall(pairs: LintTask['pairs']): Call | undefined {
  const pair = pairs.get('action') ?? pairs.get('local_action');
  const text = textOf(pair?.value);
  if (!pair) return undefined;
  if (text === undefined) {
    const name = textOf(pairsOf(pair.value).get('module')?.value);
    return name === undefined ? undefined : call(name, pair.key, pair.value, undefined);
  }
  const [name = '', rest = ''] = text.split(/\s+(.*)/s);
  return { ...call(name, pair.key, null, pairs.get('args')?.value), ...written(name, rest) };
}

function call(name: string, key: Scalar, value: Node | null, more: unknown): Call {
  const module = findModule(name);
  const own = pairsOf(value);
  const nodes = new Map([...pairsOf(more), ...own].map(([key, pair]) => [key, pair.value] as const));
  const args = new Map([...nodes].map(([key, node]) => [key, scalarOf(node)] as const));
  const text = textOf(value);
  const inText = text === undefined ? undefined : written(name, text);
  return {
    name,
    key,
    value,
    short: name.split('.').at(-1)!,
    module,
    nodes,
    args: new Map([...args, ...(inText?.args ?? [])]),
    free: inText?.free,
  };
}

/** Words that are arguments in the text of a command. */
const OF_COMMANDS = new Set(['creates', 'removes', 'chdir', 'executable', 'stdin', 'warn']);

function written(name: string, text: string): Pick<Call, 'args' | 'free'> {
  const isCommand = findModule(name)?.traits?.takes === 'command';
  try {
    const { pairs, rest } = parseFreeForm(text, isCommand ? OF_COMMANDS : undefined);
    return { args: pairs, free: rest.trim() };
  } catch (error) {
    if (error instanceof UnbalancedError) return { args: new Map(), free: text };
    throw error;
  }
}

/** The command that a task runs; undefined where it runs none. */
export function commandOf({ call }: LintTask): string | undefined {
  if (!call || !['command', 'shell', 'raw'].includes(call.short)) return undefined;
  const argv = call.nodes.get('argv');
  const words =
    argv && 'items' in argv ? (argv.items as unknown[]).map(item => textOf(item) ?? '') : undefined;
  const text = call.args.get('cmd') ?? call.args.get('_raw_params') ?? call.free ?? words?.join(' ');
  return typeof text === 'string' ? text.trim() : undefined;
}
