import type { Authored, Task } from '../playbook/types.ts';
import { SourceError } from '../source/errors.ts';
import { emptyRecord } from '../source/record.ts';
import { type Json, toPlain, Undefined, type Value } from '../source/value.ts';
import type { Become, Connection } from '../transport/connection.ts';
import { becomeMethod, noBecomeMethod } from '../transport/shell/become.ts';
import type { Run } from './run.ts';
import type { Scope } from './scope.ts';
import { keywordValue, trueOrFalse } from './task/keyword.ts';

/** Variables that say how to reach a host. */
const CONNECTION_VARIABLES = [
  'ansible_connection',
  'ansible_host',
  'ansible_ssh_host',
  'ansible_port',
  'ansible_ssh_port',
  'ansible_user',
  'ansible_ssh_user',
  'ansible_password',
  'ansible_ssh_pass',
  'ansible_ssh_password',
  'ansible_ssh_private_key_file',
  'ansible_private_key_file',
  'ansible_ssh_common_args',
  'ansible_ssh_extra_args',
  'ansible_ssh_args',
  'ansible_host_key_checking',
  'ansible_ssh_host_key_checking',
  'ansible_timeout',
  'ansible_ssh_timeout',
  'ansible_ssh_retries',
] as const;

/** Opens (or reuses) the way to the host a task works on, as the user it works as. */
export async function openConnection(
  run: Run,
  task: Task,
  host: string,
  own: Scope,
  target: Scope,
): Promise<Connection> {
  const connection = await run.connections.open(host, connectionVariables(run, task, own, target));
  const become = becomeOf(run, task, own, target);
  return become ? connection.as(become) : connection;
}

function connectionVariables(run: Run, task: Task, own: Scope, target: Scope): Record<string, Json> {
  const variables = emptyRecord<Json>();
  const keyword = (name: string, authored: Authored | undefined) => {
    const value = keywordValue(run.templar, authored, own);
    if (value !== undefined) variables[name] = value;
  };
  keyword('ansible_connection', task.connection);
  keyword('ansible_user', task.remoteUser);
  keyword('ansible_port', task.port);
  for (const name of CONNECTION_VARIABLES) {
    // Keywords win over flags and settings, and lose to the inventory.
    if (name in variables && target.layerOf(name)?.vars === run.flagVars.vars) continue;
    const value = peek(target, name);
    if (value !== undefined) variables[name] = value;
  }
  return variables;
}

/** A variable as plain JSON, or undefined; does not count as used by the task. */
function peek(scope: Scope, name: string): Json | undefined {
  if (!scope.isGiven(name)) return undefined;
  const value: Value = scope.get(name);
  return value instanceof Undefined || value === null ? undefined : toPlain(value);
}

/** The user that the task becomes: `ansible_become*` variables win over keywords, keywords over flags, as in Ansible. */
export function becomeOf(run: Run, task: Task, own: Scope, target: Scope): Become | undefined {
  const value = (
    names: readonly string[],
    authored: Authored | undefined,
    flag: Json | undefined,
  ): Json | undefined => {
    for (const name of names) {
      const variable = peek(target, name);
      if (variable !== undefined) return variable;
    }
    const written = keywordValue(run.templar, authored, own);
    return written === undefined ? flag : written;
  };
  const flags = run.options.become;
  const wanted = value(['ansible_become'], task.become, flags.enabled) ?? false;
  if (!trueOrFalse(wanted, task.become?.at)) return undefined;
  const named = String(value(['ansible_become_method'], task.becomeMethod, flags.method) ?? 'sudo');
  const method = becomeMethod(named);
  if (!method) {
    const { message, hint } = noBecomeMethod(named);
    throw new SourceError('BAD_VALUE', message, task.becomeMethod?.at, hint);
  }
  const password = value(
    ['ansible_become_password', 'ansible_become_pass', `ansible_${method}_pass`],
    undefined,
    flags.password,
  );
  const becomeFlags = value(['ansible_become_flags'], task.becomeFlags, undefined);
  const executable = value(['ansible_become_exe'], task.becomeExe, undefined);
  return {
    method,
    user: String(value(['ansible_become_user'], task.becomeUser, flags.user) ?? 'root'),
    ...(password !== undefined && { password: String(password) }),
    ...(becomeFlags !== undefined && { flags: String(becomeFlags) }),
    ...(executable !== undefined && { executable: String(executable) }),
  };
}
