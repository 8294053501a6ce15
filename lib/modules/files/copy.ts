import { readFileSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import type { Static } from 'typebox';
import { defined } from '../../source/defined.ts';
import { isVaultFile } from '../../source/file-sum.ts';
import type { Json } from '../../source/value.ts';
import { A, Type } from '../kit/arguments.ts';
import { modeText } from '../kit/attributes.ts';
import { defineState, type ModuleContext, ModuleError, type Steps } from '../kit/define.ts';
import { pythonJson } from '../kit/python-json.ts';
import { INLINE_LIMIT } from '../kit/write-file.ts';
import { applyRemote, planRemote, probeRemote, type RemoteFound } from './copy-remote.ts';
import { applyTree, planTree, probeTree, type TreeFound, walkLocal } from './copy-tree.ts';
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
  traits: { reads: { kind: 'files', argument: 'src', unless: ['remote_src', 'content'] } },
  args,
  rules: { mutuallyExclusive: [['src', 'content']], requiredOneOf: [['src', 'content']] },
  returns: PLACEMENT_RETURNS,
  differences: [
    'A destination that is a device, a pipe or a socket is refused; Ansible puts a file in its place.',
    'src in the result is the source as it was found, not a temporary file.',
    'With remote_src, symbolic links below a directory are copied as links.',
  ],
  touches: given => [
    touchedPath(given.dest, given.src === undefined ? undefined : basename(given.src)),
    ...(given.remote_src && given.src !== undefined ? [given.src.replace(/(.)\/+$/, '$1')] : []),
  ],
  *probe(given, ctx) {
    return yield* probeWork(given, ctx);
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

function* probeWork(given: Args, ctx: ModuleContext): Steps<Work> {
  if (given.content !== undefined) {
    if (given.dest.endsWith('/')) throw new ModuleError('can not use content with a dir as dest');
    const content: Content = { kind: 'bytes', bytes: Buffer.from(textOf(given.content)) };
    return { kind: 'file', placed: yield* probePlacement(placementOf(given, content, undefined), ctx) };
  }
  const src = given.src ?? '';
  if (src === '') throw new ModuleError('src (or content) is required');
  if (given.remote_src) return { kind: 'remote', remote: yield* probeRemote({ ...remoteOf(given), src }) };
  const path = ctx.find('files', src);
  if (statSync(path).isDirectory()) return { kind: 'tree', tree: yield* probeTree(treeOf(given, path, ctx)) };
  const content = contentOf(given, path, ctx);
  checkSum(given, content, ctx);
  return { kind: 'file', placed: yield* probePlacement(placementOf(given, content, path), ctx) };
}

const readSource = (given: Args, path: string, ctx: ModuleContext) =>
  given.decrypt ? ctx.read(path) : readFileSync(path);

/** A large file is streamed to each host from where it is; one that vault encrypted must be decrypted in memory. */
function contentOf(given: Args, path: string, ctx: ModuleContext): Content {
  const { size } = statSync(path);
  if (size <= INLINE_LIMIT || (given.decrypt && isVaultFile(path)))
    return { kind: 'bytes', bytes: readSource(given, path, ctx) };
  return { kind: 'local', path, size };
}

/** Text as Ansible writes it: values that are not text as JSON. */
function textOf(content: Json): string {
  if (typeof content === 'string') return content;
  if (typeof content === 'boolean') return content ? 'True' : 'False';
  return pythonJson(content);
}

function checkSum(given: Args, content: Content, ctx: ModuleContext): void {
  if (given.checksum === undefined) return;
  const sum = sumOf(content, 'sha1', ctx);
  if (given.checksum === sum) return;
  throw new ModuleError('Copied file does not match the expected checksum. Transfer failed.', {
    checksum: sum,
    expected_checksum: given.checksum,
  });
}

const common = (given: Args) => ({
  dest: given.dest,
  backup: given.backup,
  force: given.force,
  follow: given.follow,
  validate: given.validate,
  unsafeWrites: given.unsafe_writes,
  directoryMode: given.directory_mode,
  wanted: given,
});

function placementOf(given: Args, content: Content, path: string | undefined): Placement {
  const preserve = given.mode === 'preserve' && path !== undefined;
  return {
    ...common(given),
    basename: path === undefined ? undefined : basename(path),
    content,
    origin: path ?? 'dynamically generated',
    src: path,
    wanted: { ...given, mode: preserve ? modeText(statSync(path).mode & 0o7777) : given.mode },
  };
}

const remoteOf = (given: Args) => ({ ...common(given), checksum: given.checksum });

function treeOf(given: Args, path: string, ctx: ModuleContext) {
  const src =
    defined(given.src, 'without content src is needed').endsWith('/') && !path.endsWith('/')
      ? `${path}/`
      : path;
  return {
    ...common(given),
    src,
    items: walkLocal(src, given.local_follow, file => readSource(given, file, ctx)),
  };
}
