/** An address with the length of its network's prefix. */
export interface Network {
  readonly version: 4 | 6;
  readonly ip: bigint;
  readonly prefix: number;
  /** A prefix was written. */
  readonly isNetwork: boolean;
}

export function width(version: 4 | 6): number {
  return version === 4 ? 32 : 128;
}

function parseV4(text: string): bigint | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (!match) return undefined;
  const bytes = match.slice(1).map(Number);
  return bytes.some(byte => byte > 255)
    ? undefined
    : bytes.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
}

function parseV6(text: string): bigint | undefined {
  const tail = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  if (tail) {
    const v4 = parseV4(tail[2] as string);
    if (v4 === undefined) return undefined;
    return parseV6(`${tail[1]}${(v4 >> 16n).toString(16)}:${(v4 & 0xffffn).toString(16)}`);
  }
  const halves = text.split('::');
  if (halves.length > 2 || !/^[\da-fA-F:]*$/.test(text)) return undefined;
  const groups = halves.map(half => (half === '' ? [] : half.split(':')));
  const count = groups.flat().length;
  if (halves.length === 1 ? count !== 8 : count > 7) return undefined;
  if (groups.flat().some(group => !/^[\da-fA-F]{1,4}$/.test(group))) return undefined;
  const zeros = Array.from({ length: 8 - count }, () => '0');
  const all = [...(groups[0] ?? []), ...zeros, ...(groups[1] ?? [])];
  return all.reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n);
}

/** An address alone; undefined for other text. */
export function parseAddress(text: string): { version: 4 | 6; ip: bigint } | undefined {
  const v4 = parseV4(text);
  if (v4 !== undefined) return { version: 4, ip: v4 };
  const v6 = text.includes(':') ? parseV6(text) : undefined;
  return v6 === undefined ? undefined : { version: 6, ip: v6 };
}

/** An address, or a network as `address/prefix` or `address/netmask`; undefined for other text. */
export function parseNetwork(text: string): Network | undefined {
  const [address = '', suffix, ...rest] = text.trim().split('/');
  const parsed = parseAddress(address);
  if (!parsed || rest.length > 0) return undefined;
  const bits = width(parsed.version);
  if (suffix === undefined) return { ...parsed, prefix: bits, isNetwork: false };
  const prefix = /^\d+$/.test(suffix) ? Number(suffix) : prefixOfMask(suffix, parsed.version);
  return prefix === undefined || prefix > bits ? undefined : { ...parsed, prefix, isNetwork: true };
}

/** The length of the prefix that a netmask (or its inverse) stands for. */
function prefixOfMask(text: string, version: 4 | 6): number | undefined {
  const mask = parseAddress(text);
  if (mask?.version !== version) return undefined;
  const bits = width(version);
  const ones = mask.ip.toString(2).padStart(bits, '0');
  if (/^1*0*$/.test(ones)) return ones.replaceAll('0', '').length;
  return /^0*1*$/.test(ones) ? ones.replaceAll('1', '').length : undefined;
}

/** A number as an address: of IPv4 where it fits. */
export function networkOfNumber(value: bigint, version?: 4 | 6): Network | undefined {
  const wanted = version ?? (value < 1n << 32n ? 4 : 6);
  const isInRange = value >= 0n && value < 1n << BigInt(width(wanted));
  return isInRange ? { version: wanted, ip: value, prefix: width(wanted), isNetwork: false } : undefined;
}

export function formatAddress(ip: bigint, version: 4 | 6): string {
  if (version === 4) return [24n, 16n, 8n, 0n].map(shift => (ip >> shift) & 0xffn).join('.');
  const groups = Array.from({ length: 8 }, (_, i) => ((ip >> BigInt(112 - 16 * i)) & 0xffffn).toString(16));
  const longest = [...groups.join(':').matchAll(/\b0(?::0)+\b/g)].sort(
    (a, b) => b[0].length - a[0].length,
  )[0];
  if (!longest) return groups.join(':');
  const text = groups.join(':');
  const end = longest.index + longest[0].length;
  return `${text.slice(0, longest.index).replace(/:$/, '')}::${text.slice(end).replace(/^:/, '')}`;
}

export function size({ version, prefix }: Network): bigint {
  return 1n << BigInt(width(version) - prefix);
}

export function first(network: Network): bigint {
  return network.ip & ~(size(network) - 1n);
}

export function last(network: Network): bigint {
  return network.ip | (size(network) - 1n);
}

export function formatNetwork(network: Network): string {
  return `${formatAddress(network.ip, network.version)}/${network.prefix}`;
}

/** The network itself, without the bits of a host. */
export function cidr(network: Network): Network {
  return { ...network, ip: first(network) };
}

/** Whether one network lies in another. */
export function contains(outer: Network, inner: Network): boolean {
  return outer.version === inner.version && first(inner) >= first(outer) && last(inner) <= last(outer);
}

/** The addresses that hosts can have. */
export function usable(network: Network): { low: bigint; high: bigint } {
  const isSmall = size(network) <= 2n;
  return isSmall
    ? { low: first(network), high: last(network) }
    : { low: first(network) + 1n, high: last(network) - 1n };
}
