import type { Json } from '../../source/value.ts';
import { A, Type } from '../kit/arguments.ts';
import { type FileStatus, parseStatus, STAT_FORMAT } from '../kit/attributes.ts';
import { defineAction, ModuleError } from '../kit/define.ts';
import { ask, type Records } from '../kit/reply.ts';
import { pathWord } from '../kit/stat.ts';

const args = Type.Object({
  path: A.path('What to look at.', { aliases: ['dest', 'name'] }),
  follow: A.bool('Look at what a symbolic link leads to.', { default: false }),
  get_checksum: A.bool('Compute the checksum of a regular file.', { default: true }),
  checksum_algorithm: A.choice(['md5', 'sha1', 'sha224', 'sha256', 'sha384', 'sha512'], 'Kind of checksum.', {
    default: 'sha1',
    aliases: ['checksum', 'checksum_algo'],
  }),
  get_mime: A.bool('Find out the type of the content (mimetype and charset) with the `file` program.', {
    default: true,
    aliases: ['mime', 'mime_type', 'mime-type'],
  }),
  get_attributes: A.bool('Read the attributes that chattr sets.', {
    default: true,
    aliases: ['attr', 'attributes'],
  }),
});

/** More than STAT_FORMAT has: blocks, block size, device numbers, times with fractions. */
const MORE_FORMAT = '%b|%o|%t|%T|%x|%y|%z';

/** stat: facts about one entry of a file system. */
export const stat = defineAction({
  name: 'stat',
  summary: 'Tells what is known of a file, directory or link.',
  examples: `
- name: See whether the data directory is there
  stat: {path: /srv/data/PG_VERSION}
  register: version_file
`,
  args,
  returns: {
    stat: 'exists; and if it does: path, mode, owner (pw_name, uid), group (gr_name, gid), size, times, isdir, isreg, islnk and the like, permission bits, readable, writeable, executable, checksum, lnk_source, lnk_target, and what was asked for.',
  },
  readOnly: true,
  batch: true,
  *run(args) {
    return { changed: false, stat: statOf(args, yield* ask(statusScript(args))) };
  },
});

interface StatArgs {
  readonly path: string;
  readonly follow: boolean;
  readonly get_checksum: boolean;
  readonly checksum_algorithm: string;
  readonly get_mime: boolean;
  readonly get_attributes: boolean;
}

function statusScript(args: StatArgs): string {
  const follow = args.follow ? '-L ' : '';
  return [
    `p=${pathWord(args.path)}; field path "$p"`,
    `if [ -e "$p" ]${args.follow ? '' : ' || [ -h "$p" ]'}; then :; else`,
    `d=\${p%/*}; if [ -d "$d" ] && [ ! -x "$d" ]; then echo 'Permission denied' >&2; exit 1; fi; exit 0; fi`,
    `s=$(stat ${follow}-c '${STAT_FORMAT}|${MORE_FORMAT}' "$p") || exit 1`,
    `field stat "$s"`,
    `[ -r "$p" ] && field readable; [ -w "$p" ] && field writeable; [ -x "$p" ] && field executable`,
    args.follow ? '' : `[ -h "$p" ] && { begin target; readlink -n "$p"; begin source; readlink -fn "$p"; }`,
    args.get_checksum
      ? `[ -f "$p" ] && [ -r "$p" ]${args.follow ? '' : ' && [ ! -h "$p" ]'} && h=$(${args.checksum_algorithm}sum <"$p") && field sum "\${h%% *}"`
      : '',
    args.get_mime
      ? `m=$(file ${follow}-b --mime-type --mime-encoding "$p" 2>/dev/null) && field mime "$m"`
      : '',
    args.get_attributes ? `a=$(lsattr -vd "$p" 2>/dev/null) && field attributes "$a"` : '',
    ':',
  ]
    .filter(Boolean)
    .join('\n');
}

function statOf(args: StatArgs, records: Records): Json {
  if (records.rc !== 0) throw new ModuleError(records.stderr.trim() || `cannot look at ${args.path}`);
  const line = records.text('stat');
  if (line === undefined) return { exists: false };
  const target = records.text('target');
  const sum = records.text('sum');
  return {
    exists: true,
    path: records.text('path') ?? args.path,
    ...statusFields(parseStatus(line)),
    ...moreFields(line.split('|').slice(12)),
    readable: records.has('readable'),
    writeable: records.has('writeable'),
    executable: records.has('executable'),
    ...(target !== undefined && { lnk_target: target, lnk_source: records.text('source') || target }),
    ...(sum !== undefined && { checksum: sum }),
    ...(args.get_mime && mimeFields(records.text('mime'))),
    ...(args.get_attributes && attributeFields(records.text('attributes'))),
  };
}

/** The fields `stat` and `find` have in common. */
export function statusFields(status: FileStatus): Readonly<Record<string, Json>> {
  const { mode, type } = status;
  const has = (bit: number) => (mode & bit) !== 0;
  return {
    mode: mode.toString(8).padStart(4, '0'),
    isdir: type === 'directory',
    ischr: type === 'char',
    isblk: type === 'block',
    isreg: type === 'file',
    isfifo: type === 'fifo',
    islnk: type === 'link',
    issock: type === 'socket',
    uid: status.uid,
    gid: status.gid,
    size: status.size,
    inode: status.inode,
    dev: status.device,
    nlink: status.links,
    rusr: has(0o400),
    wusr: has(0o200),
    xusr: has(0o100),
    rgrp: has(0o040),
    wgrp: has(0o020),
    xgrp: has(0o010),
    roth: has(0o004),
    woth: has(0o002),
    xoth: has(0o001),
    isuid: has(0o4000),
    isgid: has(0o2000),
    ...(status.owner !== String(status.uid) && { pw_name: status.owner }),
    ...(status.group !== String(status.gid) && { gr_name: status.group }),
  };
}

function moreFields(fields: readonly string[]): Readonly<Record<string, Json>> {
  const [blocks, blockSize, major = '', minor = '', atime = '', mtime = '', ctime = ''] = fields;
  return {
    blocks: Number(blocks),
    block_size: Number(blockSize),
    device_type: deviceNumber(Number.parseInt(major, 16), Number.parseInt(minor, 16)),
    atime: epoch(atime),
    mtime: epoch(mtime),
    ctime: epoch(ctime),
  };
}

/** makedev(3) */
const deviceNumber = (major: number, minor: number) =>
  ((major & 0xfff) << 8) + (minor & 0xff) + (minor >>> 8) * 2 ** 20 + (major >>> 12) * 2 ** 44;

/** Seconds since 1970 from `2026-11-22 22:50:09.906278244 +0000`. */
export function epoch(text: string | undefined): number {
  const match = /^(\S+) (\d\d:\d\d:\d\d)(\.\d+)? ([-+]\d\d)(\d\d)$/.exec((text ?? '').trim());
  if (!match) return Number.NaN;
  const [, day, clock, fraction, hours, minutes] = match;
  return Date.parse(`${day}T${clock}${hours}:${minutes}`) / 1000 + Number(fraction ?? 0);
}

function mimeFields(text: string | undefined): Readonly<Record<string, Json>> {
  const match = /^(.*); charset=(.*)$/.exec(text ?? '');
  return { mimetype: match?.[1] ?? 'unknown', charset: match?.[2] ?? 'unknown' };
}

const ATTRIBUTE_NAMES: Readonly<Record<string, string>> = {
  a: 'append',
  A: 'noatime',
  s: 'zero',
  c: 'compressed',
  C: 'nocow',
  d: 'nodump',
  D: 'dirsync',
  e: 'extents',
  E: 'encrypted',
  h: 'blocksize',
  i: 'immutable',
  I: 'indexed',
  j: 'journalled',
  N: 'inline',
  S: 'synchronous',
  t: 'notail',
  T: 'blockroot',
  u: 'undelete',
  X: 'compressedraw',
  Z: 'compresseddirty',
};

function attributeFields(line: string | undefined): Readonly<Record<string, Json>> {
  const [version, flags = ''] = (line ?? '').trim().split(/\s+/);
  const set = flags.replaceAll('-', '');
  return {
    version: version || null,
    attr_flags: set,
    attributes: [...set].flatMap(flag => ATTRIBUTE_NAMES[flag] ?? []),
  };
}
