import { isObject, jsonText } from '../../source/json.ts';
import { fromPlain, type Json } from '../../source/value.ts';
import { className as typeClass } from '../../templating/python/types.ts';
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

type Spec = Readonly<Record<string, Option>>;

/** Where an option stands, for messages: the options around it. */
interface Context {
  readonly around: readonly string[];
  /** What nobody knows, told at the end and at once. */
  readonly unsupported: { readonly path: string; readonly known: readonly string[] }[];
}

/** What is wrong with the values of a specification, in Ansible's words. What is still a template may become anything. */
export function specErrors(spec: Spec, value: (name: string) => Json | undefined): string[] {
  const context: Context = { around: [], unsupported: [] };
  const errors = levelErrors(spec, value, context);
  const paths = context.unsupported.map(({ path }) => path).sort();
  const known = [...(context.unsupported.at(-1)?.known ?? [])].sort();
  return paths.length === 0
    ? errors
    : [...errors, `${paths.join(', ')}. Supported parameters include: ${known.join(', ')}.`];
}

function levelErrors(spec: Spec, value: (name: string) => Json | undefined, context: Context): string[] {
  const found = Object.entries(spec).map(([name, option]) => ({ name, option, value: value(name) }));
  const isGiven = (json: Json | undefined): json is Json => json !== undefined && json !== null;
  const lacking = found
    .filter(
      ({ option, value }) => !isGiven(value) && option.required === true && option.default === undefined,
    )
    .map(({ name }) => name)
    .sort();
  const given = found.flatMap(one =>
    isGiven(one.value) && !isTemplate(one.value) ? [{ ...one, value: one.value }] : [],
  );
  const { around } = context;
  const place = around.length > 0 ? ` found in ${around.join(' -> ')}` : '';
  return [
    ...(lacking.length > 0 ? [`missing required arguments: ${lacking.join(', ')}${place}`] : []),
    ...given.flatMap(({ name, option, value }) => typeErrors(name, option, value, around)),
    ...given.flatMap(({ name, option, value }) => choiceErrors(name, option, value, place)),
    ...given.flatMap(({ name, option, value }) => nestedErrors(name, option, value, context)),
  ];
}

function typeErrors(name: string, option: Option, value: Json, around: readonly string[]): string[] {
  const type = option.type ?? 'str';
  const place = around.length > 0 ? ` found in '${around.join(' -> ')}'` : '';
  if (!hasType(value, type)) {
    const where = place === '' ? '' : `${place}.`;
    return [
      `argument '${name}' is of type ${className(value)}${where} and we were unable to convert to ${type}: ${whyNot(value, type)}`,
    ];
  }
  if (type !== 'list' || option.elements === undefined) return [];
  const element = option.elements;
  return listOf(value)
    .filter(item => !isTemplate(item) && !hasType(item, element))
    .map(
      item =>
        `Elements value for option '${name}'${place} is of type ${className(item)} and we were unable to convert to ${element}: ${whyNot(item, element)}`,
    );
}

function choiceErrors(name: string, option: Option, value: Json, place: string): string[] {
  const type = option.type ?? 'str';
  if (!option.choices || !hasType(value, type)) return [];
  const refused = choiceError(option.choices, type, value);
  return refused === undefined ? [] : [`value of ${name} must be ${refused}${place}`];
}

const BOOLEANS = "'0', 0, '1', 1, 'f', 'false', 'n', 'no', 'off', 'on', 't', 'true', 'y', 'yes'";

/** Python's reason. */
function whyNot(value: Json, type: string): string {
  const article = type === 'int' ? 'an' : 'a';
  if (type === 'bool' && typeof value === 'string')
    return `The value '${value}' is not a valid boolean.  Valid booleans include: ${BOOLEANS}`;
  if (type === 'dict' && typeof value === 'string')
    return 'dictionary requested, could not parse JSON or key=value';
  const what = type === 'bytes' ? 'Byte value' : type === 'bits' ? 'Bit value' : type;
  return `${className(value)} cannot be converted to ${article} ${what}`;
}

/** Whether a value, or each item of a list, is one of the choices. */
export const choiceFits = (choices: readonly Json[], type: string, value: Json): boolean =>
  choiceError(choices, type, value) === undefined;

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

function nestedErrors(name: string, option: Option, value: Json, context: Context): string[] {
  const { options, type, elements } = option;
  const isList = type === 'list' && elements === 'dict';
  if (!options || !(type === 'dict' || isList) || !hasType(value, type)) return [];
  return listOf(value).flatMap(item => {
    if (isTemplate(item)) return [];
    if (!isObject(item)) return [`value of '${name}' must be of type dict or list of dicts`];
    const path = [...context.around, name];
    for (const key of Object.keys(item).filter(key => !Object.hasOwn(options, key)))
      context.unsupported.push({ path: [...path, key].join('.'), known: Object.keys(options) });
    return levelErrors(options, key => (Object.hasOwn(item, key) ? item[key] : undefined), {
      ...context,
      around: path,
    });
  });
}

const listOf = (value: Json): readonly Json[] => (Array.isArray(value) ? value : [value]);

const className = (value: Json): string => typeClass(fromPlain(value));

/** A number, or one with a unit such as `10K`, `1.5MB` (of bits `1.5Mb`). */
const isSize = (value: Json, unit: string): boolean =>
  new RegExp(`^\\s*\\d*\\.?\\d+\\s*([KMGTPEZY]?${unit}?)$`, 'i').test(String(value));

const TRUE_WORDS = new Set(['y', 'yes', 'on', '1', 'true', 't', 'True']);
const FALSE_WORDS = new Set(['n', 'no', 'off', '0', 'false', 'f', 'False']);

const isTrue = (value: Json): boolean => TRUE_WORDS.has(String(value).toLowerCase());
const isBoolean = (value: Json): boolean => isTrue(value) || FALSE_WORDS.has(String(value).toLowerCase());

export function hasType(value: Json, type: string): boolean {
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
    case 'bytes':
    case 'bits':
      return isSize(value, type === 'bits' ? 'b' : 'B');
    case 'dict':
      return isObject(value) || (typeof value === 'string' && /^\s*\{|=/.test(value));
    default:
      return true;
  }
}
