import { defined } from '../../source/defined.ts';
import { partAt } from '../../source/part-at.ts';
import { ModuleError } from '../kit/define.ts';

/** What an author wrote as the size of a volume. */
export interface VolumeSize {
  readonly operator: '+' | '-' | '';
  /** Per cent of the group, its free space or the devices given. */
  readonly percent: { readonly of: 'VG' | 'PVS' | 'FREE'; readonly value: number } | undefined;
  readonly bytes: number | undefined;
  /** As lvcreate takes it, the operator left out. */
  readonly text: string;
}

const POWERS = 'bkmgtpe';

/** `512` (MiB), `10g`, `80%VG`, `+100%FREE`. */
export function parseSize(text: string): VolumeSize {
  const operator = /^[+-]/.exec(text)?.[0] as '+' | '-' | undefined;
  const rest = operator ? text.slice(1) : text;
  const percent = /^(\d+)%(.*)$/.exec(rest);
  if (percent) {
    const value = Number(percent[1]);
    const of = partAt(percent, 2);
    if (value > 100) throw new ModuleError('Size percentage cannot be larger than 100%');
    if (of === 'ORIGIN') throw new ModuleError('Snapshot Volumes are not supported');
    if (of !== 'VG' && of !== 'PVS' && of !== 'FREE')
      throw new ModuleError('Specify extents as a percentage of VG|PVS|FREE');
    return { operator: operator ?? '', percent: { of, value }, bytes: undefined, text: rest };
  }
  const match = /^(\d+(?:\.\d*)?)([bBsSkKmMgGtTpPeE]?)$/.exec(rest);
  if (!match) throw new ModuleError(`Bad size specification of '${rest}'`);
  const unit = match[2] || 'm';
  const bytes = unit.toLowerCase() === 's' ? Number(match[1]) * 512 : Number(match[1]) * unitBytes(unit);
  return { operator: operator ?? '', percent: undefined, bytes, text: match[1] + unit };
}

// -L takes capital letters as powers of 1024 too.
const unitBytes = (unit: string) => 1024 ** POWERS.indexOf(unit.toLowerCase());

export interface Space {
  readonly size: number;
  readonly free: number;
  readonly extent: number;
}

/** The size in bytes that a volume of `now` bytes should have; whole extents. */
export function wantedBytes(size: VolumeSize, group: Space, now: number): number {
  const base = size.percent
    ? (size.percent.value * (size.percent.of === 'FREE' ? group.free : group.size)) / 100
    : defined(size.bytes, 'it is not a percentage');
  const wanted = size.operator === '+' ? now + base : size.operator === '-' ? now - base : base;
  return size.percent
    ? Math.floor(wanted / group.extent) * group.extent
    : Math.ceil(wanted / group.extent) * group.extent;
}
