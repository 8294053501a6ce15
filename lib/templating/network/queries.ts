import type { Value } from '../../source/value.ts';
import { fault } from '../fault.ts';
import { normalizeInteger } from '../python/numbers.ts';
import {
  cidr,
  contains,
  first,
  formatAddress,
  formatNetwork,
  last,
  type Network,
  parseNetwork,
  size,
  usable,
  width,
} from './network.ts';

/** What a query of ipaddr gives for an address; undefined becomes None, false means that it does not apply. */
type Query = (network: Network, value: Value) => Value | undefined;

const ip = (n: Network) => formatAddress(n.ip, n.version);
const at = (n: Network, address: bigint) => formatAddress(address, n.version);
const netmask = (n: Network) => at(n, ((1n << BigInt(width(n.version))) - 1n) ^ (size(n) - 1n));
const hostmask = (n: Network) => at(n, size(n) - 1n);
const hasBroadcast = (n: Network) => n.version === 6 || size(n) > 2n;
const isHost = (n: Network) => size(n) > 1n && (n.ip !== first(n) || !hasBroadcast(n));

function inAny(n: Network, networks: readonly string[]): boolean {
  const host = { ...n, prefix: width(n.version) };
  return networks.some(text => contains(parseNetwork(text) as Network, host));
}

const PRIVATE = [
  '10.0.0.0/8',
  '100.64.0.0/10',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '239.0.0.0/8',
  'fc00::/7',
  'fec0::/10',
  '169.254.0.0/16',
  'fe80::/10',
];

const isLoopback = (n: Network) => inAny(n, ['127.0.0.0/8', '::1/128']);
const isMulticast = (n: Network) => inAny(n, ['224.0.0.0/4', 'ff00::/8']);
const isPrivate = (n: Network) => inAny(n, PRIVATE);

function isMask(n: Network): boolean {
  const bits = n.ip.toString(2).padStart(width(n.version), '0');
  return /^1+0*$/.test(bits) || /^0*1+$/.test(bits);
}

function needNetwork(n: Network): void {
  if (!n.isNetwork) throw fault('needs a network, not an address');
}

const usableQuery =
  (body: (n: Network) => Value | undefined): Query =>
  n => {
    needNetwork(n);
    return size(n) > 1n ? body(n) : undefined;
  };

function neighbour(n: Network, offset: bigint): Value | undefined {
  const { low, high } = usable(n);
  const address = n.ip + offset;
  return address >= low && address <= high ? at(n, address) : undefined;
}

/** The address `offset` further, if a host of the network can have it. */
export function nthUsable(n: Network, offset: number): Value {
  return size(n) > 1n ? (neighbour(n, BigInt(offset)) ?? null) : null;
}

const addressPrefix: Query = n => {
  return size(n) > 2n && (n.ip === first(n) || n.ip === last(n)) ? false : formatNetwork(n);
};

const address: Query = n => (size(n) === 1n || isHost(n) || n.version === 6 ? ip(n) : undefined);
const loopback: Query = (n, value) => (isLoopback(n) ? value : undefined);
const network: Query = n => at(n, first(n));
const subnet: Query = n => formatNetwork(cidr(n));

function toV4(n: Network, value: Value): Value {
  if (n.version === 4) return value;
  const isMapped = n.ip >> 32n === 0n || n.ip >> 32n === 0xffffn;
  if (!isMapped || n.prefix < 96) return false;
  return `${formatAddress(n.ip & 0xffffffffn, 4)}/${n.prefix - 96}`;
}

function toV6(n: Network, value: Value): Value {
  if (n.version === 6) return value;
  return `::ffff:${formatAddress(n.ip, 4)}/${n.prefix + 96}`;
}

function reverseName(n: Network): string {
  if (n.version === 4) return `${ip(n).split('.').reverse().join('.')}.in-addr.arpa.`;
  const digits = n.ip.toString(16).padStart(32, '0');
  return `${digits.split('').reverse().join('.')}.ip6.arpa.`;
}

function peer(n: Network): Value {
  needNetwork(n);
  if (size(n) === 2n) return at(n, n.ip ^ 1n);
  if (size(n) !== 4n) throw fault('the network does not connect just two hosts');
  if (n.ip === first(n) || n.ip === last(n)) throw fault('the first and last address of a /30 have no peer');
  return at(n, n.ip ^ 3n);
}

function sixToFour(n: Network, value: Value): Value {
  if (n.version === 6) return inAny(n, ['2002::/16']) ? value : false;
  if (size(n) > 1n && n.ip === first(n)) return false;
  const digits = n.ip.toString(16).padStart(8, '0');
  return `2002:${digits.slice(0, 4)}:${digits.slice(4)}::1/48`;
}

/** What `ipaddr('…')` can be asked for. */
export const QUERIES: ReadonlyMap<string, Query> = new Map<string, Query>([
  ['', n => (n.isNetwork ? formatNetwork(n) : ip(n))],
  ['6to4', sixToFour],
  ['address', address],
  ['ip', address],
  ...['address/prefix', 'gateway', 'gw', 'host/prefix', 'hostnet', 'router'].map(
    name => [name, addressPrefix] as const,
  ),
  ['bool', () => true],
  ['broadcast', n => (size(n) > 2n ? at(n, last(n)) : undefined)],
  ['cidr', n => formatNetwork(n)],
  ['first_usable', usableQuery(n => at(n, usable(n).low))],
  ['last_usable', usableQuery(n => at(n, usable(n).high))],
  ['range_usable', usableQuery(n => `${at(n, usable(n).low)}-${at(n, usable(n).high)}`)],
  ['next_usable', usableQuery(n => neighbour(n, 1n))],
  ['previous_usable', usableQuery(n => neighbour(n, -1n))],
  ['host', n => (size(n) === 1n || isHost(n) ? formatNetwork(n) : undefined)],
  ['hostmask', hostmask],
  ['wildcard', hostmask],
  ['int', n => (n.isNetwork ? `${n.ip}/${n.prefix}` : normalizeInteger(n.ip))],
  ['ip/prefix', n => (size(n) === 2n || (size(n) > 1n && n.ip !== first(n)) ? formatNetwork(n) : undefined)],
  [
    'ip_netmask',
    n => (size(n) === 2n || (size(n) > 1n && n.ip !== first(n)) ? `${ip(n)} ${netmask(n)}` : undefined),
  ],
  ['ipv4', toV4],
  ['v4', toV4],
  ['ipv6', toV6],
  ['v6', toV6],
  ['link-local', (n, value) => (inAny(n, ['169.254.0.0/16', 'fe80::/10']) ? value : undefined)],
  ['lo', loopback],
  ['loopback', loopback],
  ['multicast', (n, value) => (isMulticast(n) ? value : undefined)],
  ['unicast', (n, value) => (isMulticast(n) ? undefined : value)],
  ['net', n => (size(n) > 1n && n.ip === first(n) ? formatNetwork(n) : undefined)],
  ['netmask', netmask],
  ['network', network],
  ['network_id', network],
  ['network/prefix', subnet],
  ['subnet', subnet],
  ['network_netmask', n => `${at(n, first(n))} ${netmask(n)}`],
  ['network_wildcard', n => `${at(n, first(n))} ${hostmask(n)}`],
  ['peer', peer],
  ['prefix', n => n.prefix],
  ['private', (n, value) => (isPrivate(n) ? value : undefined)],
  [
    'public',
    (n, value) => (isMulticast(n) || isPrivate(n) || isLoopback(n) || isMask(n) ? undefined : value),
  ],
  ['revdns', reverseName],
  ['size', n => normalizeInteger(size(n))],
  ['size_usable', n => normalizeInteger(size(n) === 1n ? 0n : size(n) === 2n ? 2n : size(n) - 2n)],
  ['type', n => (size(n) > 1n && n.ip === first(n) ? 'network' : 'address')],
  ['version', n => n.version],
  ['wrap', (n, value) => (n.version === 4 ? value : `[${ip(n)}]${n.isNetwork ? `/${n.prefix}` : ''}`)],
]);
