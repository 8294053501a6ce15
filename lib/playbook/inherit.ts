import type { VarLayer } from '../inventory/types.ts';
import type { Position } from '../source/errors.ts';
import { type Dict, positionOf, Unsafe, type Value } from '../source/value.ts';
import { isTemplate } from '../templating/templar.ts';
import type { Problems } from './problems.ts';
import type { Authored, Keywords } from './types.ts';

/** Keywords of which the innermost one given counts: field name → as written. */
const OVERRIDING = {
  become: 'become',
  becomeUser: 'become_user',
  becomeMethod: 'become_method',
  becomeFlags: 'become_flags',
  becomeExe: 'become_exe',
  connection: 'connection',
  remoteUser: 'remote_user',
  port: 'port',
  delegateTo: 'delegate_to',
  delegateFacts: 'delegate_facts',
  runOnce: 'run_once',
  ignoreErrors: 'ignore_errors',
  ignoreUnreachable: 'ignore_unreachable',
  anyErrorsFatal: 'any_errors_fatal',
  noLog: 'no_log',
  checkMode: 'check_mode',
  diff: 'diff',
  throttle: 'throttle',
  timeout: 'timeout',
  debugger: 'debugger',
} as const;

type Overriding = keyof typeof OVERRIDING;

const NOTHING = Object.fromEntries(Object.keys(OVERRIDING).map(field => [field, undefined])) as Record<
  Overriding,
  undefined
>;

/** The keywords where nothing is written. */
export const NO_KEYWORDS: Keywords = {
  ...NOTHING,
  when: [],
  tags: [],
  vars: [],
  includeVars: [],
  environment: [],
  notify: [],
  moduleDefaults: [],
  collections: [],
};

/** The value behind a key with its place; undefined when it is absent or empty. */
export function authored(dict: Dict, key: string): Authored | undefined {
  const value = dict.get(key);
  if (value === undefined || value === null) return undefined;
  return { value, at: positionOf(dict, key) ?? NOWHERE };
}

const NOWHERE: Position = { file: '', line: 1, col: 1 };

/** Keywords in force inside `dict`, from those around it and its own. `label` names the dictionary in variable sources. */
export function inherit(outer: Keywords, dict: Dict, label: string, problems: Problems): Keywords {
  const own = (key: string) => authored(dict, key);
  const overriding = Object.fromEntries(
    Object.entries(OVERRIDING).map(([field, key]) => [field, within(outer[field as Overriding], own(key))]),
  ) as Record<Overriding, Authored | undefined>;
  const environment = own('environment');
  const defaults = own('module_defaults');
  const notify = own('notify');
  const collections = own('collections');
  return {
    ...outer,
    ...overriding,
    when: [...outer.when, ...conditions(own('when'))],
    tags: [...new Set([...outer.tags, ...tagsOf(own('tags')?.value)])],
    vars: [...outer.vars, ...varLayers(own('vars'), label, problems)],
    environment: environment ? [...outer.environment, environment] : outer.environment,
    moduleDefaults: defaults ? [...outer.moduleDefaults, defaults] : outer.moduleDefaults,
    notify: notify ? each(notify) : outer.notify,
    collections: collections ? texts(collections.value) : outer.collections,
  };
}

/** A keyword with what it may fall back on. */
const within = (outer: Authored | undefined, own: Authored | undefined): Authored | undefined =>
  own && outer && isTemplate(own.value) ? { ...own, outer } : (own ?? outer);

/** `when` as a list; each entry must hold. */
export function conditions(when: Authored | undefined): Authored[] {
  return when ? each(when) : [];
}

/** The elements of a list, or the value itself when it is not a list, each with its place. */
export function each({ value, at }: Authored): Authored[] {
  if (!Array.isArray(value)) return [{ value, at }];
  return value.map((item, i) => ({ value: item, at: positionOf(value, i) ?? at }));
}

/** A text or list of texts as texts. */
export function texts(value: Value | undefined): string[] {
  if (value === undefined || value === null) return [];
  return (Array.isArray(value) ? value : [value]).map(item => String(item));
}

/** Tags as written; those of `!unsafe` texts as templates that give them back. An entry of a list is one tag, as in Ansible. */
function tagsOf(value: Value | undefined): string[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value.flatMap(tag => (Array.isArray(tag) ? tagsOf(tag) : [tagText(tag)]));
  return value instanceof Unsafe ? [tagText(value)] : splitTags(String(value));
}

function tagText(tag: Value): string {
  const isText = tag instanceof Unsafe && tag.text.includes('{{');
  return isText ? `{{ ${JSON.stringify(tag.text)} }}` : String(tag);
}

/** Tags in one text: `a, b`; a comma inside a template is not a border. */
function splitTags(text: string): string[] {
  const parts = text.match(/(?:\{\{.*?\}\}|\{%.*?%\}|[^,])+/gs) ?? [];
  return parts.map(part => part.trim()).filter(part => part !== '');
}

/** Layers from a `vars:` that is a mapping, or the old list of mappings. */
export function varLayers(vars: Authored | undefined, label: string, problems: Problems): VarLayer[] {
  if (!vars) return [];
  const parts = Array.isArray(vars.value) ? each(vars) : [vars];
  return parts.flatMap(part => {
    if (part.value instanceof Map) return [{ source: `vars of ${label}`, vars: part.value }];
    problems.add('WRONG_TYPE', '"vars" must be a mapping', part.at, 'write "name: value" lines below it');
    return [];
  });
}
