import { randomBytes } from 'node:crypto';
import { partAt } from '../../source/part-at.ts';
import type { Json } from '../../source/value.ts';
import { A } from '../kit/arguments.ts';
import { ModuleError, quote, type Steps } from '../kit/define.ts';
import { ask } from '../kit/reply.ts';

/** Arguments that `get_url` and `uri` share. */
export const httpArgs = {
  url: A.str('Address: http, https or ftp.'),
  headers: A.dict('Headers of the request.', { default: {} }),
  http_agent: A.str('What User-Agent says.', { default: 'ansible-httpget' }),
  url_username: A.opt(A.str('User name for the server.', { aliases: ['user', 'username'] })),
  url_password: A.opt(A.str('Password for the server.', { aliases: ['password'], secret: true })),
  force_basic_auth: A.bool('Send user name and password at once, not when asked for them.', {
    default: false,
  }),
  validate_certs: A.bool('Refuse servers whose certificate is not valid.', { default: true }),
  client_cert: A.opt(A.path('Certificate of the client, on the host.')),
  client_key: A.opt(A.path('Key of that certificate, on the host.')),
  use_proxy: A.bool('Heed the proxy variables of the environment.', { default: true }),
  use_netrc: A.bool('Heed ~/.netrc.', { default: true }),
  use_gssapi: A.bool('Log in by Kerberos.', { default: false }),
  unredirected_headers: A.list('Accepted, but headers always go along with redirects to the same server.', {
    default: [],
  }),
  decompress: A.bool('Unpack a body that the server compressed.', { default: true }),
  ciphers: A.opt(A.list('TLS ciphers, in the words of OpenSSL.')),
};

/** One request, carried out by curl or wget of the host. */
export interface HttpRequest {
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, Json>>;
  readonly body?: Buffer | undefined;
  readonly agent: string;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly forceBasic: boolean;
  readonly followRedirects: boolean;
  readonly timeout: number;
  readonly validateCerts: boolean;
  readonly caPath?: string | undefined;
  readonly clientCert?: string | undefined;
  readonly clientKey?: string | undefined;
  readonly useProxy: boolean;
  readonly useNetrc: boolean;
  readonly useGssapi: boolean;
  readonly decompress: boolean;
  readonly ciphers?: readonly string[] | undefined;
  readonly unixSocket?: string | undefined;
  /** File of the host that gets the body, with mode 0600; without it the body comes back. */
  readonly output?: string | undefined;
  /** Shell commands to run with the body in `$o`; what they print is `extra`. */
  readonly afterwards?: string;
}

export interface HttpReply {
  /** -1 when there was no answer. */
  readonly status: number;
  /** After redirects. */
  readonly url: string;
  /** Of the last answer; names in lower case, values of equal names joined. */
  readonly headers: ReadonlyMap<string, string>;
  readonly cookies: ReadonlyMap<string, string>;
  readonly body: Buffer;
  readonly extra: string;
  /** "OK (12 bytes)", "HTTP Error 404: Not Found", or what went wrong on the way. */
  readonly msg: string;
}

/** A request from the arguments of a module. */
export function requestOf(
  given: {
    readonly url: string;
    readonly headers: Readonly<Record<string, Json>>;
    readonly http_agent: string;
    readonly url_username?: string;
    readonly url_password?: string;
    readonly force_basic_auth: boolean;
    readonly validate_certs: boolean;
    readonly client_cert?: string;
    readonly client_key?: string;
    readonly use_proxy: boolean;
    readonly use_netrc: boolean;
    readonly use_gssapi: boolean;
    readonly decompress: boolean;
    readonly ciphers?: readonly string[];
  },
  more: Pick<HttpRequest, 'method' | 'followRedirects' | 'timeout'> & Partial<HttpRequest>,
): HttpRequest {
  return {
    url: given.url,
    headers: given.headers,
    agent: given.http_agent,
    user: given.url_username,
    password: given.url_password,
    forceBasic: given.force_basic_auth,
    validateCerts: given.validate_certs,
    clientCert: given.client_cert,
    clientKey: given.client_key,
    useProxy: given.use_proxy,
    useNetrc: given.use_netrc,
    useGssapi: given.use_gssapi,
    decompress: given.decompress,
    ciphers: given.ciphers,
    ...more,
  };
}

/** Carries out a request: one message to the host. Names, passwords and bodies never stand in an argument list. */
export function* http(request: HttpRequest): Steps<HttpReply> {
  if (!URL.canParse(request.url))
    throw new ModuleError(`unknown url type: ${request.url}`, { url: request.url });
  refuseLineBreaks(request);
  const directory = `/tmp/polarplay-${randomBytes(6).toString('hex')}`;
  const records = yield* ask(script(request, directory), {
    ...(request.body && { stdin: request.body }),
    live: true,
  });
  if (records.rc !== 0)
    throw new ModuleError(records.complaint ?? records.stderr.trim(), { url: request.url });
  const text = (name: string) => records.text(name) ?? '';
  const blocks = headerBlocks(text('headers') || text('log'));
  const last = blocks.at(-1);
  const url = text('url').trim() || /URL:\s*(\S+)/.exec(text('log'))?.[1] || request.url;
  const headers = last?.headers ?? new Map<string, string>();
  const status = last?.status ?? statusWithout(text('code'), request.url);
  return {
    status,
    url,
    headers,
    cookies: cookiesOf(blocks),
    body: records.bytes('body') ?? Buffer.alloc(0),
    extra: text('extra'),
    msg: messageOf(last, text('log'), status),
  };
}

/** The path of an address; what a server's words leave of one may be none. */
export const pathOf = (url: string): string => (URL.canParse(url) ? new URL(url).pathname : '');

/** A line break in one of these would begin a header of its own, or a setting of wget, which may name a program to run. */
function refuseLineBreaks(request: HttpRequest): void {
  const [urlUser, urlPassword] = userOf(request);
  const texts: Readonly<Record<string, string | undefined>> = {
    url: request.url,
    http_agent: request.agent,
    url_username: urlUser,
    url_password: urlPassword,
    ca_path: request.caPath,
    client_cert: request.clientCert,
    client_key: request.clientKey,
    unix_socket: request.unixSocket,
    ...Object.fromEntries(
      Object.entries(request.headers).map(([name, value]) => [`header ${name}`, `${name}: ${String(value)}`]),
    ),
  };
  for (const [what, text] of Object.entries(texts))
    if (/[\r\n\0]/.test(text ?? ''))
      throw new ModuleError(`${what} cannot hold a line break`, { url: request.url });
}

/** ftp and file have no status: curl's own verdict stands for one. */
const statusWithout = (code: string, url: string) =>
  code.trim() === '0' && !/^https?:/i.test(url) ? 200 : -1;

interface Block {
  readonly status: number;
  readonly reason: string;
  readonly headers: Map<string, string>;
  readonly cookies: string[];
}

/** Answers one after the other: those of redirects come first. */
function headerBlocks(text: string): Block[] {
  const blocks: Block[] = [];
  for (const raw of text.split('\n')) {
    const line = raw.trim();
    const start = /^HTTP\/[\d.]+ (\d+) ?(.*)$/.exec(line);
    const header = /^([A-Za-z0-9-]+):\s*(.*)$/.exec(line);
    const block = blocks.at(-1);
    if (start)
      blocks.push({ status: Number(start[1]), reason: partAt(start, 2), headers: new Map(), cookies: [] });
    else if (header && block) {
      const name = partAt(header, 1).toLowerCase();
      const known = block.headers.get(name);
      block.headers.set(name, known === undefined ? partAt(header, 2) : `${known}, ${header[2]}`);
      if (name === 'set-cookie') block.cookies.push(partAt(header, 2));
    }
  }
  return blocks.filter(block => block.status >= 200);
}

function cookiesOf(blocks: readonly Block[]): ReadonlyMap<string, string> {
  return new Map(
    blocks
      .flatMap(block => block.cookies)
      .flatMap(cookie => {
        const match = /^([^=;]+)=([^;]*)/.exec(cookie);
        return match ? [[partAt(match, 1).trim(), partAt(match, 2)] as const] : [];
      }),
  );
}

function messageOf(block: Block | undefined, log: string, status: number): string {
  if (!block && status === 200) return 'OK (unknown bytes)';
  if (!block)
    return `Request failed: ${
      log
        .trim()
        .replace(/^curl: /, '')
        .replace(/ after \d+ ms/, '') || 'no answer'
    }`;
  if (block.status >= 300) return `HTTP Error ${block.status}: ${block.reason}`;
  return `OK (${block.headers.get('content-length') ?? 'unknown'} bytes)`;
}

function script(request: HttpRequest, directory: string): string {
  const output = request.output === undefined ? `"$d/out"` : quote(request.output);
  const hidden =
    request.user !== undefined || Object.keys(request.headers).some(h => /^authorization$/i.test(h));
  const plain = /^http:/i.test(request.url) || !request.validateCerts;
  const simple = /^(GET|HEAD)$/.test(request.method) && !hidden && plain && request.unixSocket === undefined;
  return [
    `d=${directory}; umask 077; mkdir "$d" || fail "cannot make a directory in /tmp"`,
    `trap 'rm -rf "$d"' 0; o=${output}`,
    request.body ? 'cat >"$d/body" || fail "cannot write in /tmp"' : '',
    'if command -v curl >/dev/null 2>&1; then',
    `printf %s ${quote(curlConfig(request, directory))} | curl -q -K - -o "$o" -D "$d/headers" -w '%{url_effective}' >"$d/url" 2>"$d/log"; c=$?`,
    'elif wget --version 2>/dev/null | grep -q "GNU Wget"; then',
    request.unixSocket === undefined
      ? `printf %s ${quote(wgetConfig(request, directory))} >"$d/config"; wget --config="$d/config" --no-use-server-timestamps -nv -S -O "$o" ${quote(withoutUser(request.url))} 2>"$d/log"; c=$?`
      : 'fail "a unix socket needs curl on the host"',
    'elif command -v wget >/dev/null 2>&1; then',
    simple
      ? `${plainWget(request)}; c=$?`
      : 'fail "the wget of the host cannot do this request: curl is needed"',
    'else fail "needs curl or wget on the host"; fi',
    'field code "$c"; for f in url headers log; do begin $f; [ ! -f "$d/$f" ] || cat "$d/$f"; done',
    request.afterwards === undefined ? '' : `begin extra; ${request.afterwards}`,
    request.output === undefined && request.method !== 'HEAD' ? 'begin body; [ ! -f "$o" ] || cat "$o"' : '',
    ':',
  ]
    .filter(Boolean)
    .join('\n');
}

/** What goes to curl on its stdin. */
function curlConfig(request: HttpRequest, directory: string): string {
  const { method, body } = request;
  const lines: (string | readonly [string, string | number] | false | undefined)[] = [
    ['url', request.url],
    'silent',
    // Brackets and braces of an address are no patterns, and a # in the name of the file is one.
    'globoff',
    'show-error',
    ['user-agent', request.agent],
    ...Object.entries(request.headers).map(
      ([name, value]) => ['header', `${name}: ${String(value)}`] as const,
    ),
    body && ['data-binary', `@${directory}/body`],
    body && !hasHeader(request, 'content-type') && ['header', 'Content-Type:'],
    method === 'HEAD'
      ? 'head'
      : !(method === 'GET' && !body) && !(method === 'POST' && body) && ['request', method],
    request.followRedirects && 'location',
    ['connect-timeout', request.timeout],
    ['speed-time', request.timeout],
    ['speed-limit', 1],
    request.user !== undefined && ['user', `${request.user}:${request.password ?? ''}`],
    request.user !== undefined && (request.forceBasic ? 'basic' : 'anyauth'),
    request.useGssapi && 'negotiate',
    request.useNetrc && request.user === undefined && 'netrc-optional',
    !request.validateCerts && 'insecure',
    request.caPath !== undefined && ['cacert', request.caPath],
    request.clientCert !== undefined && ['cert', request.clientCert],
    request.clientKey !== undefined && ['key', request.clientKey],
    request.ciphers !== undefined && ['ciphers', request.ciphers.join(':')],
    !request.useProxy && ['noproxy', '*'],
    request.unixSocket !== undefined && ['unix-socket', request.unixSocket],
    ['cookie', ''],
  ];
  return lines
    .filter(line => line !== false && line !== undefined)
    .map(line => (typeof line === 'string' ? line : `${line[0]} = ${configText(String(line[1]))}`))
    .map(line => `${line}\n`)
    .join('');
}

const hasHeader = (request: HttpRequest, name: string) =>
  Object.keys(request.headers).some(header => header.toLowerCase() === name);

const configText = (text: string) =>
  `"${text.replace(/[\\"\n\r\t\v]/g, c => ({ '\n': '\\n', '\r': '\\r', '\t': '\\t', '\v': '\\v' })[c] ?? `\\${c}`)}"`;

/** What goes to GNU wget in a file of its own; it does not read a pipe. */
function wgetConfig(request: HttpRequest, directory: string): string {
  const [user, password] = userOf(request);
  const lines: (readonly [string, string | number] | false | undefined)[] = [
    ['user_agent', request.agent],
    ...Object.entries(request.headers).map(
      ([name, value]) => ['header', `${name}: ${String(value)}`] as const,
    ),
    request.method !== 'GET' && ['method', request.method],
    request.body && ['body_file', `${directory}/body`],
    ['timeout', request.timeout],
    ['tries', 1],
    ['max_redirect', request.followRedirects ? 20 : 0],
    ['content_on_error', 'on'],
    ['robots', 'off'],
    user !== undefined && ['user', user],
    password !== undefined && ['password', password],
    request.forceBasic && ['auth_no_challenge', 'on'],
    ['netrc', request.useNetrc ? 'on' : 'off'],
    !request.validateCerts && ['check_certificate', 'off'],
    request.caPath !== undefined && ['ca_certificate', request.caPath],
    request.clientCert !== undefined && ['certificate', request.clientCert],
    request.clientKey !== undefined && ['private_key', request.clientKey],
    !request.useProxy && ['use_proxy', 'off'],
  ];
  return lines
    .filter(line => line !== false && line !== undefined)
    .map(([name, value]) => `${name} = ${value}\n`)
    .join('');
}

function userOf(request: HttpRequest): readonly [string | undefined, string | undefined] {
  if (request.user !== undefined) return [request.user, request.password];
  const match = /^\w+:\/\/([^/@:]+)(?::([^/@]*))?@/.exec(request.url);
  try {
    return [match?.[1] && decodeURIComponent(match[1]), match?.[2] && decodeURIComponent(match[2])];
  } catch {
    throw new ModuleError('the user name in the address is not valid', { url: request.url });
  }
}

const withoutUser = (url: string) => url.replace(/^(\w+:\/\/)[^/@]+@/, '$1');

function plainWget(request: HttpRequest): string {
  const headers = Object.entries(request.headers).map(
    ([name, value]) => `--header ${quote(`${name}: ${String(value)}`)}`,
  );
  const flags = [
    request.method === 'HEAD' ? '--spider' : '',
    request.validateCerts ? '' : '--no-check-certificate',
    request.useProxy ? '' : '-Y off',
    `-U ${quote(request.agent)}`,
    ...headers,
  ];
  return `wget -q -S -O "$o" ${flags.filter(Boolean).join(' ')} ${quote(request.url)} 2>"$d/log"`;
}
