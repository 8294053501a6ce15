import type { VarLayer } from '../inventory/types.ts';
import { SourceError } from '../source/errors.ts';
import { positionOf } from '../source/value.ts';
import { isTemplate } from '../templating/templar.ts';
import { becomeMethod, noBecomeMethod } from '../transport/become.ts';

/** Variables about the connection whose value can mean nothing, found before a host is contacted. */
export function connectionVariableMistakes(layers: readonly VarLayer[]): SourceError[] {
  const given = new Map(layers.map(layer => [layer.vars, layer]));
  return [...given.keys()].flatMap(vars => {
    const value = vars.get('ansible_become_method');
    if (value === undefined || value === null || isTemplate(value)) return [];
    if (becomeMethod(String(value))) return [];
    const { message, hint } = noBecomeMethod(String(value));
    return [new SourceError('BAD_VALUE', message, positionOf(vars, 'ansible_become_method'), hint)];
  });
}
