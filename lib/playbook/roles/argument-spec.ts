import { jsonText } from '../../source/json.ts';
import type { Json } from '../../source/value.ts';
import { isTemplate } from '../../templating/templar.ts';

/** One option of a role, as its meta/argument_specs.yml says it. */
export interface Option {
  readonly type?: string;
  readonly elements?: string;
  readonly required?: boolean;
  readonly choices?: readonly Json[];
  readonly default?: Json;
  readonly options?: Readonly<Record<string, Option>>;
}

/** What is wrong with the value of an option, in Ansible's words. What is still a template may become anything. */
export function optionErrors(name: string, option: Option, value: Json | undefined): string[] {
  if (value === undefined || value === null) {
    return option.required === true && option.default === undefined
      ? [`missing required arguments: ${name}`]
      : [];
  }
  if (isTemplate(value)) return [];
  const type = option.type ?? 'str';
  if (!hasType(value, type))
    return [
      `argument '${name}' is of type ${typeName(value)} and we were unable to convert to ${type}: ${jsonText(value)}`,
    ];
  const refused = option.choices && choiceError(option.choices, type, value);
  if (refused !== undefined) return [`value of ${name} must be ${refused}`];
  if (type === 'list' && option.elements !== undefined) return elementErrors(name, option, listOf(value));
  return type === 'dict' && option.options ? nestedErrors(name, option.options, value) : [];
}

function choiceError(choices: readonly Json[], type: string, value: Json): string | undefined {
  const allowed = choices.map(pythonText);
  const refused = listOf(value)
    .map(item => pythonText(type === 'bool' ? isTrue(item) : item))
    .filter(text => !allowed.includes(text) && !isOnlyWord(text, allowed));
  if (refused.length === 0) return undefined;
  return Array.isArray(value)
    ? `one or more of: ${allowed.join(', ')}. Got no match for: ${refused.join(', ')}`
    : `one of: ${allowed.join(', ')}, got: ${refused.join()}`;
}

/** An unquoted `no` arrives as a boolean: it means the one choice that says the same, if there is only one. */
function isOnlyWord(text: string, allowed: readonly string[]): boolean {
  const words = text === 'True' ? TRUE_WORDS : text === 'False' ? FALSE_WORDS : undefined;
  return words !== undefined && allowed.filter(choice => words.has(choice)).length === 1;
}

/** A boolean becomes text as Python writes it. */
const pythonText = (value: Json): string =>
  typeof value === 'boolean'
    ? value
      ? 'True'
      : 'False'
    : typeof value === 'string'
      ? value
      : jsonText(value);

function elementErrors(name: string, option: Option, items: readonly Json[]): string[] {
  const element: Option = { type: option.elements!, ...(option.options && { options: option.options }) };
  return items.flatMap((item, index) => optionErrors(`${name}[${index}]`, element, item));
}

function nestedErrors(name: string, options: Readonly<Record<string, Option>>, value: Json): string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
  const unknown = Object.keys(value).filter(key => !Object.hasOwn(options, key));
  const errors = unknown.map(
    key => `${name}.${key}. Supported parameters include: ${Object.keys(options).join(', ')}`,
  );
  return [
    ...errors,
    ...Object.entries(options).flatMap(([key, option]) => optionErrors(`${name}.${key}`, option, value[key])),
  ];
}

const listOf = (value: Json): readonly Json[] => (Array.isArray(value) ? value : [value]);

const typeName = (value: Json): string =>
  Array.isArray(value) ? 'list' : typeof value === 'object' ? 'dict' : typeof value;

const TRUE_WORDS = new Set(['y', 'yes', 'on', '1', 'true', 't', 'True']);
const FALSE_WORDS = new Set(['n', 'no', 'off', '0', 'false', 'f', 'False']);

const isTrue = (value: Json): boolean => TRUE_WORDS.has(String(value).toLowerCase());
const isBoolean = (value: Json): boolean => isTrue(value) || FALSE_WORDS.has(String(value).toLowerCase());

function hasType(value: Json, type: string): boolean {
  switch (type) {
    case 'str':
    case 'path':
    case 'raw':
    case 'jsonarg':
    case 'json':
      return true;
    case 'int':
      return (
        typeof value === 'boolean' ||
        typeof value === 'bigint' ||
        Number.isInteger(value) ||
        (typeof value === 'string' && /^\s*[+-]?\d+\s*$/.test(value))
      );
    case 'float':
      return (
        typeof value === 'boolean' ||
        typeof value === 'number' ||
        typeof value === 'bigint' ||
        (typeof value === 'string' && value.trim() !== '' && !Number.isNaN(Number(value)))
      );
    case 'bool':
      return isBoolean(value);
    case 'list':
      return (
        Array.isArray(value) ||
        typeof value === 'string' ||
        typeof value === 'boolean' ||
        typeof value === 'number' ||
        typeof value === 'bigint'
      );
    case 'dict':
      return (
        (typeof value === 'object' && value !== null && !Array.isArray(value)) ||
        (typeof value === 'string' && /^\s*\{|=/.test(value))
      );
    default:
      return true;
  }
}
