import { lstatSync, readdirSync, readlinkSync, realpathSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { bytesOf, textOf } from '../../source/bytes.ts';
import { defined } from '../../source/defined.ts';
import type { Json } from '../../source/value.ts';
import { type Attributes, attributeChanges, chmodText, modeBits, modeText } from '../kit/attributes.ts';
import {
  type FileDiff,
  type ModuleContext,
  ModuleError,
  type Plan,
  quote,
  type Steps,
} from '../kit/define.ts';
import { REACH } from '../kit/reach.ts';
import { ask } from '../kit/reply.ts';
import { absoluteWord, type PathState, pathStateOf, statScript } from '../kit/stat.ts';
import { type LaterContent, tarLength, tarOf, tarPieces } from '../kit/tar.ts';
import {
  contentDiff,
  DIFF_LIMIT,
  failure,
  INLINE_LIMIT,
  isShowable,
  sweepBeside,
  temporaryBeside,
  validatorLine,
} from '../kit/write-file.ts';
import { directoryScript } from './file-decision.ts';
import {
  byDirectory,
  commandLines,
  type Entry,
  type EntryChanges,
  entriesIn,
  entryCommands,
  statEach,
} from './file-tree.ts';

/** Content of the control machine, which is read when it is needed. */
export interface Source extends LaterContent {
  readonly sha1: () => string;
  /** Makes the sum while other hosts go on. */
  readonly makeSums?: () => Promise<void>;
}

/** A file, directory or link of the control machine, by its path below the destination. */
export type Item =
  | { readonly kind: 'file'; readonly path: string; readonly source: Source; readonly mode: number }
  | { readonly kind: 'directory'; readonly path: string }
  | { readonly kind: 'link'; readonly path: string; readonly target: string };

export interface TreeRequest {
  readonly src: string;
  readonly dest: string;
  readonly items: readonly Item[];
  /** For files; `preserve` takes each file's own. */
  readonly wanted: Attributes;
  readonly directoryMode: string | undefined;
  readonly force: boolean;
  readonly backup: boolean;
  readonly validate: string | undefined;
}

/** What is at the destination of every item. */
export interface TreeFound {
  readonly request: TreeRequest;
  readonly top: PathState;
  readonly entries: ReadonlyMap<string, Entry & { readonly linkTarget?: string; readonly sha1?: string }>;
}

/** Everything below a directory. Links are followed unless told otherwise, but never in a circle. */
export function walkLocal(src: string, localFollow: boolean, sourceOf: (path: string) => Source): Item[] {
  const top = src.endsWith('/') ? '' : `${basename(src)}/`;
  const items: Item[] = top === '' ? [] : [{ kind: 'directory', path: top.slice(0, -1) }];
  const visit = (directory: string, prefix: string, parents: readonly string[]) => {
    for (const name of namesIn(directory)) {
      const local = join(directory, name);
      const path = prefix + name;
      const isLink = lstatSync(bytesOf(local)).isSymbolicLink();
      const target = isLink && followable(local, localFollow, parents) ? realPath(local) : local;
      if (isLink && target === local)
        items.push({ kind: 'link', path, target: textOf(readlinkSync(bytesOf(local), 'buffer')) });
      else if (statSync(bytesOf(target)).isDirectory()) {
        items.push({ kind: 'directory', path });
        visit(target, `${path}/`, [...parents, realPath(target)]);
      } else if (statSync(bytesOf(target)).isFile())
        items.push({
          kind: 'file',
          path,
          source: sourceOf(target),
          mode: statSync(bytesOf(target)).mode & 0o7777,
        });
    }
  };
  visit(src, top, [realPath(src)]);
  return items;
}

/** Names that are not UTF-8 stay what they are. */
const namesIn = (directory: string): string[] =>
  readdirSync(bytesOf(directory), { encoding: 'buffer' }).map(textOf).sort();

const realPath = (path: string): string => textOf(realpathSync(bytesOf(path), 'buffer'));

function followable(link: string, localFollow: boolean, parents: readonly string[]): boolean {
  if (!localFollow) return false;
  try {
    return !parents.includes(realPath(link));
  } catch {
    return false; // it leads nowhere, or in a circle
  }
}

/** Looks at all destinations: one request, three programs for some thousand files. */
export function* probeTree(request: TreeRequest): Steps<TreeFound> {
  const names = request.items.map(item => item.path);
  const script = [
    statScript(request.dest, { word: absoluteWord(request.dest), follow: true, wanted: request.wanted }),
    `if [ -d "$p" ]; then begin entries; cd -P "$p" && xargs -0 sh -c ${quote(EACH)} sh; fi`,
    ':',
  ].join('\n');
  const records = yield* ask(script, { stdin: names.map(name => `./${name}\0`).join('') });
  return { request, top: pathStateOf(request.dest, records), entries: parseTree(records.bytes('entries')) };
}

/**
 * Status of all, targets of links, sums of files: what is not there says nothing. No mark can be given to the shell
 * that `find` or `xargs` starts, for all could read it there; but neither names nor targets hold a NUL.
 */
export const EACH = `${statEach().replaceAll("'", '"')} -- "$@" 2>/dev/null; printf "\\0"
for f; do if [ -h "$f" ]; then printf "link\\0%s\\0" "$f"; readlink -n "$f"; printf "\\0"; fi; done
case "$*" in
*\\\\*|*"\n"*|*"\r"*) for f; do h=$(sha1sum <"$f") && printf "sum\\0%s\\0%s\\0" "$f" "\${h%% *}"; done 2>/dev/null;;
*) printf "sums\\0"; sha1sum -- "$@" 2>/dev/null; printf "\\0";;
esac
printf "end\\0"`;

/** Reads what `EACH` printed, some number of times. */
export function parseTree(bytes: Buffer | undefined): TreeFound['entries'] {
  const entries = new Map<string, Entry & { linkTarget?: string; sha1?: string }>();
  const words = splitAtNul(bytes ?? Buffer.alloc(0));
  const known = (path: Buffer | undefined) =>
    entries.get(textOf(path ?? Buffer.alloc(0)).replace(/^\.\//, ''));
  for (let at = 0; at < words.length; ) {
    for (const entry of entriesIn(words[at++])) entries.set(entry.path, { ...entry });
    for (let word = ''; word !== 'end' && at < words.length; ) {
      word = words[at++]?.toString('latin1') ?? '';
      if (word === 'sums') for (const [path, sum] of sumLines(words[at++])) setSum(entries.get(path), sum);
      else if (word === 'sum') setSum(known(words[at++]), words[at++]?.toString('latin1'));
      else if (word === 'link') {
        const link = known(words[at++]);
        const target = textOf(words[at++] ?? Buffer.alloc(0));
        if (link) link.linkTarget = target;
      }
    }
  }
  return entries;
}

function setSum(entry: { sha1?: string } | undefined, sum: string | undefined): void {
  if (entry && sum !== undefined && /^[0-9a-f]{40}$/.test(sum)) entry.sha1 = sum;
}

/** Lines of sha1sum for names that hold neither line breaks nor backslashes. */
const sumLines = (bytes: Buffer | undefined): [path: string, sum: string][] =>
  textOf(bytes ?? Buffer.alloc(0))
    .split('\n')
    .flatMap((line): [string, string][] => {
      const [, sum, path] = /^([0-9a-f]{40}) [ *]\.\/(.*)$/.exec(line) ?? [];
      return path === undefined || sum === undefined ? [] : [[path, sum]];
    });

function splitAtNul(bytes: Buffer): Buffer[] {
  const words: Buffer[] = [];
  for (let from = 0; from < bytes.length; ) {
    const at = bytes.indexOf(0, from);
    const end = at < 0 ? bytes.length : at;
    words.push(bytes.subarray(from, end));
    from = end + 1;
  }
  return words;
}

type FileItem = Extract<Item, { kind: 'file' }>;

interface TreePlan {
  readonly files: readonly FileItem[];
  readonly directories: readonly string[];
  readonly links: readonly Extract<Item, { kind: 'link' }>[];
  readonly attributes: readonly EntryChanges[];
}

function planOf({ request, top, entries }: TreeFound, checkMode: boolean): TreePlan {
  const files: FileItem[] = [];
  const directories: string[] = [];
  const links: Extract<Item, { kind: 'link' }>[] = [];
  const attributes: EntryChanges[] = [];
  const base = top.realPath.replace(/\/$/, '');
  const compare = (item: Item, wanted: Attributes) => {
    const { status } = defined(entries.get(item.path), 'the item comes from these entries');
    const { umask, wantedUid, wantedGid } = idsOf(top, request.wanted);
    const path = `${base}/${item.path}`;
    const changes = attributeChanges({ status, umask, wantedUid, wantedGid }, wanted, path, checkMode);
    if (changes.changes.length > 0) attributes.push({ path, status, changes });
  };
  for (const item of request.items) {
    const there = entries.get(item.path);
    if (item.kind === 'directory') {
      if (!there) directories.push(item.path);
      else if (there.status.type !== 'directory' && there.status.type !== 'link')
        throw new ModuleError(`${base}/${item.path} already exists as a ${there.status.type}`);
      else if (there.status.type === 'directory')
        compare(item, { ...request.wanted, mode: request.directoryMode });
    } else if (item.kind === 'link') {
      if (there?.linkTarget !== item.target) links.push(item);
    } else if (there?.status.type === 'directory')
      throw new ModuleError(`cannot write ${base}/${item.path}: it is a directory`);
    else if (there && !request.force) continue;
    else if (there?.status.type === 'file' && there.sha1 === item.source.sha1())
      compare(item, { ...request.wanted, mode: modeFor(request, item) });
    else files.push(item);
  }
  return { files, directories, links, attributes };
}

const modeFor = (request: TreeRequest, item: FileItem) =>
  request.wanted.mode === 'preserve' ? modeText(item.mode) : request.wanted.mode;

/** The destination itself may already belong to the wanted owner: then no name was looked up. */
function idsOf(top: PathState, wanted: Attributes) {
  return {
    umask: top.umask,
    wantedUid: top.wantedUid ?? (top.status?.owner === wanted.owner ? top.status?.uid : undefined),
    wantedGid: top.wantedGid ?? (top.status?.group === wanted.group ? top.status?.gid : undefined),
  };
}

/** Compares: pure. */
export function planTree(found: TreeFound, ctx: ModuleContext): Plan {
  const { request, top } = found;
  if (top.status && top.status.type !== 'directory')
    throw new ModuleError(`cannot copy a directory over ${top.path}: it is a ${top.status.type}`);
  const plan = planOf(found, ctx.checkMode);
  const base = top.realPath.replace(/\/$/, '');
  const changes = [
    ...plan.directories.map(path => `${base}/${path}: absent → directory`),
    ...plan.files.map(
      file =>
        `${base}/${file.path}: ${found.entries.has(file.path) ? 'content' : `absent → ${file.source.length} bytes`}`,
    ),
    ...plan.links.map(link => `${base}/${link.path}: link to ${link.target}`),
    ...plan.attributes.flatMap(({ changes: entry }) => entry.changes),
  ];
  const result = { dest: request.dest.endsWith('/') ? request.dest : `${request.dest}/`, src: request.src };
  return {
    changes,
    result,
    ...(plan.files.length > 0 && { diff: plan.files.map(file => diffOf(found, base, file)) }),
  };
}

function diffOf({ entries }: TreeFound, base: string, file: FileItem): FileDiff {
  const there = entries.get(file.path);
  const { length } = file.source;
  const bytes = length <= DIFF_LIMIT ? Buffer.concat([...file.source.pieces()]) : undefined;
  const shown = contentDiff(undefined, bytes ?? Buffer.alloc(0), `${base}/${file.path}`, file.path);
  if (!there) return bytes ? shown : { ...shown, after: `(${length} bytes: too large to show)\n` };
  const after = bytes && isShowable(bytes) ? shown.after : '';
  return { ...shown, before: `(SHA-1 ${there.sha1 ?? 'not known'})\n`, after };
}

/** Writes: the new content travels as one archive to a directory beside, and is renamed into place from there. */
export function* applyTree(found: TreeFound): Steps<Readonly<Record<string, Json>>> {
  const { top } = found;
  const plan = planOf(found, false);
  const base = top.realPath.replace(/\/$/, '') || '/';
  const stage = temporaryBeside(`${base}/tree`);
  const members = plan.files.map(file => ({ path: file.path, mode: 0o600, content: file.source }));
  const inline = members.reduce((sum, { content }) => sum + content.length, 0) <= INLINE_LIMIT;
  const prepare = `${REACH}\np=${quote(base)} o=$PWD\n${makeDirectories(found, base, plan)}`;
  if (plan.files.length > 0 && !inline) {
    const reply = yield* ask(prepare);
    if (reply.rc !== 0) throw failure(reply, base);
    const archive = { length: tarLength(members), pieces: () => tarPieces(members) };
    yield { kind: 'send', from: archive, to: `${stage}.tar` };
  }
  const script = [
    prepare,
    plan.files.length > 0 ? placeFiles(found, base, plan.files, stage, inline) : '',
    ...plan.links.map(link => placeLink(found, `${base}/${link.path}`, link.target)),
    entryCommands(plan.attributes),
    ':',
  ];
  const reply = yield* ask(script.filter(Boolean).join('\n'), inline ? { stdin: tarOf(members) } : {});
  if (reply.rc !== 0) throw failure(reply, base);
  const backup = reply.text('backup');
  return backup === undefined ? {} : { backup_file: backup };
}

function makeDirectories({ request, top }: TreeFound, base: string, plan: TreePlan): string {
  const wanted = { ...request.wanted, mode: request.directoryMode, attributes: undefined };
  const { owner, group, mode } = wanted;
  const spec = `${owner ?? ''}${group === undefined ? '' : `:${group}`}`;
  const bits = mode === undefined ? '' : chmodText(modeBits(mode, 0o777 & ~top.umask, true, top.umask));
  const settle = [
    ...(spec === '' ? [] : [`e=$(chown ${quote(spec)} . 2>&1) || fail "chown failed: $e"`]),
    ...(bits === '' ? [] : [`e=$(chmod ${bits} . 2>&1) || fail "chmod failed: $e"`]),
  ];
  return [
    top.status ? '' : directoryScript(base, top.umask, wanted),
    ...plan.directories.map(path => makeDirectory(`${base}/${path}`, settle)),
  ]
    .filter(Boolean)
    .join('\n');
}

/** Makes one directory, enters it, and does there what is to be done to it. */
export const makeDirectory = (path: string, settle: readonly string[]): string =>
  [
    `reach ${quote(path)}; e=$(mkdir "$n" 2>&1) || [ -d "$n" ] || fail "mkdir failed: $e"`,
    ...(settle.length > 0 ? ['step "${n#./}"', ...settle] : []),
    'cd "$o"',
  ].join('\n');

/** Modes and owners are set in the stage, which nobody else can enter; then one mv per directory. */
function placeFiles(
  found: TreeFound,
  base: string,
  files: readonly FileItem[],
  stage: string,
  inline: boolean,
): string {
  const { request } = found;
  const { validate } = request;
  const staged = files.map(file => attributesOf(found, file));
  const chown = grouped(
    staged.filter(s => s.owner !== ''),
    s => `chown -h ${quote(s.owner)}`,
  );
  const chmod = grouped(staged, s => `chmod ${chmodText(s.mode)}`);
  return [
    enterStage(stage),
    `e=$(tar -xf ${inline ? '-' : '"$s.tar"'} 2>&1) || fail "cannot unpack in $p: $e"`,
    chown,
    chmod,
    ...(validate === undefined ? [] : files.map(file => validation(validate, `${stage}/${file.path}`))),
    ...files
      .filter(file => request.backup && found.entries.has(file.path))
      .map(file => backup(`${base}/${file.path}`)),
    ...moveFromStage(files, base),
    leaveStage,
  ]
    .filter(Boolean)
    .join('\n');
}

/** Makes a directory beside for new content, and enters it: it is ours, or the script ends. */
export const enterStage = (stage: string): string => `reach ${quote(stage)}; s=$PWD/\${n#./}
${sweepBeside('tree')}
(umask 077; mkdir "$n") || fail "cannot make $s"; trap 'rm -rf "$s" "$s.tar"' 0; step "\${n#./}"; [ -O . ] || stale "$s"`;

/** Each directory of the destination is entered, and what is staged is moved to where the shell is then. */
export const moveFromStage = (items: readonly { readonly path: string }[], base: string): string[] =>
  [...byDirectory(items)].map(([directory, inside]) =>
    [
      `cd "$o"; enter ${quote(`${base}/${directory}`)}`,
      ...commandLines(
        'mv -f',
        inside.map(item => item.path),
        ' .',
        '"$s"/',
      ),
    ].join('\n'),
  );

export const leaveStage = 'cd "$o"; rm -rf "$s" "$s.tar"; trap - 0';

function attributesOf({ request, top, entries }: TreeFound, file: FileItem) {
  const there = entries.get(file.path)?.status;
  const kept = there?.type === 'file' ? there : undefined;
  const now = kept?.mode ?? 0o666 & ~top.umask;
  const mode = modeFor(request, file);
  const owner = request.wanted.owner ?? (kept && String(kept.uid)) ?? '';
  const group = request.wanted.group ?? (kept && String(kept.gid));
  return {
    path: file.path,
    mode: mode === undefined ? now : modeBits(mode, now, false, top.umask),
    owner: `${owner}${group === undefined ? '' : `:${group}`}`,
  };
}

function grouped<T extends { readonly path: string }>(
  items: readonly T[],
  command: (item: T) => string,
): string {
  const groups = new Map<string, string[]>();
  for (const item of items) groups.set(command(item), [...(groups.get(command(item)) ?? []), item.path]);
  return [...groups].flatMap(([line, paths]) => commandLines(line, paths)).join('\n');
}

const validation = (command: string, path: string) =>
  `e=$(${validatorLine(command, quote(path))} 2>&1) || fail "failed to validate: $e"`;

const backup = (path: string) =>
  `q=${quote(path)}; cd "$o"; reach "$q"; b=$q.$$.$(date +%Y-%m-%d@%H:%M:%S~) && e=$(cp -p "$n" "./\${b##*/}" 2>&1) || fail "Could not make backup of $q to $b: $e"; field backup "$b"`;

function placeLink(found: TreeFound, path: string, target: string): string {
  const there = found.entries.has(path.slice(found.top.realPath.length).replace(/^\//, ''));
  const { owner, group } = found.request.wanted;
  const spec = `${owner ?? ''}${group === undefined ? '' : `:${group}`}`;
  const temporary = `./${quote(temporaryBeside(path).replace(/^.*\//s, ''))}`;
  const source = quote(target).replace(/^-/, './-');
  return [
    `cd "$o"; reach ${quote(path)}`,
    there
      ? `e=$(ln -s ${source} ${temporary} 2>&1 && mv -fT ${temporary} "$n" 2>&1) || { rm -f ${temporary}; fail "Error while replacing: $e"; }`
      : `e=$(ln -sT ${source} "$n" 2>&1) || fail "Error while linking: $e"`,
    spec === '' ? '' : `chown -h ${quote(spec)} "$n" || fail "chown failed"`,
  ]
    .filter(Boolean)
    .join('\n');
}
