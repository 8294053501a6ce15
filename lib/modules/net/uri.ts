import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { Static } from 'typebox';
import { defined } from '../../source/defined.ts';
import { fieldsOf, isObject, parseJson } from '../../source/json.ts';
import type { Json } from '../../source/value.ts';
import { A, Type } from '../kit/arguments.ts';
import { attributeArgs, attributeChanges, unsafeWritesArg } from '../kit/attributes.ts';
import { needlessBy } from '../kit/creates-removes.ts';
import {
  defineAction,
  type ModuleContext,
  ModuleError,
  RESULT_FIELDS,
  type Result,
  type Steps,
} from '../kit/define.ts';
import { pythonJson } from '../kit/python-json.ts';
import { attributesFound, statPath } from '../kit/stat.ts';
import { applyAttributes, sha1, writeFile } from '../kit/write-file.ts';
import { type HttpReply, http, httpArgs, pathOf, requestOf } from './http.ts';

const args = Type.Object({
  ...httpArgs,
  method: A.str('Method of the request, in capitals.', { default: 'GET' }),
  body: A.opt(A.raw('Body of the request; for json, form-urlencoded and form-multipart a mapping or list.')),
  body_format: A.choice(['raw', 'json', 'form-urlencoded', 'form-multipart'], 'Form of the body.', {
    default: 'raw',
  }),
  src: A.opt(A.path('File whose content is the body.')),
  remote_src: A.bool('src is on the host.', { default: false }),
  dest: A.opt(A.path('File or directory that the body of the answer goes to.')),
  status_code: A.rawList('Answers that count as success.', { default: [200] }),
  return_content: A.bool('The body of the answer is in the result, as `content`.', { default: false }),
  follow_redirects: A.choice(
    ['all', 'yes', 'safe', 'urllib2', 'none', 'no'],
    'Which redirects to follow; safe: those of GET and HEAD.',
    { default: 'safe' },
  ),
  creates: A.opt(A.path('When this is there, no request is made.')),
  removes: A.opt(A.path('When this is not there, no request is made.')),
  timeout: A.int('Seconds to wait for the server.', { default: 30 }),
  ca_path: A.opt(A.path('File of certificates to trust, on the host.')),
  unix_socket: A.opt(A.path('Unix socket of the server.')),
  force: A.bool('Ask for a fresh answer.', { default: false, aliases: ['thirsty'] }),
  ...attributeArgs,
  ...unsafeWritesArg,
});

type Args = Static<typeof args>;

const RETURNS = {
  status: 'The answer of the server; -1 when there was none.',
  content: 'The body, with return_content.',
  json: 'The body of a JSON answer, parsed.',
  url: 'The address after redirects.',
  redirected: 'Whether there were any.',
  cookies: 'Cookies by name; cookies_string has them as a header would.',
  msg: '"OK (12 bytes)" or what went wrong.',
  elapsed: 'Seconds the request took.',
  path: 'The file that was written.',
};

/** Names that no header gives a value to. */
const OWN_FIELDS: ReadonlySet<string> = new Set([
  ...RESULT_FIELDS,
  ...Object.keys(RETURNS),
  'cookies_string',
]);

/** uri: a request to a web service. */
export const uri = defineAction({
  name: 'uri',
  summary: 'Makes a request to a web service from the host, with curl or wget there.',
  examples: `
- name: Ask the health endpoint for the primary
  uri:
    url: "http://{{ ansible_host }}:8008/primary"
    status_code: [200, 503]
  register: health
`,
  args,
  rules: { mutuallyExclusive: [['body', 'src']] },
  returns: RETURNS,
  differences: [
    'Every header of the answer is a field, with _ for -, unless the name is one that results have anyway.',
  ],
  batch: true,
  *run(args, ctx) {
    const why = yield* reasonToSkip(args);
    return why === undefined ? yield* ask(args, ctx) : { changed: false, stdout: why };
  },
});

function* reasonToSkip(args: Args): Steps<string | undefined> {
  switch (yield* needlessBy(args)) {
    case 'creates':
      return `skipped, since '${args.creates}' exists`;
    case 'removes':
      return `skipped, since '${args.removes}' does not exist`;
    default:
      return undefined;
  }
}

function* ask(args: Args, ctx: ModuleContext): Steps<Result> {
  const method = args.method.toUpperCase();
  if (!/^[A-Z]+$/.test(method))
    throw new ModuleError("Parameter 'method' needs to be a single word in uppercase, like GET or POST.");
  const { body, contentType } = yield* bodyOf(args, ctx);
  const typed = Object.keys(args.headers).some(name => name.toLowerCase() === 'content-type');
  const multipart = args.body_format === 'form-multipart';
  const at = args.dest === undefined ? undefined : yield* statPath(args.dest, { follow: true });
  const since = at?.status?.type === 'file' ? new Date(at.status.mtime * 1000).toUTCString() : undefined;
  const headers = {
    ...(since !== undefined && { 'If-Modified-Since': since }),
    ...args.headers,
    ...(contentType !== undefined && (!typed || multipart) && { 'Content-Type': contentType }),
    ...(args.force && { 'cache-control': 'no-cache' }),
  };
  const started = Date.now();
  const reply = yield* http(
    requestOf(args, {
      method,
      headers,
      body,
      followRedirects: follows(args.follow_redirects, method),
      timeout: args.timeout,
      caPath: args.ca_path,
      unixSocket: args.unix_socket,
    }),
  );
  const elapsed = Math.floor((Date.now() - started) / 1000);
  return yield* finish(args, reply, elapsed, ctx);
}

function follows(policy: Args['follow_redirects'], method: string): boolean {
  if (policy === 'none' || policy === 'no') return false;
  return policy !== 'safe' || method === 'GET' || method === 'HEAD';
}

function* finish(args: Args, reply: HttpReply, elapsed: number, ctx: ModuleContext): Steps<Result> {
  const accepted = args.status_code.map(code => Number(code));
  const success = accepted.includes(reply.status);
  const written =
    success && args.dest !== undefined ? yield* writeBody(args, args.dest, reply, ctx) : undefined;
  const path = args.dest === undefined ? {} : { path: args.dest };
  const fields = { ...answerFields(args, reply, elapsed), ...path, ...written?.fields };
  const changed = written?.changed ?? false;
  if (success) return { ...fields, changed, msg: reply.msg };
  const codes = `[${accepted.join(', ')}]`;
  return {
    ...fields,
    changed,
    failed: true,
    msg: `Status code was ${reply.status} and not ${codes}: ${reply.msg}`,
  };
}

function answerFields(args: Args, reply: HttpReply, elapsed: number): Record<string, Json> {
  const text = textOf(reply);
  const location = reply.headers.get('location');
  return {
    ...Object.fromEntries(headerFields(reply)),
    ...(location !== undefined && { location: absolute(location, reply.url) }),
    url: reply.url,
    status: reply.status,
    redirected: reply.url !== args.url,
    elapsed,
    ...(reply.status >= 200 && reply.status < 300 && cookieFields(reply)),
    ...jsonOf(reply, text),
    ...(args.return_content && { content: text }),
  };
}

/** Headers as fields; but what a field says of the task itself is no server's to say. */
const headerFields = ({ headers }: HttpReply): [string, string][] =>
  [...headers]
    .map(([name, value]): [string, string] => [name.replaceAll('-', '_'), value])
    .filter(([name]) => !OWN_FIELDS.has(name));

const absolute = (location: string, base: string): string =>
  URL.canParse(location, base) ? new URL(location, base).href : location;

const cookieFields = ({ cookies }: HttpReply): Record<string, Json> => ({
  cookies: Object.fromEntries(cookies),
  cookies_string: [...cookies].map(([name, value]) => `${name}=${value}`).join('; '),
});

function textOf(reply: HttpReply): string {
  const charset = /charset="?([\w-]+)/i.exec(reply.headers.get('content-type') ?? '')?.[1]?.toLowerCase();
  return reply.body.toString(charset === 'iso-8859-1' || charset === 'latin-1' ? 'latin1' : 'utf8');
}

function jsonOf(reply: HttpReply, text: string): { readonly json?: Json } {
  const type = /^[^/;]+\/(?:[^;+]*\+)?([^;+]*)/
    .exec(reply.headers.get('content-type') ?? '')?.[1]
    ?.trim()
    .toLowerCase();
  if (type !== 'json' && type !== 'javascript') return {};
  try {
    return { json: parseJson(text) };
  } catch {
    return {};
  }
}

function* writeBody(
  args: Args,
  dest: string,
  reply: HttpReply,
  ctx: ModuleContext,
): Steps<{ readonly changed: boolean; readonly fields: Readonly<Record<string, Json>> }> {
  const wanted = args;
  const name = pathOf(reply.url).replace(/^.*\//, '') || 'index.html';
  const first = yield* statPath(dest, { follow: true, wanted, content: 'sum' });
  const at =
    first.status?.type === 'directory'
      ? yield* statPath(`${first.path.replace(/\/$/, '')}/${name}`, { follow: true, wanted, content: 'sum' })
      : first;
  if (at.sha1 !== sha1(reply.body)) {
    const source = { kind: 'bytes', bytes: reply.body } as const;
    const placed = yield* writeFile({
      path: at.realPath,
      source,
      found: at,
      wanted,
      unsafeWrites: args.unsafe_writes,
    });
    return { changed: true, fields: { path: at.path, ...placed } };
  }
  const changes = attributeChanges(
    attributesFound({ ...at, status: defined(at.status, 'the file is the same: it exists') }),
    wanted,
    at.path,
    ctx.checkMode,
  );
  if (changes.changes.length === 0) return { changed: false, fields: { path: at.path } };
  return { changed: true, fields: { path: at.path, ...(yield* applyAttributes(at, changes)) } };
}

interface Body {
  readonly body: Buffer | undefined;
  readonly contentType: string | undefined;
}

function* bodyOf(args: Args, ctx: ModuleContext): Steps<Body> {
  const { body, src } = args;
  if (src !== undefined) {
    const bytes = args.remote_src
      ? (yield* statPath(src, { follow: true, content: 'bytes' })).bytes
      : ctx.read(ctx.find('files', src));
    if (!bytes) throw new ModuleError(`Unable to open source file ${src}`);
    return { body: bytes, contentType: undefined };
  }
  if (body === undefined || body === null)
    return { body: undefined, contentType: formatType(args.body_format) };
  switch (args.body_format) {
    case 'json':
      return text(typeof body === 'string' ? body : pythonJson(body), 'application/json');
    case 'form-urlencoded':
      return text(typeof body === 'string' ? body : urlEncoded(body), 'application/x-www-form-urlencoded');
    case 'form-multipart':
      return multipart(body, ctx);
    case 'raw':
      return text(typeof body === 'string' ? body : pythonJson(body), undefined);
  }
}

const formatType = (format: Args['body_format']) => (format === 'json' ? 'application/json' : undefined);

const text = (body: string, contentType: string | undefined): Body => ({
  body: Buffer.from(body),
  contentType,
});

function urlEncoded(body: Json): string {
  const pairs: [string, Json][] = Array.isArray(body)
    ? body.map(pair => {
        if (!Array.isArray(pair) || pair.length !== 2)
          throw new ModuleError('failed to parse body as form_urlencoded: pairs are needed');
        return [String(pair[0]), pair[1] ?? null];
      })
    : Object.entries(fieldsOf(body));
  const all = pairs.flatMap(([key, value]) =>
    (Array.isArray(value) ? value : [value]).map(item => [key, item] as const),
  );
  const word = (value: Json) => (typeof value === 'boolean' ? (value ? 'True' : 'False') : String(value));
  return new URLSearchParams(
    all.filter(([, value]) => value !== null).map(([key, value]): [string, string] => [key, word(value)]),
  ).toString();
}

/** Parts as Ansible has them: a text, or a mapping with content, filename, mime_type. */
function multipart(body: Json, ctx: ModuleContext): Body {
  if (!isObject(body)) throw new ModuleError('failed to parse body as form-multipart: Mapping is required');
  const boundary = `polarplay${randomBytes(12).toString('hex')}`;
  const parts = Object.entries(body).flatMap(([name, value]) => [
    Buffer.from(`--${boundary}\r\n`),
    ...part(name, value, ctx),
    Buffer.from('\r\n'),
  ]);
  return {
    body: Buffer.concat([...parts, Buffer.from(`--${boundary}--\r\n`)]),
    contentType: `multipart/form-data; boundary="${boundary}"`,
  };
}

function part(name: string, value: Json, ctx: ModuleContext): Buffer[] {
  const field: Readonly<Record<string, Json>> = isObject(value) ? value : { content: value };
  const filename = typeof field.filename === 'string' ? field.filename : undefined;
  if (filename === undefined && field.content === undefined)
    throw new ModuleError(
      'failed to parse body as form-multipart: at least one of filename or content must be provided',
    );
  const bytes =
    field.content === undefined || field.content === null
      ? readFileSync(ctx.find('files', defined(filename, 'a part has content or a file name')))
      : Buffer.from(typeof field.content === 'string' ? field.content : pythonJson(field.content));
  const type =
    typeof field.mime_type === 'string'
      ? field.mime_type
      : filename === undefined
        ? undefined
        : 'application/octet-stream';
  const file = filename === undefined ? '' : `; filename="${basename(filename)}"`;
  const head = `Content-Disposition: form-data; name="${name}"${file}\r\n${type === undefined ? '' : `Content-Type: ${type}\r\n`}\r\n`;
  return [Buffer.from(head), bytes];
}
