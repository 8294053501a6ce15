import type { Inventory } from '../inventory/types.ts';
import { SourceError } from '../source/errors.ts';
import { type Dict, keyPositionOf, positionOf, type Value } from '../source/value.ts';
import { isTemplate } from '../templating/templar.ts';

/** A value that an inventory gives to a host, with the mapping it stands in. */
interface Given {
  readonly host: string;
  readonly value: Value;
  readonly vars: Dict;
}

/**
 * What can be wrong in the inventory of a cluster, and needs no host to be seen: one machine or one disk that stands
 * there twice. Values that are templates may become anything.
 */
export function clusterInventoryMistakes(inventory: Inventory): SourceError[] {
  const hosts = [...new Set([...inventory.hostsOf('storage'), ...inventory.hostsOf('nodes')])];
  return [
    ...severalParts(inventory),
    ...hosts.flatMap(badName),
    ...sameAddress(inventory, hosts),
    ...identities(inventory),
    ...exports(inventory),
    ...PORTS.flatMap(name => ports(inventory, hosts, name)),
  ];
}

const PORTS = ['polardb_port', 'cluster_nbd_port'];

/** The value that counts: the last layer that has one. */
function given(inventory: Inventory, host: string, name: string): Given | undefined {
  const layer = inventory.layers(host, []).findLast(({ vars }) => vars.has(name));
  const value = layer?.vars.get(name);
  if (layer === undefined || value === undefined || isTemplate(value)) return undefined;
  return { host, value, vars: layer.vars };
}

const mistake = (message: string, at: ReturnType<typeof positionOf>, hint: string) =>
  new SourceError('BAD_INVENTORY', message, at, hint);

/** The storage host would attach its own disks; a primary that is a replica too would follow itself. */
function severalParts(inventory: Inventory): SourceError[] {
  const parts = [
    ['storage', 'nodes'],
    ['primary', 'replicas'],
  ] as const;
  return parts.flatMap(([one, other]) =>
    inventory
      .hostsOf(one)
      .filter(host => inventory.hostsOf(other).includes(host))
      .map(host =>
        mistake(
          `${host} stands in the groups ${one} and ${other}`,
          undefined,
          'each host has one part in the cluster',
        ),
      ),
  );
}

function badName(host: string): SourceError[] {
  return /^[^\s\p{Cc}]+$/u.test(host)
    ? []
    : [
        mistake(
          `"${host}" is no name for a host of a cluster: it has a space`,
          undefined,
          'write it in one word',
        ),
      ];
}

function sameAddress(inventory: Inventory, hosts: readonly string[]): SourceError[] {
  const places = hosts.flatMap(host => {
    const address = given(inventory, host, 'ansible_host');
    if (typeof address?.value !== 'string') return [];
    const port = given(inventory, host, 'ansible_port');
    return [{ ...address, value: `${address.value} port ${port ? String(port.value) : 22}` }];
  });
  return repeated(places, ({ value }) => String(value)).map(([first, again]) =>
    mistake(
      `${again.host} is the same host as ${first.host}: ${String(again.value)}`,
      positionOf(again.vars, 'ansible_host'),
      'each host of the cluster is a machine of its own',
    ),
  );
}

function identities(inventory: Inventory): SourceError[] {
  const ids = inventory.hostsOf('nodes').flatMap(host => given(inventory, host, 'polar_hostid') ?? []);
  return [
    ...repeated(ids, ({ value }) => String(value)).map(([first, again]) =>
      mistake(
        `${again.host} has the polar_hostid ${String(again.value)} of ${first.host}`,
        positionOf(again.vars, 'polar_hostid'),
        'give each node its own, from 1 to 30',
      ),
    ),
    ...ids
      .filter(({ value }) => Number(value) < 1 || Number(value) > 30)
      .map(({ host, value, vars }) =>
        mistake(
          `the polar_hostid of ${host} is ${String(value)}`,
          positionOf(vars, 'polar_hostid'),
          'expected a number from 1 to 30',
        ),
      ),
  ];
}

function exports(inventory: Inventory): SourceError[] {
  const [storage] = inventory.hostsOf('storage');
  const list = storage === undefined ? undefined : given(inventory, storage, 'nbd_server_exports')?.value;
  const entries = Array.isArray(list) ? list.filter((one): one is Dict => one instanceof Map) : [];
  const valuesOf = (key: string) =>
    entries.flatMap(vars => {
      const value = vars.get(key);
      return typeof value === 'string' && !value.includes('{{') ? [{ value, vars }] : [];
    });
  return [
    ...['name', 'device', 'file', 'disk'].flatMap(key =>
      repeated(valuesOf(key), ({ value }) => value).map(([, again]) =>
        mistake(
          `nbd_server_exports has the ${key} ${again.value} twice`,
          positionOf(again.vars, key),
          key === 'name' || key === 'disk'
            ? 'give each export its own'
            : 'two exports of one disk destroy its data',
        ),
      ),
    ),
    ...valuesOf('device')
      .filter(({ value }) => !value.startsWith('/'))
      .map(({ value, vars }) =>
        mistake(
          `the device ${value} is no path`,
          positionOf(vars, 'device'),
          `did you mean "/dev/${value}"?`,
        ),
      ),
    ...entries
      .filter(vars => vars.has('device') && vars.has('file'))
      .map(vars =>
        mistake('an export has a device and a file', keyPositionOf(vars, 'file'), 'an export is one of them'),
      ),
  ];
}

function ports(inventory: Inventory, hosts: readonly string[], name: string): SourceError[] {
  const values = hosts.flatMap(host => given(inventory, host, name) ?? []);
  return [...new Map(values.map(one => [one.vars, one])).values()]
    .filter(({ value }) => Number(value) < 1 || Number(value) > 65535)
    .map(({ value, vars }) =>
      mistake(`${name} is ${String(value)}`, positionOf(vars, name), 'expected a number from 1 to 65535'),
    );
}

/** Pairs of the first that has a value, and another that has it again. */
function repeated<T>(list: readonly T[], value: (one: T) => string): readonly (readonly [T, T])[] {
  const first = new Map<string, T>();
  return list.flatMap(one => {
    const known = first.get(value(one));
    if (known !== undefined) return [[known, one] as const];
    first.set(value(one), one);
    return [];
  });
}
