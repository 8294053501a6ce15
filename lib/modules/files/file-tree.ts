import { textOf } from '../../source/bytes.ts';
import { stripEnd } from '../../source/strip-end.ts';
import {
  type AttributeChanges,
  type Attributes,
  attributeChanges,
  attributeCommands,
  chmodText,
  type FileStatus,
  parseStatus,
  STAT_FORMAT,
} from '../kit/attributes.ts';
import { quote } from '../kit/define.ts';
import { identityOf } from '../kit/reach.ts';
import type { PathState } from '../kit/stat.ts';

/** One entry below a directory. */
export interface Entry {
  readonly path: string;
  readonly status: FileStatus;
  /** A link leads there: what is done to the path is meant for its end. */
  readonly isFollowed?: boolean;
}

/**
 * Lists what is below `$p` as `entries`: for recurse what lacks the wanted owner or mode (all of it when the mode is
 * symbolic), for the diff of a removal everything.
 */
export function walkScript(
  state: string | undefined,
  recurse: boolean,
  follow: boolean,
  wanted: Attributes,
  diffMode: boolean,
): string {
  if (recurse) return `if [ -d "$p" ]; then ${inside('$p', walk(wanted, follow))}; fi`;
  if (state === 'absent' && diffMode)
    return `if [ -d "$q" ] && [ ! -h "$q" ]; then ${inside('$q', `find . -mindepth 1 -exec ${statEach()} {} + 2>/dev/null`)}; fi`;
  return '';
}

/** Runs a listing in a directory, from where every name begins with `./`. */
const inside = (directory: string, listing: string) =>
  `begin entries; (cd -P "${directory}" && ${listing}\n)`;

/** A path that `find .` prints never holds two slashes side by side: they end an entry, whatever its name. */
export const ENTRY_END = '//';

/** `stat` for entries, in a form that `parseEntries` reads. */
export const statEach = (flags = ''): string => `stat ${flags}-c '${STAT_FORMAT}|%n${ENTRY_END}'`;

/**
 * What links lead to is looked at as well, as Ansible does; but only where the link is root's or the user's own: what
 * another one's link leads to is not theirs to have changed.
 */
function walk(wanted: Attributes, follow: boolean): string {
  const { owner, group, mode } = wanted;
  const owners = [
    ...(owner === undefined ? [] : [`! -user ${quote(owner)}`]),
    ...(group === undefined ? [] : [`! -group ${quote(group)}`]),
  ];
  const octal = mode === undefined || /^[0-7]+$/.test(mode);
  const modes = mode !== undefined && octal ? [`! -perm ${mode}`] : [];
  const any = [...owners, ...modes];
  if (any.length === 0 && octal) return ':';
  const filter = octal ? `\\( ${any.join(' -o ')} \\)` : '';
  const plain = `find . -mindepth 1 ! -type l ${filter} -exec ${statEach()} {} + 2>/dev/null`;
  const links = `find . -mindepth 1 -type l \\( ${owners.join(' -o ')} \\) -exec ${statEach()} {} + 2>/dev/null`;
  return [plain, owners.length > 0 ? links : '', follow ? `begin followed; ${beyondLinks(filter)}` : '']
    .filter(Boolean)
    .join('; ');
}

/** The braces are put together late: `find` would replace them inside of the script. */
function beyondLinks(filter: string): string {
  const each = `e={; for f; do find -H "$f" ! -type l ${filter} -exec ${statEach('-L ')} "$e}" +; done`;
  return `find . -mindepth 1 -type l \\( -user 0 -o -user "$(id -u)" \\) -exec sh -c ${quote(each)} sh {} + 2>/dev/null`;
}

/** Reads the list of entries below a directory. */
export function parseEntries(bytes: Buffer | undefined, directory: string): Entry[] {
  const base = stripEnd(directory, '/');
  return entriesIn(bytes).map(({ path, status }) => ({ path: `${base}/${path}`, status }));
}

/** The same with paths from the directory on. What is no such path was not asked for. */
export function entriesIn(bytes: Buffer | undefined): Entry[] {
  const entries = textOf(bytes ?? Buffer.alloc(0)).split(`${ENTRY_END}\n`);
  return entries.flatMap(entry => {
    const [, status, path] = /^([0-9a-f]{4}(?:\|[^|]*){11})\|(?:\.\/)?(.*)$/s.exec(entry) ?? [];
    if (status === undefined || path === undefined || !(path === '.' || isBelow(path))) return [];
    return [{ path, status: parseStatus(status) }];
  });
}

/** A path that leads from a directory to something inside of it. */
export const isBelow = (path: string): boolean =>
  path !== '' && path.split('/').every(name => name !== '' && name !== '.' && name !== '..');

export interface EntryChanges {
  readonly path: string;
  readonly status: FileStatus;
  readonly isFollowed?: boolean | undefined;
  readonly changes: AttributeChanges;
}

/** What has to change below a directory. */
export function entryChanges(
  entries: readonly Entry[],
  wanted: Attributes,
  at: PathState,
  checkMode: boolean,
): EntryChanges[] {
  const { umask, status: top } = at;
  const wantedUid = at.wantedUid ?? (top?.owner === wanted.owner ? top?.uid : undefined);
  const wantedGid = at.wantedGid ?? (top?.group === wanted.group ? top?.gid : undefined);
  const plain: Attributes = { mode: wanted.mode, owner: wanted.owner, group: wanted.group };
  return entries
    .map(({ path, status, isFollowed }) => ({
      path,
      status,
      isFollowed,
      changes: attributeChanges({ status, umask, wantedUid, wantedGid }, plain, path, checkMode),
    }))
    .filter(({ changes }) => changes.changes.length > 0);
}

const CHUNK = 64 * 1024;

/**
 * Shell commands for many entries, from the directory `$o` on; the functions of `REACH` are there. Each directory is
 * entered, and one chmod or chown does all in it that get the same: a path could lead elsewhere by then.
 */
export function entryCommands(entries: readonly EntryChanges[]): string {
  const plain = entries.filter(entry => !entry.isFollowed);
  const lines = [...byDirectory(plain)].map(([directory, inside]) => {
    const groups = new Map<string, string[]>();
    const add = (command: string, path: string) => {
      const list = groups.get(command);
      const name = `./${path.slice(directory.length)}`;
      if (list) list.push(name);
      else groups.set(command, [name]);
    };
    for (const { path, changes } of inside)
      if (changes.chown !== undefined) add(`chown -h ${quote(changes.chown)}`, path);
    for (const { path, changes } of inside)
      if (changes.chmod !== undefined) add(`chmod $c ${chmodText(changes.chmod)}`, path);
    const commands = [...groups].flatMap(([command, names]) => commandLines(command, names));
    return [`cd "$o"${directory === '' ? '' : `; enter ${quote(directory)}`}`, ...commands].join('\n');
  });
  const followed = entries
    .filter(entry => entry.isFollowed)
    .map(
      ({ path, status, changes }) =>
        `cd "$o"; reach ${quote(path)} 1\nhold ${identityOf({ status })}\n${attributeCommands(changes)}exec 5<&-`,
    );
  // A chmod that can is told not to follow links.
  const newer = `c=; chmod --help 2>/dev/null | grep -q -- --no-dereference && c=-h`;
  const chmods = plain.some(({ changes }) => changes.chmod !== undefined);
  // A link that gets another owner is not followed any more.
  return [...followed, chmods ? newer : '', ...lines].filter(Boolean).join('\n');
}

/** Items by the directory they are in, which ends in a slash. */
export function byDirectory<T extends { readonly path: string }>(items: readonly T[]): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const directory = item.path.slice(0, item.path.lastIndexOf('/') + 1);
    const group = groups.get(directory);
    if (group) group.push(item);
    else groups.set(directory, [item]);
  }
  return groups;
}

/** One shell line per chunk of paths, each ending the script when it fails; `before` stands before each path, `last` behind them. */
export function commandLines(command: string, paths: readonly string[], last = '', before = ''): string[] {
  const chunks: string[] = [];
  let words = '';
  for (const path of paths) {
    if (words.length > CHUNK) {
      chunks.push(words);
      words = '';
    }
    words += ` ${before}${quote(path)}`;
  }
  const what = command.split(' ')[0];
  return [...chunks, words].map(
    chunk => `e=$(${command} --${chunk}${last} 2>&1) || fail "${what} failed: $e"`,
  );
}
