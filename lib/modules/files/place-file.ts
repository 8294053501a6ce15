import { createHash } from 'node:crypto';
import type { Json } from '../../source/value.ts';
import { A } from '../kit/arguments.ts';
import {
  type Attributes,
  attributeArgs,
  attributeChanges,
  statusFields,
  unsafeWritesArg,
} from '../kit/attributes.ts';
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
import { attributesFound, type PathState, pathStateOf, pathWord, statScript } from '../kit/stat.ts';
import {
  applyAttributes,
  attributeDiff,
  contentDiff,
  DIFF_LIMIT,
  INLINE_LIMIT,
  refuseSpecial,
  type Source,
  writeFile,
} from '../kit/write-file.ts';
import { directoryScript } from './file-decision.ts';

/** Arguments of modules that put one file at a destination. */
export const placementArgs = {
  dest: A.path('Where the file goes; inside of it when it is a directory.'),
  backup: A.bool('Keep a copy of the file as it was, with a time stamp in its name.', { default: false }),
  force: A.bool('Replace a file with other content; else only a missing one is made.', {
    default: true,
    aliases: ['thirsty'],
  }),
  follow: A.bool('Write what a symbolic link at the destination leads to.', { default: false }),
  validate: A.opt(A.str('Command that must accept the new file before it is put in place; %s is its name.')),
  ...attributeArgs,
  ...unsafeWritesArg,
};

/** Result fields of these modules. */
export const PLACEMENT_RETURNS = {
  dest: 'The file.',
  src: 'Where the content came from.',
  checksum: 'SHA-1 of the content.',
  md5sum: 'MD5 of the content.',
  backup_file: 'Name of the copy of the old file.',
  mode: 'Permissions; and owner, group, uid, gid, size, state.',
};

/** Bytes, or a file of the control machine that is too large to be held in memory for each host. */
export type Content = Extract<Source, { kind: 'bytes' | 'local' }>;

const sizeOf = (content: Content): number => (content.kind === 'bytes' ? content.bytes.length : content.size);

/** The sum of content; that of a file is made once for all hosts. */
export function sumOf(content: Content, kind: 'sha1' | 'md5', ctx: ModuleContext): string {
  if (content.kind === 'local') return ctx.sumOf(content.path, kind);
  return createHash(kind).update(content.bytes).digest('hex');
}

/** One file to be put at a destination: content known on the control machine. */
export interface Placement {
  readonly dest: string;
  /** Its name when `dest` is a directory; without one a directory is an error. */
  readonly basename: string | undefined;
  readonly content: Content;
  /** Name of the content for people, and for `src` of the result. */
  readonly origin: string;
  /** Value of `src` in the result; content has none. */
  readonly src: string | undefined;
  /** `mode` with "preserve" already replaced. */
  readonly wanted: Attributes;
  readonly backup: boolean;
  readonly force: boolean;
  readonly follow: boolean;
  readonly validate: string | undefined;
  readonly unsafeWrites: boolean;
  /** Mode of directories that a trailing slash asks for. */
  readonly directoryMode: string | undefined;
}

/** A placement and what is at its destination. */
export interface Placed {
  readonly placement: Placement;
  readonly at: PathState;
  readonly sum: string;
}

/** Looks at the destination: one request; an unchanged file costs stat and sha1sum. */
export function* probePlacement(placement: Placement, ctx: ModuleContext): Steps<Placed> {
  const { content } = placement;
  const sum = sumOf(content, 'sha1', ctx);
  const script = statScript(placement.dest, {
    word: '"$w"',
    follow: placement.follow,
    wanted: placement.wanted,
    content: { ifSize: sizeOf(content) },
    ...(ctx.diffMode && { bytesUnless: { sha1: sum, limit: DIFF_LIMIT } }),
  });
  const records = yield* ask(`${destinationLines(placement.dest, placement.basename)}\n${script}`);
  return { placement, at: pathStateOf(placement.dest, records), sum };
}

/** Shell lines that leave the file's path in `$w`: a directory gets the name appended. */
export function destinationLines(dest: string, basename: string | undefined): string {
  const start = `w=${pathWord(dest)}`;
  if (basename === undefined) return start;
  const name = quote(basename);
  return dest.endsWith('/') ? `${start}${name}` : `${start}; [ -d "$w" ] && w=$w/${name}`;
}

/** The path a placement touches, for batching. */
export const touchedPath = (dest: string, basename: string | undefined): string =>
  dest.endsWith('/') ? `${dest}${basename ?? ''}`.replace(/\/$/, '') : dest;

const differs = ({ at, sum }: Placed) => at.status?.type !== 'file' || at.sha1 !== sum;

/** Compares: pure. */
export function planPlacement(placed: Placed, ctx: ModuleContext): Plan {
  const { placement, at, sum } = placed;
  const { status, path } = at;
  if (status?.type === 'directory')
    throw new ModuleError(
      placement.basename === undefined
        ? 'can not use content with a dir as dest'
        : `cannot write ${at.realPath}: it is a directory`,
      { path },
    );
  refuseSpecial(at);
  const src = placement.src === undefined ? {} : { src: placement.src };
  const fields = { dest: at.realPath, ...src, checksum: sum };
  if (status && !placement.force && status.type !== 'link')
    return { changes: [], result: { dest: path, ...src } };
  const attributes =
    status && status.type !== 'link'
      ? attributeChanges(attributesFound({ ...at, status }), placement.wanted, at.realPath, ctx.checkMode)
      : undefined;
  const shown = attributes && attributeDiff(at.realPath, attributes.before, attributes.after);
  if (!differs(placed))
    return {
      changes: attributes?.changes ?? [],
      ...(shown && { diff: [shown] }),
      result: { ...fields, path: at.realPath, ...(status && statusFields(status)) },
    };
  const warnings = refuseOrWarn(placed, ctx);
  return {
    changes: [
      `${at.realPath}: ${status ? 'content' : `absent → ${sizeOf(placement.content)} bytes`}`,
      ...(attributes?.changes ?? []),
    ],
    diff: [beforeAndAfter(placed), ...(shown ? [shown] : [])],
    result: {
      ...fields,
      md5sum: sumOf(placement.content, 'md5', ctx),
      size: sizeOf(placement.content),
      state: 'file',
      ...(warnings.length > 0 && { warnings: [...warnings] }),
    },
  };
}

/** Says why the destination cannot be written; in check mode a missing directory may be one to come. */
function refuseOrWarn({ placement, at }: Placed, ctx: ModuleContext): readonly string[] {
  const directory = at.realPath.replace(/\/[^/]*$/, '') || '/';
  if (at.parent === 'missing' && !placement.dest.endsWith('/')) {
    if (ctx.checkMode) return [`Destination directory ${directory} does not exist (yet)`];
    throw new ModuleError(`Destination directory ${directory} does not exist`, { dest: at.path });
  }
  if (at.parent === 'readonly' && !placement.unsafeWrites)
    throw new ModuleError(`Destination ${directory} not writable`, { dest: at.path });
  return [];
}

function beforeAndAfter({ placement, at }: Placed): FileDiff {
  const { status, bytes } = at;
  const { content, origin } = placement;
  const diff = (before: Buffer | undefined): FileDiff =>
    content.kind === 'bytes'
      ? contentDiff(before, content.bytes, at.realPath, origin)
      : {
          ...contentDiff(before, Buffer.alloc(0), at.realPath, origin),
          after: `(${content.size} bytes: too large to show)\n`,
        };
  const note = (text: string): FileDiff => ({ ...diff(undefined), before: text });
  if (!status) return note('');
  if (status.type === 'link') return note(`(symbolic link to ${at.linkTarget})\n`);
  if (status.type !== 'file') return note(`(${status.type})\n`);
  if (!bytes) return note(at.readable ? `(${status.size} bytes: not shown)\n` : '(not readable)\n');
  return diff(bytes);
}

/** Writes what the plan says. */
export function* applyPlacement(placed: Placed, ctx: ModuleContext): Steps<Readonly<Record<string, Json>>> {
  const { placement, at } = placed;
  const { status } = at;
  if (!differs(placed)) {
    if (!status) return {};
    const found = attributesFound({ ...at, status });
    return yield* applyAttributes(at, attributeChanges(found, placement.wanted, at.realPath, ctx.checkMode));
  }
  const directories = at.parent === 'missing' ? missingDirectories(placement, at) : '';
  const large = sizeOf(placement.content) > INLINE_LIMIT;
  if (directories !== '' && large) yield* ask(`${REACH}\n${directories}`);
  return yield* writeFile({
    path: at.realPath,
    source: placement.content,
    found: at,
    wanted: placement.wanted,
    backup: placement.backup,
    validate: placement.validate,
    unsafeWrites: placement.unsafeWrites,
    before: directories,
  });
}

/** A trailing slash asks for directories, which get the wanted owner and a mode of their own. */
function missingDirectories(placement: Placement, at: PathState): string {
  const path = at.realPath.replace(/\/[^/]*$/, '');
  const wanted = { ...placement.wanted, mode: placement.directoryMode, attributes: undefined };
  return directoryScript(path, at.umask, wanted);
}
