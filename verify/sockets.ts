/** A TCP socket that waits for connections. */
export interface Listener {
  readonly address: string;
  readonly port: number;
}

const LISTEN = '0A';

/** Listeners in the text of /proc/net/tcp and /proc/net/tcp6: the kernel's own table, so no tool is needed on the host. */
export function parseListeners(table: string): readonly Listener[] {
  return table
    .split('\n')
    .map(line => line.trim().split(/\s+/))
    .filter(fields => fields[3] === LISTEN)
    .map(fields => {
      const [address = '', port = ''] = fields[1]!.split(':');
      return { address: addressOf(address), port: Number.parseInt(port, 16) };
    });
}

/** Whether a listener takes connections on every address of the host. */
export function listensEverywhere({ address }: Listener): boolean {
  return address === '0.0.0.0' || address === '::';
}

/** The kernel prints each 32-bit word of an address in host order: little-endian on all machines we know of. */
function addressOf(hex: string): string {
  const words = hex.match(/.{8}/g) ?? [];
  const bytes = words.flatMap(word => (word.match(/../g) ?? []).reverse().map(b => Number.parseInt(b, 16)));
  if (bytes.length === 4) return bytes.join('.');
  if (bytes.every(b => b === 0)) return '::';
  const mapped = bytes.slice(0, 10).every(b => b === 0) && bytes[10] === 255 && bytes[11] === 255;
  if (mapped) return bytes.slice(12).join('.');
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i]! << 8) | bytes[2 * i + 1]!).toString(16));
  return groups.join(':').replace(/(?:^|:)0(?::0)+(?::|$)/, '::');
}
