import { readdirSync, statSync } from 'node:fs';
import { basename, extname, join } from 'node:path';
import { A, Type } from '../../modules/kit/arguments.ts';
import { ModuleError } from '../../modules/kit/define.ts';
import { isObject } from '../../source/json.ts';
import { emptyRecord } from '../../source/record.ts';
import { mergedValue } from '../../source/unsafe.ts';
import { type Dict, type Json, Secret, toJson } from '../../source/value.ts';
import { isTemplate } from '../../templating/templar.ts';
import { findOrFail } from '../module-call/find.ts';
import { truthy } from '../task/keyword.ts';
import { type ControlCall, defineControl } from './control.ts';

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** The words are Ansible's. */
const invalidName = (name: string): string =>
  `The variable name '${name}' is not valid. Variables must start with a letter or underscore character, and contain only letters, numbers and underscores.`;

export const setFact = defineControl({
  name: 'set_fact',
  summary: 'Sets variables for the host for the rest of the run.',
  examples: `
- name: Give the database a quarter of the memory
  set_fact:
    shared_buffers: "{{ ansible_memtotal_mb // 4 }}MB"
`,
  args: Type.Object({ cacheable: A.bool('Stores them as facts as well.', { default: false }) }),
  open: true,
  returns: { ansible_facts: 'The variables that were set.' },
  traits: { sets: 'variables' },
  run: ({ args, plain, task, factsOf: state }) => {
    const facts = emptyRecord<Json>();
    for (const [key, value] of args) {
      const name = String(key);
      if (name === 'cacheable') continue;
      if (!NAME.test(name)) throw new ModuleError(invalidName(name));
      const written = task.args.get(key);
      const isEncrypted = written instanceof Secret;
      // It stays encrypted, so that a reader gets the error.
      state.set(name, isEncrypted ? written : value, isTemplate(written));
      facts[name] = toJson(value);
      if (plain['cacheable']) state.addFact(name, value, !isEncrypted);
    }
    if (Object.keys(facts).length === 0) throw new ModuleError('set_fact needs at least one variable');
    return { result: { changed: false, ansible_facts: facts } };
  },
});

export const setStats = defineControl({
  name: 'set_stats',
  summary: 'Sets custom figures for the report of the run.',
  examples: `
- name: Say in the recap how many nodes were upgraded
  set_stats: {data: {upgraded: 1}, per_host: false}
`,
  args: Type.Object({
    data: A.raw('Figures by name.'),
    per_host: A.bool('Keeps them per host.', { default: false }),
    aggregate: A.raw(
      'Whether it adds to what is there instead of replacing it; another word than yes means no.',
      {
        default: true,
      },
    ),
  }),
  returns: { ansible_stats: 'data, per_host and aggregate as they were given.' },
  run: ({ plain, playRun, host }) => {
    const { customStats } = playRun.run;
    const { data } = plain;
    const aggregates = truthy(plain['aggregate']);
    if (!isObject(data)) throw new ModuleError("The 'data' option needs to be a dictionary/hash");
    for (const [name, value] of Object.entries(data)) {
      if (!NAME.test(name)) throw new ModuleError(invalidName(name));
      const key = plain['per_host'] ? `${host}.${name}` : name;
      customStats.set(key, aggregates ? aggregate(customStats.get(key), value) : value);
    }
    const told = { data, per_host: plain['per_host']!, aggregate: aggregates };
    return { result: { changed: false, ansible_stats: told } };
  },
});

function aggregate(before: Json | undefined, value: Json): Json {
  if (typeof before === 'number' && typeof value === 'number') return before + value;
  if (typeof before === 'string' && typeof value === 'string') return before + value;
  if (Array.isArray(before) && Array.isArray(value)) return [...before, ...value];
  if (isObject(before) && isObject(value)) return { ...before, ...value };
  return value;
}

/** include_vars: renders the files' values now, with the variables of this moment, and keeps them. */
export const includeVars = defineControl({
  name: 'include_vars',
  summary: 'Loads variables from a file or a directory.',
  examples: `
- name: Read the settings of this distribution
  include_vars: "{{ ansible_distribution | lower }}.yml"
`,
  freeForm: 'file',
  traits: { reads: { kind: 'vars', argument: 'file' } },
  args: Type.Object({
    file: A.opt(A.path('File to load, searched in the vars directories.', { aliases: ['_raw_params'] })),
    dir: A.opt(A.path('Directory whose files are loaded in order of their names.')),
    name: A.opt(A.str('Puts the variables below this name.')),
    depth: A.int('How deep to go in `dir`; 0 is without limit.', { default: 0 }),
    files_matching: A.opt(A.str('Regular expression for names in `dir`.')),
    ignore_files: A.opt(A.list('Names in `dir` to leave out.')),
    extensions: A.list('Endings of names in `dir` to load.', { default: ['yaml', 'yml', 'json'] }),
    ignore_unknown_extensions: A.bool('Passes over other endings instead of failing.', { default: false }),
    hash_behaviour: A.opt(A.choice(['replace', 'merge'], 'Whether mappings replace or merge what is there.')),
  }),
  returns: { ansible_facts: 'The variables loaded.', ansible_included_var_files: 'The files loaded.' },
  run: call => {
    const { plain, state, playRun, scope } = call;
    const merging = plain['hash_behaviour'] === 'merge';
    const single = plain['dir'] === undefined;
    const files = single ? [found(call, String(plain['file'] ?? ''))] : directoryFiles(call);
    const loaded: Dict = new Map();
    for (const file of files) {
      for (const [key, value] of playRun.run.files.vars(file))
        loaded.set(key, merging ? mergedValue(loaded.get(key), value) : value);
    }
    const name = plain['name'];
    const vars: Dict = name === undefined ? loaded : new Map([[String(name), loaded]]);
    for (const [key, value] of vars) {
      const before = merging && scope.has(String(key)) ? scope.get(String(key)) : undefined;
      state.includedVars.set(key, mergedValue(before, value));
    }
    scope.refresh();
    return {
      result: {
        changed: false,
        ansible_facts: toJson(vars) as Record<string, Json>,
        ansible_included_var_files: files,
      },
      isSecret: files.some(file => playRun.run.files.isVault(file)),
    };
  },
});

/** Ansible reports a failure with a file in `message`, not in `msg`: here both have it. */
const fileError = (msg: string, message = msg): ModuleError =>
  new ModuleError(msg, { control: true, message });

const NOT_FOUND = 'Could not find file on the Ansible Controller';

function found({ task, playRun }: ControlCall, name: string): string {
  if (name === '') throw fileError('no file is named', `${NOT_FOUND}: no file is named`);
  try {
    return findOrFail(task, playRun, 'vars', name);
  } catch (error) {
    if (!(error instanceof ModuleError)) throw error;
    throw fileError(error.message, `${NOT_FOUND}: ${error.message}`);
  }
}

function directoryFiles(call: ControlCall): string[] {
  const { plain } = call;
  const dir = found(call, String(plain['dir']));
  if (!statSync(dir).isDirectory()) throw fileError(`${dir} is not a directory`);
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
        throw fileError(`${full} does not have a valid extension: ${extensions.join(', ')}`);
      }
    }
  };
  visit(dir, 1);
  return files;
}
