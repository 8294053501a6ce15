import { type Option, optionErrors } from '../../playbook/argument-spec.ts';
import { type Json, toPlain, Undefined } from '../../source/value.ts';
import type { Control } from './control.ts';

/** validate_argument_spec: every option of a role is there, of its type, and one of its choices. */
export const validateArgumentSpec: Control = ({ plain, scope }) => {
  const spec = plain['argument_spec'] as Record<string, Option>;
  const provided = plain['provided_arguments'] as Record<string, Json>;
  const value = (name: string): Json | undefined => {
    if (Object.hasOwn(provided, name)) return provided[name];
    if (!scope.has(name)) return undefined;
    const found = scope.get(name);
    return found instanceof Undefined ? undefined : toPlain(found);
  };
  const errors = Object.entries(spec).flatMap(([name, option]) => optionErrors(name, option, value(name)));
  if (errors.length === 0) return { result: { changed: false, msg: 'The arg spec validation passed' } };
  const msg = `Validation of arguments failed:\n${errors.join('\n')}`;
  return {
    result: {
      changed: false,
      failed: true,
      msg,
      argument_errors: errors,
      argument_spec_data: spec as unknown as Json,
    },
  };
};
