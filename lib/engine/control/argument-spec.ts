import { A, Type } from '../../modules/kit/arguments.ts';
import { type Option, specErrors } from '../../playbook/roles/argument-spec.ts';
import { type Json, toPlain, Undefined } from '../../source/value.ts';
import { defineControl } from './control.ts';

/** validate_argument_spec: every option of a role is there, of its type, and one of its choices. */
export const validateArgumentSpec = defineControl({
  name: 'validate_argument_spec',
  summary: 'Checks variables against an argument specification.',
  examples: `
- name: Refuse variables of a wrong type
  validate_argument_spec:
    argument_spec:
      connections: {type: int, required: true}
`,
  args: Type.Object({
    argument_spec: A.dict('Options by name: type, required, choices, default, elements, options.'),
    provided_arguments: A.dict('Values to check instead of the variables.', { default: {} }),
    validate_args_context: A.dict('Where the specification comes from, for messages.', { default: {} }),
  }),
  returns: {
    argument_errors: 'What is wrong, a sentence each.',
    argument_spec_data: 'The specification, when something is wrong.',
    validate_args_context: 'The argument of this name, when something is wrong.',
  },
  run: ({ plain, scope }) => {
    const spec = plain['argument_spec'] as Record<string, Option>;
    const provided = plain['provided_arguments'] as Record<string, Json>;
    const value = (name: string): Json | undefined => {
      if (Object.hasOwn(provided, name)) return provided[name];
      if (!scope.has(name)) return undefined;
      const found = scope.get(name);
      return found instanceof Undefined ? undefined : toPlain(found);
    };
    const errors = specErrors(spec, value);
    if (errors.length === 0) return { result: { changed: false, msg: 'The arg spec validation passed' } };
    const msg = `Validation of arguments failed:\n${errors.join('\n')}`;
    return {
      result: {
        changed: false,
        failed: true,
        msg,
        argument_errors: errors,
        argument_spec_data: spec as unknown as Json,
        validate_args_context: plain['validate_args_context'] ?? {},
      },
    };
  },
});
