import { isIP, isIPv6 } from 'node:net';

/** Why a host name with a range cannot be expanded. */
export class HostRangeError extends Error {}

const MAX_HOSTS = 100_000;

export interface HostNames {
  readonly names: readonly string[];
  readonly port: number | undefined;
}

/** Names behind an entry of an inventory: `web[01:10].example.org:2222`. */
export function expandHosts(entry: string): HostNames {
  const { host, port } = splitPort(entry);
  return { names: host.includes('[') ? expandRanges(host) : [host], port };
}

const WITH_RANGES = String.raw`(?:[^\s:[\]]|\[[^\]]*\])+`;
const BRACKETED = /^\[([0-9a-fA-F:.%\w]+)\]:(\d+)$/;
const PLAIN = new RegExp(`^(${WITH_RANGES}):(\\d+)$`);

/** A host and its port: `h:22`, `[::1]:22`, `h`. */
export function splitPort(entry: string): { readonly host: string; readonly port: number | undefined } {
  const match = BRACKETED.exec(entry) ?? (isIPv6(entry) ? null : PLAIN.exec(entry));
  return match ? { host: match[1] ?? '', port: Number(match[2]) } : { host: entry, port: undefined };
}

const HOST_NAME = /^(?:[\p{L}\p{N}_]|\[[^\]]+\])(?:[\p{L}\p{N}_.-]|\[[^\]]+\])*$/u;

/** True for one host name or address, ranges and a port included, where colons do not separate patterns. */
export function isAddress(text: string): boolean {
  const { host } = splitPort(text);
  return (
    isIP(host) !== 0 ||
    HOST_NAME.test(host) ||
    /^[0-9a-fA-F:]*::?[0-9a-fA-F:[\]]*\[[0-9a-fA-F]+:[0-9a-fA-F]+\]$/.test(host)
  );
}

const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';

function expandRanges(text: string): string[] {
  const match = /^([^[]*)\[([^\]]*)\](.*)$/.exec(text);
  if (!match) {
    if (text.includes('[')) throw new HostRangeError('"[" is never closed');
    return [text];
  }
  const [, head = '', range = '', tail = ''] = match;
  const tails = expandRanges(tail);
  const steps = sequence(range);
  if (steps.length * tails.length > MAX_HOSTS)
    throw new HostRangeError(`more than ${MAX_HOSTS} hosts in one range`);
  return steps.flatMap(step => tails.map(rest => head + step + rest));
}

function sequence(range: string): string[] {
  const bounds = range.split(':');
  const [from = '', to = '', stepText = '1'] = bounds;
  if (bounds.length < 2 || bounds.length > 3)
    throw new HostRangeError('a range is written [from:to] or [from:to:step]');
  if (to === '') throw new HostRangeError('the end of the range is missing');
  const step = Number(stepText);
  if (!/^\d+$/.test(stepText) || step < 1)
    throw new HostRangeError('the step of a range must be a number above 0');
  return LETTERS.includes(from) && LETTERS.includes(to) && from !== ''
    ? letters(from, to, step)
    : numbers(from || '0', to, step);
}

function letters(from: string, to: string, step: number): string[] {
  const [first, last] = [LETTERS.indexOf(from), LETTERS.indexOf(to)];
  if (first > last) throw new HostRangeError('the end of the range lies before its beginning');
  return [...LETTERS.slice(first, last + 1)].filter((_, i) => i % step === 0);
}

function numbers(from: string, to: string, step: number): string[] {
  if (!/^\d+$/.test(from) || !/^\d+$/.test(to))
    throw new HostRangeError('a range wants numbers or single letters');
  const width = from.length > 1 && from.startsWith('0') ? from.length : 0;
  if (width > 0 && width !== to.length)
    throw new HostRangeError('with leading zeros, both ends of a range must be of one length');
  const [first, last] = [Number(from), Number(to)];
  if ((last - first) / step > MAX_HOSTS)
    throw new HostRangeError(`more than ${MAX_HOSTS} hosts in one range`);
  const found: string[] = [];
  for (let i = first; i <= last; i += step) found.push(String(i).padStart(width, '0'));
  return found;
}
