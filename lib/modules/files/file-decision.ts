import { defined } from '../../source/defined.ts';
import type { Json } from '../../source/value.ts';
import {
  type Attributes,
  chmodText,
  contextWords,
  type FileStatus,
  modeBits,
  modeText,
} from '../kit/attributes.ts';
import { ModuleError, quote } from '../kit/define.ts';
import type { PathState } from '../kit/stat.ts';
import { isOwnedByRoot, temporaryBeside } from '../kit/write-file.ts';
import type { FileArgs } from './file-arguments.ts';
import type { Entry } from './file-tree.ts';

/** What is there, in Ansible's words. */
export type Prior = 'absent' | 'directory' | 'file' | 'hard' | 'link';

/** What a task with state … does to the entry itself; attributes come on top. */
export interface Decision {
  readonly state: 'absent' | 'directory' | 'file' | 'hard' | 'link' | 'touch';
  readonly path: string;
  readonly work: 'none' | 'remove' | 'make-directory' | 'make-file' | 'link-soft' | 'link-hard';
  readonly prior: Prior;
  readonly umask: number;
  /** Target of a link to make. */
  readonly target?: string;
  readonly changes: readonly string[];
  readonly before: Readonly<Record<string, Json>>;
  readonly after: Readonly<Record<string, Json>>;
  readonly result: Readonly<Record<string, Json>>;
}

/** What the probe found. */
export interface FileFound {
  readonly at: PathState;
  readonly prior: Prior;
  /** The path itself, a link not followed. */
  readonly own: FileStatus | undefined;
  /** What `src` leads to; for links only. `text` is src with `~` and variables expanded. */
  readonly source: { readonly text: string; readonly at: PathState } | undefined;
  /** Whether a directory in the way of a link is empty. */
  readonly empty: boolean;
  /** Access and modification time as stat prints them. */
  readonly times: string | undefined;
  /** What is below a directory: for recurse, and for the diff of a removal. */
  readonly entries: readonly Entry[];
}

/** The state of what a look found. A link that was followed counts as a link. */
export function priorOf(at: PathState): Prior {
  if (at.linkTarget !== undefined) return 'link';
  if (!at.status) return 'absent';
  if (at.status.type === 'directory') return 'directory';
  return at.status.links > 1 ? 'hard' : 'file';
}

/** Decides what is to be done, or says why it cannot be. */
export function decide(found: FileFound, args: FileArgs): Decision {
  const { path } = found.at;
  const state =
    args.state ?? (found.prior === 'absent' ? (args.recurse ? 'directory' : 'file') : found.prior);
  if (args.recurse && state !== 'directory')
    throw new ModuleError("recurse option requires state to be 'directory'", { path });
  if (args.src !== undefined && state !== 'link' && state !== 'hard')
    throw new ModuleError("src option requires state to be 'link' or 'hard'", { path });
  switch (state) {
    case 'absent':
      return absent(found);
    case 'file':
      return existingFile(found, args);
    case 'touch':
      return touched(found);
    case 'directory':
      return directory(found, args);
    case 'link':
      return softLink(found, args);
    case 'hard':
      return hardLink(found, args);
  }
}

type Outline = Pick<Decision, 'state' | 'path' | 'work'> & Partial<Decision>;

function decision(found: FileFound, outline: Outline): Decision {
  const { state, path, work } = outline;
  const prior = outline.prior ?? found.prior;
  const moved = work !== 'none' && prior !== (state === 'touch' ? 'file' : state);
  return {
    prior,
    umask: found.at.umask,
    changes: work === 'none' ? [] : [`${path}: ${prior} → ${state}`],
    result: state === 'touch' || state === 'link' || state === 'hard' ? { dest: path } : { path },
    ...outline,
    before: { ...(moved && { state: prior }), ...outline.before },
    after: { ...(moved && { state }), ...outline.after },
  };
}

function absent(found: FileFound): Decision {
  const { path } = found.at;
  if (found.prior === 'absent')
    return decision(found, { state: 'absent', path, work: 'none', result: { path, state: 'absent' } });
  return decision(found, {
    state: 'absent',
    path,
    work: 'remove',
    result: { path, state: 'absent' },
    before:
      found.prior === 'directory' && found.entries.length > 0 ? { path_content: contentsOf(found) } : {},
  });
}

function contentsOf({ entries }: FileFound): Json {
  const names = (wanted: boolean) =>
    entries.filter(entry => (entry.status.type === 'directory') === wanted).map(entry => entry.path);
  return { directories: names(true).sort(), files: names(false).sort() };
}

/** The path and prior state of what a followed link leads to. */
function followed(found: FileFound, args: FileArgs): { readonly path: string; readonly prior: Prior } {
  const { at, prior } = found;
  if (prior !== 'link' || !args.follow) return { path: at.path, prior };
  return { path: at.realPath, prior: priorOf({ ...at, linkTarget: undefined }) };
}

function existingFile(found: FileFound, args: FileArgs): Decision {
  const { path, prior } = followed(found, args);
  if (prior !== 'file' && prior !== 'hard')
    throw new ModuleError(`file (${path}) is ${prior}, cannot continue`, { path, state: prior });
  return decision(found, { state: 'file', path, work: 'none', prior });
}

function touched(found: FileFound): Decision {
  const { path } = found.at;
  const work = found.prior === 'absent' ? 'make-file' : 'none';
  return decision(found, { state: 'touch', path, work });
}

function directory(found: FileFound, args: FileArgs): Decision {
  const { path, prior } = followed(found, args);
  if (prior !== 'absent' && prior !== 'directory')
    throw new ModuleError(`${path} already exists as a ${prior}`, { path });
  return decision(found, {
    state: 'directory',
    path,
    prior,
    work: prior === 'absent' ? 'make-directory' : 'none',
  });
}

function softLink(found: FileFound, args: FileArgs): Decision {
  const { at, prior, source } = found;
  const { path, linkTarget } = at;
  const src = source?.text ?? (args.follow ? linkTarget : undefined);
  if (!args.force && source && !source.at.status)
    throw new ModuleError(
      `src file does not exist, use "force=yes" if you really want to create the link: ${source.at.path}`,
      { path, src: source.text },
    );
  if (prior === 'directory' && !args.force)
    throw new ModuleError(`refusing to convert from directory to symlink for ${path}`, { path });
  if (prior === 'directory' && !found.empty)
    throw new ModuleError(`the directory ${path} is not empty, refusing to convert it`, { path });
  if ((prior === 'file' || prior === 'hard') && !args.force)
    throw new ModuleError(`refusing to convert from ${prior} to symlink for ${path}`, { path });
  if (prior !== 'link' && src === undefined)
    throw new ModuleError('src is required for creating new symlinks', { path });
  const result = { dest: path, src: src ?? null };
  if (prior === 'link' && (src === undefined || src === linkTarget))
    return decision(found, { state: 'link', path, work: 'none', result });
  return decision(found, {
    state: 'link',
    path,
    work: 'link-soft',
    target: defined(src, 'a link needs src'),
    result,
    changes: [`${path}: ${prior === 'link' ? linkTarget : prior} → link to ${src}`],
    ...(prior === 'link' && {
      before: { src: defined(linkTarget, 'it was a link before') },
      after: { src: defined(src, 'a link needs src') },
    }),
  });
}

function hardLink(found: FileFound, args: FileArgs): Decision {
  const { at, prior, source } = found;
  const { path } = at;
  if (prior !== 'hard' && !source) throw new ModuleError('src is required for creating new hardlinks');
  const result = { dest: path, src: source?.text ?? null };
  if (source && !source.at.status) throw new ModuleError('src does not exist', result);
  const same =
    !source ||
    (source.at.status?.inode === at.status?.inode && source.at.status?.device === at.status?.device);
  if (prior !== 'absent' && same) return decision(found, { state: 'hard', path, work: 'none', result });
  if (prior === 'hard' && !args.force)
    throw new ModuleError('Cannot link, different hard link exists at destination', result);
  if (prior === 'file' && !args.force)
    throw new ModuleError('Cannot link, file exists at destination', result);
  if (prior === 'directory')
    throw new ModuleError('Cannot link: different hard link exists at destination', result);
  return decision(found, {
    state: 'hard',
    path,
    work: 'link-hard',
    target: defined(source, 'a hard link needs src').at.path,
    result,
    changes: [`${path}: ${prior} → hard link to ${defined(source, 'a hard link needs src').text}`],
  });
}

/** Shell commands that do the work, where `$n` is the entry's name. A new one gets its owner and mode at once. */
export function workScript(decision: Decision, wanted: Attributes, follow: boolean): string {
  switch (decision.work) {
    case 'none':
      return '';
    case 'remove':
      return decision.prior === 'directory'
        ? 'e=$(rm -rf "$n" 2>&1) || fail "rmtree failed: $e"'
        : 'e=$(rm -f "$n" 2>&1) || fail "unlinking failed: $e"';
    case 'make-file':
      return `${MAKE_FILE}\n${newAttributes(wanted, 0o666 & ~decision.umask, false, decision.umask, '"$f"', 'rm -f "$n"; ')}`;
    case 'make-directory':
      return directoryScript(decision.path, decision.umask, wanted);
    case 'link-soft':
      return `${linkScript(decision, 's')}${follow ? '' : linkOwner(wanted)}`;
    case 'link-hard':
      return linkScript(decision, '');
  }
}

/** Made only where nothing is, and held open from then on. */
const MAKE_FILE = `set -C; { command exec 5>"$n"; } 2>/dev/null || fail "Error, could not touch target: [Errno 13] Permission denied: b'$p'"
set +C; if [ -e /proc/self/fd/5 ]; then f=/proc/self/fd/5 h=; else f=$n h=-h; fi`;

/** chown and chmod for what was just made, as `word`. */
function newAttributes(
  wanted: Attributes,
  now: number,
  isDirectory: boolean,
  umask: number,
  word: string,
  undo: string,
): string {
  const { owner, group, mode } = wanted;
  const spec = `${owner ?? ''}${group === undefined ? '' : `:${group}`}`;
  const bits = mode === undefined ? undefined : modeBits(mode, now, isDirectory, umask);
  return [
    spec === '' ? '' : `e=$(chown $h ${quote(spec)} ${word} 2>&1) || { ${undo}fail "chown failed: $e"; }`,
    bits === undefined
      ? ''
      : `e=$(chmod ${chmodText(bits)} ${word} 2>&1) || { ${undo}fail "chmod failed: $e"; }`,
    seLinuxAndFlags(wanted, word),
  ]
    .filter(Boolean)
    .join('\n');
}

function seLinuxAndFlags(wanted: Attributes, word: string): string {
  const context = contextWords(wanted);
  const chattr =
    wanted.attributes && (/^[-+=]/.test(wanted.attributes) ? wanted.attributes : `=${wanted.attributes}`);
  return [
    context !== ''
      ? `if [ -e /sys/fs/selinux/enforce ]; then chcon ${context} ${word} || fail "chcon failed"; fi`
      : '',
    chattr
      ? `e=$(chattr ${quote(chattr)} ${word === '.' ? '.' : '"$n"'} 2>&1) || fail "chattr failed: $e"`
      : '',
  ]
    .filter(Boolean)
    .join('\n');
}

/**
 * Every missing directory on the way is made with the wanted mode and owner, as Ansible does. Each is entered, and
 * what is done to it is done to the directory that the shell is in. Needs the functions of `REACH`.
 */
export function directoryScript(path: string, umask: number, wanted: Attributes): string {
  const names = path.split('/').filter(name => name !== '' && name !== '.');
  const now = 0o777 & ~umask;
  const bits = wanted.mode === undefined ? undefined : modeBits(wanted.mode, now, true, umask);
  // The umask does what chmod would, unless the directory above hands on its group.
  const byUmask = bits !== undefined && (bits & 0o7000) === 0;
  const chown = newAttributes({ owner: wanted.owner, group: wanted.group }, now, true, umask, '.', '');
  return [
    `_back=$PWD h=${path.startsWith('/') ? '; cd /' : ''}`,
    byUmask ? `umask ${modeText(0o777 & ~bits)}` : '',
    `for c in ${names.map(quote).join(' ')}; do`,
    `if [ -d "./$c" ]; then step "$c"; continue; fi`,
    `e=$(mkdir "./$c" 2>&1) || [ -d "./$c" ] || fail "There was an issue creating \${PWD%/}/$c as requested: $e"`,
    'step "$c"',
    isOwnedByRoot(wanted) && chown !== ''
      ? `if ! { [ -O / ] && [ -G / ] && [ -O . ] && [ -G . ]; }; then ${chown}; fi`
      : chown,
    byUmask
      ? `if [ -g . ]; then chmod ${chmodText(bits)} . || fail "chmod failed"; fi`
      : newAttributes({ mode: wanted.mode }, now, true, umask, '.', ''),
    seLinuxAndFlags(wanted, '.'),
    'done',
    byUmask ? `umask ${modeText(umask)}` : '',
    'cd "$_back"',
  ]
    .filter(Boolean)
    .join('\n');
}

function linkScript({ path, prior, target }: Decision, flag: 's' | ''): string {
  const here = flag === '' && !defined(target, 'a link has a target').startsWith('/') ? '"$o"/' : '';
  const ln = `ln -T${flag} ${here}${quote(defined(target, 'a link has a target')).replace(/^-/, './-')}`;
  if (prior === 'absent') return `e=$(${ln} "$n" 2>&1) || fail "Error while linking: $e"\n`;
  const temporary = `./${quote(temporaryBeside(path).replace(/^.*\//s, ''))}`;
  return [
    `t=${temporary}; e=$(${ln} "$t" 2>&1) || fail "Error while linking: $e"`,
    prior === 'directory' ? `e=$(rmdir "$n" 2>&1) || { rm -f "$t"; fail "Error while replacing: $e"; }` : '',
    `e=$(mv -fT "$t" "$n" 2>&1) || { rm -f "$t"; fail "Error while replacing: $e"; }`,
    '',
  ]
    .filter((line, i, all) => line !== '' || i === all.length - 1)
    .join('\n');
}

function linkOwner({ owner, group }: Attributes): string {
  const spec = `${owner ?? ''}${group === undefined ? '' : `:${group}`}`;
  return spec === '' ? '' : `e=$(chown -h ${quote(spec)} "$n" 2>&1) || fail "chown failed: $e"\n`;
}
