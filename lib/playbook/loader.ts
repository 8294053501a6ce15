import path from 'node:path';
import type { VarLayer } from '../inventory/types.ts';
import { type Position, UsageError } from '../source/errors.ts';
import { nearFile } from '../source/suggest.ts';
import { type Dict, keyPositionOf } from '../source/value.ts';
import { displayPath, isDirectory, isFile } from '../source/yaml/read-yaml.ts';
import { checkKeywords } from './check.ts';
import { authored, each, inherit, varLayers } from './inherit.ts';
import { type Load, type LoaderOptions, renderName } from './load-state.ts';
import { type Imported, NOT_IMPORTED, parsePlay, roleHandlers } from './play.ts';
import { Problems } from './problems.ts';
import { inOrder, loadRoleParts, type RoleParts, useOf } from './roles/role.ts';
import { collectionRoots } from './roles/role-files.ts';
import { AbsentFiles } from './tasks/absent-files.ts';
import { withModule } from './tasks/action.ts';
import { firstWord } from './tasks/free-form.ts';
import { withTags } from './tasks/task.ts';
import { parseTaskFile } from './tasks/task-list.ts';
import type {
  Authored,
  LoadedRole,
  LoadedTasks,
  Play,
  Playbook,
  RoleRequest,
  Task,
  TaskContext,
  TaskNode,
} from './types.ts';

const IMPORT = /^(?:ansible\.(?:builtin|legacy)\.)?import_playbook$/;

/** Reads playbooks, task files and roles into typed trees. All mistakes of one call are thrown together as SourceErrors. */
export class PlaybookLoader {
  private readonly options: LoaderOptions;
  /** Dictionaries and lists of files that a load found nothing wrong with. */
  private readonly sound = new WeakSet<object>();

  constructor(options: LoaderOptions) {
    this.options = options;
  }

  /** The plays of some playbooks, one after the other. */
  loadPlaybook(names: readonly string[]): Playbook {
    return this.load(names.map(name => this.ownPlaybook(name) ?? existingPlaybook(name)));
  }

  /** A playbook that no file holds, as if it stood in `dir`. */
  loadText(text: string, dir: string): Playbook {
    const file = path.join(dir, 'command-line.yml');
    this.options.files.put(file, text);
    return this.load([file]);
  }

  private load(paths: readonly string[]): Playbook {
    const [first] = paths;
    if (first === undefined) throw new UsageError('no playbook given', 5);
    const dir = path.dirname(first);
    const outermost = { ...NOT_IMPORTED, keywords: this.options.keywords ?? NOT_IMPORTED.keywords };
    const files = this.with(dir, load => paths.map(file => this.playsOf(load, file, outermost)));
    const lastOfFile = new Set(files.flatMap(plays => plays.slice(-1)));
    return { file: first, dir, plays: files.flat(), lastOfFile };
  }

  /** A playbook that came with the program, named as people name it: by its file, or as one of a collection. */
  private ownPlaybook(name: string): string | undefined {
    const own = this.options.ownCollection;
    if (!own || isFile(name) || isDirectory(name)) return undefined;
    const base = name.startsWith(`${own.name}.`) ? `${name.slice(own.name.length + 1)}.yml` : name;
    const file = path.join(own.path, 'playbooks', base);
    return /^\w+\.ya?ml$/.test(base) && isFile(file) ? file : undefined;
  }

  /** Tasks of a file that an `include_tasks` names; `file` is absolute. */
  loadTaskFile(file: string, context: TaskContext): LoadedTasks {
    return this.withImports(context.playDir, load => parseTaskFile(load, file, applied(load, context)));
  }

  /** A role that an `include_role` names. */
  loadRole(request: RoleRequest, context: TaskContext, at: Position): LoadedTasks {
    return this.withImports(
      context.playDir,
      load => load.role(request, applied(load, context), at)?.tasks ?? [],
    );
  }

  private withImports(playDir: string, read: (load: Load) => readonly TaskNode[]): LoadedTasks {
    const imported: RoleParts[] = [];
    const tasks = this.with(playDir, load => read(withRoles(load, imported)));
    const all = imported.flatMap(inOrder);
    return { tasks, roles: all.map(({ role }) => role), handlers: roleHandlers(all) };
  }

  /** A task whose module a template names, now that the name is known. */
  withModule(task: Task, name: string): Task {
    return withModule(task, name, this.options.findModule);
  }

  /** Runs `work` with a fresh load and throws all it found; when that is nothing, what was checked is known to be sound. */
  private with<T>(baseDir: string, work: (load: Load) => T): T {
    const checked = new Set<object>();
    const load = this.start(baseDir, checked);
    const result = work(load);
    load.absent.report(load);
    for (const warning of load.problems.warnings()) this.options.warn?.(warning);
    load.problems.throwIfAny();
    for (const container of checked) this.sound.add(container);
    return result;
  }

  private start(baseDir: string, checked: Set<object>): Load {
    const seen = new Map<string, number>();
    const uniqueId = (id: string) => {
      const count = (seen.get(id) ?? 0) + 1;
      seen.set(id, count);
      return count === 1 ? id : `${id}#${count}`;
    };
    const shared = {
      options: this.options,
      problems: new Problems(this.options.strict === true),
      absent: new AbsentFiles(),
      baseDir,
      openFiles: new Set<string>(),
      uniqueId,
      alreadyChecked: (container: object) => {
        if (this.sound.has(container) || checked.has(container)) return true;
        checked.add(container);
        return false;
      },
    };
    return withRoles(shared, []);
  }

  private playsOf(load: Load, file: string, outer: Imported): Play[] {
    const at = { file: displayPath(file), line: 1, col: 1 };
    if (load.openFiles.has(file)) {
      load.problems.add('INCLUDE_LOOP', `"${displayPath(file)}" imports itself`, at);
      return [];
    }
    const value = load.problems.attempt(() => this.options.files.yaml(file));
    if (value === undefined) return [];
    if (!Array.isArray(value)) {
      const message =
        value === null ? 'an empty playbook: there is nothing to do' : 'a playbook must be a list of plays';
      load.problems.add('WRONG_TYPE', message, at, 'begin it with "- hosts: …"');
      return [];
    }
    if (value.length === 0)
      load.problems.add(
        'MISSING_KEY',
        'a playbook must contain at least one play',
        at,
        'begin it with "- hosts: …"',
      );
    load.openFiles.add(file);
    const plays = each({ value, at }).flatMap(play => this.playOf(load, play, file, outer));
    load.openFiles.delete(file);
    return plays;
  }

  private playOf(load: Load, { value: dict, at }: Authored, file: string, outer: Imported): Play[] {
    if (!(dict instanceof Map)) {
      load.problems.add(
        'WRONG_TYPE',
        'a play must be a mapping',
        at,
        'write "- hosts: …" and below it "tasks:"',
      );
      return [];
    }
    const task = [...dict.keys()].find(name => this.options.findModule(String(name)) !== undefined);
    const key = [...dict.keys()].find(name => IMPORT.test(String(name)));
    if (key === undefined && task !== undefined && !dict.has('hosts')) {
      load.problems.add(
        'WRONG_TYPE',
        `this is a task ("${String(task)}"), and a playbook is a list of plays`,
        at,
        'write it below "tasks:" of a play, or name the file in "import_tasks" there',
      );
      return [];
    }
    if (key !== undefined) return this.importedPlays(load, dict, String(key), file, outer);
    const imported: RoleParts[] = [];
    return [parsePlay(withRoles(load, imported), dict, at, file, outer, imported)];
  }

  private importedPlays(load: Load, dict: Dict, key: string, file: string, outer: Imported): Play[] {
    checkKeywords(load, dict, 'import_playbook', name => name === key);
    const written = authored(dict, key);
    if (typeof written?.value !== 'string') {
      load.problems.add(
        'WRONG_TYPE',
        '"import_playbook" wants the name of a playbook',
        keyPositionOf(dict, key),
      );
      return [];
    }
    const vars = [
      ...varLayers(authored(dict, 'vars'), `import of "${written.value}"`, load.problems),
      ...outer.vars,
    ];
    const context = playbookContext(path.dirname(file), vars, outer);
    const target = this.targetOf(load, { value: written.value, at: written.at }, file, context);
    if (target === undefined) return [];
    const keywords = { ...inherit(outer.keywords, dict, 'import_playbook', load.problems), vars: [] };
    return this.playsOf(load, target, { keywords: withTags(load, keywords, context), vars });
  }

  private targetOf(
    load: Load,
    { value, at }: Authored,
    file: string,
    context: TaskContext,
  ): string | undefined {
    const name = renderName(load, { value: firstWord(String(value)), at }, context);
    if (name === undefined) return undefined;
    const target = playbookFile(load, name, path.dirname(file));
    if (target === undefined) {
      const dir = displayPath(path.dirname(file)) || '.';
      load.problems.add('FILE_NOT_FOUND', `no playbook "${name}"`, at, `looked in ${dir}`);
    }
    return target;
  }
}

/** The same load, with roles that are imported from now on noted in `imported`. */
function withRoles(shared: Omit<Load, 'role'>, imported: RoleParts[]): Load {
  const load: Load = {
    ...shared,
    role: (request, context, at) => {
      const parts = loadRoleParts(load, useOf(request, at), context);
      if (!parts) return undefined;
      imported.push(parts);
      return loadedRole(parts);
    },
  };
  return load;
}

/** A context with the keywords of `apply` among those around the tasks. */
function applied(load: Load, { apply, ...context }: TaskContext): TaskContext {
  if (!apply) return context;
  checkKeywords(load, apply, 'block');
  const keywords = inherit(context.keywords, apply, 'apply', load.problems);
  return { ...context, keywords: withTags(load, keywords, context) };
}

function playbookContext(
  playDir: string,
  playVars: readonly VarLayer[],
  { keywords }: Imported,
): TaskContext {
  return { keywords, role: undefined, includedFrom: [], playDir, handlers: false, playVars };
}

/** A playbook beside the importing one, or `namespace.collection.playbook`. */
function playbookFile(load: Load, name: string, dir: string): string | undefined {
  const beside = path.resolve(dir, name);
  if (isFile(beside)) return beside;
  const match = /^(\w+)\.(\w+)\.([\w.]+)$/.exec(name);
  if (!match) return undefined;
  const [, namespace = '', collection = '', playbook = ''] = match;
  const base = playbook.replace(/\.(yml|yaml)$/, '').replaceAll('.', '/');
  return collectionRoots(load, namespace, collection, { playDir: dir, parent: undefined })
    .flatMap(root => ['.yml', '.yaml'].map(extension => path.join(root, 'playbooks', base + extension)))
    .find(isFile);
}

function loadedRole(parts: RoleParts): LoadedRole {
  const all = inOrder(parts);
  return {
    role: parts.role,
    dependencies: all.slice(0, -1).map(({ role }) => role),
    tasks: all.flatMap(({ tasks }) => tasks),
    handlers: all.flatMap(({ handlers }) => handlers),
  };
}

function existingPlaybook(file: string): string {
  if (isDirectory(file)) throw new UsageError(`the playbook "${file}" is a directory`);
  if (!isFile(file)) throw new UsageError(`the playbook "${file}" does not exist`, 1, nearFile(file));
  return path.resolve(file);
}
