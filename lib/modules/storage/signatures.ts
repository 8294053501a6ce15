import { quote } from '../kit/define.ts';

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
  return `d=${p}; r=$(readlink -f "$d"); printf 'device %s\\n' "$d"
if [ -e "$d" ]; then
  command -v blkid >/dev/null 2>&1 || { echo 'the program blkid is missing: what the device holds cannot be told' >&2; exit 96; }
  echo exists
  s=$(blkid -p -c /dev/null -o value -s TYPE "$r" 2>/dev/null); [ -n "$s" ] || s=$(blkid -p -c /dev/null -o value -s PTTYPE "$r" 2>/dev/null)
  [ -n "$s" ] || { head -c 4096 "$r" 2>/dev/null | grep -aq HCSFP && s=PolarFS; }
  # Several signatures at once make blkid answer nothing.
  [ -n "$s" ] || { command -v wipefs >/dev/null 2>&1 && s=$(wipefs -n -p "$r" 2>/dev/null | sed -n 's/.*,\\([^,]*\\)$/\\1/p' | head -n 2 | tail -n 1); }
  [ -z "$s" ] || printf 'signature %s\\n' "$s"
  while read -r src at rest; do [ "$(readlink -f "$src" 2>/dev/null)" = "$r" ] && { printf 'mounted %s\\n' "$at"; break; }; done </proc/mounts
  for h in /sys/class/block/"\${r##*/}"/holders/*; do [ -e "$h" ] && echo "holder \${h##*/}"; done
  if [ -b "$r" ]; then echo "size $(blockdev --getsize64 "$r" 2>/dev/null)"; else echo "size $(stat -c %s "$r" 2>/dev/null)"; fi
fi`;
}

/** The answers of several `deviceScript`s. */
export function parseDevices(stdout: string): DeviceFound[] {
  return stdout
    .split(/^(?=device )/m)
    .filter(part => part.startsWith('device '))
    .map(part => {
      const field = (name: string) => new RegExp(`^${name} (.*)$`, 'm').exec(part)?.[1];
      return {
        path: field('device') ?? '',
        exists: /^exists$/m.test(part),
        signature: field('signature'),
        mountedAt: field('mounted'),
        holders: [...part.matchAll(/^holder (.*)$/gm)].map(m => m[1]!),
        size: Number(field('size') ?? 0),
      };
    });
}
