import type { Value } from '../../source/value.ts';
import { str } from '../python/print.ts';
import { matcher } from './glob.ts';
import { type LookupTable, lookup } from './lookup.ts';

/** Hosts that one part of a pattern means: a group, a host, `all`, a glob, or `~` and a regular expression. */
function hostsOf(part: string, groups: Map<Value, Value>): string[] {
  const members = (name: Value) => {
    const hosts = groups.get(name);
    return Array.isArray(hosts) ? hosts.map(str) : [];
  };
  if (part === 'all' || part === '*') return members('all');
  const index = /^(.*)\[(-?\d+)\]$/.exec(part);
  if (index)
    return hostsOf(index[1] as string, groups)
      .slice(Number(index[2]))
      .slice(0, 1);
  if (groups.has(part)) return members(part);
  const pattern = part.startsWith('~') ? new RegExp(`^(?:${part.slice(1)})`) : matcher(part);
  const named = [...groups.keys()].filter(name => pattern.test(str(name))).flatMap(members);
  return [...new Set([...named, ...members('all').filter(host => pattern.test(host))])];
}

/** Hosts of a pattern such as `web:&prod:!w3`, in the order of the inventory. */
function select(pattern: string, groups: Map<Value, Value>): string[] {
  const parts = pattern
    .split(/[,:]/)
    .map(part => part.trim())
    .filter(part => part !== '');
  const chosen = new Set(parts.filter(part => !/^[!&]/.test(part)).flatMap(part => hostsOf(part, groups)));
  const start =
    chosen.size === 0 && parts.every(part => /^[!&]/.test(part)) ? hostsOf('all', groups) : [...chosen];
  return parts.reduce((hosts, part) => {
    if (!/^[!&]/.test(part)) return hosts;
    const others = new Set(hostsOf(part.slice(1), groups));
    return hosts.filter(host => others.has(host) === part.startsWith('&'));
  }, start);
}

/** Lookups in the inventory, through the variable `groups`. */
export const hostLookups: LookupTable = {
  inventory_hostnames: lookup(({ vars }, terms) => {
    const groups = vars.get('groups');
    if (!(groups instanceof Map)) return [];
    return [...new Set(terms.flatMap(term => select(str(term), groups)))];
  }),
};
