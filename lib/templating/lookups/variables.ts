import { Undefined, type Value } from '../../source/value.ts';
import { fault } from '../fault.ts';
import { getItem, nearest } from '../python/access.ts';
import { str } from '../python/print.ts';
import { defined, Missing } from '../python/undefined.ts';
import { type LookupTable, lookup } from './lookup.ts';

/** Lookups of variables and of the environment of the control machine. */
export const variableLookups: LookupTable = {
  env: lookup(({ options }, terms, settings) =>
    terms.map(term => {
      const value = options.env[str(term)];
      if (value !== undefined && value !== '') return value;
      const other = settings.get('default');
      return other instanceof Undefined ? defined(other) : (value ?? other ?? '');
    }),
  ),
  vars: lookup(({ vars }, terms, settings) =>
    terms.map(term => {
      if (typeof term !== 'string') throw fault('the name of a variable must be text');
      const value = vars.get(term);
      if (!(value instanceof Undefined)) return value;
      const other =
        settings.get('default') ?? hostVariable(vars.get('hostvars'), vars.get('inventory_hostname'), term);
      return other ?? defined(new Missing(term, { explain: () => ({ hint: near(term, vars.names()) }) }));
    }),
  ),
  varnames: lookup(({ vars, regex }, terms) => {
    const patterns = terms.map(term => regex(str(term), {}));
    const names = [...new Set(vars.names())];
    return patterns.flatMap(pattern =>
      names.filter(name => {
        pattern.lastIndex = 0;
        return pattern.test(name);
      }),
    );
  }),
};

function hostVariable(hostvars: Value, host: Value, name: string): Value | undefined {
  if (!(hostvars instanceof Map) || typeof host !== 'string') return undefined;
  const own = getItem(hostvars, host);
  return own === undefined ? undefined : getItem(own, name);
}

function near(name: string, names: Iterable<string>): string | undefined {
  const found = nearest(name, [...names]);
  return found && `did you mean "${found}"?`;
}
