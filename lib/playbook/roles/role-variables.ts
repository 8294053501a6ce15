import { readdirSync } from 'node:fs';
import path from 'node:path';
import type { VarLayer } from '../../inventory/types.ts';
import { SourceError, SourceErrors } from '../../source/errors.ts';
import { jsonText } from '../../source/json.ts';
import { nearest } from '../../source/suggest.ts';
import { type Dict, keyPositionOf, Secret, toPlain, type Value } from '../../source/value.ts';
import { type FileReader, findVarsFiles, isDirectory, isFile } from '../../source/yaml/read-yaml.ts';
import { sectionsOf } from '../listing.ts';
import { eachTask } from '../tasks/task-list.ts';
import type { Playbook, RoleInstance, Task } from '../types.ts';
import type { Option } from './argument-spec.ts';
import { optionMistakes } from './option-mistakes.ts';

/** A slip of the fingers. Longer ones are looked for only below a role's own prefix. */
const SLIPS = 2;

/**
 * Mistakes in the variables of roles that have argument specs, found before any host is contacted: values of the
 * wrong type, and names that nobody knows but that look like one of a role's options. `layers` are those of the
 * inventory and of the command line; those of plays and role entries are known from the playbook.
 */
export function roleVariableMistakes(
  playbook: Playbook,
  layers: readonly VarLayer[],
  files: FileReader,
): SourceError[] {
  const tasks = playbook.plays.flatMap(play =>
    [...sectionsOf(play), play.handlers].flatMap(nodes => [...eachTask(nodes)]),
  );
  const uses = [
    ...playbook.plays.flatMap(play => play.roles),
    ...tasks.flatMap(({ role }) => role ?? []),
  ].filter(role => role.argumentSpecs !== undefined);
  if (uses.length === 0) return [];
  const roles = [...new Map(uses.map(role => [role.path, role])).values()];
  const options = optionsOf(roles);
  const given = distinct([
    ...layers,
    ...playbook.plays.flatMap(play => play.vars),
    ...uses.flatMap(({ params }) => params ?? []),
  ]);
  const strangers = new Strangers(roles, options, given, tasks, files);
  return given.flatMap(layer =>
    [...layer.vars].flatMap(([name, value]) => {
      const option = options.get(String(name));
      if (option) return valueMistakes(layer, String(name), value, option);
      return strangers.mistake(layer, String(name)) ?? [];
    }),
  );
}

/** The same variables reach many hosts: each mapping is looked at once. */
const distinct = (layers: readonly VarLayer[]): VarLayer[] => [
  ...new Map(layers.map(layer => [layer.vars, layer])).values(),
];

/** Options by name, of all entry points; where roles disagree about one, nothing is said of it. */
function optionsOf(roles: readonly RoleInstance[]): ReadonlyMap<string, Option> {
  const found = new Map<string, Option>();
  for (const { argumentSpecs } of roles) {
    for (const [name, option] of optionsIn(argumentSpecs)) {
      const other = found.get(name);
      found.set(name, other && jsonText(other) !== jsonText(option) ? { type: 'raw' } : option);
    }
  }
  return found;
}

function optionsIn(specs: Dict | undefined): [string, Option][] {
  return [...(specs?.values() ?? [])].flatMap(entry => {
    const options = entry instanceof Map ? entry.get('options') : undefined;
    if (!(options instanceof Map)) return [];
    return [...options].map(([name, option]): [string, Option] => [
      String(name),
      (option instanceof Map ? toPlain(option) : {}) as Option,
    ]);
  });
}

function valueMistakes(
  { source, vars }: VarLayer,
  name: string,
  value: Value,
  option: Option,
): SourceError[] {
  if (value instanceof Secret) return [];
  return optionMistakes(name, option, value, vars).map(
    ({ text, at, hint }) => new SourceError('WRONG_TYPE', at ? text : `${source}: ${text}`, at, hint),
  );
}

/** Names that are not an option of a role but look like one. */
class Strangers {
  readonly #known: ReadonlySet<string>;
  readonly #prefixes: readonly string[];
  readonly #options: readonly string[];
  readonly #uses: () => string;
  #text: string | undefined;

  constructor(
    roles: readonly RoleInstance[],
    options: ReadonlyMap<string, Option>,
    given: readonly VarLayer[],
    tasks: readonly Task[],
    files: FileReader,
  ) {
    this.#options = [...options.keys()];
    this.#prefixes = roles.map(({ name }) => `${name}_`);
    this.#known = new Set([...roles.flatMap(role => namesAround(role, files))]);
    this.#uses = () => usesIn(roles, given, tasks, files);
  }

  mistake({ source, vars }: VarLayer, name: string): SourceError | undefined {
    if (this.#known.has(name)) return undefined;
    const meant = this.#meant(name);
    if (meant === undefined || this.#isUsed(name)) return undefined;
    const at = keyPositionOf(vars, name);
    const text = `no role takes "${name}", and nothing refers to it`;
    return new SourceError(
      'UNKNOWN_VARIABLE',
      at ? text : `${source}: ${text}`,
      at,
      `did you mean "${meant}"?`,
    );
  }

  #meant(name: string): string | undefined {
    const own = this.#prefixes.some(prefix => name.startsWith(prefix));
    return own ? nearest(name, this.#options) : nearest(name, this.#options, SLIPS);
  }

  #isUsed(name: string): boolean {
    this.#text ??= this.#uses();
    return new RegExp(`\\b${name}\\b`).test(this.#text);
  }
}

/** Options, defaults and variables of a role and of the roles beside it, which other playbooks use. */
function namesAround(role: RoleInstance, files: FileReader): string[] {
  const home = path.dirname(role.path);
  const folders = readdirSync(home, { withFileTypes: true }).filter(entry => entry.isDirectory());
  return [...new Set([role.path, ...folders.map(({ name }) => path.join(home, name))])].flatMap(folder => {
    const specs = findVarsFiles(path.join(folder, 'meta', 'argument_specs')).flatMap(file => {
      const found = varsOf(files, file).get('argument_specs');
      return found instanceof Map ? optionsIn(found).map(([name]) => name) : [];
    });
    const variables = ['defaults', 'vars'].flatMap(kind =>
      findVarsFiles(path.join(folder, kind, 'main')).flatMap(file =>
        [...varsOf(files, file).keys()].map(String),
      ),
    );
    return [...specs, ...variables];
  });
}

/** A role that merely stands beside may be broken: that is found by whoever uses it. */
function varsOf(files: FileReader, file: string): Dict {
  try {
    return files.vars(file);
  } catch (error) {
    if (error instanceof SourceError || error instanceof SourceErrors) return new Map();
    throw error;
  }
}

/** All that may refer to a variable: other variables, playbooks, files of tasks, templates. */
function usesIn(
  roles: readonly RoleInstance[],
  given: readonly VarLayer[],
  tasks: readonly Task[],
  files: FileReader,
): string {
  const values = given.map(({ vars }) => jsonText([...vars.values()].map(toPlain)));
  const written = new Set(tasks.map(({ at }) => at.file));
  const templates = roles.flatMap(role => {
    const folder = path.join(role.path, 'templates');
    if (!isDirectory(folder)) return [];
    return readdirSync(folder, { recursive: true, encoding: 'utf8' }).map(name => path.join(folder, name));
  });
  return [
    ...values,
    ...[...written, ...templates].filter(isFile).map(file => files.read(file).toString('utf8')),
  ].join('\n');
}
