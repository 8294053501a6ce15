import type { Value } from '../../source/value.ts';
import { fault } from '../fault.ts';
import { truthy } from '../python/compare.ts';
import { str } from '../python/print.ts';
import { compareLoose } from './loose.ts';
import { comparePep440 } from './pep440.ts';
import { compareSemantic } from './semantic.ts';
import { compareStrict } from './strict.ts';

type Order = (left: string, right: string) => number;

const TYPES: ReadonlyMap<string, Order> = new Map<string, Order>([
  ['loose', compareLoose],
  ['strict', compareStrict],
  ['semver', compareSemantic],
  ['semantic', compareSemantic],
  ['pep440', comparePep440],
]);

const OPERATORS: ReadonlyMap<string, (order: number) => boolean> = new Map<
  string,
  (order: number) => boolean
>([
  ...['==', '=', 'eq'].map(name => [name, (order: number) => order === 0] as const),
  ...['!=', '<>', 'ne'].map(name => [name, (order: number) => order !== 0] as const),
  ...['<', 'lt'].map(name => [name, (order: number) => order < 0] as const),
  ...['<=', 'le'].map(name => [name, (order: number) => order <= 0] as const),
  ...['>', 'gt'].map(name => [name, (order: number) => order > 0] as const),
  ...['>=', 'ge'].map(name => [name, (order: number) => order >= 0] as const),
]);

interface VersionRules {
  readonly operator: string;
  readonly strict: Value;
  readonly type: Value;
}

/** `is version(other, operator, strict, version_type)` */
export function compareVersions(
  left: string,
  right: string,
  { operator, strict, type }: VersionRules,
): boolean {
  if (strict !== null && type !== null) throw fault('takes strict or version_type, not both');
  if (left === '') throw fault('Input version value cannot be empty');
  if (right === '') throw fault('Version parameter to compare against cannot be empty');
  const holds = OPERATORS.get(operator);
  if (!holds)
    throw fault(`"${operator}" is not an operator`, `use one of ${[...OPERATORS.keys()].join(', ')}`);
  const name = truthy(strict) ? 'strict' : type === null ? 'loose' : str(type);
  const order = TYPES.get(name);
  if (!order) throw fault(`"${name}" is not a kind of version`, `use one of ${[...TYPES.keys()].join(', ')}`);
  return holds(order(left, right));
}
