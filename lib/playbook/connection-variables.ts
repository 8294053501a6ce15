import type { VarLayer } from '../inventory/types.ts';
import { SourceError } from '../source/errors.ts';
import { nearest } from '../source/suggest.ts';
import { type Dict, keyPositionOf, positionOf, Secret } from '../source/value.ts';
import { isTemplate } from '../templating/templar.ts';
import { becomeMethod, noBecomeMethod } from '../transport/shell/become.ts';

/** Names with a meaning that inventories give to hosts. Facts begin with `ansible_` too: only a near match is a slip. */
const NAMES = [
  ...[
    'become',
    'become_exe',
    'become_flags',
    'become_method',
    'become_password',
    'become_user',
    'connection',
  ],
  ...[
    'host',
    'host_key_checking',
    'password',
    'port',
    'private_key_file',
    'python_interpreter',
    'shell_type',
  ],
  ...['ssh_args', 'ssh_common_args', 'ssh_extra_args', 'ssh_pass', 'ssh_private_key_file', 'ssh_retries'],
  ...['timeout', 'user', 'become_pass', 'ssh_host', 'ssh_port', 'ssh_user'],
].map(name => `ansible_${name}`);

/** Names in an inventory that look like a misspelt one of the connection: `ansible_hots`. */
export function misspeltConnectionVariables(layers: readonly VarLayer[]): SourceError[] {
  const given = new Set(layers.map(layer => layer.vars));
  return [...given].flatMap(vars =>
    [...vars.keys()].map(String).flatMap(name => {
      if (!/^ansi?ble?_/.test(name) || NAMES.includes(name)) return [];
      const meant = nearest(name, NAMES, 2);
      if (meant === undefined) return [];
      const at = keyPositionOf(vars, name);
      return [
        new SourceError('UNKNOWN_VARIABLE', `"${name}" has no meaning`, at, `did you mean "${meant}"?`),
      ];
    }),
  );
}

/** Variables about the connection whose value can mean nothing, found before a host is contacted. */
export function connectionVariableMistakes(layers: readonly VarLayer[]): SourceError[] {
  const given = new Set(layers.map(layer => layer.vars));
  return [...given].flatMap(vars => [
    ...badBecomeMethod(vars),
    ...['ansible_port', 'ansible_ssh_port'].flatMap(name => badPort(vars, name)),
  ]);
}

function badBecomeMethod(vars: Dict): SourceError[] {
  const value = vars.get('ansible_become_method');
  if (value === undefined || value === null || isTemplate(value) || becomeMethod(String(value))) return [];
  const { message, hint } = noBecomeMethod(String(value));
  return [new SourceError('BAD_VALUE', message, positionOf(vars, 'ansible_become_method'), hint)];
}

function badPort(vars: Dict, name: string): SourceError[] {
  const value = vars.get(name);
  if (value === undefined || value === null || isTemplate(value) || value instanceof Secret) return [];
  const port = Number(String(value).trim());
  if (Number.isInteger(port) && port > 0 && port < 65536) return [];
  return [
    new SourceError(
      'BAD_VALUE',
      `invalid port "${String(value)}"`,
      positionOf(vars, name),
      'expected a number from 1 to 65535',
    ),
  ];
}
