import path from 'node:path';
import type { VarLayer } from '../../inventory/types.ts';
import type { Position } from '../../source/errors.ts';
import { jsonText } from '../../source/json.ts';
import { type Dict, positionOf, toPlain, type Value } from '../../source/value.ts';
import { displayPath, findVarsFiles } from '../../source/yaml/read-yaml.ts';
import { isTemplate } from '../../templating/templar.ts';
import { checkKeywords, checkTemplates } from '../check.ts';
import { authored, each, inherit, NO_KEYWORDS, texts, varLayers } from '../inherit.ts';
import { keywordsOf } from '../keywords.ts';
import { type Load, renderName } from '../load-state.ts';
import { newTask } from '../tasks/new-task.ts';
import { isTrue, withTags } from '../tasks/task.ts';
import { parseTaskFile } from '../tasks/task-list.ts';
import type { Authored, LoadedRole, RoleInstance, RoleRequest, Task, TaskContext } from '../types.ts';
import { findRole, type RolePlace, roleFile } from './role-files.ts';

type From = Partial<Record<'tasks' | 'handlers' | 'vars' | 'defaults', string>>;

/** A role to load: asked for in `roles:`, as a dependency, or by an import or include. */
export interface RoleUse {
  readonly name: string;
  /** Files to take in place of `main`. */
  readonly from: From;
  readonly public: boolean;
  readonly allowDuplicates?: boolean;
  readonly validates: boolean;
  readonly vars?: VarLayer;
  readonly at: Position;
  readonly params: Dict;
  /** Own `when` and `tags` of the entry: with the parameters they tell whether a role is the same again. */
  readonly own: readonly Value[];
  readonly included: boolean;
}

/** What loading one role gave, its dependencies apart. */
export interface RoleParts {
  readonly role: RoleInstance;
  readonly dependencies: readonly RoleParts[];
  readonly context: TaskContext;
  readonly tasks: LoadedRole['tasks'];
  readonly handlers: LoadedRole['handlers'];
}

type Growing<T> = { -readonly [K in keyof T]: T[K] };

/** What an import or include asks for; `main` is what is taken anyway, and may be missing. */
export function useOf(request: RoleRequest, at: Position): RoleUse {
  const named = {
    tasks: request.tasksFrom,
    handlers: request.handlersFrom,
    vars: request.varsFrom,
    defaults: request.defaultsFrom,
  };
  return {
    name: request.name,
    from: Object.fromEntries(
      Object.entries(named).filter(([, file]) => file !== undefined && file !== 'main'),
    ),
    public: request.public ?? false,
    allowDuplicates: request.allowDuplicates ?? true,
    validates: request.rolespecValidate ?? true,
    ...(request.vars && { vars: request.vars }),
    at,
    params: new Map(),
    own: [],
    included: true,
  };
}

/** Reads a role and, before it, the roles it depends on. `context` holds the keywords of the entry already. */
export function loadRoleParts(load: Load, use: RoleUse, context: TaskContext): RoleParts | undefined {
  const { playDir, role: parent, keywords } = context;
  const place = findRole(load, use.name, use.at, { playDir, parent, collections: keywords.collections });
  if (!place) return undefined;
  const opened = `${place.path} ${use.from.tasks ?? ''}`;
  if (load.openFiles.has(opened)) {
    load.problems.add(
      'INCLUDE_LOOP',
      `role "${use.name}" depends on itself`,
      use.at,
      'take it out of the dependencies of one of the roles',
    );
    return undefined;
  }
  load.openFiles.add(opened);
  const parts = readRole(load, use, place, context);
  load.openFiles.delete(opened);
  return parts;
}

function readRole(load: Load, use: RoleUse, place: RolePlace, context: TaskContext): RoleParts {
  const meta = readMeta(load, place, use.at);
  const role = newInstance(load, use, place, meta, context);
  const inner: TaskContext = {
    ...context,
    role,
    keywords: { ...context.keywords, collections: collectionsIn(place, meta) },
  };
  const dependencies = readDependencies(load, meta, inner);
  role.defaults = [...dependencies.flatMap(({ role }) => role.defaults), ...role.defaults];
  role.vars = [
    ...inherited(context.role),
    ...dependencies.flatMap(({ role }) => role.vars),
    ...role.own.vars,
  ];
  const tasks = [...validation(load, use, role, inner), ...fileTasks(load, use, place, inner, 'tasks')];
  const handlers = fileTasks(load, use, place, { ...inner, handlers: true }, 'handlers');
  return { role, dependencies, context: inner, tasks, handlers };
}

function newInstance(
  load: Load,
  use: RoleUse,
  place: RolePlace,
  meta: Dict,
  { role: parent }: TaskContext,
): Growing<RoleInstance> {
  const defaults = varsOf(load, place, 'defaults', use);
  const vars = [...(use.vars ? [use.vars] : []), ...varsOf(load, place, 'vars', use)];
  const params = new Map([...(parent?.params?.vars ?? []), ...use.params]);
  return {
    name: place.name,
    fullName: place.fullName,
    path: place.path,
    defaults: [...rolesAbove(parent).flatMap(({ own }) => own.defaults), ...defaults],
    vars,
    own: { defaults, vars },
    params: params.size > 0 ? { source: `parameters of role ${place.name}`, vars: params } : undefined,
    parent,
    public: use.public,
    key: keyOf(use, place),
    allowDuplicates: use.allowDuplicates ?? isTrue(meta.get('allow_duplicates')),
    argumentSpecs: argumentSpecs(load, place, meta),
  };
}

function rolesAbove(role: RoleInstance | undefined): RoleInstance[] {
  return role ? [...rolesAbove(role.parent), role] : [];
}

const inherited = (parent: RoleInstance | undefined): VarLayer[] =>
  rolesAbove(parent).flatMap(({ own }) => own.vars);

function keyOf(use: RoleUse, { fullName }: RolePlace): string {
  const { params, own, vars, included, from } = use;
  const parts = [toPlain(params), own.map(toPlain), vars ? toPlain(vars.vars) : null, included];
  return jsonText([fullName, ...parts, from]);
}

function collectionsIn({ fullName, name }: RolePlace, meta: Dict): string[] {
  const home = fullName === name ? [] : [fullName.split('.').slice(0, 2).join('.')];
  return [...home, ...texts(meta.get('collections'))];
}

function varsOf(
  load: Load,
  place: RolePlace,
  kind: 'defaults' | 'vars',
  { from: { [kind]: from }, at }: RoleUse,
): VarLayer[] {
  const base = path.join(place.path, kind, from ?? 'main');
  const files = findVarsFiles(
    base,
    from === undefined ? ['.yml', '.yaml', '.json', ''] : ['', '.yml', '.yaml', '.json'],
  );
  if (files.length === 0 && from !== undefined) {
    load.problems.add('FILE_NOT_FOUND', `role "${place.name}" has no file "${kind}/${from}"`, at);
  }
  return files.flatMap(file => {
    const vars = load.problems.attempt(() => load.options.files.vars(file, at));
    if (!vars) return [];
    checkTemplates(load, vars, at);
    return [{ source: displayPath(file), vars }];
  });
}

function readMeta(load: Load, { path: rolePath, name }: RolePlace, at: Position): Dict {
  const file = roleFile(load, rolePath, 'meta', undefined, at);
  const meta = file === undefined ? null : load.problems.attempt(() => load.options.files.yaml(file, at));
  if (meta instanceof Map) return meta;
  if (meta !== null && meta !== undefined)
    load.problems.add('WRONG_TYPE', `"meta/main.yml" of role "${name}" must be a mapping`, at);
  return new Map();
}

function argumentSpecs(load: Load, { path: rolePath }: RolePlace, meta: Dict): Dict | undefined {
  const file = ['.yml', '.yaml', '.json'].map(extension =>
    path.join(rolePath, 'meta', `argument_specs${extension}`),
  );
  const found = findVarsFiles(path.join(rolePath, 'meta', 'argument_specs'), ['.yml', '.yaml', '.json'])[0];
  const source =
    found !== undefined && file.includes(found)
      ? load.problems.attempt(() => load.options.files.yaml(found))
      : meta;
  const specs = source instanceof Map ? source.get('argument_specs') : undefined;
  return specs instanceof Map ? specs : undefined;
}

function fileTasks(
  load: Load,
  use: RoleUse,
  place: RolePlace,
  context: TaskContext,
  kind: 'tasks' | 'handlers',
): LoadedRole['tasks'] {
  const file = roleFile(load, place.path, kind, use.from[kind], use.at);
  return file === undefined ? [] : parseTaskFile(load, file, context, use.at);
}

function readDependencies(load: Load, meta: Dict, context: TaskContext): RoleParts[] {
  const list = authored(meta, 'dependencies');
  if (!list) return [];
  if (!Array.isArray(list.value)) {
    load.problems.add('WRONG_TYPE', '"dependencies" must be a list of roles', list.at);
    return [];
  }
  return each(list).flatMap(entry => roleEntry(load, entry, context) ?? []);
}

/** Loads an entry of `roles:` or of `dependencies:`. */
export function roleEntry(load: Load, entry: Authored, context: TaskContext): RoleParts | undefined {
  const { value, at } = entry;
  const dict: Dict | undefined =
    value instanceof Map
      ? value
      : typeof value === 'string' || typeof value === 'number'
        ? new Map([['role', String(value)]])
        : undefined;
  const written = dict && (authored(dict, 'role') ?? authored(dict, 'name') ?? authored(dict, 'src'));
  if (!dict || !written) {
    load.problems.add('WRONG_TYPE', 'a role must be a name, or a mapping with "role"', at);
    return undefined;
  }
  const place = written.at.file === '' ? at : written.at;
  const name = renderName(load, { value: written.value, at: place }, context);
  if (name === undefined) return undefined;
  const table = keywordsOf('role');
  checkKeywords(load, dict, 'role', () => true);
  const params = new Map(
    [...dict].filter(([key]) => !table.has(String(key)) && key !== 'src' && key !== 'version'),
  );
  for (const [key, param] of params) checkTemplates(load, param, positionOf(dict, key) ?? at);
  const keywords = withTags(load, inherit(context.keywords, dict, `role "${name}"`, load.problems), context);
  const vars = varLayers(authored(dict, 'vars'), `role "${name}"`, load.problems)[0];
  const own = ['when', 'tags'].map(key => dict.get(key) ?? null);
  const use: RoleUse = {
    name,
    at: place,
    params,
    own,
    from: {},
    included: false,
    public: true,
    validates: true,
    ...(vars && { vars }),
  };
  return loadRoleParts(load, use, { ...context, keywords: { ...keywords, vars: context.keywords.vars } });
}

/** The check of a role's arguments, as a task before its own. */
function validation(load: Load, use: RoleUse, role: RoleInstance, context: TaskContext): Task[] {
  const module = load.options.findModule('validate_argument_spec');
  const entryPoint = (use.from.tasks ?? 'main').replace(/\.(yml|yaml|json)$/, '');
  const spec = role.argumentSpecs?.get(entryPoint);
  if (!module || !(spec instanceof Map) || !use.validates) return [];
  const title = `Validating arguments against arg spec '${entryPoint}'`;
  const short = spec.get('short_description');
  const about: Dict = new Map<Value, Value>([
    ['type', 'role'],
    ['name', role.name],
    ['argument_spec_name', entryPoint],
    ['path', role.path],
  ]);
  const at = positionOf(role.argumentSpecs, entryPoint) ?? use.at;
  const args: Dict = new Map<Value, Value>([
    ['argument_spec', spec.get('options') ?? new Map()],
    ['provided_arguments', use.params],
    ['validate_args_context', about],
  ]);
  return [
    newTask({
      ...NO_KEYWORDS,
      ...context.keywords,
      tags: [...new Set([...context.keywords.tags, 'always'])],
      id: load.uniqueId(`${context.idPrefix ?? ''}${at.file}:${at.line}`),
      name: typeof short === 'string' && !isTemplate(short) ? `${title} - ${short}` : title,
      isTextName: true,
      at,
      argsAt: at,
      moduleName: 'ansible.builtin.validate_argument_spec',
      module,
      args,
      role,
      includedFrom: context.includedFrom,
      outer: context.keywords,
      implicit: 'argument_spec',
    }),
  ];
}

/** Roles of a tree in the order they run: dependencies first. */
export function inOrder(parts: RoleParts): RoleParts[] {
  return [...parts.dependencies.flatMap(inOrder), parts];
}
