import { readFileSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import type { Static } from 'typebox';
import { bytesOf } from '../../source/bytes.ts';
import { defined } from '../../source/defined.ts';
import { isVaultFile, piecesOf } from '../../source/file-sum.ts';
import { withoutSlashes } from '../../source/strip-end.ts';
import type { Json } from '../../source/value.ts';
import { A, Type } from '../kit/arguments.ts';
import { modeText } from '../kit/attributes.ts';
import { defineState, type ModuleContext, ModuleError, type Steps } from '../kit/define.ts';
import { pythonJson } from '../kit/python-json.ts';
import { INLINE_LIMIT, sha1 } from '../kit/write-file.ts';
import { applyRemote, planRemote, probeRemote, type RemoteFound } from './copy-remote.ts';
import {
  applyTree,
  type Item,
  planTree,
  probeTree,
  type Source,
  type TreeFound,
  walkLocal,
} from './copy-tree.ts';
import {
  applyPlacement,
  type Content,
  PLACEMENT_RETURNS,
  type Placed,
  type Placement,
  placementArgs,
  planPlacement,
  probePlacement,
  sumOf,
  touchedPath,
} from './place-file.ts';

const args = Type.Object({
  src: A.opt(
    A.path(
      'File or directory of the control machine, or of the host with remote_src; a directory with a slash at its end stands for what is in it.',
    ),
  ),
  content: A.opt(A.raw('The text of the file; a mapping or list is written as JSON.', { isText: true })),
  ...placementArgs,
  remote_src: A.bool('src is on the host.', { default: false }),
  local_follow: A.bool('Copy what symbolic links below src lead to.', { default: true }),
  directory_mode: A.opt(A.mode('Mode of directories that are made.')),
  checksum: A.opt(A.str('SHA-1 that the source must have.')),
  decrypt: A.bool('Decrypt a source that is encrypted with vault.', { default: true }),
});

type Args = Static<typeof args>;

type Work =
  | { readonly kind: 'file'; readonly placed: Placed }
  | { readonly kind: 'tree'; readonly tree: TreeFound }
  | { readonly kind: 'remote'; readonly remote: RemoteFound };

/** copy: files and directories from the control machine, or from elsewhere on the host. */
export const copy = defineState<typeof args.properties, Work>({
  name: 'copy',
  registeredDiff: 'list',
  summary: 'Copies a file, a directory or a text to the host.',
  examples: `
- name: Install the archive script
  copy: {src: archive-wal.sh, dest: /usr/local/bin/archive-wal, mode: "0755"}
- name: Write a setting
  copy:
    content: "max_connections = {{ connections }}\\n"
    dest: /etc/postgresql/15/main/conf.d/connections.conf
    owner: postgres
    mode: "0640"
  notify: Restart PostgreSQL
`,
  traits: { reads: { kind: 'files', argument: 'src', unless: ['remote_src', 'content'] } },
  args,
  rules: { mutuallyExclusive: [['src', 'content']], requiredOneOf: [['src', 'content']] },
  returns: PLACEMENT_RETURNS,
  differences: [
    'A destination that is a device, a pipe or a socket is refused; Ansible puts a file in its place.',
    'src in the result is the source as it was found, not a temporary file.',
    'With remote_src, symbolic links below a directory are copied as links.',
  ],
  touches: args => [
    touchedPath(args.dest, args.src === undefined ? undefined : basename(args.src)),
    ...(args.remote_src && args.src !== undefined ? [withoutSlashes(args.src)] : []),
  ],
  *probe(args, ctx) {
    return yield* probeWork(args, ctx);
  },
  diff(work, _, ctx) {
    switch (work.kind) {
      case 'file':
        return planPlacement(work.placed, ctx);
      case 'tree':
        return planTree(work.tree, ctx);
      case 'remote':
        return planRemote(work.remote, ctx);
    }
  },
  *apply(work, _, ctx) {
    switch (work.kind) {
      case 'file':
        return yield* applyPlacement(work.placed, ctx);
      case 'tree':
        return yield* applyTree(work.tree);
      case 'remote':
        return yield* applyRemote(work.remote);
    }
  },
});

function* probeWork(args: Args, ctx: ModuleContext): Steps<Work> {
  if (args.content !== undefined) {
    if (args.dest.endsWith('/')) throw new ModuleError('can not use content with a dir as dest');
    const content: Content = { kind: 'bytes', bytes: Buffer.from(textOf(args.content)) };
    return { kind: 'file', placed: yield* probePlacement(placementOf(args, content, undefined), ctx) };
  }
  const src = args.src ?? '';
  if (src === '') throw new ModuleError('src (or content) is required');
  if (args.remote_src) return { kind: 'remote', remote: yield* probeRemote({ ...remoteOf(args), src }) };
  const path = ctx.find('files', src);
  if (statSync(path).isDirectory()) {
    const tree = treeOf(args, path, ctx);
    yield { kind: 'work', work: () => sumLarge(tree.items) };
    return { kind: 'tree', tree: yield* probeTree(tree) };
  }
  const content = contentOf(args, path, ctx);
  if (content.kind === 'local') yield { kind: 'work', work: () => ctx.makeSums(path) };
  checkSum(args, content, ctx);
  return { kind: 'file', placed: yield* probePlacement(placementOf(args, content, path), ctx) };
}

const readSource = (args: Args, path: string, ctx: ModuleContext) =>
  args.decrypt ? ctx.read(path) : readFileSync(bytesOf(path));

/** A large file is streamed to each host from where it is; one that vault encrypted must be decrypted in memory. */
function contentOf(args: Args, path: string, ctx: ModuleContext): Content {
  const { size } = statSync(path);
  if (size <= INLINE_LIMIT || (args.decrypt && isVaultFile(path)))
    return { kind: 'bytes', bytes: readSource(args, path, ctx) };
  return { kind: 'local', path, size };
}

/** Text as Ansible writes it: values other than text as JSON. */
function textOf(content: Json): string {
  if (typeof content === 'string') return content;
  if (typeof content === 'boolean') return content ? 'True' : 'False';
  return pythonJson(content);
}

function checkSum(args: Args, content: Content, ctx: ModuleContext): void {
  if (args.checksum === undefined) return;
  const sum = sumOf(content, 'sha1', ctx);
  if (args.checksum === sum) return;
  throw new ModuleError('Copied file does not match the expected checksum. Transfer failed.', {
    checksum: sum,
    expected_checksum: args.checksum,
  });
}

/** A file of a directory: it is read again when it is its turn, so that no host holds a copy of all in memory. */
function sourceOf(args: Args, path: string, ctx: ModuleContext): Source {
  const { size } = statSync(bytesOf(path));
  if (size > INLINE_LIMIT && !(args.decrypt && isVaultFile(path)))
    return {
      length: size,
      makeSums: () => ctx.makeSums(path),
      sha1: () => ctx.sumOf(path, 'sha1'),
      pieces: () => piecesOf(path, size),
    };
  const read = () => readSource(args, path, ctx);
  const { length } = read();
  return { length, sha1: () => sha1(read()), pieces: () => [ofLength(length, read(), path)] };
}

function ofLength(length: number, bytes: Buffer, path: string): Buffer {
  if (bytes.length === length) return bytes;
  throw new ModuleError(`${path} changed while it was read`);
}

async function sumLarge(items: readonly Item[]): Promise<void> {
  for (const item of items)
    if (item.kind === 'file' && item.source.length > INLINE_LIMIT) await item.source.makeSums?.();
}

const common = (args: Args) => ({
  dest: args.dest,
  backup: args.backup,
  force: args.force,
  follow: args.follow,
  validate: args.validate,
  unsafeWrites: args.unsafe_writes,
  directoryMode: args.directory_mode,
  wanted: args,
});

function placementOf(args: Args, content: Content, path: string | undefined): Placement {
  const preserve = args.mode === 'preserve' && path !== undefined;
  return {
    ...common(args),
    basename: path === undefined ? undefined : basename(path),
    content,
    origin: path ?? 'dynamically generated',
    src: path,
    wanted: { ...args, mode: preserve ? modeText(statSync(path).mode & 0o7777) : args.mode },
  };
}

const remoteOf = (args: Args) => ({ ...common(args), checksum: args.checksum });

function treeOf(args: Args, path: string, ctx: ModuleContext) {
  const src =
    defined(args.src, 'without content src is needed').endsWith('/') && !path.endsWith('/')
      ? `${path}/`
      : path;
  return {
    ...common(args),
    src,
    items: walkLocal(src, args.local_follow, file => sourceOf(args, file, ctx)),
  };
}
