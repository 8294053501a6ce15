import { chmodSync, mkdirSync, renameSync, rmSync, statfsSync, statSync } from 'node:fs';
import { basename, dirname, join, normalize, resolve } from 'node:path';
import type { Static } from 'typebox';
import { bytesOf } from '../../source/bytes.ts';
import { fileSum } from '../../source/file-sum.ts';
import type { Json } from '../../source/value.ts';
import { A, Type } from '../kit/arguments.ts';
import { defineState, type ModuleContext, ModuleError, type Steps } from '../kit/define.ts';
import { type PathState, statPath } from '../kit/stat.ts';
import { temporaryBeside } from '../kit/write-file.ts';

const args = Type.Object({
  src: A.path('The file on the host.'),
  dest: A.path('Directory of the control machine; below it the file lies at HOST/PATH.'),
  flat: A.bool('dest is the file itself, or with a slash at its end the directory it goes into.', {
    default: false,
  }),
  fail_on_missing: A.bool('A missing file fails the task.', { default: true }),
  validate_checksum: A.bool('Compare the checksum after the transfer.', { default: true }),
});

type Args = Static<typeof args>;

interface Fetching {
  readonly at: PathState;
  readonly dest: string;
  readonly local: string | undefined;
}

/** fetch: a file of the host on the control machine. */
export const fetch = defineState<typeof args.properties, Fetching>({
  name: 'fetch',
  summary: 'Fetches a file from the host to the control machine.',
  examples: `
- name: Bring the server log of each node here
  fetch: {src: /var/log/postgresql/postgresql-15-main.log, dest: logs/}
`,
  traits: { fetches: true },
  args,
  returns: {
    dest: 'The file on the control machine.',
    file: 'The file on the host, when nothing was fetched.',
    checksum: 'SHA-1 of the file.',
    md5sum: 'MD5 of the file.',
    remote_checksum: 'SHA-1 on the host, when it was fetched.',
  },
  differences: ['Check mode tells whether the file would be fetched.'],
  *probe(args, ctx) {
    const at = yield* statPath(args.src, { follow: true, content: 'sum' });
    const dest = destinationOf(args, at.path, ctx);
    return { at, dest, local: localSum(dest, at) };
  },
  diff({ at, dest, local }, args) {
    const missing = problemOf(at);
    if (missing !== undefined) {
      if (args.fail_on_missing) throw new ModuleError(missing, { file: at.path });
      return { changes: [], result: { msg: `${missing}, not transferring, ignored`, file: at.path } };
    }
    if (local !== undefined && at.sha1 === local)
      return { changes: [], result: { dest, file: at.path, checksum: local, md5sum: md5Of(dest) } };
    return { changes: [`${dest}: from ${at.path}`], result: { dest, remote_checksum: at.sha1 ?? null } };
  },
  *apply({ at, dest }, args) {
    return yield* fetchFile(at, dest, args.validate_checksum);
  },
});

function problemOf({ status, readable }: PathState): string | undefined {
  if (!status) return 'the remote file does not exist';
  if (status.type === 'directory') return 'remote file is a directory, fetch cannot work on directories';
  return readable ? undefined : 'the remote file is not readable';
}

function destinationOf(args: Args, source: string, ctx: ModuleContext): string {
  const dest = resolve(String(ctx.variable('playbook_dir') ?? '.'), args.dest);
  if (!args.flat) {
    const own = normalize(`${dest}/${ctx.host}`);
    const path = normalize(`${own}/${source}`);
    if (path.startsWith(`${own}/`) && own.startsWith(`${dest.replace(/\/$/, '')}/`)) return path;
    throw new ModuleError(
      `Detected directory traversal, expected to be contained in '${own}' but got '${path}'`,
    );
  }
  if (args.dest.endsWith('/')) return join(dest, basename(source));
  if (statSync(bytesOf(dest), { throwIfNoEntry: false })?.isDirectory())
    throw new ModuleError(
      'dest is an existing directory, use a trailing slash if you want to fetch src into that directory',
    );
  return dest;
}

/** The sum of the file that is here; one of another size need not be read to be another. */
function localSum(path: string, { status }: PathState): string | undefined {
  const here = statSync(bytesOf(path), { throwIfNoEntry: false });
  return here?.isFile() && here.size === status?.size ? fileSum(path, 'sha1') : undefined;
}

/**
 * A file may grow while it is sent, and /proc says 0; a host that goes on and on, or says that its file is larger than it
 * is, would fill our disk.
 */
function atMost({ status, path }: PathState, folder: string): number {
  const { bavail, bsize } = statfsSync(bytesOf(folder));
  const room = Math.floor(bavail * bsize * 0.9);
  const size = status?.size ?? 0;
  if (size > room)
    throw new ModuleError(`${path} has ${size} bytes, and there is room here for ${room}`, { file: path });
  return Math.min(2 * size + (64 << 20), room);
}

const md5Of = (path: string) => fileSum(path, 'md5');

/** Received beside its place and renamed, so that a broken transfer leaves the old file alone. */
function* fetchFile(at: PathState, dest: string, validate: boolean): Steps<Readonly<Record<string, Json>>> {
  const temporary = temporaryBeside(dest);
  try {
    const folder = dirname(dest);
    mkdirSync(bytesOf(folder), { recursive: true });
    const { stdout } = yield {
      kind: 'receive',
      from: at.realPath,
      to: temporary,
      atMost: atMost(at, folder),
    };
    const [checksum = '', md5sum = ''] = stdout.split(' ');
    if (validate && checksum !== at.sha1)
      throw new ModuleError('checksum mismatch', {
        file: at.path,
        dest,
        checksum,
        remote_checksum: at.sha1 ?? null,
      });
    // As if it had been written in place: an existing file keeps its permissions.
    chmodSync(
      bytesOf(temporary),
      statSync(bytesOf(dest), { throwIfNoEntry: false })?.mode ?? 0o666 & ~process.umask(),
    );
    renameSync(bytesOf(temporary), bytesOf(dest));
    return { checksum, md5sum, remote_md5sum: null };
  } catch (error) {
    rmSync(bytesOf(temporary), { force: true });
    if (error instanceof Error && 'code' in error)
      throw new ModuleError(`Failed to fetch the file: ${error.message}`, { dest });
    throw error;
  }
}
