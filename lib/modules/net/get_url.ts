import type { Static } from 'typebox';
import { defined } from '../../source/defined.ts';
import type { Json } from '../../source/value.ts';
import { A, Type } from '../kit/arguments.ts';
import { attributeArgs, attributeChanges, statusFields, unsafeWritesArg } from '../kit/attributes.ts';
import {
  defineAction,
  type ModuleContext,
  ModuleError,
  quote,
  type Result,
  type Steps,
  sh,
} from '../kit/define.ts';
import { ask } from '../kit/reply.ts';
import { attributesFound, type PathState, pathStateOf, pathWord, statScript } from '../kit/stat.ts';
import { applyAttributes, temporaryBeside, writeFile } from '../kit/write-file.ts';
import { type HttpReply, http, httpArgs, pathOf, requestOf } from './http.ts';

const args = Type.Object({
  ...httpArgs,
  dest: A.path('The file; or a directory, then the server or the address gives the name.'),
  force: A.bool('Download even if the file is there and the server says that it is not newer.', {
    default: false,
    aliases: ['thirsty'],
  }),
  checksum: A.opt(
    A.str('ALGORITHM:DIGEST that the file must have; the digest may be the address of a file of checksums.'),
  ),
  backup: A.bool('Keep a copy of the old file, with a time stamp in its name.', { default: false }),
  timeout: A.int('Seconds to wait for the server.', { default: 10 }),
  tmp_dest: A.opt(A.path('Accepted; the temporary file always lies beside its destination.')),
  ...attributeArgs,
  ...unsafeWritesArg,
});

type Args = Static<typeof args>;

/** get_url: a file from a server. */
export const getUrl = defineAction({
  name: 'get_url',
  summary: 'Downloads a file from a server to the host, with curl or wget there.',
  examples: `
- name: Fetch an extension, and compare its checksum
  get_url:
    url: https://mirror.example.com/pgvector-0.7.4.tar.gz
    dest: /var/tmp/pgvector-0.7.4.tar.gz
    checksum: "sha256:{{ pgvector_sha256 }}"
    mode: "0644"
`,
  args,
  returns: {
    dest: 'The file.',
    url: 'Where it came from, after redirects.',
    status_code: 'The answer of the server; 304 when the file is not newer.',
    checksum_src: 'SHA-1 of what was downloaded.',
    checksum_dest: 'SHA-1 of the file before.',
    md5sum: 'MD5 of the file.',
    msg: 'What the server said.',
    backup_file: 'Name of the copy of the old file.',
    mode: 'Permissions; and owner, group, uid, gid, size, state.',
  },
  differences: [
    'A file with a wrong checksum is never put in place; Ansible removes the destination then.',
    'In check mode a file that would be compared is downloaded to a temporary place and removed.',
    'Owner and permissions are cared for when the server says that the file is not newer, too.',
  ],
  *run(args, ctx) {
    return yield* getFile(args, ctx);
  },
  *check(args, ctx) {
    return yield* getFile(args, ctx);
  },
});

/** A digest and the program that computes it. */
interface Digest {
  readonly program: string;
  readonly text: string;
}

interface Destination {
  readonly at: PathState;
  readonly digest: string | undefined;
}

function* getFile(args: Args, ctx: ModuleContext): Steps<Result> {
  const digest = yield* wantedDigest(args);
  const there = yield* lookAtDestination(args.dest, args, digest);
  const { at } = there;
  const isDirectory = at.status?.type === 'directory';
  const exists = at.status !== undefined && !isDirectory;
  const base = { url: args.url, dest: at.path, elapsed: 0 };
  if (exists && !args.force && digest && digest.text === there.digest)
    return yield* keep(at, args, ctx, { ...base, msg: 'file already exists' });
  const conditional = exists && !args.force && !digest;
  const target = isDirectory ? `${at.path.replace(/\/$/, '')}/download` : at.path;
  if (!isDirectory) refuseMissing(at, args, ctx);
  const temporary = ctx.checkMode || at.parent === 'missing' ? undefined : temporaryBeside(target);
  const reply = yield* download(args, conditional ? at.status?.mtime : undefined, digest, temporary);
  if (reply.status === 304) {
    if (temporary !== undefined) yield* sh(`rm -f ${quote(temporary)}`);
    return yield* keep(at, args, ctx, { ...base, msg: reply.msg, status_code: 304 });
  }
  const [sum, md5, found] = reply.extra.trim().split('\n');
  const problem = problemOf(args, reply, digest, found);
  if (problem) {
    if (temporary !== undefined) yield* sh(`rm -f ${quote(temporary)}`);
    throw new ModuleError(problem.message, { ...base, ...problem.fields });
  }
  const named = isDirectory ? `${at.path.replace(/\/$/, '')}/${fileName(reply)}` : undefined;
  const final = named === undefined ? at : (yield* lookAtDestination(named, args, undefined)).at;
  const fields: Record<string, Json> = {
    ...base,
    url: reply.url,
    dest: final.path,
    checksum_src: sum ?? null,
    checksum_dest: final.sha1 ?? null,
    md5sum: md5 ?? null,
    msg: reply.msg,
    status_code: reply.status,
  };
  if (final.sha1 === sum && final.status?.type === 'file') {
    if (temporary !== undefined) yield* sh(`rm -f ${quote(temporary)}`);
    return yield* keep(final, args, ctx, fields);
  }
  if (temporary === undefined) return { changed: true, ...fields };
  const placed = yield* writeFile({
    path: final.path,
    source: { kind: 'temporary', path: temporary },
    found: final,
    wanted: args,
    backup: args.backup,
    unsafeWrites: args.unsafe_writes,
  });
  return { changed: true, ...fields, ...placed };
}

/** Looks at the file (a link followed), its SHA-1 and its digest of the wanted kind. */
function* lookAtDestination(path: string, args: Args, digest: Digest | undefined): Steps<Destination> {
  const script = [
    statScript(path, { follow: true, wanted: args, content: 'sum', word: pathWord(path) }),
    digest === undefined ? '' : `[ -f "$p" ] && h=$(${digest.program} <"$p") && field digest "\${h%% *}"`,
    ':',
  ];
  const records = yield* ask(script.filter(Boolean).join('\n'));
  return { at: pathStateOf(path, records), digest: records.text('digest') };
}

function refuseMissing(at: PathState, args: Args, ctx: ModuleContext): void {
  const directory = at.path.replace(/\/[^/]*$/, '') || '/';
  const base = { url: args.url, dest: at.path };
  if (at.parent === 'missing' && !ctx.checkMode)
    throw new ModuleError(`Destination ${directory} does not exist`, base);
  if (at.parent === 'readonly' && !args.unsafe_writes)
    throw new ModuleError(`Destination ${directory} is not writable`, base);
}

/** Leaves the content alone and brings the attributes to what is wanted. */
function* keep(
  at: PathState,
  args: Args,
  ctx: ModuleContext,
  fields: Readonly<Record<string, Json>>,
): Steps<Result> {
  const status = defined(at.status, 'the file is the same: it exists');
  const changes = attributeChanges(attributesFound({ ...at, status }), args, at.path, ctx.checkMode);
  const changed = changes.changes.length > 0;
  const state = changed && !ctx.checkMode ? yield* applyAttributes(at, changes) : statusFields(status);
  const msg =
    changed && fields.msg === 'file already exists'
      ? 'file already exists but file attributes changed'
      : fields.msg;
  return { changed, ...state, ...fields, msg: msg ?? '' };
}

function* download(
  args: Args,
  mtime: number | undefined,
  digest: Digest | undefined,
  output: string | undefined,
): Steps<HttpReply> {
  const since = mtime === undefined ? {} : { 'If-Modified-Since': new Date(mtime * 1000).toUTCString() };
  const fresh = args.force ? { 'cache-control': 'no-cache' } : {};
  const sums = ['sha1sum', 'md5sum', ...(digest ? [digest.program] : [])];
  const request = requestOf(args, {
    method: 'GET',
    headers: { ...since, ...fresh, ...args.headers },
    followRedirects: true,
    timeout: args.timeout,
    ...(output !== undefined && { output }),
    // Nothing but the sums comes back.
    afterwards: `if [ -f "$o" ]; then for p in ${sums.join(' ')}; do h=$($p <"$o"); echo "\${h%% *}"; done; fi${output === undefined ? '; rm -f "$o"' : ''}`,
  });
  return yield* http(request);
}

function problemOf(
  args: Args,
  reply: HttpReply,
  digest: Digest | undefined,
  found: string | undefined,
): { readonly message: string; readonly fields: Readonly<Record<string, Json>> } | undefined {
  if (reply.status === -1) return { message: reply.msg, fields: { status_code: -1 } };
  if (reply.status !== 200)
    return { message: 'Request failed', fields: { status_code: reply.status, response: reply.msg } };
  if (digest && digest.text !== found)
    return {
      message: `The checksum for ${args.dest} did not match ${digest.text}; it was ${found}.`,
      fields: { status_code: reply.status },
    };
  return undefined;
}

/** The name that the server gives, or the last part of the address. */
function fileName(reply: HttpReply): string {
  const given = /^attachment; ?filename="?([^"]+)/.exec(reply.headers.get('content-disposition') ?? '')?.[1];
  return (given ?? pathOf(reply.url)).replace(/^.*\//, '') || 'index.html';
}

const ALGORITHMS = ['md5', 'sha1', 'sha224', 'sha256', 'sha384', 'sha512'];

function* wantedDigest(args: Args): Steps<Digest | undefined> {
  if (!args.checksum) return undefined;
  const match = /^([^:]+):(.*)$/s.exec(args.checksum);
  if (!match) throw new ModuleError('The checksum parameter has to be in format <algorithm>:<checksum>');
  const [, algorithm = '', digest = ''] = match;
  if (!ALGORITHMS.includes(algorithm))
    throw new ModuleError(
      `Could not hash with algorithm '${algorithm}'. Available algorithms: ${ALGORITHMS.join(', ')}`,
    );
  const found = /^(https?|ftp|file):/.test(digest) ? yield* digestFrom(digest, args) : digest;
  const text = found.replace(/[^0-9A-Za-z_]/g, '').toLowerCase();
  if (!/^[0-9a-f]+$/.test(text)) throw new ModuleError('The checksum format is invalid');
  return { program: `${algorithm}sum`, text };
}

function* digestFrom(url: string, args: Args): Steps<string> {
  const request = requestOf(
    { ...args, url },
    { method: 'GET', followRedirects: true, timeout: args.timeout },
  );
  const reply = yield* http(request);
  if (reply.status !== 200)
    throw new ModuleError('Request failed', { url, status_code: reply.status, response: reply.msg });
  const name = args.url.replace(/[?#].*$/, '').replace(/^.*\//, '') || 'index.html';
  const lines = reply.body
    .toString()
    .split('\n')
    .filter(line => line.trim() !== '');
  const [only = ''] = lines;
  if (lines.length === 1 && !/\s/.test(only.trim())) return only;
  for (const line of lines) {
    const [, sum = '', file] = /^(\S+) [ *]?(.*)$/.exec(line) ?? [];
    if (file?.trim().replace(/^[./]+/, '') === name) return sum;
  }
  throw new ModuleError(`Unable to find a checksum for file '${name}' in '${url}'`);
}
