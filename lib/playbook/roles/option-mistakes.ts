import type { Position } from '../../source/errors.ts';
import { jsonText } from '../../source/json.ts';
import { entryOf } from '../../source/record.ts';
import { didYouMean } from '../../source/suggest.ts';
import { type Dict, type Json, keyPositionOf, positionOf, toPlain, type Value } from '../../source/value.ts';
import { isTemplate } from '../../templating/templar.ts';
import { choiceFits, hasType, type Option } from './argument-spec.ts';

interface OptionMistake {
  readonly text: string;
  readonly at: Position | undefined;
  readonly hint?: string | undefined;
}

const TYPES: Readonly<Record<string, string>> = {
  int: 'a whole number',
  float: 'a number',
  bool: 'true or false',
  list: 'a list',
  dict: 'a mapping',
  bytes: 'a size such as 512M',
  bits: 'a size such as 512Mb',
};

/** A value, or its beginning. */
function shown(value: Json): string {
  const text = jsonText(value);
  return text.length <= SHOWN ? text : `${text.slice(0, SHOWN)} …`;
}
const SHOWN = 60;

const typeName = (type: string): string => entryOf(TYPES, type) ?? `of the type ${type}`;

/**
 * What is wrong with a variable of a role, for its author: in our own words, and with the place of each part. A failed
 * task has Ansible's words for the same (`specErrors`). What is still a template may become anything.
 */
export function optionMistakes(name: string, option: Option, value: Value, vars: Dict): OptionMistake[] {
  return valueMistakes(name, option, value, positionOf(vars, name));
}

function valueMistakes(
  name: string,
  option: Option,
  value: Value,
  at: Position | undefined,
): OptionMistake[] {
  const plain = toPlain(value);
  if (plain === null || isTemplate(plain)) return [];
  const type = option.type ?? 'str';
  if (!hasType(plain, type)) return [{ text: `${name} must be ${typeName(type)}, not ${shown(plain)}`, at }];
  if (option.choices && !choiceFits(option.choices, type, plain))
    return [{ text: `${name} must be ${anyOf(option.choices)}, not ${shown(plain)}`, at }];
  return itemsOf(value).flatMap((item, index) =>
    itemMistakes(name, option, item, positionOf(value, index) ?? at),
  );
}

/** Items of a list; a value that is no list counts as one. */
const itemsOf = (value: Value): readonly Value[] => (Array.isArray(value) ? value : [value]);

function itemMistakes(
  name: string,
  { type, elements, options }: Option,
  item: Value,
  at: Position | undefined,
): OptionMistake[] {
  const plain = toPlain(item);
  if (isTemplate(plain)) return [];
  if (type === 'list' && elements !== undefined && !hasType(plain, elements))
    return [{ text: `each item of ${name} must be ${typeName(elements)}, not ${shown(plain)}`, at }];
  if (!options || !(item instanceof Map)) return [];
  const lacking = Object.entries(options).filter(
    ([key, option]) => option.required === true && !item.has(key),
  );
  return [
    ...lacking.map(([key]) => ({ text: `an item of ${name} lacks "${key}"`, at })),
    ...[...item].flatMap(([key, value]): OptionMistake[] => {
      const inner = Object.hasOwn(options, String(key)) ? options[String(key)] : undefined;
      if (inner) return valueMistakes(`${name}.${String(key)}`, inner, value, positionOf(item, key) ?? at);
      const hint =
        didYouMean(String(key), Object.keys(options)) ?? `known are ${Object.keys(options).join(', ')}`;
      return [{ text: `${name} has no "${String(key)}"`, at: keyPositionOf(item, key) ?? at, hint }];
    }),
  ];
}

const anyOf = (choices: readonly Json[]): string => {
  const texts = choices.map(choice => (typeof choice === 'string' ? choice : jsonText(choice)));
  return texts.length === 1 ? texts.join() : `${texts.slice(0, -1).join(', ')} or ${texts.at(-1) ?? ''}`;
};
