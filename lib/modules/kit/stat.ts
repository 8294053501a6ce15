import { withoutSlashes } from '../../source/strip-end.ts';
import {
  type Attributes,
  type AttributesFound,
  type FileStatus,
  parseStatus,
  STAT_FORMAT,
} from './attributes.ts';
import { ModuleError, quote, type Steps } from './define.ts';
import { ask, type Records } from './reply.ts';

/** What to find out about a path. It is one request; for an existing file without options it starts one program. */
export interface StatOptions {
  /** Follow a symbolic link. */
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

/** The state of a path on the host. */
export interface PathState {
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

/** Finds out the state of one path on the host. */
export function* statPath(path: string, options: StatOptions = {}): Steps<PathState> {
  return pathStateOf(path, yield* ask(statScript(path, options)));
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

/** The script behind `statPath`, for `ask`. Two of them may be joined when `part` divides them. */
export function statScript(path: string, options: StatOptions = {}): string {
  const { wanted = {} } = options;
  const lines = [
    `p=${options.word ?? pathWord(path)}`,
    `q=$p; field path "$p"; begin umask; umask`,
    `if [ -h "$p" ]; then begin link; readlink -n "$p"`,
    options.follow ? `r=$(readlink -fn "$p" && echo .) && p=\${r%.} && field real "$p"; fi` : 'fi',
    `case $p in */*) d=\${p%/*}/;; *) d=.;; esac`,
    `if [ ! -d "$d" ]; then field parent missing; elif [ -w "$d" ]; then field parent writable; else field parent readonly; fi`,
    `if [ -e "$p" ] || [ -h "$p" ]; then`,
    `s=$(stat -c '${STAT_FORMAT}' "$p") || exit 98`,
    `field stat "$s"`,
    `[ -r "$p" ] && field readable`,
    `[ ! -h "$p" ] && [ -O "$p" ] && [ -G "$p" ] && field own`,
    ownerLines(wanted),
    wanted.attributes === undefined ? '' : `f=$(lsattr -d "$p" 2>/dev/null) && field flags "\${f%% *}"`,
    (wanted.seuser ?? wanted.serole ?? wanted.setype ?? wanted.selevel)
      ? `[ -e /sys/fs/selinux/enforce ] && c=$(stat -c %C "$p" 2>/dev/null) && field context "$c"`
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
    ? `[ "\${11}" = ${quote(wanted.owner)} ] || field uid "$(id -u ${quote(wanted.owner)} 2>/dev/null || echo none)"`
    : '';
  const group = named(wanted.group)
    ? `[ "\${12}" = ${quote(wanted.group)} ] || { g=$(${groupLine(wanted.group)}); g=\${g#*:*:}; g=\${g%%:*}; field gid "\${g:-none}"; }`
    : '';
  return ["IFS='|'; set -f; set -- $s; set +f; unset IFS", owner, group].filter(Boolean).join('\n');
}

/** getent asks every source of names; hosts without it (busybox) have the file only. */
const groupLine = (name: string) =>
  `getent group ${quote(name)} 2>/dev/null || grep ${quote(`^${name}:`)} /etc/group`;

function contentLines(options: StatOptions): string {
  const { content = 'none', bytesUnless } = options;
  if (content === 'none') return '';
  const regular = '[ -f "$p" ] && [ -r "$p" ]';
  const all = 'begin content; cat <"$p" || exit 98';
  // Of another one's link it is not known whether they may read what it leads to; what is kept of it, they could.
  const trusted = options.follow
    ? ''
    : `{ [ ! -h "$p" ] || { u=$(stat -c %u "$p"); [ "$u" = 0 ] || [ "$u" = "$(id -u)" ] || [ "$u" = "$(stat -L -c %u "$p")" ]; }; } && `;
  if (content === 'bytes') return `${regular} && ${trusted}{ ${all}; }`;
  const bytes = bytesUnless
    ? `[ "$h" = ${bytesUnless.sha1} ] || [ "$z" -gt ${bytesUnless.limit} ] || { ${all}; }`
    : ':';
  const sum = `h=$(sha1sum <"$p") && h=\${h%% *} && field sha1 "$h"`;
  const size = `z=\${s#*|*|*|}; z=\${z%%|*}`;
  if (content === 'sum') return `if ${regular}; then ${size}; h=; ${sum}; ${bytes}; fi`;
  return `if ${regular}; then ${size}; h=; [ "$z" = ${content.ifSize} ] && ${sum}; ${bytes}; fi`;
}

/** The state of a path, from a reply that may hold more. */
export function pathStateOf(path: string, records: Records): PathState {
  if (records.rc !== 0)
    throw new ModuleError(`cannot look at ${path}: ${records.stderr.trim() || `exit code ${records.rc}`}`, {
      path,
    });
  const stat = records.text('stat');
  const expanded = expandedPath(path, records);
  return {
    path: expanded,
    realPath: records.text('real') ?? expanded,
    linkTarget: records.text('link'),
    umask: Number.parseInt(records.text('umask') ?? '022', 8),
    status: stat === undefined ? undefined : parseStatus(stat),
    readable: records.has('readable'),
    own: records.has('own'),
    parent: PARENTS.find(parent => parent === records.text('parent')) ?? 'missing',
    sha1: records.text('sha1'),
    bytes: records.bytes('content'),
    wantedUid: idOf(records.text('uid')),
    wantedGid: idOf(records.text('gid')),
    flags: records.text('flags')?.replaceAll('-', ''),
    context: records.text('context'),
  };
}

const PARENTS = ['missing', 'writable', 'readonly'] as const;

/**
 * The path as the host's shell has it. It expands `~` and variables, and puts a name behind a directory; nothing else
 * may come of a path that the author wrote.
 */
function expandedPath(path: string, records: Records): string {
  const expanded = records.text('path') ?? path;
  const start = withoutSlashes(path).replace(/^-/, './-');
  const isOfPath = expanded === start || expanded.startsWith(start.endsWith('/') ? start : `${start}/`);
  if (isOfPath || /[$~]/.test(path) || (!path.startsWith('/') && expanded.includes(`/${path}`)))
    return expanded;
  throw new ModuleError(`the host answered for another path than ${path}`, { path });
}

function idOf(text: string | undefined): number | null | undefined {
  return text === undefined ? undefined : text === 'none' ? null : Number(text);
}

/** What `attributeChanges` compares with, for an existing entry. */
export function attributesFound(found: PathState & { readonly status: FileStatus }): AttributesFound {
  const { status, umask, wantedUid, wantedGid, flags, context } = found;
  return { status, umask, wantedUid, wantedGid, flags, context };
}
