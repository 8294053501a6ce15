import { linesOf } from '../kit/text-file.ts';

export interface FstabEntry {
  readonly src: string;
  readonly name: string;
  readonly fstype: string;
  readonly opts: string;
  readonly dump: string;
  readonly passno: string;
}

/** A line of /proc/self/mountinfo. */
export interface Mounted {
  readonly point: string;
  /** The directory of the file system that is shown: not `/` for a bind mount. */
  readonly root: string;
  readonly source: string;
  readonly fstype: string;
}

/** A line break would begin an entry that nobody asked for, a comment sign at the start one that nobody sees. */
const escapeField = (text: string) =>
  text
    .replaceAll('\\', '\\134')
    .replace(/[ &\t\n\r\v\f]|^#/g, char => `\\0${char.charCodeAt(0).toString(8).padStart(2, '0')}`);

const unescapeField = (text: string) =>
  text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));

function parseLine(line: string): FstabEntry | undefined {
  const fields = line.trim().split(/\s+/);
  if (line.trim().startsWith('#') || fields.length < 4 || fields.length > 6) return undefined;
  const [src = '', name = '', fstype = '', opts = '', dump = '0', passno = '0'] = fields;
  return { src, name, fstype, opts, dump, passno };
}

const escaped = (entry: FstabEntry): FstabEntry => ({
  src: escapeField(entry.src),
  name: escapeField(entry.name),
  fstype: escapeField(entry.fstype),
  opts: escapeField(entry.opts),
  dump: entry.dump,
  passno: entry.passno,
});

const written = (e: FstabEntry) => `${e.src} ${e.name} ${e.fstype} ${e.opts} ${e.dump} ${e.passno}\n`;

const closed = (lines: readonly string[]) => lines.map(line => (line.endsWith('\n') ? line : `${line}\n`));

/** Swap has no mount point of its own: its device tells the entries apart. */
function isSame(found: FstabEntry, wanted: FstabEntry): boolean {
  if (found.name !== wanted.name) return false;
  return !(found.name === 'none' && found.fstype === 'swap' && found.src !== wanted.src);
}

/** fstab with the entry in it; the text itself when it is there already. Pure. */
export function keepEntry(text: string, entry: FstabEntry): string {
  const wanted = escaped(entry);
  let there = false;
  let changed = false;
  const lines = closed(linesOf(text)).map(line => {
    const found = parseLine(line);
    if (!found || !isSame(found, wanted)) return line;
    there = true;
    if (written(found) === written(wanted)) return line;
    changed = true;
    return written(wanted);
  });
  if (!there) return lines.join('') + written(wanted);
  return changed ? lines.join('') : text;
}

/** fstab without the entries of a mount point. Pure. */
export function dropEntry(text: string, name: string): string {
  const wanted = escapeField(name);
  const lines = linesOf(text);
  const kept = lines.filter(line => parseLine(line)?.name !== wanted);
  return kept.length === lines.length ? text : kept.join('');
}

export function parseMounts(rows: readonly string[]): Mounted[] {
  return rows.flatMap(row => {
    const fields = row.split(' ');
    const dash = fields.indexOf('-');
    if (dash < 0) return [];
    return [
      {
        point: unescapeField(fields[4] ?? ''),
        root: unescapeField(fields[3] ?? ''),
        fstype: fields[dash + 1] ?? '',
        source: unescapeField(fields[dash + 2] ?? ''),
      },
    ];
  });
}

/** Whether a mount shows `src`: the device itself, or for a bind mount the directory. */
export function sourceMatches(mounted: Mounted, src: string): boolean {
  return (
    mounted.source === src || (mounted.root !== '/' && (mounted.root === src || src.endsWith(mounted.root)))
  );
}
