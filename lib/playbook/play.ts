import path from 'node:path';
import type { VarLayer } from '../inventory/types.ts';
import type { Position } from '../source/errors.ts';
import { jsonText } from '../source/json.ts';
import { type Dict, toPlain, Unsafe, type Value } from '../source/value.ts';
import { displayPath } from '../source/yaml/read-yaml.ts';
import { isTemplate } from '../templating/templar.ts';
import { checkKeys, checkKeywords } from './check.ts';
import { authored, each, inherit, NO_KEYWORDS, texts, varLayers } from './inherit.ts';
import { VARS_PROMPT } from './keywords.ts';
import type { Load } from './load-state.ts';
import { inOrder, type RoleParts, roleEntry } from './roles/role.ts';
import { findFile } from './search.ts';
import { isTrue, withTags } from './tasks/task.ts';
import { parseTasks } from './tasks/task-list.ts';
import type { Authored, Keywords, Play, TaskContext, TaskNode, VarsPrompt } from './types.ts';

/** What an `import_playbook` gives to the plays it imports. */
export interface Imported {
  readonly keywords: Keywords;
  readonly vars: readonly VarLayer[];
}

/** A play from its dictionary. `imported` fills with the roles that its static imports load. */
export function parsePlay(
  load: Load,
  dict: Dict,
  at: Position,
  file: string,
  outer: Imported,
  imported: readonly RoleParts[],
): Play {
  checkKeywords(load, dict, 'play');
  const written = authored(dict, 'hosts');
  const hosts = written && !isNobody(written.value) ? written : noHosts(load, written?.at ?? at);
  const name = playName(dict, hosts);
  const untagged = playKeywords(load, dict, outer, name);
  const vars = [...varLayers(authored(dict, 'vars'), `play "${name}"`, load.problems), ...outer.vars];
  const dir = path.dirname(file);
  const base: TaskContext = {
    keywords: untagged,
    role: undefined,
    includedFrom: [file],
    playDir: dir,
    handlers: false,
    playVars: vars,
  };
  const varsFiles = varsFilesOf(dict);
  const playVars = [...vars, ...staticFiles(load, varsFiles, base)];
  const keywords = withTags(load, untagged, { ...base, keywords: outer.keywords, playVars });
  const context = { ...base, keywords, playVars };
  load.absent.note(load, dict, context);
  const parts = rolesOf(load, dict, context);
  const tasks = (key: string, of: TaskContext = context) => parseTasks(load, authored(dict, key), of);
  const [preTasks, ownTasks, postTasks] = [tasks('pre_tasks'), tasks('tasks'), tasks('post_tasks')];
  const ownHandlers = tasks('handlers', { ...context, handlers: true });
  return {
    name,
    isTextName: dict.get('name') instanceof Unsafe,
    at,
    dir,
    hosts,
    ...settings(dict),
    vars,
    varsFiles,
    varsPrompt: varsPrompts(load, dict),
    roles: [...parts.map(({ role }) => role), ...imported.flatMap(inOrder).map(({ role }) => role)],
    preTasks,
    roleTasks: parts.flatMap(part => part.tasks),
    tasks: ownTasks,
    postTasks,
    handlers: [...roleHandlers(parts), ...ownHandlers, ...roleHandlers(imported.flatMap(inOrder))],
    keywords,
  };
}

/** Hosts that come to nothing, which a pattern would read as all of them. */
export const isNobody = (hosts: Value): boolean =>
  hosts === null || hosts === '' || (Array.isArray(hosts) && hosts.every(isNobody));

function noHosts(load: Load, at: Position): Authored {
  load.problems.add('MISSING_KEY', 'this play names no hosts', at, 'add "hosts: all", or another pattern');
  return { value: 'all', at };
}

function playName(dict: Dict, hosts: Authored): string {
  const name = dict.get('name');
  return name === undefined || name === null || name === '' ? texts(hosts.value).join(',') : String(name);
}

function playKeywords(load: Load, dict: Dict, outer: Imported, name: string): Keywords {
  const inherited = inherit(outer.keywords, dict, `play "${name}"`, load.problems);
  const keywords = { ...inherited, vars: outer.keywords.vars, when: outer.keywords.when };
  const user = authored(dict, 'user');
  if (!user) return keywords;
  if (dict.has('remote_user'))
    load.problems.add(
      'CONFLICTING_KEYS',
      '"user" is the old name of "remote_user": give one of them',
      user.at,
    );
  return { ...keywords, remoteUser: user };
}

function settings(dict: Dict) {
  const own = (key: string) => authored(dict, key);
  return {
    gatherFacts: own('gather_facts'),
    gatherSubset: own('gather_subset'),
    gatherTimeout: own('gather_timeout'),
    serial: own('serial'),
    strategy: own('strategy'),
    order: own('order'),
    maxFailPercentage: own('max_fail_percentage'),
    forceHandlers: own('force_handlers'),
  };
}

function varsFilesOf(dict: Dict): Authored[] {
  const files = authored(dict, 'vars_files');
  return files ? each(files) : [];
}

/** Variables of those `vars_files` whose names hold no template: names of imports may use them. */
function staticFiles(load: Load, files: readonly Authored[], context: TaskContext): VarLayer[] {
  return files.flatMap(({ value, at }) => {
    const names = (Array.isArray(value) ? value : [value]).filter(
      name => typeof name === 'string' && !isTemplate(name),
    );
    const from = { role: undefined, includedFrom: [], playDir: context.playDir };
    const found = names
      .map(name => findFile(from, 'vars', String(name)).file)
      .find(file => file !== undefined);
    if (found === undefined) return [];
    const vars = load.problems.attempt(() => load.options.files.vars(found, at));
    return vars ? [{ source: displayPath(found), vars }] : [];
  });
}

const PROMPT_KEYS = new Map(VARS_PROMPT.map(entry => [entry.name, entry]));

function varsPrompts(load: Load, dict: Dict): VarsPrompt[] {
  const list = authored(dict, 'vars_prompt');
  if (!list) return [];
  return each(list).flatMap(({ value, at }) => {
    const entry: Dict = value instanceof Map ? value : new Map<Value, Value>([['name', value]]);
    checkKeys(load, entry, PROMPT_KEYS, '"vars_prompt"');
    const name = entry.get('name');
    if (typeof name !== 'string') {
      load.problems.add('MISSING_KEY', 'an entry of "vars_prompt" needs a "name"', at);
      return [];
    }
    const encrypt = entry.get('encrypt');
    return [
      {
        name,
        prompt: String(entry.get('prompt') ?? name),
        private: isTrue(entry.get('private') ?? true),
        default: entry.get('default') ?? undefined,
        confirm: isTrue(entry.get('confirm')),
        encrypt: typeof encrypt === 'string' ? encrypt : undefined,
        unsafe: isTrue(entry.get('unsafe')),
      },
    ];
  });
}

function rolesOf(load: Load, dict: Dict, context: TaskContext): RoleParts[] {
  const list = authored(dict, 'roles');
  if (!list || !Array.isArray(list.value)) return [];
  const all = each(list).flatMap(entry => {
    const parts = roleEntry(load, entry, context);
    return parts ? inOrder(parts) : [];
  });
  return all.filter((part, i) => !all.slice(0, i).some(earlier => makesSuperfluous(earlier, part)));
}

/** True when `earlier` has run the same role wherever `later` would. What depends on conditions is left to the run. */
function makesSuperfluous(earlier: RoleParts, later: RoleParts): boolean {
  if (earlier.role.key !== later.role.key || later.role.allowDuplicates) return false;
  const text = ({ context }: RoleParts) => jsonText(context.keywords.when.map(({ value }) => toPlain(value)));
  const tags = ({ context }: RoleParts) => [...context.keywords.tags].sort().join(',');
  return (
    tags(earlier) === tags(later) &&
    (earlier.context.keywords.when.length === 0 || text(earlier) === text(later))
  );
}

/** Handlers of roles, each once for a role that is used more than once. */
export function roleHandlers(parts: readonly RoleParts[]): TaskNode[] {
  const seen = new Set<string>();
  return parts.flatMap(({ role, handlers }) => {
    if (seen.has(role.key)) return [];
    seen.add(role.key);
    return handlers;
  });
}

/** Keywords around the plays of a file given by the user. */
export const NOT_IMPORTED: Imported = { keywords: NO_KEYWORDS, vars: [] };
