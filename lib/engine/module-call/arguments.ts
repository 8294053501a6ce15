import { type ArgSchema, argumentNames, coerceArguments, firstMessage } from '../../modules/kit/arguments.ts';
import { ModuleError } from '../../modules/kit/define.ts';
import type { Task } from '../../playbook/types.ts';
import { SourceError } from '../../source/errors.ts';
import { madeOf } from '../../source/unsafe.ts';
import { type Dict, Float, type Json, OMIT, toPlain, type Value } from '../../source/value.ts';
import { repr, str } from '../../templating/python/print.ts';
import type { Templar } from '../../templating/templar.ts';
import type { Scope } from '../scope.ts';

/** The task's arguments, rendered. An undefined one is reported in Ansible's words. */
export function renderArguments(task: Task, templar: Templar, scope: Scope): Dict {
  try {
    return mergedArguments(task, templar, scope);
  } catch (error) {
    if (!(error instanceof SourceError) || error.code !== 'UNDEFINED_VARIABLE') throw error;
    throw error.within(
      words => `The task includes an option with an undefined variable. The error was: ${words}`,
    );
  }
}

/** `module_defaults` below, `args: "{{ … }}"` next, its own on top, omitted ones dropped. */
function mergedArguments(task: Task, templar: Templar, scope: Scope): Dict {
  const merged: Dict = new Map();
  for (const layer of defaultLayers(task, templar, scope))
    for (const [key, value] of layer) merged.set(key, value);
  if (task.argsTemplate) {
    const more = templar.render(task.argsTemplate.value, scope, task.argsTemplate.at);
    if (more instanceof Map) for (const [key, value] of more) merged.set(key, value);
    else if (more !== null && more !== OMIT)
      throw new SourceError(
        'WRONG_TYPE',
        `invalid or malformed argument: ${repr(more)}`,
        task.argsTemplate.at,
        'the template must give a mapping of arguments',
      );
  }
  const [rendered, asWritten] = splitArguments(task);
  const own = templar.render(rendered, scope, task.argsAt) as Dict;
  for (const [key, value] of own) merged.set(key, value);
  const all = dropOmitted(merged) as Dict;
  for (const [key, value] of asWritten) all.set(key, value);
  return all;
}

/** `apply` of an include stays as written: the included tasks render it on their hosts. */
function splitArguments({ module, args }: Task): readonly [Dict, Dict] {
  const apply = module.traits?.brings ? args.get('apply') : undefined;
  if (!(apply instanceof Map)) return [args, new Map()];
  return [new Map([...args].filter(([key]) => key !== 'apply')), new Map([['apply', apply]])];
}

function defaultLayers(task: Task, templar: Templar, scope: Scope): Dict[] {
  const layers: Dict[] = [];
  for (const { value, at } of task.moduleDefaults) {
    const defaults = templar.render(value, scope, at);
    if (!(defaults instanceof Map)) continue;
    for (const [name, args] of defaults) {
      const bare = String(name).replace(/^ansible\.(builtin|legacy)\./, '');
      if ((bare === task.module.name || name === task.moduleName) && args instanceof Map) layers.push(args);
    }
  }
  return layers;
}

/** `default(omit)` drops the argument, at the top and inside mappings and lists. */
function dropOmitted(value: Value): Value {
  if (Array.isArray(value)) return value.filter(item => item !== OMIT).map(dropOmitted);
  if (!(value instanceof Map)) return value;
  const kept = [...value].filter(([, item]) => item !== OMIT);
  return madeOf(new Map(kept.map(([key, item]) => [key, dropOmitted(item)])), value);
}

/** Arguments as the module's schema wants them. Throws ModuleError with the first problem, in Ansible's words. */
export function finishArguments(task: Task, rendered: Dict): Record<string, Json> {
  const written = madeOf(
    new Map([...rendered].map(([key, value]) => [key, floatsAsText(task, key, value)])),
    rendered,
  );
  const { args, problems } = coerceArguments(task.module, toPlain(written) as Record<string, Json>);
  if (problems.length === 0) return args;
  throw new ModuleError(firstMessage(problems));
}

/** `1.0` stays "1.0" for an argument of type text; as plain data it would become 1. */
function floatsAsText({ module }: Task, key: Value, value: Value): Value {
  const name = argumentNames(module).get(String(key));
  const schema = name === undefined ? undefined : (module.args.properties[name] as ArgSchema | undefined);
  if (!schema || !(schema['x-text'] || WANTS_TEXT.has(schema['x-kind'] ?? ''))) return value;
  const textOf = (item: Value) => (item instanceof Float ? str(item) : item);
  return Array.isArray(value) ? value.map(textOf) : textOf(value);
}

const WANTS_TEXT: ReadonlySet<string> = new Set(['str', 'path', 'list']);
