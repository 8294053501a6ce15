import { isIP } from 'node:net';
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
    ...WORDS.flatMap(name => foreignSigns(vars, name)),
    ...['ansible_host', 'ansible_ssh_host'].flatMap(name => badAddress(vars, name)),
  ]);
}

/** Variables whose values are words of the command line; a password may hold any sign. */
const WORDS = [
  'host',
  'ssh_host',
  'user',
  'ssh_user',
  'become_user',
  'private_key_file',
  'ssh_private_key_file',
].map(name => `ansible_${name}`);

/** Signs that an input method writes for those of a program; they look alike. */
const FOREIGN = /[\u2018\u2019\u201c\u201d\u3001\u3002\uff01-\uff5e]/u;

function foreignSigns(vars: Dict, name: string): SourceError[] {
  const value = vars.get(name);
  const [sign] = typeof value === 'string' && !isTemplate(value) ? (FOREIGN.exec(value) ?? []) : [];
  if (sign === undefined) return [];
  return [
    new SourceError(
      'BAD_VALUE',
      `${name} is "${String(value)}": "${sign}" comes from an input method`,
      positionOf(vars, name),
      'write it in ASCII: " . , :',
    ),
  ];
}

function badAddress(vars: Dict, name: string): SourceError[] {
  const value = vars.get(name);
  if (typeof value !== 'string' || isTemplate(value)) return [];
  const bad = (what: string, hint: string) => [
    new SourceError('BAD_VALUE', `${name} is "${value}": ${what}`, positionOf(vars, name), hint),
  ];
  const [, host = '', port = ''] = /^([^:\s]+):(\d+)$/.exec(value) ?? [];
  if (host !== '')
    return bad('a port stands in a variable of its own', `ansible_host: ${host} and ansible_port: ${port}`);
  if (/\s/.test(value)) return bad('an address has no space', 'one host has one address');
  if (/^[\d.]+\.[\d.]+$/.test(value) && isIP(value) === 0)
    return bad('this is no IPv4 address', 'expected four numbers from 0 to 255');
  return [];
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
