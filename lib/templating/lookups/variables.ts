import type { PythonRegex } from '../../source/python/python-regex.ts';
import { PythonRegexError } from '../../source/python/python-regex-syntax.ts';
import { didYouMean } from '../../source/suggest.ts';
import { type Dict, Undefined, type Value } from '../../source/value.ts';
import type { Context } from '../context.ts';
import { fault } from '../fault.ts';
import { getItem } from '../python/access.ts';
import { str } from '../python/print.ts';
import { className } from '../python/types.ts';
import { defined, Missing, orElse } from '../python/undefined.ts';
import { type LookupTable, lookup, plainLookup } from './lookup.ts';

/** Lookups of variables and of the environment of the control machine. */
export const variableLookups: LookupTable = {
  config: plainLookup((context, terms, options) =>
    terms.flatMap(term => configuration(context, term, options)),
  ),
  env: lookup(({ options }, terms, settings) =>
    terms.map(term => {
      const value = options.env[str(term)];
      if (value !== undefined && value !== '') return value;
      const other = settings.get('default');
      return other instanceof Undefined ? defined(other) : (value ?? other ?? '');
    }),
  ),
  vars: plainLookup(({ vars }, terms, settings) =>
    terms.map(term => {
      if (typeof term !== 'string') throw fault(invalidName(term));
      const value = vars.get(term);
      if (!(value instanceof Undefined)) return value;
      const ofHost = () => hostVariable(vars.get('hostvars'), vars.get('inventory_hostname'), term);
      // None as the default counts as left out, as in Ansible.
      const other = settings.get('default') ?? undefined;
      return defined(orElse(other, () => orElse(ofHost(), () => unknownVariable(term, vars.names()))));
    }),
  ),
  varnames: lookup((context, terms) => {
    const { vars } = context;
    const patterns = terms.map(term => searched(context, term));
    const names = [...new Set(vars.names())];
    return patterns.flatMap(pattern => names.filter(name => pattern.search(name) !== undefined));
  }),
};

const unknownVariable = (name: string, names: Iterable<string>): Missing =>
  new Missing(name, {
    explain: () => ({
      reason: `No variable found with this name: ${name}`,
      hint: didYouMean(name, names),
    }),
  });

const invalidName = (term: Value): string =>
  `Invalid setting identifier, "${str(term)}" is not a string, its a ${className(term)}`;

function searched(context: Context, term: Value): PythonRegex {
  if (typeof term !== 'string') throw fault(invalidName(term));
  try {
    return context.regex(term, {});
  } catch (error) {
    if (!(error instanceof PythonRegexError)) throw error;
    throw fault(`Unable to use "${term}" as a search parameter: ${error.message}`);
  }
}

function hostVariable(hostvars: Value, host: Value, name: string): Value | undefined {
  if (!(hostvars instanceof Map) || typeof host !== 'string') return undefined;
  const own = getItem(hostvars, host);
  return own === undefined ? undefined : getItem(own, name);
}

/** Settings of Ansible that playbooks ask for, with the values that hold here. */
const SETTINGS: ReadonlyMap<string, Value> = new Map<string, Value>([
  ['DEFAULT_FORKS', 5],
  ['DEFAULT_BECOME', false],
  ['DEFAULT_BECOME_METHOD', 'sudo'],
  ['DEFAULT_BECOME_USER', 'root'],
  ['DEFAULT_GATHERING', 'implicit'],
  ['DEFAULT_HASH_BEHAVIOUR', 'replace'],
  ['DEFAULT_JINJA2_NATIVE', true],
  ['DEFAULT_MANAGED_STR', 'Ansible managed'],
  ['DEFAULT_STRATEGY', 'linear'],
  ['DEFAULT_TIMEOUT', 10],
  ['DEFAULT_TRANSPORT', 'ssh'],
]);

/** The setting of a plugin of Ansible that a variable of the host may give: the option, the variables, the value without. */
const PLUGIN_SETTINGS: ReadonlyMap<string, readonly [variables: readonly string[], other: Value]> = new Map<
  string,
  readonly [readonly string[], Value]
>([
  ['connection ssh remote_user', [['ansible_user', 'ansible_ssh_user'], null]],
  ['connection ssh port', [['ansible_port', 'ansible_ssh_port'], 22]],
  ['connection ssh host', [['ansible_host', 'ansible_ssh_host', 'inventory_hostname'], null]],
  ['connection ssh password', [['ansible_password', 'ansible_ssh_password', 'ansible_ssh_pass'], null]],
  ['shell sh remote_tmp', [['ansible_remote_tmp'], '~/.ansible/tmp']],
]);

function pluginSetting({ vars }: Context, path: string): Value | undefined {
  const known = PLUGIN_SETTINGS.get(path);
  if (!known) return undefined;
  const [names, other] = known;
  const name = names.find(variable => vars.has(variable));
  return name === undefined ? other : vars.get(name);
}

const MISSING_WORDS = ['error', 'skip', 'warn'];

/** A setting, or nothing where `on_missing` says that one which is not known does no harm. */
function configuration(context: Context, term: Value, options: Dict): Value[] {
  const onMissing = str(options.get('on_missing') ?? 'error');
  const [type, plugin] = [options.get('plugin_type'), options.get('plugin_name')].map(value => value ?? null);
  if ((type === null) !== (plugin === null))
    throw fault('Both plugin_type and plugin_name are required, cannot use one without the other');
  if (!MISSING_WORDS.includes(onMissing))
    throw fault(`Invalid value "${onMissing}" for on_missing, valid values are: ${MISSING_WORDS.join(', ')}`);
  if (typeof term !== 'string') throw fault(invalidName(term));
  const value =
    plugin === null ? SETTINGS.get(term) : pluginSetting(context, `${str(type!)} ${str(plugin!)} ${term}`);
  if (value !== undefined) return [value];
  if (onMissing !== 'error') return [];
  throw fault(`Unable to find setting ${term}`, didYouMean(term, SETTINGS.keys()));
}
