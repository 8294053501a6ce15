import type { ModuleContext } from '../../modules/kit/define.ts';
import type { Task } from '../../playbook/types.ts';
import { type Dict, type Json, toPlain, Undefined } from '../../source/value.ts';
import { templateVariables } from '../../templating/template-vars.ts';
import { becomeOf } from '../host-session.ts';
import type { HostState } from '../host-state.ts';
import type { PlayRun } from '../run.ts';
import { finished, type Scope } from '../scope.ts';
import type { Secrecy } from '../task/secrecy.ts';
import type { Item } from '../task/task-context.ts';
import { findOrFail } from './find.ts';

/** What a module may know besides its arguments, for one item of a task on one host. */
export function moduleContext(
  run: {
    readonly playRun: PlayRun;
    readonly task: Task;
    readonly host: string;
    readonly state: HostState;
    readonly checkMode: boolean;
    readonly diffMode: boolean;
    readonly secrecy: Secrecy;
  },
  { scope, delegate }: Pick<Item, 'scope' | 'delegate'>,
  args: Dict,
): ModuleContext {
  const { playRun, task, host, state } = run;
  const { templar, files } = playRun.run;
  const argument = (name: string) => {
    const value = args.get(name) ?? null;
    return value === null ? undefined : String(toPlain(value));
  };
  const origin = (file: string) => ({
    name: argument('src') ?? file,
    file,
    dest: argument('dest'),
    managed: playRun.run.options.defaults.managed,
  });
  return {
    host,
    checkMode: run.checkMode,
    diffMode: run.diffMode,
    connectionKind: variable(scope, 'ansible_connection') === 'local' ? 'local' : 'ssh',
    fact: name => state.plainFacts.get(name),
    find: (kind, name) => findOrFail(task, playRun, kind, name),
    read: path => {
      const content = files.read(path);
      if (files.isVault(path)) run.secrecy.hidesDiff = true;
      return content;
    },
    makeSums: path => files.sums.make(path),
    sumOf: (path, kind) => files.sums.of(path, kind),
    renderFile: (text, file, overrides = {}) =>
      templar.renderFile(text, scope.with(finished(templateVariables(origin(file)))), { file, ...overrides }),
    reach: () => ({
      delegate,
      become: becomeOf(playRun.run, task, scope, scope)?.user,
    }),
    variable: name => variable(scope, name),
  };
}

function variable(scope: Scope, name: string): Json | undefined {
  if (!scope.has(name)) return undefined;
  const value = scope.get(name);
  return value instanceof Undefined ? undefined : toPlain(value);
}
