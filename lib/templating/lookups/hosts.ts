import { fnmatch } from '../../source/fnmatch.ts';
import type { Value } from '../../source/value.ts';
import type { Context } from '../context.ts';
import { str } from '../python/print.ts';
import { type LookupTable, lookup } from './lookup.ts';

/** Hosts that one part of a pattern means: a group, a host, `all`, a glob, or `~` and a regular expression. */
function hostsOf(context: Context, part: string, groups: Map<Value, Value>): string[] {
  const members = (name: Value) => {
    const hosts = groups.get(name);
    return Array.isArray(hosts) ? hosts.map(str) : [];
  };
  if (part === 'all' || part === '*') return members('all');
  const index = /^(.*)\[(-?\d+)\]$/.exec(part);
  if (index)
    return hostsOf(context, index[1] as string, groups)
      .slice(Number(index[2]))
      .slice(0, 1);
  if (groups.has(part)) return members(part);
  const matches = part.startsWith('~') ? regexMatcher(context, part.slice(1)) : globMatcher(part);
  const named = [...groups.keys()].filter(name => matches(str(name))).flatMap(members);
  return [...new Set([...named, ...members('all').filter(host => matches(host))])];
}

type Matcher = (name: string) => boolean;

function regexMatcher(context: Context, pattern: string): Matcher {
  const regex = context.regex(pattern, {});
  return name => regex.match(name) !== undefined;
}

function globMatcher(pattern: string): Matcher {
  const regex = fnmatch(pattern);
  return name => regex.test(name);
}

/** Hosts of a pattern such as `web:&prod:!w3`, in the order of the inventory. */
function select(context: Context, pattern: string, groups: Map<Value, Value>): string[] {
  const parts = pattern
    .split(/[,:]/)
    .map(part => part.trim())
    .filter(part => part !== '');
  const chosen = new Set(
    parts.filter(part => !/^[!&]/.test(part)).flatMap(part => hostsOf(context, part, groups)),
  );
  const start =
    chosen.size === 0 && parts.every(part => /^[!&]/.test(part))
      ? hostsOf(context, 'all', groups)
      : [...chosen];
  return parts.reduce((hosts, part) => {
    if (!/^[!&]/.test(part)) return hosts;
    const others = new Set(hostsOf(context, part.slice(1), groups));
    return hosts.filter(host => others.has(host) === part.startsWith('&'));
  }, start);
}

/** Lookups in the inventory, through the variable `groups`. */
export const hostLookups: LookupTable = {
  inventory_hostnames: lookup((context, terms) => {
    const groups = context.vars.get('groups');
    if (!(groups instanceof Map)) return [];
    return [...new Set(terms.flatMap(term => select(context, str(term), groups)))];
  }),
};
