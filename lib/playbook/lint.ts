import type { Position, SourceError } from '../source/errors.ts';
import { jsonText } from '../source/json.ts';
import { positionOf, toPlain, type Value } from '../source/value.ts';
import { isTemplate, type Templar } from '../templating/templar.ts';
import { missingHandlers, sectionsOf, titleOf } from './listing.ts';
import { eachTask } from './tasks/task-list.ts';
import type { Play, Playbook, Task } from './types.ts';

/** What shows only when a playbook is read as a whole, with its roles. Other rules read a file: lib/lint. */
export interface LintFinding {
  readonly rule: LintRule;
  readonly at: Position;
  readonly message: string;
  readonly advice: string;
}

export type LintRule =
  | 'include-tags'
  | 'missing-handler'
  | 'plain-secret'
  | 'undefined-variable'
  | 'unused-handler';

export interface LintOptions {
  readonly templar: Templar;
  /** Names of variables that an inventory gives to some host, or the command line to all. */
  readonly inventoryNames: ReadonlySet<string>;
}

/** Everything the rules find, in the order of the files. */
export function lintPlaybook(playbook: Playbook, options: LintOptions): LintFinding[] {
  const found = [
    ...playbook.plays.flatMap(play => lintPlay(play, options)),
    ...missingHandlers(playbook).map(missingHandler),
  ];
  const seen = new Set<string>();
  return found.filter(({ rule, at, message }) => {
    const key = `${rule} ${at.file}:${at.line}:${at.col} ${message}`;
    return !seen.has(key) && seen.add(key);
  });
}

const missingHandler = ({ message, hint, position }: SourceError): LintFinding => ({
  rule: 'missing-handler',
  at: position ?? { file: '', line: 1, col: 1 },
  message,
  advice: hint ?? 'define it: the run stops when it is notified',
});

function lintPlay(play: Play, options: LintOptions): LintFinding[] {
  const tasks = [...sectionsOf(play), play.handlers]
    .flatMap(nodes => [...eachTask(nodes)])
    .filter(task => !task.implicit);
  const known = knownNames(play, tasks, options);
  return [
    ...tasks.flatMap(includeTags),
    ...unusedHandlers(play, tasks),
    ...plainSecrets(play, tasks),
    ...(known ? tasks.flatMap(task => undefinedVariables(task, known, options)) : []),
  ];
}

function includeTags(task: Task): LintFinding[] {
  if (task.module.traits?.brings === undefined || task.args.has('apply')) return [];
  const own = task.tags.filter(tag => !task.outer.tags.includes(tag) && tag !== 'always' && tag !== 'never');
  if (own.length === 0) return [];
  const advice = 'add apply: {tags: …}, or use the import form';
  return [
    {
      rule: 'include-tags',
      at: task.at,
      message: `tags [${own.join(', ')}] select the include, not the tasks it brings`,
      advice,
    },
  ];
}

function unusedHandlers(play: Play, tasks: readonly Task[]): LintFinding[] {
  const notified = new Set(tasks.flatMap(task => task.notify.map(({ value }) => String(value))));
  if ([...notified].some(isTemplate) || tasks.some(task => task.module.traits?.brings !== undefined))
    return [];
  return [...eachTask(play.handlers)]
    .filter(handler => handler.name !== undefined && !isTemplate(handler.name))
    .filter(handler => ![handler.name!, titleOf(handler), ...handler.listen].some(name => notified.has(name)))
    .map(handler => ({
      rule: 'unused-handler',
      at: handler.at,
      message: `nothing notifies the handler "${handler.name}"`,
      advice: 'remove it, or notify it',
    }));
}

const SECRET_NAME = /(^|_)(password|passwd|passphrase|secret|token|api_?key|private_key)$/i;

function plainSecrets(play: Play, tasks: readonly Task[]): LintFinding[] {
  const layers = [
    ...play.vars,
    ...play.roles.flatMap(role => [...role.own.defaults, ...role.own.vars]),
    ...tasks.flatMap(task => task.vars),
  ];
  return layers.flatMap(({ vars }) =>
    [...vars]
      .filter(([name, value]) => SECRET_NAME.test(String(name)) && isPlainSecret(value))
      .map(
        ([name]): LintFinding => ({
          rule: 'plain-secret',
          at: positionOf(vars, name) ?? play.at,
          message: `"${String(name)}" is a secret in plain text`,
          advice: 'encrypt it: polarplay vault encrypt-string',
        }),
      ),
  );
}

const isPlainSecret = (value: Value): boolean =>
  typeof value === 'string' && value !== '' && !isTemplate(value);

const MAGIC = new Set([
  'item',
  'omit',
  'hostvars',
  'groups',
  'group_names',
  'inventory_hostname',
  'inventory_hostname_short',
  'inventory_dir',
  'inventory_file',
  'play_hosts',
  'playbook_dir',
  'role_path',
  'role_name',
  'vars',
  'environment',
  'lookup',
  'query',
  'q',
  'range',
  'dict',
  'namespace',
  'now',
  'undef',
  'loop',
  'true',
  'false',
  'none',
  'True',
  'False',
  'None',
  'cycler',
  'joiner',
  'template_path',
  'template_host',
  'self',
  'caller',
  'varargs',
  'kwargs',
  'lipsum',
]);

/** Names that can be known before a run; undefined when files chosen at run time may bring others. */
function knownNames(
  play: Play,
  tasks: readonly Task[],
  { inventoryNames }: LintOptions,
): ReadonlySet<string> | undefined {
  if (tasks.some(task => task.module.name === 'include_vars' || task.module.traits?.brings)) return undefined;
  if (play.varsFiles.some(({ value }) => isTemplate(toPlain(value)))) return undefined;
  const names = new Set([...MAGIC, ...inventoryNames, ...play.varsPrompt.map(({ name }) => name)]);
  const layers = [
    ...play.vars,
    ...play.roles.flatMap(role => [...role.defaults, ...role.vars, ...(role.params ? [role.params] : [])]),
  ];
  for (const { vars } of [...layers, ...tasks.flatMap(task => [...task.vars, ...task.includeVars])]) {
    for (const name of vars.keys()) names.add(String(name));
  }
  for (const task of tasks) {
    if (task.register !== undefined) names.add(task.register);
    if (task.loop)
      for (const name of [task.loop.loopVar, task.loop.indexVar]) if (name !== undefined) names.add(name);
    if (task.module.name === 'set_fact' || task.module.name === 'add_host')
      for (const name of task.args.keys()) names.add(String(name));
  }
  return play.varsFiles.length > 0 ? undefined : names;
}

function undefinedVariables(task: Task, known: ReadonlySet<string>, { templar }: LintOptions): LintFinding[] {
  const texts: (readonly [Value, 'template' | 'expression', Position])[] = [
    [task.args, 'template', task.argsAt],
    ...task.when.map(
      ({ value, at }) =>
        [value, isTemplate(value) ? ('template' as const) : ('expression' as const), at] as const,
    ),
    ...(task.loop ? [[task.loop.items.value, 'template', task.loop.items.at] as const] : []),
  ];
  return texts.flatMap(([value, kind, at]) =>
    [...templar.references(value, kind)]
      .filter(name => !known.has(name) && !name.startsWith('ansible_') && !isGuarded(name, value))
      .map(
        (name): LintFinding => ({
          rule: 'undefined-variable',
          at,
          message: `nobody defines "${name}"`,
          advice: 'define it in vars, defaults or the inventory (-i), or give it a default',
        }),
      ),
  );
}

/** The author expects that it may be missing. */
function isGuarded(name: string, value: Value): boolean {
  const text = jsonText(toPlain(value));
  return (
    new RegExp(`\\b${name}\\b[^|{}]*(\\|\\s*(default|d)\\b|is\\s+(not\\s+)?(defined|undefined))`).test(
      text,
    ) || /{%/.test(text)
  );
}
