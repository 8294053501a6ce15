import { readdirSync, statSync } from 'node:fs';
import { basename, extname, join } from 'node:path';
import { ModuleError } from '../../modules/kit/define.ts';
import { emptyRecord } from '../../source/record.ts';
import { type Dict, type Json, toPlain, type Value } from '../../source/value.ts';
import { isTemplate } from '../../templating/templar.ts';
import { findOrFail } from '../find.ts';
import type { Control, ControlCall } from './control.ts';

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

export const setFact: Control = ({ args, plain, task, factsOf: state }) => {
  const facts = emptyRecord<Json>();
  for (const [key, value] of args) {
    const name = String(key);
    if (name === 'cacheable') continue;
    if (!NAME.test(name)) throw new ModuleError(`"${name}" is not a valid variable name`);
    state.set(name, value, isTemplate(task.args.get(key)));
    facts[name] = toPlain(value);
    if (plain['cacheable']) state.addFact(name, facts[name]);
  }
  if (Object.keys(facts).length === 0) throw new ModuleError('set_fact needs at least one variable');
  return { result: { changed: false, ansible_facts: facts } };
};

export const setStats: Control = ({ plain, playRun, host }) => {
  const { customStats } = playRun.run;
  const data = plain['data'] as Record<string, Json>;
  for (const [name, value] of Object.entries(data)) {
    const key = plain['per_host'] ? `${host}.${name}` : name;
    customStats.set(key, plain['aggregate'] ? aggregate(customStats.get(key), value) : value);
  }
  return { result: { changed: false, ansible_stats: data } };
};

function aggregate(before: Json | undefined, value: Json): Json {
  if (typeof before === 'number' && typeof value === 'number') return before + value;
  if (typeof before === 'string' && typeof value === 'string') return before + value;
  if (Array.isArray(before) && Array.isArray(value)) return [...before, ...value];
  if (isObject(before) && isObject(value)) return { ...before, ...value };
  return value;
}

const isObject = (json: Json | undefined): json is { [key: string]: Json } =>
  typeof json === 'object' && json !== null && !Array.isArray(json);

/** include_vars: what the files hold is rendered now, with what is known now, and kept. */
export const includeVars: Control = call => {
  const { plain, state, task, playRun, scope } = call;
  const merging = plain['hash_behaviour'] === 'merge';
  const single = plain['dir'] === undefined;
  const files = single
    ? [findOrFail(task, playRun, 'vars', String(plain['file'] ?? ''))]
    : directoryFiles(call);
  const loaded: Dict = new Map();
  for (const file of files) {
    for (const [key, value] of playRun.run.files.vars(file))
      loaded.set(key, merging ? merge(loaded.get(key), value) : value);
  }
  const name = plain['name'];
  const vars: Dict = name === undefined ? loaded : new Map([[String(name), loaded]]);
  for (const [key, value] of vars) {
    const before = merging && scope.has(String(key)) ? scope.get(String(key)) : undefined;
    state.includedVars.set(key, merge(before, value));
  }
  scope.refresh();
  return {
    result: {
      changed: false,
      ansible_facts: toPlain(vars) as Record<string, Json>,
      ansible_included_var_files: files,
    },
  };
};

function merge(before: Value | undefined, value: Value): Value {
  if (!(before instanceof Map) || !(value instanceof Map)) return value;
  const merged: Dict = new Map(before);
  for (const [key, item] of value) merged.set(key, merge(merged.get(key), item));
  return merged;
}

function directoryFiles({ plain, task, playRun }: ControlCall): string[] {
  const dir = findOrFail(task, playRun, 'vars', String(plain['dir']));
  if (!statSync(dir).isDirectory()) throw new ModuleError(`${dir} is not a directory`, { control: true });
  const extensions = plain['extensions'] as string[];
  const ignored = (plain['ignore_files'] as string[] | undefined) ?? [];
  const pattern =
    plain['files_matching'] === undefined ? undefined : new RegExp(String(plain['files_matching']));
  const depth = Number(plain['depth']);
  const files: string[] = [];
  const visit = (path: string, level: number): void => {
    for (const entry of readdirSync(path).sort()) {
      const full = join(path, entry);
      if (statSync(full).isDirectory()) {
        if (depth === 0 || level < depth) visit(full, level + 1);
      } else if (ignored.includes(basename(full)) || (pattern && !pattern.test(entry))) {
        // Left out on purpose.
      } else if (extensions.includes(extname(full).slice(1))) files.push(full);
      else if (!plain['ignore_unknown_extensions']) {
        throw new ModuleError(`${full} does not have a valid extension: ${extensions.join(', ')}`, {
          control: true,
        });
      }
    }
  };
  visit(dir, 1);
  return files;
}
