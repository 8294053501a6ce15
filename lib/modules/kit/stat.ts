import {
  type Attributes,
  type AttributesFound,
  type FileStatus,
  parseStatus,
  STAT_FORMAT,
} from './attributes.ts';
import { ModuleError, quote, type Reply, type Steps, sh } from './define.ts';

/** What to find out about a path. One request; a plain look at an existing file starts one program. */
export interface LookOptions {
  /** Look at what a symbolic link leads to. */
  readonly follow?: boolean;
  /** Shell word of the path, when it is not just the path as the author wrote it. */
  readonly word?: string;
  /** Attributes the author wants: names of owners are looked up when they differ from what is there. */
  readonly wanted?: Attributes;
  /**
   * `bytes`: the content comes along. `sum`: the SHA-1. A size: the SHA-1 if the file has that size, which is enough
   * to know that it is the same or not.
   */
  readonly content?: 'none' | 'bytes' | 'sum' | { readonly ifSize: number };
  /** With a size: the SHA-1 that makes the bytes unnecessary; otherwise they come, up to this many (for --diff). */
  readonly bytesUnless?: { readonly sha1: string; readonly limit: number };
}

/** What a look at a path found. */
export interface Found {
  /** The path, `~` and variables expanded by the host's shell. */
  readonly path: string;
  /** Where the path leads when it is a symbolic link and `follow` was asked for; else the same as `path`. */
  readonly realPath: string;
  /** Target of the link at `path` itself. */
  readonly linkTarget: string | undefined;
  readonly umask: number;
  /** Undefined when nothing is there. */
  readonly status: FileStatus | undefined;
  readonly readable: boolean;
  /** The file belongs to the user and the group that the script ran as. */
  readonly own: boolean;
  /** The directory the path is in exists, and may be written. */
  readonly parent: 'missing' | 'writable' | 'readonly';
  readonly sha1: string | undefined;
  readonly bytes: Buffer | undefined;
  readonly wantedUid: number | null | undefined;
  readonly wantedGid: number | null | undefined;
  readonly flags: string | undefined;
  readonly context: string | undefined;
}

/** Looks at one path on the host. */
export function* look(path: string, options: LookOptions = {}): Steps<Found> {
  return parseLook(path, yield* sh(lookScript(path, options)));
}

/**
 * A shell word for an author's text: a leading `~` or `~user` and `$NAME` are expanded by the host's shell, as
 * Ansible's modules do; a variable the host does not know stays as it is written.
 */
export function hostWord(text: string): string {
  const tilde = /^~([A-Za-z0-9_.-]*)(?=\/|$)/.exec(text)?.[0] ?? '';
  const rest = text
    .slice(tilde.length)
    .split(/(\$\w+|\$\{\w+\})/)
    .map(part => {
      if (part === '') return '';
      const name = /^\$\{?([A-Za-z_]\w*)\}?$/.exec(part)?.[1];
      return name ? `"\${${name}-\\${part.replace('}', '\\}')}}"` : quote(part);
    })
    .join('');
  return tilde + rest === '' ? "''" : tilde + rest;
}

/** The same for a path, which no program may take for an option. */
export function pathWord(path: string): string {
  return path.startsWith('-') ? `./${hostWord(path)}` : hostWord(path);
}

/** The same for a path that has to mean the same after a `cd`. */
export function absoluteWord(path: string): string {
  return /^[^/~$]/.test(path) ? `"$PWD"/${quote(path)}` : pathWord(path);
}

/** The script behind `look`; several may be joined, each ends its header with an empty line. */
export function lookScript(path: string, options: LookOptions = {}): string {
  const { wanted = {} } = options;
  const lines = [
    `p=${options.word ?? pathWord(path)}`,
    `q=$p; printf 'path %s\\numask ' "$p"; umask`,
    `if [ -h "$p" ]; then l=$(readlink "$p"); printf 'link %s\\n' "$l"`,
    options.follow ? `r=$(readlink -f "$p") && p=$r && printf 'real %s\\n' "$p"; fi` : 'fi',
    `case $p in */*) d=\${p%/*}/;; *) d=.;; esac`,
    `if [ ! -d "$d" ]; then echo 'parent missing'; elif [ -w "$d" ]; then echo 'parent writable'; else echo 'parent readonly'; fi`,
    `if [ -e "$p" ] || [ -h "$p" ]; then`,
    `s=$(stat -c '${STAT_FORMAT}' "$p") || exit 98`,
    `printf 'stat %s\\n' "$s"`,
    `[ -r "$p" ] && echo readable`,
    `[ ! -h "$p" ] && [ -O "$p" ] && [ -G "$p" ] && echo own`,
    ownerLines(wanted),
    wanted.attributes === undefined
      ? ''
      : `f=$(lsattr -d "$p" 2>/dev/null) && printf 'flags %s\\n' "\${f%% *}"`,
    (wanted.seuser ?? wanted.serole ?? wanted.setype ?? wanted.selevel)
      ? `[ -e /sys/fs/selinux/enforce ] && c=$(stat -c %C "$p" 2>/dev/null) && printf 'context %s\\n' "$c"`
      : '',
    contentLines(options),
    'fi',
    ':',
  ];
  return lines.filter(Boolean).join('\n');
}

function ownerLines(wanted: Attributes): string {
  const named = (name: string | undefined): name is string => name !== undefined && !/^\d+$/.test(name);
  if (!named(wanted.owner) && !named(wanted.group)) return '';
  const owner = named(wanted.owner)
    ? `[ "\${11}" = ${quote(wanted.owner)} ] || printf 'uid %s\\n' "$(id -u ${quote(wanted.owner)} 2>/dev/null || echo none)"`
    : '';
  const group = named(wanted.group)
    ? `[ "\${12}" = ${quote(wanted.group)} ] || { g=$(${groupLine(wanted.group)}); g=\${g#*:*:}; g=\${g%%:*}; printf 'gid %s\\n' "\${g:-none}"; }`
    : '';
  return ["IFS='|'; set -f; set -- $s; set +f; unset IFS", owner, group].filter(Boolean).join('\n');
}

/** getent asks every source of names; hosts without it (busybox) have the file only. */
const groupLine = (name: string) =>
  `getent group ${quote(name)} 2>/dev/null || grep ${quote(`^${name}:`)} /etc/group`;

function contentLines(options: LookOptions): string {
  const { content = 'none', bytesUnless } = options;
  if (content === 'none') return '';
  const regular = '[ -f "$p" ] && [ -r "$p" ]';
  if (content === 'bytes') return `${regular} && { echo; cat <"$p" || exit 98; }`;
  const bytes = bytesUnless
    ? `[ "$h" = ${bytesUnless.sha1} ] || [ "$z" -gt ${bytesUnless.limit} ] || { echo; cat <"$p" || exit 98; }`
    : ':';
  const sum = `h=$(sha1sum <"$p") && h=\${h%% *} && printf 'sha1 %s\\n' "$h"`;
  const size = `z=\${s#*|*|*|}; z=\${z%%|*}`;
  if (content === 'sum') return `if ${regular}; then ${size}; h=; ${sum}; ${bytes}; fi`;
  return `if ${regular}; then ${size}; h=; [ "$z" = ${content.ifSize} ] && ${sum}; ${bytes}; fi`;
}

/** The lines of a script's answer, `name value` each, up to an empty line; and the bytes behind that. */
export interface Answer {
  readonly fields: ReadonlyMap<string, string>;
  readonly rest: Buffer | undefined;
}

/** Reads the answer of a probe, or fails the task with what the script had to say. */
export function parseAnswer(path: string, reply: Reply): Answer {
  if (reply.rc !== 0)
    throw new ModuleError(`cannot look at ${path}: ${reply.stderr.trim() || `exit code ${reply.rc}`}`, {
      path,
    });
  const end = reply.stdoutBytes.indexOf('\n\n');
  const header = (end < 0 ? reply.stdoutBytes : reply.stdoutBytes.subarray(0, end)).toString();
  const fields = new Map(
    header.split('\n').map(line => {
      const at = line.indexOf(' ');
      return at < 0 ? [line, ''] : [line.slice(0, at), line.slice(at + 1)];
    }),
  );
  return { fields, rest: end < 0 ? undefined : reply.stdoutBytes.subarray(end + 2) };
}

/** Shell command that begins a further part of an answer. */
export const beginSection = (name: string): string => `printf '\\n== %s ==\\n' ${quote(name)}`;

/** Parts of an answer by name; what comes before the first section has the name ''. */
export function sectionsOf(reply: Reply): ReadonlyMap<string, Reply> {
  const text = reply.stdoutBytes.toString('latin1');
  const marks = [...text.matchAll(/\n== ([\w-]+) ==\n/g)];
  const part = (from: number, to: number): Reply => ({
    ...reply,
    stdoutBytes: reply.stdoutBytes.subarray(from, to),
  });
  return new Map([
    ['', part(0, marks[0]?.index ?? text.length)],
    ...marks.map((mark, i): [string, Reply] => [
      mark[1]!,
      part(mark.index + mark[0].length, marks[i + 1]?.index ?? text.length),
    ]),
  ]);
}

/** Reads the answer to `lookScript`. */
export function parseLook(path: string, reply: Reply): Found {
  return foundOf(path, parseAnswer(path, reply));
}

/** What a look found, from an answer that may hold more. */
export function foundOf(path: string, { fields, rest }: Answer): Found {
  const stat = fields.get('stat');
  const expanded = fields.get('path') ?? path;
  return {
    path: expanded,
    realPath: fields.get('real') ?? expanded,
    linkTarget: fields.get('link'),
    umask: Number.parseInt(fields.get('umask') ?? '022', 8),
    status: stat === undefined ? undefined : parseStatus(stat),
    readable: fields.has('readable'),
    own: fields.has('own'),
    parent: fields.get('parent') as Found['parent'],
    sha1: fields.get('sha1'),
    bytes: rest,
    wantedUid: idOf(fields.get('uid')),
    wantedGid: idOf(fields.get('gid')),
    flags: fields.get('flags')?.replaceAll('-', ''),
    context: fields.get('context'),
  };
}

function idOf(text: string | undefined): number | null | undefined {
  return text === undefined ? undefined : text === 'none' ? null : Number(text);
}

/** What `attributeChanges` compares with, for an existing entry. */
export function attributesFound(found: Found & { readonly status: FileStatus }): AttributesFound {
  const { status, umask, wantedUid, wantedGid, flags, context } = found;
  return { status, umask, wantedUid, wantedGid, flags, context };
}
