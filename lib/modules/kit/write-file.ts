import { createHash, randomBytes } from 'node:crypto';
import { bytesOf, textOf } from '../../source/bytes.ts';
import { jsonText } from '../../source/json.ts';
import type { Json } from '../../source/value.ts';
import {
  type AttributeChanges,
  type Attributes,
  attributeCommands,
  chmodText,
  contextWords,
  modeBits,
  modeText,
  parseStatus,
  STAT_FORMAT,
  statusFields,
} from './attributes.ts';
import { type FileDiff, ModuleError, quote, StaleError, type Steps, sh } from './define.ts';
import { identityOf, REACH, reachLine } from './reach.ts';
import { ask, type Records } from './reply.ts';
import { splitWords } from './sh.ts';
import type { PathState } from './stat.ts';

/** Content larger than this travels through a channel of its own, beside the script. */
export const INLINE_LIMIT = 256 * 1024;

/** Files larger than this are not shown by --diff. */
export const DIFF_LIMIT = 104_448;

/** Where the new content of a file comes from. */
export type Source =
  /** Bytes of the control machine: small ones travel inside the script. */
  | { readonly kind: 'bytes'; readonly bytes: Buffer }
  /** A file of the control machine. */
  | { readonly kind: 'local'; readonly path: string; readonly size: number }
  /** Shell commands whose output is the content. */
  | { readonly kind: 'script'; readonly script: string }
  /** A file on the host, made beside the target by an earlier request (a download): it is moved, not copied. */
  | { readonly kind: 'temporary'; readonly path: string };

export interface Writing {
  /** Where the file is put: a finished path (`PathState.realPath`). A symbolic link there is replaced by the file. */
  readonly path: string;
  readonly source: Source;
  readonly found: PathState;
  readonly wanted: Attributes;
  /** Keep a copy of what is there now; its name is in the result as `backup_file`. */
  readonly backup?: boolean;
  /** Command that must accept the new file before it is put in place; `%s` is its name. */
  readonly validate?: string | undefined;
  readonly unsafeWrites?: boolean;
  /** What the new content was made from: when something else is there by now, the task is tried again. */
  readonly replaces?: { readonly bytes: Buffer | undefined };
  /** Make missing directories above it. */
  readonly makeParents?: boolean;
  /** Shell commands to run first; `fail "why"` ends the script, and the functions of `REACH` are there. */
  readonly before?: string;
  /** How a refusal of `validate` is told. */
  readonly refusal?: (rc: number, stderr: string) => string;
}

/** SHA-1, as Ansible's `checksum` fields have it. */
export const sha1 = (bytes: Buffer | string): string => createHash('sha1').update(bytes).digest('hex');

/** A name for a temporary file beside `path`, so that renaming it into place is atomic. */
export function temporaryBeside(path: string): string {
  const slash = path.lastIndexOf('/') + 1;
  return `${path.slice(0, slash)}.${shortened(path.slice(slash))}.${randomBytes(6).toString('hex')}.tmp`;
}

/** So much of a name that there is room for more: it may be 255 bytes long. */
const shortened = (name: string): string => textOf(bytesOf(name).subarray(0, 200));

/**
 * Removes from this directory what runs that were killed left there: entries of these names (a pattern of `find`) that
 * are the user's own and that nobody wrote to for a day. What is sent here must have the time of its coming.
 */
export const sweep = (pattern: string): string =>
  `find . ! -name . -prune -name ${quote(pattern)} -user "$(id -u)" -mtime +0 -exec rm -rf {} + 2>/dev/null`;

/** The end of a random name, as a pattern. */
export const RANDOM = '[0-9a-f]'.repeat(12);

/** Sweeps what `temporaryBeside` names. */
export const sweepBeside = (path: string): string => {
  const name = shortened(path.slice(path.lastIndexOf('/') + 1));
  return sweep(`.${name.replace(/[*?[\]\\]/g, '\\$&')}.${RANDOM}.tmp*`);
};

const SPECIAL: Readonly<Record<string, string>> = {
  fifo: 'a pipe',
  socket: 'a socket',
  block: 'a block device',
  char: 'a character device',
};

/** Refuses a target that is not a file: renaming a file over a device or a pipe would take the node away. */
export function refuseSpecial({ realPath, status }: PathState): void {
  const kind = status && SPECIAL[status.type];
  if (kind !== undefined)
    throw new ModuleError(`cannot write ${realPath}: it is ${kind}, not a file`, { path: realPath });
}

/**
 * Puts content in place: written to a temporary file beside the target, given mode and owner, validated, and only
 * then renamed. If anything fails the target is untouched and the temporary file is gone. Without a mode
 * or owner an existing file keeps its own. Gives the file's fields (`mode`, `owner`, `size` …) and `backup_file`.
 */
export function* writeFile(writing: Writing): Steps<Readonly<Record<string, Json>>> {
  const { source, path } = writing;
  refuseSpecial(writing.found);
  const temporary = source.kind === 'temporary' ? source.path : temporaryBeside(path);
  const large =
    source.kind === 'local'
      ? source.path
      : source.kind === 'bytes' && source.bytes.length > INLINE_LIMIT
        ? source.bytes
        : undefined;
  if (large !== undefined) yield* sendBeside(large, temporary, path);
  const present = large !== undefined || source.kind === 'temporary';
  const script = writeScript(writing, temporary, present);
  return readWritten(yield* ask(script, stdinOf(source, present)), writing);
}

function* sendBeside(from: string | Buffer, temporary: string, path: string): Steps<void> {
  try {
    yield { kind: 'send', from, to: temporary };
  } catch (error) {
    yield* sh(`rm -f ${quote(temporary)}`);
    throw error instanceof Error
      ? new ModuleError(`cannot write ${path}: ${error.message}`, { path })
      : error;
  }
}

const isText = (bytes: Buffer) => !bytes.includes(0) && Buffer.from(bytes.toString()).equals(bytes);

function stdinOf(source: Source, present: boolean): { readonly stdin?: Buffer } {
  return source.kind === 'bytes' && !present && !isText(source.bytes) ? { stdin: source.bytes } : {};
}

function producer(source: Source): string {
  if (source.kind === 'script') return `(cd "$o"; ${source.script}\n)`;
  if (source.kind !== 'bytes') throw new Error('already on the host');
  return isText(source.bytes) ? `printf %s ${quote(source.bytes.toString())}` : 'cat';
}

/** Attributes of the new file: what the author wants, else those of the file that it replaces. */
function finalAttributes({ found, wanted }: Writing) {
  const kept = found.status?.type === 'link' ? undefined : found.status;
  const now = kept?.mode ?? 0o666 & ~found.umask;
  const mode = wanted.mode === undefined ? now : modeBits(wanted.mode, now, false, found.umask);
  return {
    kept,
    mode,
    /** Nothing but the process's own owner and group is wanted: no need to hide the file until it has them. */
    own: wanted.owner === undefined && wanted.group === undefined && (kept === undefined || found.own),
    /** Root is wanted, and most likely at work. The group may read no more than others, should it be another first. */
    rootly: kept === undefined && isOwnedByRoot(wanted) && (mode & 0o070) >> 3 === (mode & 0o007),
  };
}

/** The author wants what root gets without asking. */
export const isOwnedByRoot = ({ owner, group }: Attributes): boolean =>
  (owner === 'root' || owner === '0') && (group === undefined || group === 'root' || group === '0');

function writeScript(writing: Writing, temporary: string, present: boolean): string {
  const { path, found, wanted, source } = writing;
  const { kept, mode, own, rootly } = finalAttributes(writing);
  const plain = (own || rootly) && (mode & ~0o466) === 0o200 && !present;
  // A file made with umask 077, or sent, has this mode already.
  const needsChmod = !plain && mode !== 0o600;
  return [
    `p=${quote(path)} o=$PWD`,
    REACH,
    writing.before === undefined || writing.before === '' ? '' : `${writing.before}\ncd "$o"`,
    reachLine(found, path, writing.makeParents === true),
    `t=./${quote(temporary.replace(/^.*\//s, ''))}`,
    `space() { fail "cannot write $p: write error; the file system has: $(df -Pk . 2>/dev/null | tail -n 1)"; }`,
    present
      ? `${sweepBeside(path)}\n${OPEN_PRESENT}`
      : `umask ${modeText(plain ? 0o666 & ~mode : 0o077)}\n${CREATE}`,
    present ? '' : `${producer(source)} >&5 || space`,
    plain && rootly ? '' : ownership(kept, found, wanted, plain),
    !needsChmod ? '' : `e=$(chmod ${chmodText(mode)} "$f" 2>&1) || fail "chmod failed: $e"`,
    seLinux(wanted, kept !== undefined),
    `s=$(stat $L -c '${STAT_FORMAT}' "$f") || exit 98`,
    plain && rootly ? rootGuard(ownership(kept, found, wanted, false)) : '',
    needsChmod ? '' : modeGuard(mode),
    validation(writing.validate),
    writing.replaces ? stillThere(writing.replaces.bytes) : '',
    writing.backup && found.status !== undefined
      ? `b=$p.${backupNumber()}.$(date +%Y-%m-%d@%H:%M:%S~) && e=$(cp -p "$n" "./\${b##*/}" 2>&1) || fail "Could not make backup of $p to $b: $e"`
      : '',
    renaming(writing.unsafeWrites === true),
    wanted.attributes === undefined ? '' : attributeCommands(flagsOnly(wanted.attributes)),
    `field stat "$s"`,
    writing.backup ? `[ -z "$b" ] || field backup "$b"` : '',
    ':',
  ]
    .filter(Boolean)
    .join('\n');
}

/** The file is opened once, so that nobody can put another in its place: `$f` is what is open. */
const HELD = `if [ -e /proc/self/fd/5 ]; then f=/proc/self/fd/5 h= L=-L; else f=$t h=-h L=; fi`;

const CREATE = `set -C; { command exec 5>"$t"; } 2>/dev/null || { e=$( { : >"$t"; } 2>&1); fail "cannot write $p: $e"; }
set +C; trap 'rm -f "$t"' 0; ${HELD}`;

/** Of a file that is there already it is made sure that it is the one sent: a file of our own with no other name. */
const OPEN_PRESENT = `trap 'rm -f "$t"' 0; { command exec 5<"$t"; } 2>/dev/null || fail "cannot write $p: what was sent is gone"
${HELD}; [ -O "$f" ] && [ ! -h "$t" ] && [ "$(stat -c %d:%i:%h "$t")" = "$(stat $L -c %d:%i "$f"):1" ] ||
  fail "cannot write $p: something else is there instead of what was sent"`;

/**
 * The new content was made from the old, so that must still be there. Our own runs wait for each other at a lock on
 * the directory, which nobody has to keep: after some seconds, or without flock, the look alone has to do.
 */
function stillThere(bytes: Buffer | undefined): string {
  const sum = bytes === undefined ? '' : sha1(bytes);
  return `{ command exec 6<.; } 2>/dev/null && { flock -w 5 6 || flock -n 6; } 2>/dev/null
c=; [ ! -e "$n" ] || c=$(sha1sum <"$n"); [ -h "$n" ] || [ "\${c%% *}" = '${sum}' ] || stale "$p"`;
}

/** Ansible puts its process number there; what counts is that two copies in one second differ. */
const backupNumber = () => 1000 + (randomBytes(3).readUIntBE(0, 3) % 4_000_000);

function ownership(
  kept: { readonly uid: number; readonly gid: number } | undefined,
  found: PathState,
  wanted: Attributes,
  plain: boolean,
): string {
  const owner = wanted.owner ?? (kept && String(kept.uid));
  const group = wanted.group ?? (kept && String(kept.gid));
  // A setgid directory gives its group to what is made in it; with Ansible a new file has the group of its maker.
  if (owner === undefined && group === undefined)
    return `[ -G "$f" ] || chown $h ":$(id -g)" "$f" 2>/dev/null || :`;
  const spec = `${owner ?? ''}${group === undefined ? '' : `:${group}`}`;
  const chown = `e=$(chown $h ${quote(spec)} "$f" 2>&1)`;
  const asked = wanted.owner !== undefined || wanted.group !== undefined;
  // An unprivileged user may edit a file of another; as with Ansible the new one is then the user's own.
  if (!asked) return found.own || plain ? `[ -O "$f" ] && [ -G "$f" ] || ${chown} || :` : `${chown} || :`;
  return `${chown} || fail "chown failed: $e"`;
}

/** Someone else was at work, or the directory hands on its group: now the owner has to be set. */
function rootGuard(chown: string): string {
  return `case $s in *\\|0\\|0\\|[0-9]*) ;; *) ${chown}; s=$(stat $L -c '${STAT_FORMAT}' "$f") || exit 98;; esac`;
}

/** A default ACL of the directory may have overruled the umask. */
function modeGuard(mode: number): string {
  const raw = (0o100000 | mode).toString(16);
  return `case $s in ${raw}\\|*) ;; *) chmod ${chmodText(mode)} "$t" && s=$(stat $L -c '${STAT_FORMAT}' "$f") || exit 98;; esac`;
}

function seLinux(wanted: Attributes, exists: boolean): string {
  const context = contextWords(wanted);
  const chcon = context !== '' ? `\nchcon ${context} "$f" || fail "chcon failed"` : '';
  const base = exists
    ? 'chcon --reference="$n" "$f" 2>/dev/null || :'
    : `c=$(matchpathcon -n "$p" 2>/dev/null) && chcon "$c" "$f" 2>/dev/null || :`;
  return `if [ -e /sys/fs/selinux/enforce ]; then ${base}${chcon}\nfi`;
}

/** The validator's command line; `%s` becomes a shell word that names the file. */
export function validatorLine(command: string, word: string): string {
  if (!command.includes('%s')) throw new ModuleError(`validate must contain %s: ${command}`);
  return splitWords(command)
    .map(
      part =>
        part
          .split('%s')
          .map(text => (text === '' ? '' : quote(text)))
          .join(word) || "''",
    )
    .join(' ');
}

function validation(command: string | undefined): string {
  if (command === undefined) return '';
  return `w=\${PWD%/}/\${t#./}; begin output\n(cd "$o"; ${validatorLine(command, '"$w"')})\nv=$?; [ $v = 0 ] || { field refused $v; exit 97; }`;
}

function renaming(unsafe: boolean): string {
  // What cannot be renamed over is written into: a file, never what a link leads to.
  const otherwise = unsafe
    ? `[ ! -h "$n" ] && cat <"$f" >"$n" && s=$(stat -c '${STAT_FORMAT}' "$n") || fail "cannot write $p: $e"; else trap - 0`
    : 'fail "Could not replace file: $t to $p: $e"; else trap - 0';
  return `if [ -d "$n" ]; then fail "cannot write $p: it is a directory"; fi\nif ! e=$(mv -fT "$t" "$n" 2>&1); then ${otherwise}; fi`;
}

const flagsOnly = (chattr: string): AttributeChanges => ({
  changes: [],
  before: {},
  after: {},
  chattr: /^[-+=]/.test(chattr) ? chattr : `=${chattr}`,
});

function readWritten(records: Records, writing: Writing): Readonly<Record<string, Json>> {
  const refused = records.text('refused');
  if (refused !== undefined) {
    const rc = Number(refused);
    throw new ModuleError(writing.refusal?.(rc, records.stderr) ?? 'failed to validate', {
      exit_status: rc,
      stdout: records.text('output') ?? '',
      stderr: records.stderr,
      dest: writing.path,
    });
  }
  if (records.rc !== 0) throw failure(records, writing.path);
  const stat = records.text('stat');
  if (stat === undefined) throw new ModuleError(`cannot write ${writing.path}: ${records.stderr.trim()}`);
  const backup = records.text('backup');
  return { ...statusFields(parseStatus(stat)), ...(backup !== undefined && { backup_file: backup }) };
}

/** The error of a script that called `fail`, or that ended in another way it should not have. */
export function failure(records: Records, path: string): ModuleError {
  const { rc, stderr, complaint } = records;
  const stale = records.text('stale');
  if (stale !== undefined)
    return new StaleError(`${stale} keeps changing: something else is at work on it`, { path });
  const printed = stderr.trim();
  const text = complaint ?? printed;
  const unknown = /^(chown|chgrp) failed: .*(?:invalid|unknown) (user|group):? '?([^'\n]*)/.exec(text);
  if (unknown) {
    const [, , what, name = ''] = unknown;
    const command = what === 'user' ? 'chown' : 'chgrp';
    const plain = name.replace(/^.*unknown (user|group) /, '').replace(/^:|:[\s\S]*$/g, '');
    return new ModuleError(`${command} failed: failed to look up ${what} ${plain}`, { path });
  }
  const why = text.startsWith('cannot enter ') ? `cannot write ${path}: ${text}` : text;
  if (complaint !== undefined) return new ModuleError(printed ? `${why} (${printed})` : why, { path });
  return new ModuleError(`cannot write ${path}: ${text || `exit code ${rc}`}`, { path });
}

/** Brings mode, owner and the like of an existing entry to what is wanted: one request. Gives the entry's fields. */
export function* applyAttributes(
  found: PathState,
  changes: AttributeChanges,
): Steps<Readonly<Record<string, Json>>> {
  const lines = [REACH, reachLine(found), `hold ${identityOf(found)}`, attributeCommands(changes)];
  const reply = yield* ask(`${lines.join('\n')}begin stat; stat $L -c '${STAT_FORMAT}' "$f"`);
  if (reply.rc !== 0) throw failure(reply, found.realPath);
  return statusFields(parseStatus(reply.text('stat') ?? ''));
}

/** Whether bytes are text that a diff can show. */
export const isShowable = (bytes: Buffer): boolean => !bytes.subarray(0, 8192).includes(0);

/** The before/after pair of two contents, or a note when they cannot be shown. */
export function contentDiff(
  before: Buffer | undefined,
  after: Buffer,
  beforeHeader: string,
  afterHeader: string,
): FileDiff {
  const text = (bytes: Buffer | undefined) => {
    if (bytes === undefined) return '';
    if (bytes.length > DIFF_LIMIT) return `(${bytes.length} bytes: too large to show)\n`;
    return isShowable(bytes) ? bytes.toString() : `(${bytes.length} bytes, not text: SHA-1 ${sha1(bytes)})\n`;
  };
  return { before: text(before), after: text(after), beforeHeader, afterHeader };
}

/** The before/after pair of attributes, printed as Ansible prints them; undefined when nothing differs. */
export function attributeDiff(
  path: string,
  before: Readonly<Record<string, Json>>,
  after: Readonly<Record<string, Json>>,
): FileDiff | undefined {
  if (Object.keys(after).length === 0 && Object.keys(before).length === 0) return undefined;
  return { before: valuesText({ path, ...before }), after: valuesText({ path, ...after }) };
}

/** Values as a diff shows them: JSON, sorted by name. */
export const valuesText = (entries: Readonly<Record<string, Json>>) =>
  `${jsonText(Object.fromEntries(Object.entries(entries).sort(([a], [b]) => (a < b ? -1 : 1))), 4)}\n`;
