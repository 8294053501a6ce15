import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { RunOrigin } from '../engine/events.ts';
import type { Run } from '../engine/run.ts';
import type { VarLayer } from '../inventory/types.ts';
import type { Parsed } from '../source/flags.ts';
import { jsonText } from '../source/json.ts';
import { type Dict, toPlain } from '../source/value.ts';
import { displayPath } from '../source/yaml/read-yaml.ts';

/** Files of the control machine that were read, with the sums of what they held at first. */
export class FilesRead {
  readonly sums = new Map<string, string>();
  #follow: ((file: string, sum: string) => void) | undefined;

  note(file: string, content: Buffer): void {
    const path = resolve(file);
    if (this.sums.has(path)) return;
    const sum = contentSum(content);
    this.sums.set(path, sum);
    this.#follow?.(path, sum);
  }

  /** Tells of each file that is read from now on. */
  follow(tell: (file: string, sum: string) => void): void {
    this.#follow = tell;
  }
}

const contentSum = (content: Buffer): string => createHash('sha256').update(content).digest('hex');

/** Options that decide what a run does, and on which hosts. */
const DECIDING = [
  ...['limit', 'tags', 'skip-tags', 'role', 'start-at-task', 'force-handlers'],
  ...['user', 'connection', 'become', 'become-user', 'become-method'],
] as const;

/** What decides the run; `sum` makes sums that nobody else can make. */
export function originOf(
  run: Run,
  flags: Parsed,
  { inventory, read }: { readonly inventory: readonly string[]; readonly read: FilesRead },
  sum: (text: string) => string,
): RunOrigin {
  const options = DECIDING.map(name => [`--${name}`, flags.texts(name).join(',')] as const);
  const hosts = [...run.inventory.hosts].map(([name, { groups }]) => {
    const layers = run.inventory.layers(name, []);
    return [name, sum(jsonText([groups, layers.map(varsOf)]))] as const;
  });
  return {
    command: {
      playbooks: playbooksOf(flags),
      inventory: inventory.map(placed).join(', '),
      'the version of polarplay': process.env['POLARPLAY_VERSION'] ?? 'development',
      ...Object.fromEntries(options.filter(([, text]) => text !== '')),
    },
    extraVars: summed(run.extraVars.vars, sum),
    hosts: Object.fromEntries(hosts),
    files: Object.fromEntries([...read.sums].map(([file, content]) => [file, sum(content)])),
  };
}

const playbooksOf = (flags: Parsed): string => flags.positionals.map(file => resolve(file)).join(', ');

/** A list of hosts is one word with a comma; all else is a path. */
const placed = (source: string): string => (source.includes(',') ? source : resolve(source));

const varsOf = ({ vars }: VarLayer) => toPlain(vars);

const summed = (vars: Dict, sum: (text: string) => string): Record<string, string> =>
  Object.fromEntries([...vars].map(([name, value]) => [String(name), sum(jsonText(toPlain(value)))]));

/** What has changed since the earlier run began, in words; empty when nothing has. */
export function differencesOf(
  before: RunOrigin,
  now: RunOrigin,
  filesRead: ReadonlyMap<string, string>,
  sum: (text: string) => string,
): string[] {
  const command = changedKeys(before.command, now.command).map(
    name => `${name} was ${said(before.command[name])} and is ${said(now.command[name])}`,
  );
  const extraVars = changedKeys(before.extraVars, now.extraVars).map(
    name => `the extra variable ${name} differs`,
  );
  const hosts = changedKeys(before.hosts, now.hosts).map(name => {
    if (now.hosts[name] === undefined) return `the host ${name} is no longer in the inventory`;
    return before.hosts[name] === undefined
      ? `the host ${name} is new`
      : `the groups or variables of ${name} changed`;
  });
  const files = [...filesRead].flatMap(([file, known]) => {
    const content = contentOf(file);
    if (content === undefined) return [`${displayPath(file)} is gone`];
    return sum(contentSum(content)) === known ? [] : [`${displayPath(file)} changed`];
  });
  const added = Object.keys(now.files)
    .filter(file => !filesRead.has(file))
    .map(file => `${displayPath(file)} is new`);
  return [...command, ...extraVars, ...files, ...added, ...hosts];
}

const said = (text: string | undefined): string => (text === undefined ? 'not given' : `"${text}"`);

const changedKeys = (a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): string[] =>
  [...new Set([...Object.keys(a), ...Object.keys(b)])].filter(key => a[key] !== b[key]);

function contentOf(file: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch {
    return undefined;
  }
}
