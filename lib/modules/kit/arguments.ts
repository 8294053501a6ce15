import { type TSchema, Type } from 'typebox';
import { isObject, jsonText, parseJson } from '../../source/json.ts';
import { emptyRecord } from '../../source/record.ts';
import type { Json } from '../../source/value.ts';
import type { Module } from './define.ts';

/**
 * Argument types of modules. The schema says what an author may write; `coerceArguments` turns what YAML and
 * templates really deliver (`"yes"`, `"5"`, `a,b`) into it, by the rules of Ansible's argument specification.
 */
type Options = {
  readonly aliases?: readonly string[];
  readonly default?: Json;
  /** A number among any values is for text: 1.0 is not 1. */
  readonly isText?: boolean;
  /** Never shown in logs, diffs or reports; where another argument decides, only if that has the value. */
  readonly secret?: boolean | { readonly if: readonly [name: string, value: Json] };
};

const annotate = (kind: string, description: string, options: Options = {}) => ({
  description,
  'x-kind': kind,
  ...(options.aliases && { 'x-aliases': options.aliases }),
  ...(options.isText && { 'x-text': true }),
  ...(options.secret && { 'x-secret': options.secret }),
  ...(options.default !== undefined && { default: options.default }),
});

/** `A.str('…')` is required; `A.opt(A.str('…'))` may be left out. An argument with a default is never undefined. */
export const A = {
  str: (description: string, options?: Options) => Type.String(annotate('str', description, options)),
  /** A path on the host or the control machine; `~` and variables are left to the host's shell only where documented. */
  path: (description: string, options?: Options) => Type.String(annotate('path', description, options)),
  bool: (description: string, options?: Options) => Type.Boolean(annotate('bool', description, options)),
  int: (description: string, options?: Options) => Type.Integer(annotate('int', description, options)),
  float: (description: string, options?: Options) => Type.Number(annotate('float', description, options)),
  /** File permissions: "0644", 420 (an octal that YAML already read), or symbolic "u=rw,g=r". Always delivered as text. */
  mode: (description = 'Permissions of the file, such as "0644" or "u=rw,go=r".', options?: Options) =>
    Type.String(annotate('mode', description, options)),
  list: (description: string, options?: Options) =>
    Type.Array(Type.String(), annotate('list', description, options)),
  /** A list whose elements keep their types. */
  rawList: (description: string, options?: Options) =>
    Type.Array(Type.Unsafe<Json>({}), annotate('rawList', description, options)),
  dict: (description: string, options?: Options) =>
    Type.Record(Type.String(), Type.Unsafe<Json>({}), annotate('dict', description, options)),
  /** Any value, kept as it is. */
  raw: (description: string, options?: Options) => Type.Unsafe<Json>(annotate('raw', description, options)),
  choice: <const T extends readonly string[]>(values: T, description: string, options?: Options) =>
    Type.Unsafe<T[number]>({
      type: 'string',
      enum: [...values],
      ...annotate('choice', description, options),
    }),
  opt: <T extends TSchema>(schema: T) => Type.Optional(schema),
};

export { Type };

const TRUE = new Set(['y', 'yes', 'on', '1', 'true', 't']);
const FALSE = new Set(['n', 'no', 'off', '0', 'false', 'f']);

export interface ArgumentProblem {
  readonly code: 'UNKNOWN_ARGUMENT' | 'MISSING_ARGUMENT' | 'WRONG_TYPE' | 'BAD_VALUE' | 'CONFLICTING_KEYS';
  /** The argument as the author wrote it; undefined for a missing one. */
  readonly key: string | undefined;
  readonly message: string;
  /** The same as a failed task says it: playbooks look for these words of Ansible in `msg`. */
  readonly msg: string;
  readonly hint?: string;
}

/** The order in which Ansible looks: a failed task tells the first problem only. */
const SEVERITY: readonly ArgumentProblem['code'][] = [
  'CONFLICTING_KEYS',
  'MISSING_ARGUMENT',
  'WRONG_TYPE',
  'BAD_VALUE',
  'UNKNOWN_ARGUMENT',
];

/** What a task with these problems fails with. */
export function firstMessage(problems: readonly ArgumentProblem[]): string {
  const first = SEVERITY.map(code => problems.find(problem => problem.code === code)).find(Boolean);
  return first?.msg ?? '';
}

export interface ArgSchema {
  readonly 'x-kind'?: string;
  readonly 'x-text'?: boolean;
  readonly 'x-aliases'?: readonly string[];
  readonly 'x-secret'?: Options['secret'];
  readonly enum?: readonly string[];
  readonly default?: Json;
}

/** What `annotate` added to the schema of an argument. */
const schemaOf = (schema: TSchema): ArgSchema => schema;

/** Name of every argument and alias → the argument's own name. */
export function argumentNames(module: Module): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const [name, schema] of Object.entries(module.args.properties)) {
    names.set(name, name);
    for (const alias of schemaOf(schema)['x-aliases'] ?? []) names.set(alias, name);
  }
  return names;
}

/** Arguments of the module whose values must never be shown, among these. */
export function secretArguments(module: Module, given: Readonly<Record<string, Json>>): ReadonlySet<string> {
  const isSecret = ({ 'x-secret': secret }: ArgSchema) =>
    typeof secret === 'object' ? given[secret.if[0]] === secret.if[1] : secret === true;
  const secrets = Object.entries(module.args.properties).filter(([, schema]) => isSecret(schemaOf(schema)));
  return new Set(secrets.map(([name]) => name));
}

/**
 * Finished arguments from raw ones: aliases resolved, types coerced, defaults filled in; or every problem found.
 * `isOpaque` marks values that are not known yet (templates, before the run): they pass any type.
 */
export function coerceArguments(
  module: Module,
  raw: Readonly<Record<string, Json>>,
  isOpaque: (value: Json) => boolean = () => false,
): { readonly args: Record<string, Json>; readonly problems: readonly ArgumentProblem[] } {
  const names = argumentNames(module);
  const args = emptyRecord<Json>();
  const problems: ArgumentProblem[] = [];
  const open = module.kind === 'control' && module.open === true;
  for (const [key, value] of Object.entries(raw)) {
    const name = names.get(key);
    if (name === undefined) {
      if (open) args[key] = value;
      else
        problems.push({
          code: 'UNKNOWN_ARGUMENT',
          key,
          message: `module "${module.name}" has no argument "${key}"`,
          msg: `Unsupported parameters for (${module.name}) module: ${key}. Supported parameters include: ${[...names.keys()].sort().join(', ')}.`,
        });
      continue;
    }
    const schema = schemaOf(module.args.properties[name] ?? {});
    if (isOpaque(value)) args[name] = value;
    else if (value === null)
      continue; // `key:` with nothing is "not given", as in Ansible
    else {
      const coerced = coerce(value, schema, isOpaque);
      if ('problem' in coerced)
        problems.push({
          code: coerced.code,
          key,
          message: `"${key}" of module "${module.name}" ${coerced.problem}`,
          msg: refusal(key, value, schema, coerced.problem),
        });
      else args[name] = coerced.value;
    }
  }
  const required = new Set<string>(module.args.required ?? []);
  for (const [name, schema] of Object.entries(module.args.properties)) {
    const fallback = schemaOf(schema).default;
    if (args[name] === undefined && fallback !== undefined) args[name] = structuredClone(fallback);
    else if (args[name] === undefined && required.has(name)) {
      problems.push({
        code: 'MISSING_ARGUMENT',
        key: undefined,
        message: `module "${module.name}" needs the argument "${name}"`,
        msg: `missing required arguments: ${name}`,
      });
    }
  }
  return { args, problems: [...problems, ...ruleProblems(module, raw, names, isOpaque)] };
}

function refusal(key: string, value: Json, schema: ArgSchema, problem: string): string {
  const text = typeof value === 'string' ? value : jsonText(value);
  if (schema.enum) return `value of ${key} must be one of: ${schema.enum.join(', ')}, got: ${text}`;
  return `argument '${key}' ${problem}: unable to convert ${text} to ${schema['x-kind']}`;
}

type Coerced =
  | { readonly value: Json }
  | { readonly problem: string; readonly code: 'WRONG_TYPE' | 'BAD_VALUE' };

const wrong = (problem: string): Coerced => ({ problem, code: 'WRONG_TYPE' });

function coerce(value: Json, schema: ArgSchema, isOpaque: (value: Json) => boolean): Coerced {
  switch (schema['x-kind']) {
    case 'str':
    case 'path':
      return { value: textOfValue(value) };
    case 'mode':
      return coerceMode(value);
    case 'bool':
      return coerceBool(value);
    case 'int':
      return coerceNumber(value, /^\s*[+-]?\d+\s*$/, 'an integer');
    case 'float':
      return coerceNumber(value, /^\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*$/, 'a number');
    case 'list':
      return coerceList(value, isOpaque, true);
    case 'rawList':
      return coerceList(value, isOpaque, false);
    case 'dict':
      return coerceDict(value);
    case 'choice':
      return coerceChoice(value, schema.enum ?? []);
    default:
      return { value };
  }
}

function textOfValue(value: Json): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  return typeof value === 'number' || typeof value === 'bigint' ? String(value) : jsonText(value);
}

function coerceMode(value: Json): Coerced {
  if (typeof value === 'number') return { value: `0${value.toString(8)}` };
  if (typeof value !== 'string') return wrong('must be permissions such as "0644" or "u=rw,go=r"');
  if (
    /^0?o?[0-7]{1,5}$/.test(value) ||
    /^[ugoa]*([-+=][rwxXstugo]*)+(,[ugoa]*([-+=][rwxXstugo]*)+)*$/.test(value) ||
    value === 'preserve'
  ) {
    return { value: value.replace(/^0o/, '0') };
  }
  return { problem: `must be permissions such as "0644" or "u=rw,go=r", not "${value}"`, code: 'BAD_VALUE' };
}

function coerceBool(value: Json): Coerced {
  if (typeof value === 'boolean') return { value };
  const text =
    typeof value === 'number' ? String(value) : typeof value === 'string' ? value.trim().toLowerCase() : '';
  if (TRUE.has(text)) return { value: true };
  if (FALSE.has(text)) return { value: false };
  return wrong(`must be true or false, not ${jsonText(value)}`);
}

function coerceNumber(value: Json, pattern: RegExp, what: string): Coerced {
  if (typeof value === 'number' && (what !== 'an integer' || Number.isInteger(value))) return { value };
  if (typeof value === 'string' && pattern.test(value)) {
    const number = Number(value);
    // Digits that a number cannot hold are refused, not rounded.
    if (!Number.isInteger(number) || Number.isSafeInteger(number)) return { value: number };
  }
  return wrong(`must be ${what}, not ${jsonText(value)}`);
}

function coerceList(value: Json, isOpaque: (value: Json) => boolean, asText: boolean): Coerced {
  const items = Array.isArray(value)
    ? value
    : typeof value === 'string'
      ? value
          .split(',')
          .map(part => part.trim())
          .filter((part, _, all) => part !== '' || all.length > 1)
      : typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean'
        ? [value]
        : undefined;
  if (!items) return asText ? wrong('must be a list') : { value: [value] };
  if (!asText) return { value: items };
  return { value: items.map(item => (isOpaque(item) ? item : textOf(item))) };
}

/** An element of a list of texts: Python's text of it. */
const textOf = (item: Json): Json => (item === null ? 'None' : textOfValue(item));

function coerceDict(value: Json): Coerced {
  if (isObject(value)) return { value };
  if (typeof value === 'string' && value.trim().startsWith('{')) {
    try {
      return { value: parseJson(value) };
    } catch {
      return wrong('must be a mapping');
    }
  }
  if (typeof value === 'string' && value.includes('=')) {
    return {
      value: Object.fromEntries(
        value
          .split(/[,\s]+/)
          .filter(Boolean)
          .map(pair => {
            const at = pair.indexOf('=');
            return [pair.slice(0, at), pair.slice(at + 1)];
          }),
      ),
    };
  }
  return wrong('must be a mapping');
}

function coerceChoice(value: Json, choices: readonly string[]): Coerced {
  const text =
    typeof value === 'boolean'
      ? booleanChoice(value, choices)
      : typeof value === 'number' || typeof value === 'bigint'
        ? String(value)
        : value;
  if (typeof text === 'string' && choices.includes(text)) return { value: text };
  return { problem: `must be one of ${choices.join(', ')}, not ${jsonText(value)}`, code: 'BAD_VALUE' };
}

/** YAML reads `yes` as true; a choice between "yes" and "no" means the word. */
function booleanChoice(value: boolean, choices: readonly string[]): Json {
  const words = value ? ['yes', 'on', 'true', 'True'] : ['no', 'off', 'false', 'False'];
  return words.find(word => choices.includes(word)) ?? value;
}

function ruleProblems(
  module: Module,
  raw: Readonly<Record<string, Json>>,
  names: ReadonlyMap<string, string>,
  isOpaque: (value: Json) => boolean,
): ArgumentProblem[] {
  const given = new Map(
    Object.entries(raw)
      .filter(([, v]) => v !== null)
      .map(([k, v]) => [names.get(k) ?? k, v]),
  );
  const rules = module.rules ?? {};
  const problems: ArgumentProblem[] = [];
  for (const group of rules.mutuallyExclusive ?? []) {
    const used = group.filter(name => given.has(name));
    if (used.length > 1)
      problems.push({
        code: 'CONFLICTING_KEYS',
        key: used[1],
        message: `arguments ${used.join(' and ')} of module "${module.name}" exclude each other`,
        msg: `parameters are mutually exclusive: ${group.join('|')}`,
      });
  }
  for (const group of rules.requiredTogether ?? []) {
    const used = group.filter(name => given.has(name));
    if (used.length > 0 && used.length < group.length)
      problems.push({
        code: 'MISSING_ARGUMENT',
        key: undefined,
        message: `module "${module.name}" needs ${group.join(', ')} together`,
        msg: `parameters are required together: ${group.join(', ')}`,
      });
  }
  for (const group of rules.requiredOneOf ?? []) {
    if (!group.some(name => given.has(name)))
      problems.push({
        code: 'MISSING_ARGUMENT',
        key: undefined,
        message: `module "${module.name}" needs one of ${group.join(', ')}`,
        msg: `one of the following is required: ${group.join(', ')}`,
      });
  }
  for (const [name, value, needed] of rules.requiredIf ?? []) {
    const actual = given.get(name) ?? schemaOf(module.args.properties[name] ?? {}).default;
    if (actual === undefined || isOpaque(actual) || actual !== value) continue;
    const missing = needed.filter(n => !given.has(n));
    if (missing.length > 0)
      problems.push({
        code: 'MISSING_ARGUMENT',
        key: undefined,
        message: `module "${module.name}" with ${name}=${value} needs ${missing.join(', ')}`,
        msg: `${name} is ${textOfValue(value)} but all of the following are missing: ${missing.join(', ')}`,
      });
  }
  return problems;
}
