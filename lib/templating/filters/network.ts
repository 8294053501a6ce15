import type { Value } from '../../source/value.ts';
import { fault } from '../fault.ts';
import {
  cidr,
  contains,
  first,
  formatAddress,
  formatNetwork,
  last,
  type Network,
  networkOfNumber,
  parseNetwork,
  size,
  width,
} from '../network/network.ts';
import { nthUsable, QUERIES } from '../network/queries.ts';
import { truthy } from '../python/compare.ts';
import { toIndex } from '../python/numbers.ts';
import { str } from '../python/print.ts';
import { itemsOf } from '../python/types.ts';
import { type FilterTable, filter } from './filter.ts';

type Version = 4 | 6 | undefined;

function read(value: Value, version: Version): Network | undefined {
  if (value === true || !truthy(value)) return undefined;
  const text = str(value);
  if (/^\d+$/.test(text)) return networkOfNumber(BigInt(text), version);
  const numeric = /^(\d+)\/(\d+)$/.exec(text);
  if (!numeric) return parseNetwork(text);
  const host = networkOfNumber(BigInt(numeric[1] as string));
  return host && { ...host, prefix: Number(numeric[2]), isNetwork: true };
}

function ipaddr(value: Value, query: string, version: Version): Value {
  const items = itemsOf(value);
  if (items) return items.map(item => ipaddr(item, query, version)).filter(item => truthy(item));
  const network = read(value, version);
  if (!network || (version && network.version !== version)) return false;
  const shown = textOf(value, network);
  const known = QUERIES.get(query);
  if (known) return known(network, shown) ?? null;
  const outer = /^-?\d+$/.test(query) ? undefined : parseNetwork(query);
  if (outer) return contains(outer, { ...network, ip: network.ip }) ? shown : null;
  if (!/^-?\d+$/.test(query))
    throw fault(`the query "${query}" is not known`, `use one of ${[...QUERIES.keys()].join(', ')}`);
  return nth(network, BigInt(query));
}

function textOf(value: Value, network: Network): Value {
  const isNumber = /^\d+(\/\d+)?$/.test(str(value));
  return isNumber ? formatNetwork(network) : value;
}

/** The address at an index of a network, from its end when negative. */
function nth(network: Network, index: bigint): Value {
  if (size(network) === 1n)
    return network.isNetwork ? formatNetwork(network) : formatAddress(network.ip, network.version);
  const address = index < 0n ? last(network) + 1n + index : first(network) + index;
  const isInside = address >= first(network) && address <= last(network);
  return isInside ? `${formatAddress(address, network.version)}/${network.prefix}` : false;
}

function needNetwork(value: Value): Network {
  const network = read(value, undefined);
  if (!network) throw fault(`"${str(value)}" is not an address or a network`);
  return network;
}

function wrapAll(value: Value): Value {
  const items = itemsOf(value);
  if (items) return items.map(wrapAll);
  const network = read(value, undefined);
  return network?.version === 6 ? (QUERIES.get('wrap')?.(network, value) ?? value) : value;
}

function subnet(value: Value, query: string, index: Value | undefined): Value {
  const given = read(value, undefined);
  if (!given) return false;
  const network =
    size(given) > 1n && given.ip === first(given) ? cidr(given) : { ...given, prefix: width(given.version) };
  if (query === '') return formatNetwork(network);
  const isHost = size(network) === 1n;
  if (!/^\d+$/.test(query)) return position(network, query);
  const prefix = Number(query);
  if (prefix > width(network.version)) return false;
  if (index === undefined || index === null) {
    if (isHost) return formatNetwork(cidr({ ...network, prefix }));
    if (prefix < network.prefix) throw fault(`a network of /${network.prefix} has no subnets of /${prefix}`);
    return String(1n << BigInt(prefix - network.prefix));
  }
  if (isHost) return supernet(network, prefix, toIndex(index));
  const count = 1n << BigInt(Math.max(0, prefix - network.prefix));
  const at = BigInt(toIndex(index)) + (toIndex(index) < 0 ? count : 0n);
  if (at < 0n || at >= count) return false;
  const ip = first(network) + (at << BigInt(width(network.version) - prefix));
  return formatNetwork({ ...network, ip, prefix });
}

/** The networks around an address from a prefix on, widest first. */
function supernet(network: Network, prefix: number, index: number): Value {
  const count = network.prefix - prefix;
  const at = index < 0 ? index + count : index;
  return at < 0 || at >= count ? false : formatNetwork(cidr({ ...network, prefix: prefix + at }));
}

/** Where an address or a subnet stands among its equals in a network, from 1. */
function position(network: Network, query: string): Value {
  const outer = parseNetwork(query);
  if (!outer) throw fault(`"${query}" is not an address or a network`);
  if (!contains(outer, network)) throw fault(`${formatNetwork(network)} is not in the subnet ${query}`);
  return String(((network.ip - first(outer)) >> BigInt(width(network.version) - network.prefix)) + 1n);
}

function merge(values: readonly Value[]): Network[] {
  let networks = values.map(value => cidr(needNetwork(value)));
  for (let isStable = false; !isStable; ) {
    isStable = true;
    networks.sort(
      (a, b) =>
        a.version - b.version || (first(a) < first(b) ? -1 : first(a) > first(b) ? 1 : a.prefix - b.prefix),
    );
    const merged: Network[] = [];
    for (const network of networks) {
      const before = merged.at(-1);
      const parent = before && cidr({ ...before, prefix: before.prefix - 1 });
      if (before && contains(before, network)) isStable = false;
      else if (before && parent && before.prefix === network.prefix && contains(parent, network)) {
        merged[merged.length - 1] = parent;
        isStable = false;
      } else merged.push(network);
    }
    networks = merged;
  }
  return networks;
}

function span(values: readonly Value[]): Value {
  const networks = values.map(needNetwork);
  const [head] = networks;
  if (!head) return null;
  let outer = cidr(head);
  while (!networks.every(network => contains(outer, network)))
    outer = cidr({ ...outer, prefix: outer.prefix - 1 });
  return formatNetwork(outer);
}

const MAC_STYLES: Readonly<Record<string, (hex: string) => string>> = {
  bare: hex => hex.toUpperCase(),
  cisco: hex => hex.replace(/(.{4})(?=.)/g, '$1.'),
  eui48: hex => hex.toUpperCase().replace(/(..)(?=.)/g, '$1-'),
  win: hex => hex.toUpperCase().replace(/(..)(?=.)/g, '$1-'),
  linux: hex => hex.replace(/(..)(?=.)/g, '$1:'),
  unix: hex => hex.replace(/(..)(?=.)/g, '$1:').replace(/\b0(?=[\da-f])/g, ''),
  pgsql: hex => hex.replace(/^(.{6})(.{6})$/, '$1:$2'),
  postgresql: hex => hex.replace(/^(.{6})(.{6})$/, '$1:$2'),
  psql: hex => hex.replace(/^(.{6})(.{6})$/, '$1:$2'),
};

function hardwareAddress(value: Value, query: string): Value {
  const hex = str(value).toLowerCase().replace(/[-:.]/g, '');
  const isValid = /^[\da-f]{12}$/.test(hex);
  if (!isValid && query !== '' && query !== 'bool') throw fault(`"${str(value)}" is not a hardware address`);
  if (!isValid) return query === 'bool' ? null : false;
  if (query === '') return value;
  if (query === 'bool') return true;
  if (query === 'int') return Number.parseInt(hex, 16);
  const style = MAC_STYLES[query];
  if (!style)
    throw fault(
      `the query "${query}" is not known`,
      `use one of bool, int, ${Object.keys(MAC_STYLES).join(', ')}`,
    );
  return style(hex);
}

const macaddr = filter(['query?'], (value, [query = '']) => hardwareAddress(value, str(query)));

function versioned(version: Version) {
  return filter(['query?', '**named'], (value, [query = '']) => ipaddr(value, str(query), version));
}

export const networkFilters: FilterTable = {
  ipaddr: versioned(undefined),
  ipv4: versioned(4),
  ipv6: versioned(6),
  ipwrap: filter(['query?'], value => wrapAll(value)),
  ipsubnet: filter(['query?', 'index?'], (value, [query = '', index]) => subnet(value, str(query), index)),
  nthhost: filter(['query?'], (value, [query = '']) => {
    const network = read(value, undefined);
    if (!network || !/^-?\d+$/.test(str(query))) return false;
    const address = nth(cidr(network), BigInt(str(query)));
    return typeof address === 'string' ? (address.split('/')[0] as string) : address;
  }),
  ipmath: filter(['amount'], (value, [amount]) => {
    const network = needNetwork(value);
    return formatAddress(network.ip + BigInt(toIndex(amount)), network.version);
  }),
  next_nth_usable: filter(['offset'], (value, [offset]) => nthUsable(needNetwork(value), toIndex(offset))),
  previous_nth_usable: filter(['offset'], (value, [offset]) =>
    nthUsable(needNetwork(value), -toIndex(offset)),
  ),
  network_in_network: filter(['test'], (value, [test]) => contains(needNetwork(value), needNetwork(test))),
  network_in_usable: filter(['test'], (value, [test]) => {
    const [outer, inner] = [needNetwork(value), needNetwork(test)];
    const isEdge = size(outer) > 2n && (first(inner) === first(outer) || last(inner) === last(outer));
    return contains(outer, inner) && !isEdge;
  }),
  reduce_on_network: filter(['network'], (value, [network]) => {
    const outer = needNetwork(network);
    return (itemsOf(value) ?? []).filter(item => contains(outer, needNetwork(item)));
  }),
  cidr_merge: filter(['action?'], (value, [action = 'merge']) => {
    const values = itemsOf(value) ?? [value];
    if (action === 'span') return span(values);
    if (action !== 'merge') throw fault('the action must be merge or span');
    return merge(values).map(formatNetwork);
  }),
  ip4_hex: filter(['delimiter?'], (value, [delimiter = '']) => {
    const bytes = str(value)
      .split('.')
      .map(byte => Number(byte).toString(16).padStart(2, '0'));
    return bytes.join(str(delimiter));
  }),
  hwaddr: macaddr,
  macaddr,
};
