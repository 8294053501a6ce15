import type { Node, Pair, Scalar } from 'yaml';
import type { Finding } from '../finding.ts';
import { itemsOf, type LintFile, pairsOf, textOf } from '../lint-file.ts';
import { type LintPlay, type LintTask, playsOf, tasksOf } from '../tasks.ts';
import { casing, nameFirst } from './tasks.ts';

/** What concerns a play as a whole. */
export function lintPlays(file: LintFile): Finding[] {
  const ofName =
    file.kind === 'playbook' && !/\.ya?ml$/.test(file.path)
      ? [
          file.finding('playbook-extension', 0, 'the name of a playbook ends in .yml', {
            advice: 'rename it',
          }),
        ]
      : [];
  return [...ofName, ...playsOf(file).flatMap(play => lintPlay(file, play))];
}

function lintPlay(file: LintFile, { map, pairs }: LintPlay): Finding[] {
  if ([...pairs.keys()].some(key => key.endsWith('import_playbook'))) return [];
  const name = pairs.get('name')?.value;
  const text = textOf(name)?.trim();
  const found: Finding[] = [];
  const add = (rule: string, at: Node | Pair, message: string, more: Parameters<LintFile['finding']>[3]) =>
    void found.push(file.finding(rule, at, message, more));
  if (!text) add('name[play]', map, 'a play has no name', { advice: 'say what the play is for' });
  else found.push(...casing(file, name!, text, 'a play', true));
  if ([...pairs.keys()].indexOf('name') > 0)
    add('key-order[play]', map, 'the name does not stand first', { fix: nameFirst(file, map) });
  if (pairs.has('become_user') && !pairs.has('become'))
    add('partial-become[play]', map, 'become_user without become', {
      advice: 'add "become: true" beside it',
    });
  if (pairs.has('collections'))
    add('fqcn[keyword]', pairs.get('collections')!, 'the keyword collections', {
      advice: 'write modules and roles with their collection',
    });
  if (pairs.has('vars_prompt'))
    add('no-prompting', pairs.get('vars_prompt')!, 'a play that asks questions', {
      advice: 'take the value from a variable',
    });
  if (textOf(pairs.get('strategy')?.value) === 'free' && pairs.has('run_once'))
    add('run-once[play]', pairs.get('run_once')!, 'run_once has no meaning with the strategy free', {});
  for (const role of itemsOf(pairs.get('roles')?.value)) found.push(...roleName(file, role));
  return found;
}

function roleName(file: LintFile, node: Node): Finding[] {
  const written = textOf(node) ?? textOf((pairsOf(node).get('role') ?? pairsOf(node).get('name'))?.value);
  if (written === undefined || written.includes('{{')) return [];
  if (written.includes('/'))
    return [
      file.finding('role-name[path]', node, `"${written}" is a path`, { advice: 'name the role only' }),
    ];
  const last = written.split('.').at(-1)!;
  if (/^[a-z][a-z0-9_]*$/.test(last)) return [];
  const advice = 'small letters, digits and "_", beginning with a letter';
  return [file.finding('role-name', node, `"${written}" is not a valid role name`, { advice })];
}

/** Names that everybody may set, whatever the pattern. */
const FREE = /^(ansible_|__)/;

/** Names of variables, wherever they are given. */
export function lintVariables(file: LintFile, pattern: RegExp): Finding[] {
  const given: { readonly pair: Pair<Scalar, Node | null>; readonly lines: LintTask['lines'] | undefined }[] =
    [];
  const collect = (node: unknown, lines?: LintTask['lines']) => {
    for (const pair of pairsOf(node).values()) given.push({ pair, lines });
  };
  if (file.kind === 'vars') for (const root of file.roots) collect(root);
  for (const play of playsOf(file)) collect(play.pairs.get('vars')?.value);
  for (const { pairs, call, lines } of tasksOf(file)) {
    collect(pairs.get('vars')?.value, lines);
    if (call?.short === 'set_fact') collect(call.value, lines);
  }
  const names = given.map(({ pair, lines }) => ({
    name: String(pair.key.value),
    at: pair.key as Node,
    lines,
  }));
  for (const { pairs, lines } of tasksOf(file)) {
    const node = pairs.get('register')?.value;
    const name = textOf(node);
    if (name !== undefined) names.push({ name, at: node!, lines });
  }
  return names
    .filter(
      ({ name }) => !FREE.test(name) && !name.includes('{{') && name !== 'cacheable' && !pattern.test(name),
    )
    .map(({ name, at, lines }) =>
      file.finding('var-naming[pattern]', at, `"${name}" is not written like a variable`, {
        advice: 'small letters, digits and "_", beginning with a letter',
        ...(lines && { lines }),
      }),
    );
}

/** A tab within a value of a task. */
export function lintTabs(file: LintFile): Finding[] {
  return tasksOf(file).flatMap(({ call, map, lines }) => {
    if (!call || ['lineinfile', 'replace', 'blockinfile', 'ini_file'].includes(call.short)) return [];
    const values = [call.free, ...call.args.values()];
    if (!values.some(value => typeof value === 'string' && value.includes('\t'))) return [];
    return [file.finding('no-tabs', map, 'a tab within a value', { advice: 'use spaces', lines })];
  });
}
