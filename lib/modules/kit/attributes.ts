import { defined } from '../../source/defined.ts';
import { partAt } from '../../source/part-at.ts';
import type { Json } from '../../source/value.ts';
import { A } from './arguments.ts';
import { ModuleError, quote } from './define.ts';

/** Arguments of every module that leaves a file behind. */
export const attributeArgs = {
  mode: A.opt(
    A.mode('Permissions, such as "0644" or "u=rw,go=r"; unset keeps those of an existing file.', {}),
  ),
  owner: A.opt(A.str('Name or number of the user that owns the file.')),
  group: A.opt(A.str('Name or number of the group that owns the file.')),
  attributes: A.opt(A.str('Attributes as chattr takes them, such as "+i".', { aliases: ['attr'] })),
  seuser: A.opt(A.str('User part of the SELinux context.')),
  serole: A.opt(A.str('Role part of the SELinux context.')),
  setype: A.opt(A.str('Type part of the SELinux context.')),
  selevel: A.opt(A.str('Level part of the SELinux context.')),
};

/** The argument of modules that replace a file: for targets that cannot be renamed over (bind mounts). */
export const unsafeWritesArg = {
  unsafe_writes: A.bool('Write into the file where it cannot be replaced by renaming.', { default: false }),
};

/** What the author wants of a file besides its content. */
export interface Attributes {
  readonly mode?: string | undefined;
  readonly owner?: string | undefined;
  readonly group?: string | undefined;
  readonly attributes?: string | undefined;
  readonly seuser?: string | undefined;
  readonly serole?: string | undefined;
  readonly setype?: string | undefined;
  readonly selevel?: string | undefined;
}

export type FileType = 'file' | 'directory' | 'link' | 'fifo' | 'socket' | 'block' | 'char';

/** One entry of a file system, as stat tells it. Times are whole seconds. */
export interface FileStatus {
  readonly type: FileType;
  /** Permission bits, setuid and its like included. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly owner: string;
  readonly group: string;
  readonly size: number;
  readonly links: number;
  readonly inode: number;
  readonly device: number;
  readonly atime: number;
  readonly mtime: number;
  readonly ctime: number;
}

/** For `stat -c`, GNU and busybox. Names come last: they are the only free text. */
export const STAT_FORMAT = '%f|%u|%g|%s|%h|%i|%d|%X|%Y|%Z|%U|%G';

const TYPES: Readonly<Record<number, FileType>> = {
  1: 'fifo',
  2: 'char',
  4: 'directory',
  6: 'block',
  8: 'file',
  10: 'link',
  12: 'socket',
};

/** Reads one line of `stat -c STAT_FORMAT`. */
export function parseStatus(line: string): FileStatus {
  const fields = line.trim().split('|');
  const raw = Number.parseInt(fields[0] ?? '', 16);
  const type = TYPES[raw >> 12];
  if (type === undefined || fields.length < 12) throw new ModuleError(`stat printed "${line}"`);
  const number = (at: number) => Number(fields[at]);
  const [uid, gid] = [number(1), number(2)];
  const name = (text: string | undefined, id: number) => (!text || text === 'UNKNOWN' ? String(id) : text);
  return {
    type,
    mode: raw & 0o7777,
    uid,
    gid,
    owner: name(fields[10], uid),
    group: name(fields[11], gid),
    size: number(3),
    links: number(4),
    inode: number(5),
    device: number(6),
    atime: number(7),
    mtime: number(8),
    ctime: number(9),
  };
}

/** The fields Ansible adds to the result of every module that has a `path` or `dest`. */
export function statusFields(status: FileStatus): Readonly<Record<string, Json>> {
  return {
    uid: status.uid,
    gid: status.gid,
    owner: status.owner,
    group: status.group,
    mode: modeText(status.mode),
    state:
      status.type === 'directory' || status.type === 'link'
        ? status.type
        : status.links > 1
          ? 'hard'
          : 'file',
    size: status.size,
  };
}

/** `0644`, `0755`, `04755`: as Ansible prints permissions. */
export const modeText = (mode: number): string => `0${mode.toString(8).padStart(3, '0')}`;

/** For the chmod program: with five digits it clears setgid of a directory, too, if that is what the bits say. */
export const chmodText = (mode: number): string => `0${mode.toString(8).padStart(4, '0')}`;

/** Permission bits that `mode` asks for, given those of now; a symbolic mode without `ugoa` obeys the umask. */
export function modeBits(mode: string, now: number, isDirectory: boolean, umask: number): number {
  if (/^[0-7]+$/.test(mode)) return Number.parseInt(mode, 8) & 0o7777;
  return mode.split(',').reduce((bits, clause) => applyClause(clause, bits, now, isDirectory, umask), now);
}

const SHIFT = { u: 6, g: 3, o: 0 } as const;
type Who = keyof typeof SHIFT;

function applyClause(clause: string, bits: number, now: number, isDirectory: boolean, umask: number): number {
  const match = /^([ugoa]*)((?:[-+=][rwxXstugo]*)+)$/.exec(clause);
  if (!match) throw new ModuleError('mode must be in octal or symbolic form', { details: clause });
  const named = partAt(match, 1);
  const everyone: readonly Who[] = ['u', 'g', 'o'];
  const who = named === '' || named.includes('a') ? everyone : everyone.filter(w => named.includes(w));
  const mask = named === '' ? umask : 0;
  const runnable = isDirectory || (now & 0o111) !== 0;
  let result = bits;
  for (const [, operator, permissions = ''] of partAt(match, 2).matchAll(/([-+=])([rwxXstugo]*)/g)) {
    for (const w of who) {
      const wanted = permissionBits(permissions, w, now, runnable, mask);
      if (operator === '+') result |= wanted;
      else if (operator === '-') result &= ~wanted;
      else result = (result & ~classMask(w)) | wanted;
    }
  }
  return result;
}

const classMask = (w: Who) => (0o7 << SHIFT[w]) | { u: 0o4000, g: 0o2000, o: 0o1000 }[w];

const PERMISSION_BITS: Readonly<Record<string, number>> = { r: 0o4, w: 0o2, x: 0o1 };

function permissionBits(permissions: string, w: Who, now: number, runnable: boolean, umask: number): number {
  let bits = 0;
  for (const permission of permissions) {
    if (permission === 's') bits |= w === 'u' ? 0o4000 : w === 'g' ? 0o2000 : 0;
    else if (permission === 't') bits |= w === 'o' ? 0o1000 : 0;
    else if (permission === 'u' || permission === 'g' || permission === 'o')
      bits |= ((now >> SHIFT[permission]) & 0o7) << SHIFT[w];
    else if (permission === 'X') bits |= runnable ? 0o1 << SHIFT[w] : 0;
    else bits |= ((PERMISSION_BITS[permission] ?? 0) << SHIFT[w]) & ~umask;
  }
  return bits;
}

/** What is known of an existing file, and of the names the author wants, to compare attributes with. */
export interface AttributesFound {
  readonly status: FileStatus;
  readonly umask: number;
  /** Numbers of the wanted owner and group; `null` when the host knows no such name; unset when not asked for. */
  readonly wantedUid?: number | null | undefined;
  readonly wantedGid?: number | null | undefined;
  /** As `lsattr` prints them, without dashes. */
  readonly flags?: string | undefined;
  /** `user:role:type:level`; unset on a host without SELinux. */
  readonly context?: string | undefined;
}

/** Differences between wanted and found attributes, and the commands that remove them. */
export interface AttributeChanges {
  readonly changes: readonly string[];
  readonly before: Readonly<Record<string, Json>>;
  readonly after: Readonly<Record<string, Json>>;
  /** Owner for chown (`bob`, `:staff`, `bob:staff`), bits for chmod, and so on: only what must change. */
  readonly chown?: string;
  readonly chmod?: number;
  readonly chattr?: string;
  readonly chcon?: readonly string[];
}

/** Compares attributes. In check mode an owner nobody knows yet is a change to come; else it fails the task. */
export function attributeChanges(
  found: AttributesFound,
  wanted: Attributes,
  path: string,
  checkMode: boolean,
): AttributeChanges {
  const before: Record<string, Json> = {};
  const after: Record<string, Json> = {};
  const changes: string[] = [];
  const note = (what: string, from: Json, to: Json) => {
    before[what] = from;
    after[what] = to;
    changes.push(`${path}: ${what} ${from} → ${to}`);
  };
  const { status } = found;
  const owner = ownerChange(wanted.owner, status.uid, status.owner, found.wantedUid);
  const group = ownerChange(wanted.group, status.gid, status.group, found.wantedGid);
  if (!checkMode) refuseUnknown(path, wanted, owner, group);
  if (owner) note('owner', status.uid, owner.id ?? defined(wanted.owner, 'an owner was found for it'));
  if (group) note('group', status.gid, group.id ?? defined(wanted.group, 'a group was found for it'));
  const bits =
    wanted.mode === undefined || status.type === 'link'
      ? status.mode
      : modeBits(wanted.mode, status.mode, status.type === 'directory', found.umask);
  if (bits !== status.mode) note('mode', modeText(status.mode), modeText(bits));
  const flags = flagChange(wanted.attributes, found.flags ?? '');
  if (flags) note('attributes', found.flags ?? '', flags);
  const context = contextChange(wanted, found.context);
  if (context) note('secontext', defined(found.context, 'the caller compared it'), context.join(':'));
  return {
    changes,
    before,
    after,
    ...((owner || group) && {
      chown: `${owner ? wanted.owner : ''}${group ? `:${wanted.group}` : ''}`,
    }),
    // chown clears setuid and setgid: set them again
    ...((bits !== status.mode || ((owner || group) && bits & 0o6000 && status.type !== 'link')) && {
      chmod: bits,
    }),
    ...(flags && { chattr: flags }),
    ...(context && { chcon: context }),
  };
}

function refuseUnknown(
  path: string,
  wanted: Attributes,
  owner: OwnerChange | undefined,
  group: OwnerChange | undefined,
) {
  if (owner && owner.id === null)
    throw new ModuleError(`chown failed: failed to look up user ${wanted.owner}`, { path });
  if (group && group.id === null)
    throw new ModuleError(`chgrp failed: failed to look up group ${wanted.group}`, { path });
}

interface OwnerChange {
  readonly id: number | null;
}

function ownerChange(
  wanted: string | undefined,
  id: number,
  name: string,
  wantedId: number | null | undefined,
): OwnerChange | undefined {
  if (wanted === undefined || wanted === name || wanted === String(id) || wantedId === id) return undefined;
  if (/^\d+$/.test(wanted)) return { id: Number(wanted) };
  return { id: wantedId ?? null };
}

function flagChange(wanted: string | undefined, now: string): string | undefined {
  if (wanted === undefined) return undefined;
  const operator = /^[-+=]/.exec(wanted)?.[0] ?? '=';
  const flags = wanted.replace(/^[-+=]/, '');
  const has = (flag: string) => now.includes(flag);
  const same =
    operator === '+'
      ? [...flags].every(has)
      : operator === '-'
        ? ![...flags].some(has)
        : [...flags].sort().join('') === [...now.replaceAll('e', '')].sort().join('') ||
          [...flags].sort().join('') === [...now].sort().join('');
  return same ? undefined : `${operator}${flags}`;
}

function contextChange(wanted: Attributes, now: string | undefined): readonly string[] | undefined {
  if (now === undefined) return undefined;
  const [user, role, type, ...level] = now.split(':');
  const after = [
    wanted.seuser ?? user ?? '',
    wanted.serole ?? role ?? '',
    wanted.setype ?? type ?? '',
    wanted.selevel ?? level.join(':'),
  ];
  return after.join(':') === now ? undefined : after;
}

/** Shell commands that bring what is held as `$f` to the wanted attributes; each ends the script when it fails. */
export function attributeCommands(changes: AttributeChanges): string {
  const h = (command: string, failure: string) => `e=$(${command} 2>&1) || fail "${failure}: $e"\n`;
  let script = '';
  if (changes.chown !== undefined) script += h(`chown $h -- ${quote(changes.chown)} "$f"`, 'chown failed');
  if (changes.chmod !== undefined) script += h(`chmod ${chmodText(changes.chmod)} "$f"`, 'chmod failed');
  if (changes.chcon) {
    const [user, role, type, level] = changes.chcon.map(part => quote(part));
    script += h(
      `chcon $h -u ${user} -r ${role} -t ${type}${level === "''" ? '' : ` -l ${level}`} "$f"`,
      'chcon failed',
    );
  }
  if (changes.chattr !== undefined) script += h(`chattr ${quote(changes.chattr)} "$n"`, 'chattr failed');
  return script;
}

/** Words of `chcon` for the parts of a context that the author wants; empty when none is wanted. */
export const contextWords = (wanted: Attributes): string =>
  [
    ['-u', wanted.seuser],
    ['-r', wanted.serole],
    ['-t', wanted.setype],
    ['-l', wanted.selevel],
  ]
    .flatMap(([flag = '', value]) => (value === undefined ? [] : [`${flag} ${quote(value)}`]))
    .join(' ');
