import { jsonText } from '../source/json.ts';
import type { Json } from '../source/value.ts';
import { isTemplate } from '../templating/templar.ts';

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
  if (
    option.choices &&
    !listOf(value).every(item => option.choices!.some(choice => String(choice) === String(item)))
  ) {
    return [`value of ${name} must be one of: ${option.choices.join(', ')}, got: ${jsonText(value)}`];
  }
  if (type === 'list' && option.elements !== undefined) return elementErrors(name, option, listOf(value));
  return type === 'dict' && option.options ? nestedErrors(name, option.options, value) : [];
}

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

const BOOLEANS = new Set(['yes', 'no', 'true', 'false', 'on', 'off', '0', '1', 'y', 'n', 't', 'f']);

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
        typeof value === 'bigint' ||
        Number.isInteger(value) ||
        (typeof value === 'string' && /^\s*[+-]?\d+\s*$/.test(value))
      );
    case 'float':
      return (
        typeof value === 'number' ||
        typeof value === 'bigint' ||
        (typeof value === 'string' && value.trim() !== '' && !Number.isNaN(Number(value)))
      );
    case 'bool':
      return typeof value === 'boolean' || BOOLEANS.has(String(value).toLowerCase());
    case 'list':
      return (
        Array.isArray(value) ||
        typeof value === 'string' ||
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
