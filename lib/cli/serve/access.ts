import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';

/** Who may read. */
export interface Access {
  /** Names of this server besides localhost; addresses are always let in. */
  readonly names: ReadonlySet<string>;
  readonly token: string | undefined;
}

export interface Refusal {
  readonly code: number;
  readonly text: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Why a request is refused; undefined when it is not. */
export function refusalOf(request: IncomingMessage, { names, token }: Access): Refusal | undefined {
  const { method, headers } = request;
  if (method !== 'GET' && method !== 'HEAD')
    return { code: 405, text: 'this server only tells: use GET or HEAD', headers: { Allow: 'GET, HEAD' } };
  if (headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) !== 0)
    return { code: 400, text: 'a request has no body here' };
  const host = hostOf(headers.host);
  // A stranger's page can point its own name to this address and read what its visitor's browser may read.
  if (host === undefined || !(isIP(host) || host === 'localhost' || names.has(host)))
    return {
      code: 421,
      text: 'this is not a name of this server: ask it by its address, or start it with --name NAME',
    };
  if (token !== undefined && !holds(headers.authorization, token))
    return {
      code: 401,
      text: 'a token is needed: as a bearer token, or as the password of any user',
      headers: { 'WWW-Authenticate': 'Basic realm="polarplay", charset="UTF-8"' },
    };
  return undefined;
}

/** `db.example:8090` → `db.example`, `[::1]:8090` → `::1`. */
function hostOf(header: string | undefined): string | undefined {
  const [, bracketed, plain] = /^(?:\[([\da-f:.]+)\]|([a-z\d_.-]+))(?::\d{1,5})?$/i.exec(header ?? '') ?? [];
  return (bracketed ?? plain)?.toLowerCase().replace(/\.$/, '');
}

/** A browser asks its user for a name and a password: the token is the password. */
function holds(authorization: string | undefined, token: string): boolean {
  const [, scheme = '', text = ''] = /^(\w+) +(\S+)$/.exec(authorization ?? '') ?? [];
  if (scheme.toLowerCase() === 'bearer') return same(text, token);
  if (scheme.toLowerCase() !== 'basic') return false;
  const pair = Buffer.from(text, 'base64').toString('utf8');
  return pair.includes(':') && same(pair.slice(pair.indexOf(':') + 1), token);
}

/** Takes the same time whatever is sent. */
const same = (text: string, token: string): boolean => timingSafeEqual(digest(text), digest(token));
const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
