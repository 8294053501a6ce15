import { basename } from 'node:path';
import { defined } from '../../source/defined.ts';
import { withoutSlashes } from '../../source/strip-end.ts';
import type { Json } from '../../source/value.ts';
import { type Attributes, attributeChanges, modeText, statusFields } from '../kit/attributes.ts';
import { type ModuleContext, ModuleError, type Plan, quote, type Steps } from '../kit/define.ts';
import { REACH } from '../kit/reach.ts';
import { ask } from '../kit/reply.ts';
import { absoluteWord, attributesFound, type PathState, pathStateOf, statScript } from '../kit/stat.ts';
import { applyAttributes, failure, temporaryBeside, writeFile } from '../kit/write-file.ts';
import {
  EACH,
  enterStage,
  leaveStage,
  makeDirectory,
  moveFromStage,
  parseTree,
  type TreeFound,
} from './copy-tree.ts';
import { directoryScript } from './file-decision.ts';
import { byDirectory, commandLines, type EntryChanges, entryCommands } from './file-tree.ts';
import { destinationLines } from './place-file.ts';

export interface RemoteRequest {
  readonly src: string;
  readonly dest: string;
  readonly wanted: Attributes;
  readonly directoryMode: string | undefined;
  readonly checksum: string | undefined;
  readonly force: boolean;
  readonly follow: boolean;
  readonly backup: boolean;
  readonly validate: string | undefined;
  readonly unsafeWrites: boolean;
}

/** A source on the host, and what is at the destination. */
export interface RemoteFound {
  readonly request: RemoteRequest;
  readonly source: PathState;
  readonly at: PathState;
  /** Below source and destination; for a directory only. */
  readonly theirs: TreeFound['entries'];
  readonly ours: TreeFound['entries'];
}

/** Looks at both sides: one request. */
export function* probeRemote(request: RemoteRequest): Steps<RemoteFound> {
  const name = basename(request.src);
  // A directory goes into the destination under its name, unless a slash says that its content is meant.
  const inside = request.src.endsWith('/') ? '' : `/${quote(name)}`;
  const script = [
    statScript(request.src, { word: absoluteWord(request.src), follow: true, content: 'sum' }),
    's0=$p; a=; part dest',
    `if [ -d "$s0" ]; then w=${absoluteWord(withoutSlashes(request.dest))}; w=$w${inside}; a=1; else ${destinationLines(request.dest, name)}; fi`,
    statScript(request.dest, {
      word: '"$w"',
      follow: request.follow,
      wanted: request.wanted,
      content: 'sum',
    }),
    `if [ -n "$a" ]; then`,
    `begin theirs; cd -P "$s0" && find . -mindepth 1 -exec sh -c ${quote(EACH)} sh {} +`,
    `begin ours; [ ! -d "$w" ] || find . -mindepth 1 -exec sh -c ${quote(`cd -P "$0" || exit 0\n${EACH}`)} "$w" {} +`,
    'fi',
    ':',
  ].join('\n');
  const records = yield* ask(script);
  const dest = records.part('dest');
  return {
    request,
    source: pathStateOf(request.src, records),
    at: pathStateOf(request.dest, dest),
    theirs: parseTree(dest.bytes('theirs')),
    ours: parseTree(dest.bytes('ours')),
  };
}

/** Compares: pure. */
export function planRemote(found: RemoteFound, ctx: ModuleContext): Plan {
  const { request, source } = found;
  if (!source.status) throw new ModuleError(`Source ${request.src} not found`);
  if (!source.readable) throw new ModuleError(`Source ${request.src} not readable`);
  if (source.status.type === 'directory') return planDirectory(found, ctx);
  if (source.status.type !== 'file')
    throw new ModuleError(`Cannot copy invalid source '${request.src}': not a file`);
  if (request.checksum !== undefined && request.checksum !== source.sha1)
    throw new ModuleError('Copied file does not match the expected checksum. Transfer failed.', {
      checksum: source.sha1 ?? null,
      expected_checksum: request.checksum,
    });
  return planFile(found, ctx);
}

const sameFile = ({ source, at }: RemoteFound) => at.status?.type === 'file' && at.sha1 === source.sha1;

const fileAttributes = ({ request, source }: RemoteFound): Attributes => ({
  ...request.wanted,
  mode:
    request.wanted.mode === 'preserve'
      ? modeText(defined(source.status, 'a missing source is refused').mode)
      : request.wanted.mode,
});

function planFile(found: RemoteFound, ctx: ModuleContext): Plan {
  const { request, source, at } = found;
  const { status } = at;
  if (status && !request.force && status.type !== 'link')
    return {
      changes: [],
      result: { msg: 'file already exists', src: request.src, dest: at.realPath, ...statusFields(status) },
    };
  if (status?.type === 'directory') throw new ModuleError(`cannot write ${at.realPath}: it is a directory`);
  const directory = at.realPath.replace(/\/[^/]*$/, '') || '/';
  const missing = !status && at.parent === 'missing' && !request.dest.endsWith('/');
  if (missing && !ctx.checkMode) throw new ModuleError(`Destination directory ${directory} does not exist`);
  if (at.parent === 'readonly' && !request.unsafeWrites && !sameFile(found))
    throw new ModuleError(`Destination ${directory} not writable`);
  const attributes =
    status && status.type !== 'link'
      ? attributeChanges(
          attributesFound({ ...at, status }),
          fileAttributes(found),
          at.realPath,
          ctx.checkMode,
        )
      : undefined;
  const same = sameFile(found);
  return {
    changes: [
      ...(same ? [] : [`${at.realPath}: ${status ? 'content' : 'absent → file'}`]),
      ...(attributes?.changes ?? []),
    ],
    result: {
      dest: at.realPath,
      src: request.src,
      checksum: source.sha1 ?? null,
      ...(same && status ? statusFields(status) : {}),
    },
  };
}

interface DirectoryPlan {
  readonly directories: readonly string[];
  /** Files and links to copy. */
  readonly copies: readonly string[];
  readonly attributes: readonly EntryChanges[];
}

function directoryPlan({ request, at, theirs, ours }: RemoteFound, checkMode: boolean): DirectoryPlan {
  const directories: string[] = [];
  const copies: string[] = [];
  const attributes: EntryChanges[] = [];
  const owners: Attributes = { owner: request.wanted.owner, group: request.wanted.group };
  const wantedUid = at.wantedUid ?? (at.status?.owner === owners.owner ? at.status?.uid : undefined);
  const wantedGid = at.wantedGid ?? (at.status?.group === owners.group ? at.status?.gid : undefined);
  for (const [path, entry] of theirs) {
    const there = ours.get(path);
    const same =
      entry.status.type === 'link'
        ? there?.linkTarget === entry.linkTarget
        : entry.sha1 === there?.sha1 && entry.status.type === there?.status.type;
    if (entry.status.type === 'directory') {
      if (!there) directories.push(path);
      else if (there.status.type !== 'directory' && there.status.type !== 'link')
        throw new ModuleError(`${at.realPath}/${path} already exists as a ${there.status.type}`);
    } else if (there?.status.type === 'directory')
      throw new ModuleError(`cannot write ${at.realPath}/${path}: it is a directory`);
    else if (!there || (!same && request.force)) copies.push(path);
    if (!there || copies.at(-1) === path) continue;
    const full = `${at.realPath}/${path}`;
    const found = { status: there.status, umask: at.umask, wantedUid, wantedGid };
    const changes = attributeChanges(found, owners, full, checkMode);
    if (changes.changes.length > 0) attributes.push({ path: full, status: there.status, changes });
  }
  return { directories, copies, attributes };
}

function planDirectory(found: RemoteFound, ctx: ModuleContext): Plan {
  const { request, at } = found;
  if (at.status && at.status.type !== 'directory')
    throw new ModuleError(`cannot copy a directory over ${at.realPath}: it is a ${at.status.type}`);
  const plan = directoryPlan(found, ctx.checkMode);
  const top = at.status
    ? attributeChanges(
        attributesFound({ ...at, status: at.status }),
        topAttributes(request),
        at.realPath,
        ctx.checkMode,
      )
    : undefined;
  return {
    changes: [
      ...(at.status ? [] : [`${at.realPath}: absent → directory`]),
      ...plan.directories.map(path => `${at.realPath}/${path}: absent → directory`),
      ...plan.copies.map(
        path => `${at.realPath}/${path}: ${found.ours.has(path) ? 'content' : 'absent → copy'}`,
      ),
      ...(top?.changes ?? []),
      ...plan.attributes.flatMap(({ changes }) => changes.changes),
    ],
    result: { dest: at.realPath, src: request.src, ...(at.status && statusFields(at.status)) },
  };
}

/** The mode is for the directory itself, as with Ansible; what is inside keeps that of its source. */
const topAttributes = ({ wanted }: RemoteRequest): Attributes => ({
  ...wanted,
  mode: wanted.mode === 'preserve' ? undefined : wanted.mode,
});

/** Copies. */
export function* applyRemote(found: RemoteFound): Steps<Readonly<Record<string, Json>>> {
  if (found.source.status?.type === 'directory') return yield* applyDirectory(found);
  const { request, source, at } = found;
  const wanted = fileAttributes(found);
  if (sameFile(found)) {
    const changes = attributeChanges(
      attributesFound({ ...at, status: defined(at.status, 'the file is the same: it exists') }),
      wanted,
      at.realPath,
      false,
    );
    return yield* applyAttributes(at, changes);
  }
  const directory = at.realPath.replace(/\/[^/]*$/, '');
  const before = { ...wanted, mode: request.directoryMode, attributes: undefined };
  return yield* writeFile({
    path: at.realPath,
    source: { kind: 'script', script: `cat <${quote(source.realPath)}` },
    found: at,
    wanted,
    backup: request.backup,
    validate: request.validate,
    unsafeWrites: request.unsafeWrites,
    before: at.parent === 'missing' ? directoryScript(directory, at.umask, before) : '',
  });
}

function* applyDirectory(found: RemoteFound): Steps<Readonly<Record<string, Json>>> {
  const { request, source, at } = found;
  const { directories, copies, attributes } = directoryPlan(found, false);
  const base = at.realPath;
  const stage = temporaryBeside(`${base}/tree`);
  const { owner, group } = request.wanted;
  const spec = `${owner ?? ''}${group === undefined ? '' : `:${group}`}`;
  const items = copies.map(path => ({ path }));
  const settle = spec === '' ? [] : [`e=$(chown ${quote(spec)} . 2>&1) || fail "chown failed: $e"`];
  const script = [
    REACH,
    `p=${quote(base)} o=$PWD`,
    at.status ? '' : directoryScript(base, at.umask, topAttributes(request)),
    ...directories.map(path =>
      makeDirectory(`${base}/${path}`, [
        `chmod ${modeText(defined(found.theirs.get(path), 'the path comes from these entries').status.mode)} . || fail "chmod failed"`,
        ...settle,
      ]),
    ),
    ...(copies.length === 0
      ? []
      : [
          enterStage(stage),
          `cd "$o"; cd ${quote(source.realPath)} || fail "cannot copy to $p"`,
          ...[...byDirectory(items)].flatMap(([directory, inside]) => [
            ...(directory === '' ? [] : [`mkdir -p "$s"/${quote(directory)} || fail "cannot copy to $p"`]),
            ...commandLines(
              'cp -pP',
              inside.map(item => item.path),
              ` "$s"/${quote(directory)}`,
            ),
          ]),
          'cd "$s" || exit 98',
          spec === '' ? '' : commandLines(`chown -h ${quote(spec)}`, copies).join('\n'),
          ...moveFromStage(items, base),
          leaveStage,
        ]),
    entryCommands(attributes),
    ':',
  ];
  const reply = yield* ask(script.filter(Boolean).join('\n'));
  if (reply.rc !== 0) throw failure(reply, base);
  if (!at.status) return {};
  const top = attributeChanges(
    attributesFound({ ...at, status: at.status }),
    topAttributes(request),
    base,
    false,
  );
  return top.changes.length > 0 ? yield* applyAttributes(at, top) : {};
}
