import { isTemplate } from '../templating/templar.ts';
import { tasksOf } from './listing.ts';
import type { Playbook } from './types.ts';

/** Groups that tasks of the playbook make by name: such a group may not be there, and its name is not a typing error. */
export function groupsMade({ plays }: Playbook): readonly string[] {
  const named = plays.flatMap(play =>
    tasksOf(play).flatMap(({ module, args }) =>
      (module.traits?.makesGroups ?? []).flatMap(argument => args.get(argument) ?? []),
    ),
  );
  return named
    .flatMap(value => (Array.isArray(value) ? value : [value]))
    .flatMap(value => (typeof value === 'string' ? value.split(',') : []))
    .map(name => name.trim())
    .filter(name => name !== '' && !isTemplate(name));
}
