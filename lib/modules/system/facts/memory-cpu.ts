import { partAt } from '../../../source/part-at.ts';
import { type Collector, type Facts, line, lines, type Raw } from './collector.ts';

function memoryFacts(raw: Raw): Facts {
  const mb = new Map(
    lines(raw, '/proc/meminfo').flatMap(entry => {
      const match = /^(\w+):\s+(\d+)/.exec(entry);
      return match ? [[partAt(match, 1), Math.floor(Number(match[2]) / 1024)] as const] : [];
    }),
  );
  if (mb.size === 0) return {};
  const of = (name: string) => mb.get(name) ?? 0;
  const free = of('MemFree') + of('Cached') + of('Buffers');
  return {
    memtotal_mb: of('MemTotal'),
    memfree_mb: of('MemFree'),
    swaptotal_mb: of('SwapTotal'),
    swapfree_mb: of('SwapFree'),
    memory_mb: {
      real: { total: of('MemTotal'), used: of('MemTotal') - of('MemFree'), free: of('MemFree') },
      nocache: { free, used: of('MemTotal') - free },
      swap: {
        total: of('SwapTotal'),
        free: of('SwapFree'),
        used: of('SwapTotal') - of('SwapFree'),
        cached: of('SwapCached'),
      },
    },
  };
}

/** Numbers in a list such as `0-3,8`. */
export function listSize(text: string): number {
  return text
    .split(',')
    .filter(Boolean)
    .reduce((sum, part) => {
      const [from = 0, to = from] = part.split('-').map(Number);
      return sum + to - from + 1;
    }, 0);
}

interface CpuCount {
  /** Entries of the processor list: what vcpus falls back to. */
  readonly named: number;
  readonly processors: number;
  readonly sockets: ReadonlyMap<string, number>;
  readonly siblings: readonly number[];
}

function countCpus(entries: readonly (readonly [string, string])[]): CpuCount {
  const sockets = new Map<string, number>();
  const siblings = new Map<string, number>();
  let socket = '0';
  let core = '0';
  const seen = new Map<string, number>();
  for (const [key, value] of entries) {
    seen.set(key, (seen.get(key) ?? 0) + 1);
    if (key === 'physical id') {
      socket = value;
      if (!sockets.has(socket)) sockets.set(socket, 1);
    } else if (key === 'core id') core = value;
    else if (key === 'cpu cores') sockets.set(socket, Number(value));
    else if (key === 'siblings') siblings.set(core, Number(value));
  }
  const of = (key: string) => seen.get(key) ?? 0;
  return {
    named: of('vendor_id') > 0 && of('vendor_id') === of('model name') ? of('vendor_id') : of('processor'),
    processors: of('processor'),
    sockets,
    siblings: [...siblings.values()],
  };
}

const LISTED = new Set(['model name', 'Processor', 'vendor_id', 'cpu', 'Vendor', 'processor']);

function cpuFacts(raw: Raw): Facts {
  const entries = (raw.sections.get('cpuinfo') ?? '').split('\n').flatMap(entry => {
    const at = entry.indexOf(':');
    return at > 0 ? [[entry.slice(0, at).trim(), entry.slice(at + 1).trim()] as const] : [];
  });
  if (entries.length === 0) return {};
  const found = countCpus(entries);
  const cores = [...found.sockets.values()][0] || 1;
  const count = found.sockets.size || found.named;
  const threads = Math.floor((found.siblings[0] ?? 1) / cores);
  const allowed = lines(raw, '/proc/self/status').find(entry => entry.startsWith('Cpus_allowed_list:'));
  return {
    processor: entries.filter(([key]) => LISTED.has(key)).map(([, value]) => value),
    processor_count: count,
    processor_cores: cores,
    processor_threads_per_core: threads,
    processor_vcpus: threads * count * cores,
    processor_nproc: allowed ? listSize(partAt(allowed.split(':'), 1).trim()) : found.processors,
  };
}

const FORM_FACTORS = [
  'Unknown',
  'Other',
  'Unknown',
  'Desktop',
  'Low Profile Desktop',
  'Pizza Box',
  'Mini Tower',
  'Tower',
  'Portable',
  'Laptop',
  'Notebook',
  'Hand Held',
  'Docking Station',
  'All In One',
  'Sub Notebook',
  'Space-saving',
  'Lunch Box',
  'Main Server Chassis',
  'Expansion Chassis',
  'Sub Chassis',
  'Bus Expansion Chassis',
  'Peripheral Chassis',
  'RAID Chassis',
  'Rack Mount Chassis',
  'Sealed-case PC',
  'Multi-system',
  'CompactPCI',
  'AdvancedTCA',
  'Blade',
  'Blade Enclosure',
  'Tablet',
  'Convertible',
  'Detachable',
  'IoT Gateway',
  'Embedded PC',
  'Mini PC',
  'Stick PC',
];

const DMI = '/sys/devices/virtual/dmi/id';
const DMI_FILES: Readonly<Record<string, string>> = Object.fromEntries([
  ...[
    'bios_date',
    'bios_vendor',
    'bios_version',
    'board_asset_tag',
    'board_name',
    'board_serial',
    'board_vendor',
    'board_version',
    'chassis_asset_tag',
    'chassis_serial',
    'chassis_vendor',
    'chassis_version',
    'product_name',
    'product_serial',
    'product_uuid',
    'product_version',
  ].map(name => [name, name]),
  ['form_factor', 'chassis_type'],
  ['system_vendor', 'sys_vendor'],
]);

function dmiFacts(raw: Raw): Facts {
  return Object.fromEntries(
    Object.entries(DMI_FILES).map(([fact, file]) => {
      const value = line(raw, `${DMI}/${file}`);
      if (value === undefined) return [fact, 'NA'];
      return [fact, fact === 'form_factor' ? (FORM_FACTORS[Number(value)] ?? `unknown (${value})`) : value];
    }),
  );
}

// Only the lines that count: a big machine's cpuinfo is hundreds of kilobytes of flags.
const CPUINFO =
  "section cpuinfo; grep -E '^(processor|vendor_id|model name|Processor|cpu|Vendor|physical id|core id|cpu cores|siblings|machine)[[:space:]]*:' /proc/cpuinfo 2>/dev/null";

export const memoryAndCpu: Collector = {
  name: 'hardware',
  files: [
    '/proc/meminfo',
    '/proc/uptime',
    '/proc/self/status',
    ...Object.values(DMI_FILES).map(file => `${DMI}/${file}`),
  ],
  script: () => CPUINFO,
  parse: raw => ({
    ...memoryFacts(raw),
    ...cpuFacts(raw),
    ...dmiFacts(raw),
    uptime_seconds: Math.floor(Number((line(raw, '/proc/uptime') ?? '0').split(' ')[0])),
  }),
};
