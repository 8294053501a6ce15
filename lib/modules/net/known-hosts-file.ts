import { createHmac, randomBytes } from 'node:crypto';
import { defined } from '../../source/defined.ts';
import { partAt } from '../../source/part-at.ts';
import { matchesPatterns } from '../../transport/config/patterns.ts';
import { ModuleError } from '../kit/define.ts';
import { linesOf } from '../kit/text-file.ts';

interface HostKey {
  readonly marker: string | undefined;
  readonly hosts: string;
  readonly type: string;
  readonly key: string;
}

function parseEntry(line: string): HostKey | undefined {
  const words = line.trim().split(/\s+/);
  if (words[0] === undefined || words[0] === '' || words[0].startsWith('#')) return undefined;
  const marker = words[0].startsWith('@') ? words.shift() : undefined;
  const [hosts, type, key] = words;
  return hosts && type && key ? { marker, hosts, type, key } : undefined;
}

/** The host field that hides a name: a salt and the name's HMAC-SHA1 under it. */
export function hashHost(name: string, salt: Buffer = randomBytes(20)): string {
  return `|1|${salt.toString('base64')}|${createHmac('sha1', salt).update(name).digest('base64')}`;
}

/** Whether the host field of an entry means `name`, hashed or plain, patterns included. */
export function meansHost(hosts: string, name: string): boolean {
  const hashed = /^\|1\|([^|]+)\|/.exec(hosts);
  if (hashed) return hashHost(name, Buffer.from(partAt(hashed, 1), 'base64')) === hosts;
  return matchesPatterns(hosts.split(','), name);
}

export interface KnownHostRequest {
  readonly name: string;
  readonly key: string | undefined;
  readonly hash_host: boolean;
  readonly state: 'absent' | 'present';
}

/** known_hosts as wanted; the text itself when it is so already. Pure but for the salt of a hashed name. */
export function editKnownHosts(text: string, request: KnownHostRequest): string {
  const name = request.name.toLowerCase();
  if (request.key === undefined && request.state === 'present')
    throw new ModuleError('No key specified when adding a host');
  if (/\S\s*,/.test(name))
    throw new ModuleError(
      'Comma separated list of names is not supported. Please pass a single name to lookup in the known_hosts file.',
    );
  const lines = linesOf(text);
  const entries = lines.map(parseEntry);
  const ofHost = entries.flatMap((e, i) => (e && meansHost(e.hosts, name) ? [i] : []));
  const without = (gone: readonly number[]) => lines.filter((_, i) => !gone.includes(i)).join('');
  if (request.key === undefined) return ofHost.length === 0 ? text : without(ofHost);
  const wanted = parseEntry(request.key);
  if (!wanted || !meansHost(wanted.hosts, name))
    throw new ModuleError('Host parameter does not match hashed host field in supplied key');
  const isSame = (e: HostKey) =>
    e.type === wanted.type &&
    e.key === wanted.key &&
    e.marker === wanted.marker &&
    sameHosts(e.hosts, wanted.hosts, request.hash_host);
  const same = ofHost.filter(i => isSame(defined(entries[i], 'the numbers come from these entries')));
  const ofType = ofHost.filter(
    i => defined(entries[i], 'the numbers come from these entries').type === wanted.type,
  );
  // A host has one key of a type: another one goes as well.
  if (request.state === 'absent')
    return ofType.length === 0 ? text : without(same.length > 0 ? same : ofType.slice(0, 1));
  if (same.length > 0) return text;
  const replaced = ofType[0];
  const base = without(replaced === undefined ? [] : [replaced]);
  const line = request.hash_host
    ? request.key
        .trim()
        .split(/\s+/)
        .map((word, i) => (i === (wanted.marker ? 1 : 0) ? hashHost(name) : word))
        .join(' ')
    : request.key.trim();
  return `${base}${base !== '' && !base.endsWith('\n') ? '\n' : ''}${line}\n`;
}

/** A hashed entry stands for any spelling of the host; plain ones must be spelled the same. */
function sameHosts(found: string, wanted: string, hash: boolean): boolean {
  const hashed = found.startsWith('|1|');
  return hashed ? hash || wanted.startsWith('|1|') : !hash && found === wanted;
}
