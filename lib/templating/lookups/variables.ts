import type { PythonRegex } from '../../source/python/python-regex.ts';
import { PythonRegexError } from '../../source/python/python-regex-syntax.ts';
import { didYouMean } from '../../source/suggest.ts';
import { Undefined, type Value } from '../../source/value.ts';
import type { Context } from '../context.ts';
import { fault } from '../fault.ts';
import { getItem } from '../python/access.ts';
import { str } from '../python/print.ts';
import { typeName } from '../python/types.ts';
import { defined, Missing } from '../python/undefined.ts';
import { type LookupTable, lookup, plainLookup } from './lookup.ts';

/** Lookups of variables and of the environment of the control machine. */
export const variableLookups: LookupTable = {
  config: plainLookup((_context, terms) => terms.map(term => configuration(str(term)))),
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
      const other =
        settings.get('default') ?? hostVariable(vars.get('hostvars'), vars.get('inventory_hostname'), term);
      return (
        other ??
        defined(
          new Missing(term, {
            explain: () => ({
              reason: `No variable found with this name: ${term}`,
              hint: didYouMean(term, vars.names()),
            }),
          }),
        )
      );
    }),
  ),
  varnames: lookup((context, terms) => {
    const { vars } = context;
    const patterns = terms.map(term => searched(context, term));
    const names = [...new Set(vars.names())];
    return patterns.flatMap(pattern => names.filter(name => pattern.search(name) !== undefined));
  }),
};

const invalidName = (term: Value): string =>
  `Invalid setting identifier, "${str(term)}" is not a string, its a ${typeName(term)}`;

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

function configuration(name: string): Value {
  const value = SETTINGS.get(name);
  if (value === undefined)
    throw fault(`the setting "${name}" is not known`, didYouMean(name, SETTINGS.keys()));
  return value;
}
