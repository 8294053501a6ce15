import { join } from 'node:path';
import { SourceError } from '../source/errors.ts';
import { didYouMean } from '../source/suggest.ts';
import { type Dict, keyPositionOf, positionOf, type Value } from '../source/value.ts';
import { displayPath, FileReader, isFile } from '../source/yaml/read-yaml.ts';
import { isProfile, knownWords, nearRule, PROFILES, type Profile } from './catalogue.ts';

/** What `.ansible-lint` says, as far as it counts here. */
export interface LintConfig {
  readonly profile: Profile | undefined;
  readonly skip: readonly string[];
  readonly warn: readonly string[];
  readonly enable: readonly string[];
  /** Files and folders that are left out, relative to the project. */
  readonly exclude: readonly string[];
  readonly strict: boolean;
  readonly variables: RegExp;
  /** Rules and files of `.ansible-lint-ignore`. */
  readonly ignored: readonly { readonly file: string; readonly rule: string }[];
}

export const FILES = [
  '.ansible-lint',
  '.ansible-lint.yml',
  '.ansible-lint.yaml',
  '.config/ansible-lint.yml',
  '.config/ansible-lint.yaml',
];
const IGNORE_FILES = ['.ansible-lint-ignore', '.config/ansible-lint-ignore.txt'];

const USED = [
  'profile',
  'skip_list',
  'warn_list',
  'enable_list',
  'exclude_paths',
  'strict',
  'var_naming_pattern',
];
/** What ansible-lint knows besides, which has no meaning or no counterpart here. */
const PASSED_OVER =
  `display_relative_path enable_list extra_vars kinds loop_var_prefix max_block_depth max_tasks mock_filters mock_modules
mock_roles offline only_builtins_allow_collections only_builtins_allow_modules parseable progressive project_dir quiet rules
rulesdir sarif_file supported_ansible_also skip_action_validation skip_list tags task_name_prefix use_default_rules verbosity
write_list write_exclude_list yamllint_file`.split(/\s+/);

const VARIABLE_NAME = /^[a-z_][a-z0-9_]*$/;

/** Reads the settings of a project. Throws SourceError for what cannot be meant. */
export function readConfig(project: string, named: string | undefined): LintConfig {
  const file = named ?? FILES.map(name => join(project, name)).find(isFile);
  const dict: Dict = file === undefined ? new Map() : new FileReader().vars(file);
  for (const key of dict.keys()) {
    const name = String(key);
    if (USED.includes(name) || PASSED_OVER.includes(name)) continue;
    throw new SourceError(
      'UNKNOWN_KEY',
      `"${name}" is not a setting of ansible-lint`,
      keyPositionOf(dict, key),
      didYouMean(name, USED),
    );
  }
  return {
    profile: profileOf(dict),
    skip: rules(dict, 'skip_list'),
    warn: rules(dict, 'warn_list'),
    enable: rules(dict, 'enable_list'),
    exclude: texts(dict, 'exclude_paths'),
    strict: dict.get('strict') === true,
    variables: pattern(dict),
    ignored: readIgnored(project),
  };
}

function profileOf(dict: Dict): Profile | undefined {
  const value = dict.get('profile') ?? null;
  if (value === null) return undefined;
  if (typeof value === 'string' && isProfile(value)) return value;
  const hint = didYouMean(String(value), PROFILES) ?? `profiles are ${PROFILES.join(', ')}`;
  throw new SourceError(
    'BAD_VALUE',
    `there is no profile "${String(value)}"`,
    positionOf(dict, 'profile'),
    hint,
  );
}

function texts(dict: Dict, name: string): readonly string[] {
  const value = dict.get(name) ?? [];
  const isList = Array.isArray(value) && value.every(item => typeof item === 'string');
  if (isList) return value as string[];
  throw new SourceError('WRONG_TYPE', `"${name}" must be a list of texts`, positionOf(dict, name));
}

/** Words for rules; a rule of ansible-lint that we do not have may stand in the list all the same. */
function rules(dict: Dict, name: string): readonly string[] {
  const known = knownWords();
  const list = texts(dict, name);
  for (const [i, word] of list.entries()) {
    const near = known.has(word) ? undefined : nearRule(word);
    if (near !== undefined && !/\[/.test(word))
      throw new SourceError(
        'BAD_VALUE',
        `no rule "${word}"`,
        positionOf(dict.get(name) as Value[], i),
        `did you mean "${near}"?`,
      );
  }
  return list;
}

function pattern(dict: Dict): RegExp {
  const value = dict.get('var_naming_pattern');
  if (value === undefined) return VARIABLE_NAME;
  try {
    return new RegExp(String(value));
  } catch {
    throw new SourceError(
      'BAD_VALUE',
      'var_naming_pattern is not a regular expression',
      positionOf(dict, 'var_naming_pattern'),
    );
  }
}

function readIgnored(project: string): LintConfig['ignored'] {
  const file = IGNORE_FILES.map(name => join(project, name)).find(isFile);
  if (file === undefined) return [];
  const lines = new FileReader().read(file).toString('utf8').split('\n');
  return lines.flatMap((line, i) => {
    const words = line.replace(/#.*/, '').trim().split(/\s+/);
    if (words[0] === '') return [];
    const [path, rule] = words;
    if (path === undefined || rule === undefined)
      throw new SourceError('BAD_VALUE', 'a line is a file and a rule', {
        file: displayPath(file),
        line: i + 1,
        col: 1,
      });
    return [{ file: path, rule }];
  });
}
