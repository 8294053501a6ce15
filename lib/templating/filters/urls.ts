import type { Dict, Value } from '../../source/value.ts';
import { fault } from '../fault.ts';
import { iterate } from '../python/iterate.ts';
import { str } from '../python/print.ts';
import { itemsOf } from '../python/types.ts';
import { type FilterTable, filter } from './filter.ts';

/** Percent-encoding as Python's quote does it, `/` kept. */
function quote(text: string, keepSlash = true): string {
  const percent = (char: string) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`;
  const encoded = encodeURIComponent(text.replace(/\p{Cs}/gu, '\ufffd')).replace(/[!'()*]/g, percent);
  return keepSlash ? encoded.replaceAll('%2F', '/') : encoded;
}

function quotePlus(text: string): string {
  return quote(text, false).replaceAll('%20', '+');
}

function encode(value: Value): string {
  const pairs = value instanceof Map ? [...value] : itemsOf(value)?.map(pair => iterate(pair));
  if (!pairs) return quote(str(value));
  return pairs.map(([key, item]) => `${quotePlus(str(key ?? ''))}=${quotePlus(str(item ?? ''))}`).join('&');
}

function decode(text: string): string {
  const bytes = text.replaceAll('+', ' ').replace(/(?:%[\da-fA-F]{2})+/g, run => {
    return Buffer.from(run.replaceAll('%', ''), 'hex').toString('utf8');
  });
  return bytes;
}

/** The parts of a URL, as Python's urlsplit names them. */
function split(url: string): Dict {
  const match = /^(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?:\/\/([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/s.exec(
    url.trim(),
  );
  const [, scheme = '', netloc = '', path = '', query = '', fragment = ''] = match ?? [];
  const at = netloc.lastIndexOf('@');
  const credentials = at < 0 ? undefined : netloc.slice(0, at);
  const [user, ...password] = credentials?.split(':') ?? [];
  const host = /^(\[[^\]]*\]|[^:]*)(?::(.*))?$/.exec(netloc.slice(at + 1));
  const hostname = host?.[1]?.replace(/^\[|\]$/g, '').toLowerCase() ?? '';
  const port = host?.[2];
  if (port !== undefined && !/^\d*$/.test(port)) throw fault(`the port of "${url}" is not a number`);
  return new Map<Value, Value>([
    ['fragment', fragment],
    ['hostname', hostname === '' ? null : hostname],
    ['netloc', netloc],
    ['password', credentials === undefined || password.length === 0 ? null : password.join(':')],
    ['path', path],
    ['port', port === undefined || port === '' ? null : Number(port)],
    ['query', query],
    ['scheme', scheme.toLowerCase()],
    ['username', credentials === undefined ? null : (user ?? '')],
  ]);
}

export const urlFilters: FilterTable = {
  urlencode: filter([], value => encode(value)),
  urldecode: filter([], value => decode(str(value))),
  urlsplit: filter(['query?', 'alias?'], (value, [part]) => {
    const parts = split(str(value));
    if (part === undefined || part === null || part === '') return parts;
    const found = parts.get(str(part));
    if (found === undefined)
      throw fault(`unknown URL component: ${str(part)}`, `use one of ${[...parts.keys()].join(', ')}`);
    return found;
  }),
};
