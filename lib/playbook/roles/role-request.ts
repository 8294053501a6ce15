import path from 'node:path';
import type { Position } from '../../source/errors.ts';
import type { Dict } from '../../source/value.ts';
import { authored } from '../inherit.ts';
import { type Load, renderName } from '../load-state.ts';
import { isTrue } from '../tasks/task.ts';
import type { RoleRequest, TaskContext } from '../types.ts';

const FROM = {
  tasksFrom: 'tasks_from',
  varsFrom: 'vars_from',
  defaultsFrom: 'defaults_from',
  handlersFrom: 'handlers_from',
};

/** What an `import_role` asks for, its arguments rendered with what is known before the run. */
export function roleRequest(
  load: Load,
  args: Dict,
  at: Position,
  context: TaskContext,
): RoleRequest | undefined {
  const written = authored(args, 'name') ?? authored(args, 'role');
  if (!written) {
    load.problems.add(
      'MISSING_ARGUMENT',
      'the name of the role is missing',
      at,
      'write "name: ROLE" below it',
    );
    return undefined;
  }
  const name = renderName(load, written, context);
  if (name === undefined) return undefined;
  const from = (key: string) => {
    const value = authored(args, key);
    const text = value && renderName(load, value, context);
    return text === undefined ? undefined : path.basename(text);
  };
  const files = Object.entries(FROM).flatMap(([field, key]) => {
    const file = from(key);
    return file === undefined ? [] : [[field, file]];
  });
  return {
    name,
    ...Object.fromEntries(files),
    public: true,
    allowDuplicates: isTrue(args.get('allow_duplicates') ?? true),
    rolespecValidate: isTrue(args.get('rolespec_validate') ?? true),
  };
}
