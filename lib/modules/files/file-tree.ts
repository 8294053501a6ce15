import {
  type AttributeChanges,
  type Attributes,
  attributeChanges,
  chmodText,
  type FileStatus,
  parseStatus,
  STAT_FORMAT,
} from '../kit/attributes.ts';
import { quote } from '../kit/define.ts';
import type { Found } from '../kit/stat.ts';

/** One entry below a directory. */
export interface Entry {
  readonly path: string;
  readonly status: FileStatus;
}

/**
 * Lists what is below `$p`, behind an empty line: for recurse what lacks the wanted owner or mode (all of it when
 * the mode is symbolic), for the diff of a removal everything. What links lead to is looked at as well, as Ansible does.
 */
export function walkScript(
  state: string | undefined,
  recurse: boolean,
  wanted: Attributes,
  diffMode: boolean,
): string {
  if (recurse) return `if [ -d "$p" ]; then echo; ${walk(wanted)}\nfi`;
  if (state === 'absent' && diffMode)
    return `if [ -d "$q" ] && [ ! -h "$q" ]; then echo; find "$q" -mindepth 1 -exec ${STAT_EACH} {} + 2>/dev/null; fi`;
  return '';
}

const STAT_EACH = `stat -c '${STAT_FORMAT}|%n'`;

function walk(wanted: Attributes): string {
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
  const links =
    owners.length > 0
      ? `find "$p" -mindepth 1 -type l \\( ${owners.join(' -o ')} \\) -exec ${STAT_EACH} {} + 2>/dev/null`
      : '';
  return [
    `find -L "$p" -mindepth 1 ! -type l ${filter} -exec stat -L${STAT_EACH.slice(4)} {} + 2>/dev/null`,
    links,
  ]
    .filter(Boolean)
    .join('\n');
}

/** Reads the list; a name may hold a newline, since each entry begins with its status. */
export function parseEntries(bytes: Buffer | undefined): Entry[] {
  if (!bytes || bytes.length === 0) return [];
  const found = [
    ...bytes
      .toString()
      .matchAll(
        /^([0-9a-f]{4}(?:\|[^|\n]*){11})\|([\s\S]*?)\n(?=[0-9a-f]{4}(?:\|[^|\n]*){11}\||$(?![\s\S]))/gm,
      ),
  ];
  return found.map(([, status, path]) => ({ path: path!, status: parseStatus(status!) }));
}

export interface EntryChanges {
  readonly path: string;
  readonly isLink: boolean;
  readonly changes: AttributeChanges;
}

/** What has to change below a directory. */
export function entryChanges(
  entries: readonly Entry[],
  wanted: Attributes,
  at: Found,
  checkMode: boolean,
): EntryChanges[] {
  const { umask, status: top } = at;
  const wantedUid = at.wantedUid ?? (top?.owner === wanted.owner ? top?.uid : undefined);
  const wantedGid = at.wantedGid ?? (top?.group === wanted.group ? top?.gid : undefined);
  const plain: Attributes = { mode: wanted.mode, owner: wanted.owner, group: wanted.group };
  return entries
    .map(({ path, status }) => ({
      path,
      isLink: status.type === 'link',
      changes: attributeChanges({ status, umask, wantedUid, wantedGid }, plain, path, checkMode),
    }))
    .filter(({ changes }) => changes.changes.length > 0);
}

const CHUNK = 64 * 1024;

/** Few programs for many entries: one chmod or chown for all that get the same. */
export function entryCommands(entries: readonly EntryChanges[]): string {
  const groups = new Map<string, string[]>();
  const add = (command: string, path: string) => {
    const list = groups.get(command);
    if (list) list.push(path);
    else groups.set(command, [path]);
  };
  for (const { path, changes, isLink } of entries)
    if (changes.chown !== undefined) add(`chown ${isLink ? '-h ' : ''}${quote(changes.chown)}`, path);
  for (const { path, changes } of entries)
    if (changes.chmod !== undefined) add(`chmod ${chmodText(changes.chmod)}`, path);
  return [...groups].flatMap(([command, paths]) => commandLines(command, paths)).join('\n');
}

/** One shell line per chunk of paths, each ending the script when it fails; `last` comes behind the paths. */
export function commandLines(command: string, paths: readonly string[], last = ''): string[] {
  const chunks: string[] = [];
  let words = '';
  for (const path of paths) {
    if (words.length > CHUNK) {
      chunks.push(words);
      words = '';
    }
    words += ` ${quote(path)}`;
  }
  const what = command.split(' ')[0];
  return [...chunks, words].map(
    chunk => `e=$(${command} --${chunk}${last} 2>&1) || fail "${what} failed: $e"`,
  );
}
