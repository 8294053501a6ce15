import { nearest } from '../source/suggest.ts';

/** ansible-lint's profiles, each with the rules of those before it. */
export const PROFILES = ['min', 'basic', 'moderate', 'safety', 'shared', 'production'] as const;

export type Profile = (typeof PROFILES)[number];

export interface Rule {
  /** `name[casing]`: the part in brackets names one of the things that a rule of the family `name` finds. */
  readonly id: string;
  readonly profile: Profile;
  readonly summary: string;
  readonly tags: readonly string[];
  /** Only where `enable_list` names it. */
  readonly optIn?: true;
  /** Not one of ansible-lint's. */
  readonly own?: true;
  /** `--fix` mends it, at least in its usual forms. */
  readonly fixed?: true;
}

const rule = (
  id: string,
  profile: Profile,
  tags: string,
  summary: string,
  more: Pick<Rule, 'optIn' | 'own' | 'fixed'> = {},
): Rule => ({ id, profile, summary, tags: tags.split(' '), ...more });

const FIXED = { fixed: true } as const;
const OPT_IN = { optIn: true } as const;
const OWN = { own: true } as const;

/** Every rule. A family without brackets stands for all findings of it that have no line of their own. */
export const RULES: readonly Rule[] = [
  rule('load-failure', 'min', 'core unskippable', 'A file cannot be read as YAML.'),
  rule('syntax-check', 'min', 'core unskippable', 'A run would stop before its first task.'),
  rule('args', 'basic', 'syntax', 'An argument that a module does not take, or lacks.'),
  rule('schema', 'basic', 'core', 'A keyword at the wrong place, or a value of the wrong type.'),
  rule('jinja[invalid]', 'basic', 'formatting', 'A template that cannot be evaluated.'),
  rule('jinja[spacing]', 'basic', 'formatting', 'Spaces inside of templates.', FIXED),
  rule(
    'command-instead-of-module',
    'basic',
    'command-shell idiom',
    'A command where a module does the work.',
  ),
  rule(
    'command-instead-of-shell',
    'basic',
    'command-shell idiom',
    'A shell for a command without shell syntax.',
    FIXED,
  ),
  rule('deprecated-bare-vars', 'basic', 'deprecations', 'A loop over a bare word.'),
  rule(
    'deprecated-command-syntax',
    'basic',
    'command-shell deprecations',
    'A command for what the module file does.',
  ),
  rule('deprecated-local-action', 'basic', 'deprecations', 'local_action instead of delegate_to.'),
  rule('deprecated-module', 'basic', 'deprecations', 'A module that Ansible no longer has.'),
  rule('inline-env-var', 'basic', 'command-shell idiom', 'An environment variable within a command.'),
  rule('key-order[play]', 'basic', 'formatting', 'A play begins with its name.', FIXED),
  rule(
    'key-order[task]',
    'basic',
    'formatting',
    'A task begins with its name, a block ends with its tasks.',
    FIXED,
  ),
  rule('literal-compare', 'basic', 'idiom', 'A comparison with true or false.'),
  rule('name[missing]', 'basic', 'idiom', 'A task without a name.'),
  rule('name[play]', 'basic', 'idiom', 'A play without a name.'),
  rule('name[casing]', 'moderate', 'idiom', 'A name that begins with a small letter.', FIXED),
  rule('name[template]', 'moderate', 'idiom', 'A template in a name, and not at its end.'),
  rule('no-jinja-when', 'basic', 'deprecations', 'Braces in a condition, which is an expression already.'),
  rule('no-tabs', 'basic', 'formatting', 'A tab in a value.'),
  rule('partial-become[play]', 'basic', 'unpredictability', 'become_user without become in a play.'),
  rule('partial-become[task]', 'basic', 'unpredictability', 'become_user without become in a task.'),
  rule('playbook-extension', 'basic', 'formatting', 'A playbook whose name does not end in .yml or .yaml.'),
  rule('role-name', 'basic', 'deprecations metadata', 'A role whose name is not one.'),
  rule('run-once[play]', 'basic', 'idiom', 'run_once with the strategy free.'),
  rule('run-once[task]', 'basic', 'idiom', 'run_once with the strategy free.'),
  rule('var-naming[pattern]', 'basic', 'idiom', 'A variable with capital letters or odd characters.'),
  rule('yaml[braces]', 'basic', 'formatting yaml', 'Spaces inside of braces.', FIXED),
  rule('yaml[brackets]', 'basic', 'formatting yaml', 'Spaces inside of brackets.', FIXED),
  rule('yaml[colons]', 'basic', 'formatting yaml', 'Spaces around colons.', FIXED),
  rule('yaml[commas]', 'basic', 'formatting yaml', 'Spaces around commas.', FIXED),
  rule('yaml[comments]', 'basic', 'formatting yaml', 'A comment begins with "# ".', FIXED),
  rule(
    'yaml[empty-lines]',
    'basic',
    'formatting yaml',
    'More than two empty lines, or some at the end.',
    FIXED,
  ),
  rule('yaml[hyphens]', 'basic', 'formatting yaml', 'More than one space behind a hyphen.'),
  rule('yaml[indentation]', 'basic', 'formatting yaml', 'Indentation that is not the same everywhere.'),
  rule('yaml[key-duplicates]', 'basic', 'formatting yaml', 'A key that is given twice.'),
  rule('yaml[line-length]', 'basic', 'formatting yaml', 'A line of more than 160 characters.'),
  rule('yaml[new-line-at-end-of-file]', 'basic', 'formatting yaml', 'A last line without an end.', FIXED),
  rule('yaml[new-lines]', 'basic', 'formatting yaml', 'Line ends of Windows.', FIXED),
  rule('yaml[octal-values]', 'basic', 'formatting yaml', 'An octal number without quotes.', FIXED),
  rule('yaml[trailing-spaces]', 'basic', 'formatting yaml', 'Spaces at the end of a line.', FIXED),
  rule('yaml[truthy]', 'basic', 'formatting yaml', 'yes, no, on, off instead of true, false.', FIXED),
  rule('include-tags', 'basic', 'idiom', 'Tags of an include, which its tasks do not get.', OWN),
  rule('missing-handler', 'basic', 'idiom', 'A handler is notified that does not exist.', OWN),
  rule('undefined-variable', 'basic', 'idiom', 'A variable that nobody defines.', OWN),
  rule('unused-handler', 'basic', 'idiom', 'A handler that nothing notifies.', OWN),
  rule('no-free-form', 'moderate', 'syntax risk', 'Arguments as "key=value" text.', FIXED),
  rule('avoid-implicit', 'safety', 'unpredictability', 'A mapping as content of a file.'),
  rule('latest[git]', 'safety', 'idempotency', 'The newest commit, whatever it is.'),
  rule('package-latest', 'safety', 'idempotency', 'The newest version of a package, whatever it is.'),
  rule('plain-secret', 'safety', 'security', 'A secret in plain text.', OWN),
  rule('risky-file-permissions', 'safety', 'unpredictability', 'A new file whose permissions nobody chose.'),
  rule('risky-octal', 'safety', 'formatting', 'Permissions as a decimal number.'),
  rule('risky-shell-pipe', 'safety', 'command-shell', 'A pipe that hides a failure.'),
  rule('ignore-errors', 'shared', 'unpredictability', 'All failures are ignored.'),
  rule(
    'no-changed-when',
    'shared',
    'command-shell idempotency',
    'A command that counts as changed in each run.',
  ),
  rule('no-handler', 'shared', 'idiom', 'A task that runs after a change: a handler.'),
  rule('no-relative-paths', 'shared', 'idiom', 'A file outside of files/ and templates/.'),
  rule('fqcn[action-core]', 'production', 'formatting', 'A module of Ansible by its short name.', FIXED),
  rule('fqcn[action]', 'production', 'formatting', 'A module of a collection by its short name.', FIXED),
  rule('fqcn[canonical]', 'production', 'formatting', 'A module by an old name.', FIXED),
  rule('fqcn[keyword]', 'production', 'formatting', 'The keyword collections instead of whole names.'),
  rule('empty-string-compare', 'production', 'idiom', 'A comparison with the empty text.', OPT_IN),
  rule('loop-var-prefix', 'production', 'idiom', 'A loop of a role over the plain name item.', OPT_IN),
  rule(
    'no-log-password',
    'production',
    'security experimental',
    'A password in a loop without no_log.',
    OPT_IN,
  ),
  rule('no-prompting', 'production', 'opt-in', 'A play that asks questions.', OPT_IN),
  rule('no-same-owner', 'production', 'opt-in', 'Owners of the control machine on the hosts.', OPT_IN),
  rule('only-builtins', 'production', 'experimental', 'A module that is not one of Ansible itself.', OPT_IN),
];

const BY_ID: ReadonlyMap<string, Rule> = new Map(RULES.map(one => [one.id, one]));

/** `name[casing]` → `name`. */
export const familyOf = (id: string): string => id.replace(/\[.*/, '');

/** The rule of a finding. */
export function ruleOf(id: string): Rule {
  const found = BY_ID.get(id) ?? BY_ID.get(familyOf(id));
  if (!found) throw new Error(`no rule "${id}"`);
  return found;
}

/** Whether a word of a skip list, a `# noqa` or a flag means a rule: its id, its family, or one of its tags. */
export function means(word: string, id: string): boolean {
  const { tags, optIn } = ruleOf(id);
  return word === id || word === familyOf(id) || tags.includes(word) || (word === 'opt-in' && optIn === true);
}

/** Everything such a word may be. */
export function knownWords(): ReadonlySet<string> {
  return new Set([...RULES.flatMap(({ id, tags }) => [id, familyOf(id), ...tags]), 'opt-in']);
}

/** What was meant by a word that names no rule. */
export const nearRule = (word: string): string | undefined => nearest(word, knownWords());

export const isProfile = (name: string): name is Profile => (PROFILES as readonly string[]).includes(name);

/** Whether a profile has a rule. */
export const inProfile = (id: string, profile: Profile): boolean =>
  PROFILES.indexOf(ruleOf(id).profile) <= PROFILES.indexOf(profile);
