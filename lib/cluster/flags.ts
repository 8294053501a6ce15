import { resolve } from 'node:path';
import type { ParseArgsConfig, parseArgs } from 'node:util';
import { UsageError } from '../source/errors.ts';
import { parseFlags } from '../source/flags.ts';
import type { Dict, Value } from '../source/value.ts';
import type { FileReader } from '../source/yaml/read-yaml.ts';
import { parseYaml } from '../source/yaml/yaml.ts';

type Options = NonNullable<ParseArgsConfig['options']>;

/** Flags that lead to the hosts: the same names as those of polarplay. */
export const REACHING = {
  inventory: { type: 'string', short: 'i', multiple: true, default: [] as string[] },
  'extra-vars': { type: 'string', short: 'e', multiple: true, default: [] as string[] },
  user: { type: 'string', short: 'u' },
  'private-key': { type: 'string' },
  'accept-new-host-keys': { type: 'boolean', default: false },
  'vault-password-file': { type: 'string' },
  roles: { type: 'string' },
  help: { type: 'boolean', short: 'h', default: false },
} as const satisfies Options;

export const REACHING_USAGE = `  -i, --inventory FILE          inventory; may be given several times
  -e, --extra-vars NAME=VALUE   a variable; or a JSON mapping, or @FILE
  -u, --user NAME               login user where the inventory names none
      --private-key FILE        key to log in with where the inventory names none
      --accept-new-host-keys    trust hosts that are not in known_hosts yet
      --vault-password-file F   opens vault-encrypted variables
      --roles DIR               roles whose defaults lie below the inventory (default: those of this project)
`;

/** What REACHING gives when parsed. */
export interface Reaching {
  readonly inventory: readonly string[];
  readonly 'extra-vars': readonly string[];
  readonly user?: string | undefined;
  readonly 'private-key'?: string | undefined;
  readonly 'accept-new-host-keys': boolean;
  readonly 'vault-password-file'?: string | undefined;
  readonly roles?: string | undefined;
}

/** The flags that a playbook needs to reach the same hosts with the same variables. */
export function reachingArguments(flags: Reaching): readonly string[] {
  return [
    ...flags.inventory.flatMap(file => ['-i', file]),
    ...flags['extra-vars'].flatMap(vars => ['-e', vars]),
    ...(flags.user === undefined ? [] : ['--user', flags.user]),
    ...(flags['private-key'] === undefined ? [] : ['--private-key', flags['private-key']]),
    ...(flags['vault-password-file'] === undefined
      ? []
      : ['--vault-password-file', flags['vault-password-file']]),
    ...(flags['accept-new-host-keys'] ? ['--accept-new-host-keys'] : []),
  ];
}

type Values<T extends Options> = ReturnType<typeof parseArgs<{ options: T; strict: true }>>['values'];

/** Values of the flags by name, typed by their table; an unknown one is a UsageError with exit code 5. */
export function readFlags<const T extends Options>(argv: readonly string[], options: T): Values<T> {
  const { values, words } = readFlagsAndWords(argv, options);
  const [stray] = words;
  if (stray !== undefined) throw new UsageError(`unexpected "${stray}": an inventory is named with -i`, 5);
  return values;
}

/** The same, with the words that belong to no flag. */
export function readFlagsAndWords<const T extends Options>(
  argv: readonly string[],
  options: T,
): { readonly values: Values<T>; readonly words: readonly string[] } {
  const table = Object.entries(options).map(([name, { type, short }]) => [
    name,
    { help: '', ...(type === 'string' && { value: 'VALUE' }), ...(short !== undefined && { short }) },
  ]);
  const flags = parseFlags(Object.fromEntries(table), argv);
  const values = Object.entries(options).map(([name, option]) => {
    if (!flags.has(name)) return [name, option.default];
    return [name, option.multiple ? flags.texts(name) : option.type === 'boolean' ? true : flags.text(name)];
  });
  return { values: Object.fromEntries(values) as Values<T>, words: flags.positionals };
}

/** A flag that must be a positive number. */
export function positive(name: string, text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new UsageError(`--${name} ${text}: expected a number above 0`, 5);
}

/** `-e`, each a `name=value`, a JSON or YAML mapping, or `@FILE`; later ones win. */
export function extraVars(texts: readonly string[], files: FileReader): Dict {
  const vars: Dict = new Map();
  for (const text of texts) {
    for (const [name, value] of oneExtra(text, files)) vars.set(name, value);
  }
  return vars;
}

function oneExtra(text: string, files: FileReader): Iterable<readonly [Value, Value]> {
  if (text.startsWith('@')) return files.vars(resolve(text.slice(1)));
  if (/^\s*\{/.test(text)) {
    const value = parseYaml(text, '--extra-vars');
    if (value instanceof Map) return value;
  }
  const at = text.indexOf('=');
  if (at < 1) throw new UsageError(`--extra-vars ${text}: expected name=value, a mapping or @FILE`, 5);
  return [[text.slice(0, at), text.slice(at + 1)]];
}
