import { existsSync, readFileSync } from 'node:fs';
import { SourceError, UsageError } from '../source/errors.ts';
import { fnmatch } from '../source/fnmatch.ts';
import { PythonRegex, PythonRegexError } from '../source/python/python-regex.ts';
import { LOCAL_NAMES } from './graph.ts';
import { isAddress } from './ranges.ts';

/** What patterns choose from. */
export interface Candidates {
  readonly groups: ReadonlyMap<string, unknown>;
  readonly hosts: ReadonlyMap<string, unknown>;
  hostsOf(group: string): readonly string[];
}

/**
 * Parts of a pattern, which commas or colons separate. A colon inside brackets or an IPv6 address separates nothing;
 * `@file` stands for the lines of a file.
 */
export function splitPattern(pattern: string): string[] {
  const parts = pattern.includes(',')
    ? pattern.split(',')
    : isAddress(pattern)
      ? [pattern]
      : (pattern.match(/(?:[^\s:[\]]|\[[^\]]*\])+/g) ?? []);
  return parts
    .map(part => part.trim())
    .filter(part => part !== '')
    .flatMap(part => (part.startsWith('@') ? linesOf(part.slice(1)) : [part]));
}

function linesOf(file: string): string[] {
  if (!existsSync(file)) throw new UsageError(`the file "${file}" of a host pattern does not exist`);
  const lines = readFileSync(file, 'utf8')
    .split('\n')
    .map(line => line.trim());
  return lines.filter(line => line !== '' && !line.startsWith('#'));
}

/** Names of hosts that the parts choose: first the plain ones in the order written, then `&` narrows and `!` takes away. */
export function selectHosts(
  parts: readonly string[],
  from: Candidates,
  onUnmatched: (part: string) => void,
): string[] {
  const plain = parts.filter(part => !/^[!&]/.test(part));
  const ordered = [
    ...(plain.length > 0 ? plain : ['all']),
    ...parts.filter(part => part.startsWith('&')),
    ...parts.filter(part => part.startsWith('!')),
  ];
  let hosts: string[] = [];
  for (const part of ordered) {
    const found = new Set(matching(part.replace(/^[!&]/, ''), from, onUnmatched));
    if (part.startsWith('&')) hosts = hosts.filter(host => found.has(host));
    else if (part.startsWith('!')) hosts = hosts.filter(host => !found.has(host));
    else hosts = [...new Set([...hosts, ...found])];
  }
  return hosts;
}

const SUBSCRIPT = /^(.+)\[(?:(-?\d+)|(\d+)([:-])(\d*))\]$/;

function matching(part: string, from: Candidates, onUnmatched: (part: string) => void): readonly string[] {
  if (from.hosts.has(part)) return [part];
  const subscript = part.startsWith('~') ? null : SUBSCRIPT.exec(part);
  if (!subscript) return enumerate(part, from, onUnmatched);
  const [, name = '', single, first, , last] = subscript;
  const hosts = enumerate(name, from, onUnmatched);
  if (single === undefined) return hosts.slice(Number(first), last === '' ? undefined : Number(last) + 1);
  const host = hosts.at(Number(single));
  if (host === undefined && hosts.length > 0)
    throw new SourceError(
      'BAD_PATTERN',
      `"${part}" asks for more hosts than the ${hosts.length} of "${name}"`,
    );
  return host === undefined ? [] : [host];
}

function enumerate(name: string, from: Candidates, onUnmatched: (part: string) => void): readonly string[] {
  const matcher = matcherOf(name);
  const groups = [...from.groups.keys()].filter(group => matcher.test(group));
  const hosts = groups.flatMap(group => from.hostsOf(group));
  if (groups.length === 0 || /^~|[.?*[]/.test(name))
    hosts.push(...[...from.hosts.keys()].filter(host => matcher.test(host)));
  if (hosts.length > 0) return [...new Set(hosts)];
  if (LOCAL_NAMES.has(name)) return [[...from.hosts.keys()].find(host => LOCAL_NAMES.has(host)) ?? name];
  if (groups.length === 0 && name !== 'all') onUnmatched(name);
  return [];
}

function matcherOf(name: string): { test(text: string): boolean } {
  if (!name.startsWith('~')) return fnmatch(name);
  try {
    const regex = new PythonRegex(name.slice(1));
    return { test: text => regex.match(text) !== undefined };
  } catch (error) {
    if (!(error instanceof PythonRegexError)) throw error;
    throw new SourceError('BAD_PATTERN', `"${name}" is not a regular expression: ${error.message}`);
  }
}
