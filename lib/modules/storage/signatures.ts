import { textOf } from '../../source/bytes.ts';
import { quote } from '../kit/define.ts';
import { needsProgram } from '../kit/program.ts';
import type { Records } from '../kit/reply.ts';

/** What a block device or image file holds. */
export interface DeviceFound {
  readonly path: string;
  readonly exists: boolean;
  /** Kind of content as blkid names it (ext4, LVM2_member, dos, gpt …), `PolarFS`; undefined for none that is known. */
  readonly signature: string | undefined;
  readonly mountedAt: string | undefined;
  /** Other devices built on this one. */
  readonly holders: readonly string[];
  readonly size: number;
}

/**
 * Shell lines that look at a device: the device itself is read, never blkid's cache. PolarFS, which blkid does not know,
 * is told by its magic number.
 */
export function deviceScript(path: string): string {
  const p = quote(path);
  return `d=${p}; r=$(readlink -f "$d"); field device "$d"
if [ -e "$d" ]; then
  ${needsProgram('blkid', 'util-linux')}
  field exists
  s=$(blkid -p -c /dev/null -o value -s TYPE "$r" 2>/dev/null); [ -n "$s" ] || s=$(blkid -p -c /dev/null -o value -s PTTYPE "$r" 2>/dev/null)
  [ -n "$s" ] || { head -c 4096 "$r" 2>/dev/null | grep -aq HCSFP && s=PolarFS; }
  # Several signatures at once make blkid answer nothing.
  [ -n "$s" ] || { command -v wipefs >/dev/null 2>&1 && s=$(wipefs -n -p "$r" 2>/dev/null | sed -n 's/.*,\\([^,]*\\)$/\\1/p' | head -n 2 | tail -n 1); }
  [ -z "$s" ] || field signature "$s"
  while read -r src at rest; do [ "$(readlink -f "$src" 2>/dev/null)" = "$r" ] && { field mounted "$at"; break; }; done </proc/mounts
  for h in /sys/class/block/"\${r##*/}"/holders/*; do [ -e "$h" ] && field holder "\${h##*/}"; done
  if [ -b "$r" ]; then field size "$(blockdev --getsize64 "$r" 2>/dev/null)"; else field size "$(stat -c %s "$r" 2>/dev/null)"; fi
fi`;
}

/** What a `deviceScript` told. */
export const parseDevice = (records: Records): DeviceFound => ({
  path: records.text('device') ?? '',
  exists: records.has('exists'),
  signature: records.text('signature'),
  mountedAt: records.text('mounted'),
  holders: records.all('holder').map(textOf),
  size: Number(records.text('size') ?? 0),
});
