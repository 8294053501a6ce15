import { itemsOf } from '../../../source/json.ts';
import { partAt } from '../../../source/part-at.ts';
import { entryOf } from '../../../source/record.ts';
import type { Json } from '../../../source/value.ts';
import { type Collector, type Facts, line, names, type Raw } from './collector.ts';

type Dict = { [key: string]: Json };

const NET = '/sys/class/net';
const TYPES: Readonly<Record<string, string>> = {
  '1': 'ether',
  '32': 'infiniband',
  '512': 'ppp',
  '772': 'loopback',
  '65534': 'tunnel',
};

const base = (path: string) => path.slice(path.lastIndexOf('/') + 1);

function interfaceFacts(raw: Raw, name: string): Dict {
  const value = (file: string) => line(raw, `${NET}/${name}/${file}`);
  const mac = value('address');
  const state = value('operstate');
  const type = value('type');
  const speed = value('speed');
  const flags = value('flags');
  const module = raw.links.get(`${NET}/${name}/device/driver/module`);
  const device = raw.links.get(`${NET}/${name}/device`);
  return {
    device: name,
    ...(mac && mac !== '00:00:00:00:00:00' && { macaddress: mac }),
    ...(value('mtu') && { mtu: Number(value('mtu')) }),
    ...(state && { active: state !== 'down' }),
    ...(module && { module: base(module) }),
    ...(type && { type: entryOf(TYPES, type) ?? 'unknown' }),
    ...bridgeFacts(raw, name),
    ...bondFacts(raw, name),
    ...(device && { pciid: base(device) }),
    ...(speed !== undefined && { speed: Number(speed) }),
    ...(flags && { promisc: (Number(flags) & 0x100) > 0 }),
  };
}

function bridgeFacts(raw: Raw, name: string): Dict {
  const id = line(raw, `${NET}/${name}/bridge/bridge_id`);
  if (id === undefined) return {};
  const ports = names(raw, `${NET}/${name}/brif/`);
  return { type: 'bridge', interfaces: ports, id, stp: line(raw, `${NET}/${name}/bridge/stp_state`) === '1' };
}

function bondFacts(raw: Raw, name: string): Dict {
  const value = (file: string) => line(raw, `${NET}/${name}/bonding/${file}`);
  const permanent = line(raw, `${NET}/${name}/bonding_slave/perm_hwaddr`);
  const slave: Dict = permanent ? { perm_macaddress: permanent } : {};
  if (value('mode') === undefined) return slave;
  const primary = value('primary');
  const word = (file: string) => partAt((value(file) ?? '').split(' '), 0);
  return {
    ...slave,
    type: 'bonding',
    slaves: (value('slaves') ?? '').split(' ').filter(Boolean),
    mode: word('mode'),
    miimon: word('miimon'),
    lacp_rate: word('lacp_rate'),
    ...(primary && {
      primary,
      all_slaves_active: value('all_slaves_active') === '1',
    }),
  };
}

/** Network and mask of an IPv4 address. */
export function ipv4Network(
  address: string,
  prefix: number,
): { readonly netmask: string; readonly network: string } {
  const bits = prefix === 0 ? 0 : (0xffffffff << (32 - prefix)) >>> 0;
  const value = address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
  const text = (n: number) => [24, 16, 8, 0].map(shift => (n >>> shift) & 255).join('.');
  return { netmask: text(bits), network: text((value & bits) >>> 0) };
}

interface Address {
  readonly family: 'inet' | 'inet6';
  readonly device: string;
  readonly address: string;
  readonly prefix: string;
  readonly broadcast: string;
  readonly scope: string;
  readonly label: string;
  readonly secondary: boolean;
}

/** Rows of `ip -o addr show`. */
export function parseAddresses(text: string): Address[] {
  return text.split('\n').flatMap(row => {
    const words = partAt(row.split('\\'), 0).trim().split(/\s+/);
    const [, device = '', family, local = ''] = words;
    if (family !== 'inet' && family !== 'inet6') return [];
    const after = (word: string) => (words.includes(word) ? (words[words.indexOf(word) + 1] ?? '') : '');
    const [address = '', own] = local.split('/');
    const peer = family === 'inet6' ? after('peer').split('/')[1] : undefined;
    return [
      {
        family,
        device: partAt(device.split('@'), 0),
        address,
        prefix: own ?? peer ?? (family === 'inet' ? '32' : '128'),
        broadcast: words[4] === 'brd' ? (words[5] ?? '') : '',
        scope: after('scope'),
        label: words.at(-1) ?? device,
        secondary: words.includes('secondary'),
      },
    ];
  });
}

/** The first row of `ip route get`: where packets to the world leave. */
export function parseRoute(text: string): Dict {
  const words = text.split('\n')[0]?.trim().split(/\s+/) ?? [];
  const route: Dict = {};
  for (const [i, word] of words.entries()) {
    const next = words[i + 1];
    if (next === undefined) break;
    if (word === 'dev') route.interface = next;
    else if (word === 'src') route.address = next;
    else if (word === 'via' && next !== words[0]) route.gateway = next;
  }
  return route;
}

function addAddress(found: Map<string, Dict>, entry: Address): void {
  const device = found.get(entry.device) ?? { device: entry.device };
  found.set(entry.device, device);
  if (entry.family === 'inet6') {
    const { address, prefix, scope } = entry;
    device.ipv6 = [...itemsOf(device.ipv6), { address, prefix, scope }];
    return;
  }
  const { address, broadcast, prefix } = entry;
  const ipv4: Dict = { address, broadcast, ...ipv4Network(address, Number(prefix)), prefix };
  // A label such as eth0:1 is an interface of its own besides being a secondary address of eth0.
  const labelled = entry.label === entry.device ? device : (found.get(entry.label) ?? {});
  found.set(entry.label, labelled);
  if (!entry.secondary && labelled.ipv4 === undefined) labelled.ipv4 = ipv4;
  else labelled.ipv4_secondaries = [...itemsOf(labelled.ipv4_secondaries), ipv4];
  if (entry.secondary && labelled !== device)
    device.ipv4_secondaries = [...itemsOf(device.ipv4_secondaries), ipv4];
}

function defaultRoute(route: Dict, addresses: readonly Address[], found: ReadonlyMap<string, Dict>): Dict {
  const entry = addresses.find(a => a.address === route.address);
  if (!entry) return route;
  const device = found.get(entry.device) ?? {};
  const common: Dict = {
    ...route,
    prefix: entry.prefix,
    ...(device.macaddress && { macaddress: device.macaddress }),
    ...(device.mtu && { mtu: device.mtu }),
    type: device.type ?? 'unknown',
  };
  return entry.family === 'inet6'
    ? { ...common, scope: entry.scope }
    : {
        ...common,
        broadcast: entry.broadcast,
        ...ipv4Network(entry.address, Number(entry.prefix)),
        alias: entry.label,
      };
}

function networkFacts(raw: Raw): Facts {
  const found = new Map<string, Dict>(
    names(raw, `${NET}/`)
      .filter(name => line(raw, `${NET}/${name}/mtu`) !== undefined)
      .map(name => [name, interfaceFacts(raw, name)]),
  );
  const addresses = parseAddresses(raw.sections.get('addresses') ?? '');
  for (const entry of addresses) addAddress(found, entry);
  const interfaces = [...found].map(([name, facts]) => [name.replaceAll(':', '_'), facts] as const);
  const of = (family: string, skip: (address: string) => boolean) =>
    addresses.filter(a => a.family === family && !skip(a.address)).map(a => a.address);
  return {
    interfaces: interfaces.map(([name]) => name),
    // A fact name can hold no dash or dot: templates would read it as arithmetic.
    ...Object.fromEntries(interfaces.map(([name, facts]) => [name.replaceAll(/[-.]/g, '_'), facts])),
    default_ipv4: defaultRoute(parseRoute(raw.sections.get('route4') ?? ''), addresses, found),
    default_ipv6: defaultRoute(parseRoute(raw.sections.get('route6') ?? ''), addresses, found),
    all_ipv4_addresses: of('inet', address => address.startsWith('127.')),
    all_ipv6_addresses: of('inet6', address => address === '::1'),
  };
}

// `ip route get` sends nothing: the addresses only pick the route to the world.
const SCRIPT = `if command -v ip >/dev/null 2>&1; then
  section addresses; ip -o addr show 2>/dev/null
  section route4; ip -4 route get 8.8.8.8 2>/dev/null
  section route6; ip -6 route get 2404:6800:400a:800::1012 2>/dev/null
fi`;

export const network: Collector = {
  name: 'network',
  ids: ['interfaces', 'default_ipv4', 'default_ipv6', 'all_ipv4_addresses', 'all_ipv6_addresses'],
  files: [
    'address',
    'mtu',
    'operstate',
    'type',
    'speed',
    'flags',
    'bridge/bridge_id',
    'bridge/stp_state',
    'bonding/mode',
    'bonding/slaves',
    'bonding/miimon',
    'bonding/lacp_rate',
    'bonding/primary',
    'bonding/all_slaves_active',
    'bonding_slave/perm_hwaddr',
  ].map(file => `${NET}/*/${file}`),
  links: [`${NET}/*/device`, `${NET}/*/device/driver/module`],
  paths: [`${NET}/*/brif/*`],
  script: () => SCRIPT,
  parse: networkFacts,
};
