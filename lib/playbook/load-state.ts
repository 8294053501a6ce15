import type { Module } from '../modules/kit/define.ts';
import { type Position, SourceError } from '../source/errors.ts';
import type { Dict, Value } from '../source/value.ts';
import type { FileReader } from '../source/yaml/read-yaml.ts';
import { StaticVariables } from '../templating/static-variables.ts';
import type { Templar } from '../templating/templar.ts';
import type { Problems } from './problems.ts';
import type { Action, Authored, Keywords, LoadedRole, RoleRequest, TaskContext } from './types.ts';

export interface LoaderOptions {
  readonly templar: Templar;
  readonly files: FileReader;
  /** `-e`: known everywhere, and stronger than all others. */
  readonly extraVars: Dict;
  /** Directories of roles besides `roles/` next to the playbook. */
  readonly rolesPath: readonly string[];
  /** Directories that hold `ansible_collections`, besides `collections/` next to the playbook. */
  readonly collectionsPath: readonly string[];
  /** A collection that is always there, such as the playbooks that come with the program: its name, and its folder. */
  readonly ownCollection?: { readonly name: string; readonly path: string };
  /** Keywords that hold where no play says otherwise. */
  readonly keywords?: Keywords;
  readonly findModule: (name: string) => Module | undefined;
  /** Names to suggest for an unknown module. */
  readonly moduleNames: () => Iterable<string>;
  /** Hears of mistakes in tasks that may never be reached. */
  readonly warn?: (mistake: SourceError) => void;
  /** Takes these for errors too. */
  readonly strict?: boolean;
  /** Nothing is run: files that tasks name may be made yet. */
  readonly onlyReads?: boolean;
}

/** What is noted of the files that tasks name, and told once all of the playbook is known. */
export interface NotedFiles {
  note(load: Load, dict: Dict, context: TaskContext, action?: Action): void;
  report(load: Load): void;
}

/** One call of the loader: what all its parts share. */
export interface Load {
  readonly options: LoaderOptions;
  readonly problems: Problems;
  /** Directory of the playbook given by the user. */
  readonly baseDir: string;
  /** True the second time for one dictionary or list: files used often are checked once. */
  readonly alreadyChecked: (container: object) => boolean;
  /** Files of the control machine that tasks name and that are not there. */
  readonly absent: NotedFiles;
  /** Makes an id unique among those given so far. */
  readonly uniqueId: (id: string) => string;
  /** Files being imported, to see a circle. */
  readonly openFiles: Set<string>;
  readonly role: (request: RoleRequest, context: TaskContext, at: Position) => LoadedRole | undefined;
}

/** What templates of names (imported files, roles, tags) can see in a context. */
export function staticVariables(load: Load, context: TaskContext): StaticVariables {
  const { role, playVars, keywords } = context;
  const layers = [
    ...(role?.defaults ?? []),
    ...(playVars ?? []),
    ...(role?.vars ?? []),
    ...keywords.vars,
    ...keywords.includeVars,
    ...(role?.params ? [role.params] : []),
  ].map(layer => layer.vars);
  return new StaticVariables(load.options.templar, [magic(context), ...layers, load.options.extraVars]);
}

function magic({ role, playDir }: TaskContext): Dict {
  const names: Dict = new Map<Value, Value>([['playbook_dir', playDir]]);
  if (!role) return names;
  const title = role.fullName.split('.').at(-1) ?? role.name;
  return new Map([
    ...names,
    ['role_path', role.path],
    ['role_name', title],
    ['ansible_role_name', role.fullName],
  ]);
}

/** A name rendered before any host is known; a variable of a host in it is a mistake with its own advice. */
export function renderName(load: Load, name: Authored, context: TaskContext): string | undefined {
  return load.problems.attempt(() => {
    try {
      return String(load.options.templar.render(name.value, staticVariables(load, context), name.at));
    } catch (error) {
      if (!(error instanceof SourceError) || error.code !== 'UNDEFINED_VARIABLE') throw error;
      const hint =
        'imports are read before any host is contacted: only play vars and extra vars are known, include_tasks and include_role can use all';
      throw new SourceError(error.code, error.message, error.position ?? name.at, hint);
    }
  });
}
