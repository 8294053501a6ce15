import { isDeepStrictEqual } from 'node:util';
import type { Json } from '../../lib/source/value.ts';
import { shellWord } from '../../lib/transport/index.ts';
import type { Asks, Sight } from '../check.ts';
import { parseListeners } from '../sockets.ts';

/** What an entry says, by key, after it was checked against the kind. */
export type Spec = Readonly<Record<string, Json | undefined>>;

interface Key {
  readonly type: 'boolean' | 'text' | 'number' | 'texts' | 'any';
  readonly what: string;
}

/** One kind of thing that a file of own checks can name, as goss does. */
export interface Kind {
  readonly what: string;
  readonly keys: Readonly<Record<string, Key>>;
  /** Commands on the host, or a query. The name is data, and quoted. */
  readonly asks?: (name: string, spec: Spec) => Asks;
  readonly sql?: (name: string, spec: Spec) => Asks;
  readonly judge: (at: Sight, name: string, spec: Spec) => void;
}

const yes = (what: string): Key => ({ type: 'boolean', what });
const text = (what: string): Key => ({ type: 'text', what });
const number = (what: string): Key => ({ type: 'number', what });
const texts = (what: string): Key => ({ type: 'texts', what });

const PATTERNS =
  'texts that must be there; `/…/` is a regular expression, and one after `!` must not be there.';

/** Whether a text has what a pattern says. */
export function fits(pattern: string, found: string): boolean {
  if (pattern.startsWith('!')) return !fits(pattern.slice(1), found);
  const regexp = /^\/(.+)\/([imsu]*)$/.exec(pattern);
  return regexp ? new RegExp(regexp[1]!, regexp[2] || 'm').test(found) : found.includes(pattern);
}

const list = (value: Json | undefined): readonly string[] =>
  value === undefined ? [] : Array.isArray(value) ? value.map(String) : [String(value)];

function contains(at: Sight, what: string, patterns: Json | undefined, found: string): void {
  for (const pattern of list(patterns))
    at.check(fits(pattern, found), `${what} with ${pattern}`, found.trim().slice(0, 300) || 'nothing');
}

/** Compares what the entry says with what was found, key by key. */
function same(at: Sight, spec: Spec, found: Readonly<Record<string, string>>): void {
  for (const [key, value] of Object.entries(found)) {
    const wanted = spec[key];
    if (wanted !== undefined) at.check(String(wanted) === value, `${key} ${String(wanted)}`, value);
  }
}

/** Whether something is there, as wanted, and there is more to look at. */
function there(at: Sight, what: string, wanted: Json | undefined, is: boolean): boolean {
  const expected = wanted !== false;
  at.check(is === expected, `${what} is ${expected ? 'there' : 'not there'}`, is ? 'it is' : 'it is not');
  return is && expected;
}

export const KINDS: Readonly<Record<string, Kind>> = {
  file: {
    what: 'A file or folder, by its path.',
    keys: {
      exists: yes('whether it is there (default: true).'),
      type: text('file, directory, symlink, socket or block.'),
      mode: text('permissions in octal, such as "0644".'),
      owner: text('name of the user that owns it.'),
      group: text('name of the group.'),
      contains: texts(PATTERNS),
    },
    asks: (path, { contains: patterns }) => ({
      stat: `stat -c '%F|%a|%U|%G' -- ${shellWord(path)} 2>/dev/null; :`,
      ...(patterns === undefined ? {} : { content: `head -c 1000000 -- ${shellWord(path)} 2>/dev/null; :` }),
    }),
    judge: (at, path, spec) => {
      const line = at.out('stat').trim();
      if (!there(at, path, spec.exists, line !== '')) return;
      const [kind = '', mode = '', owner = '', group = ''] = line.split('|');
      const type =
        {
          'regular empty file': 'file',
          'regular file': 'file',
          'symbolic link': 'symlink',
          'block special file': 'block',
        }[kind] ?? kind;
      const wanted = spec.mode === undefined ? {} : { mode: String(spec.mode).replace(/^0+(?=.)/, '') };
      same(at, { ...spec, ...wanted }, { type, mode, owner, group });
      if (spec.contains !== undefined) contains(at, path, spec.contains, at.out('content'));
    },
  },
  package: {
    what: 'A package of dpkg or rpm, by its name.',
    keys: {
      installed: yes('whether it is installed (default: true).'),
      version: text('what its version begins with.'),
    },
    asks: name => ({
      version: `{ dpkg-query -W -f '\${db:Status-Status} \${Version}' -- ${shellWord(name)} 2>/dev/null || rpm -q --qf 'installed %{VERSION}-%{RELEASE}' -- ${shellWord(name)} 2>/dev/null; } | grep '^installed '; :`,
    }),
    judge: (at, name, spec) => {
      const [, version = ''] = at.out('version').trim().split(' ');
      if (!there(at, name, spec.installed, version !== '')) return;
      const wanted = spec.version;
      at.check(
        wanted === undefined || version.startsWith(String(wanted)),
        `version ${String(wanted)}`,
        version,
      );
    },
  },
  service: {
    what: 'A unit of systemd, by its name.',
    keys: { running: yes('whether it is active.'), enabled: yes('whether it starts at boot.') },
    asks: name => ({ unit: `systemctl show -p LoadState,ActiveState,UnitFileState -- ${shellWord(name)}` }),
    judge: (at, name, { running, enabled }) => {
      const of = (key: string) => new RegExp(`^${key}=(.*)$`, 'm').exec(at.out('unit'))?.[1] ?? '';
      if (!there(at, name, true, of('LoadState') !== 'not-found')) return;
      const active = of('ActiveState');
      if (running !== undefined)
        at.check((active === 'active') === running, `${name} ${running ? '' : 'not '}running`, active);
      const state = of('UnitFileState');
      if (enabled !== undefined)
        at.check(
          (state === 'enabled') === enabled,
          `${name} ${enabled ? '' : 'not '}enabled`,
          state || 'unknown',
        );
    },
  },
  port: {
    what: 'A TCP port, such as 5432 or tcp:5432.',
    keys: {
      listening: yes('whether something listens on it (default: true).'),
      address: text('the address that it must be open on, such as 127.0.0.1.'),
    },
    asks: () => ({ sockets: 'cat /proc/net/tcp /proc/net/tcp6 2>/dev/null; :' }),
    judge: (at, name, spec) => {
      const port = Number(name.replace(/^tcp:/, ''));
      const open = parseListeners(at.out('sockets')).filter(listener => listener.port === port);
      if (!there(at, `a listener on port ${port}`, spec.listening, open.length > 0)) return;
      const found = open.map(({ address }) => address);
      const wanted = spec.address;
      at.check(
        wanted === undefined || found.includes(String(wanted)),
        `port ${port} on ${String(wanted)}`,
        found.join(', '),
      );
    },
  },
  process: {
    what: 'Processes, by the name of the program.',
    keys: {
      running: yes('whether one runs (default: true).'),
      count: number('how many must run.'),
    },
    asks: name => ({ count: `pgrep -xc -- ${shellWord(name.slice(0, 15))}; :` }),
    judge: (at, name, spec) => {
      const count = Number(at.out('count'));
      if (spec.count !== undefined)
        return at.check(count === spec.count, `${String(spec.count)} processes ${name}`, count);
      there(at, `a process ${name}`, spec.running, count > 0);
    },
  },
  mount: {
    what: 'A mounted file system, by where it is mounted.',
    keys: {
      exists: yes('whether something is mounted there (default: true).'),
      source: text('the device.'),
      type: text('the kind of file system, such as ext4.'),
      options: texts('options that it must be mounted with.'),
    },
    asks: () => ({ mounts: 'cat /proc/mounts' }),
    judge: (at, target, spec) => {
      const [source = '', , type = '', options = ''] =
        at
          .out('mounts')
          .split('\n')
          .map(line => line.split(' '))
          .filter(fields => fields[1] === target)
          .at(-1) ?? [];
      if (!there(at, `a mount on ${target}`, spec.exists, source !== '')) return;
      same(at, spec, { source, type });
      for (const option of list(spec.options))
        at.check(options.split(',').includes(option), `the option ${option}`, options);
    },
  },
  sysctl: {
    what: 'A setting of the kernel, by its name.',
    keys: { value: { type: 'any', what: 'its value.' } },
    asks: name => ({ value: `sysctl -n -- ${shellWord(name)}` }),
    judge: (at, _, spec) => same(at, spec, { value: at.out('value').trim().replace(/\s+/g, ' ') }),
  },
  user: {
    what: 'An account of the host, by its name.',
    keys: {
      exists: yes('whether it is there (default: true).'),
      uid: number('its id.'),
      gid: number('the id of its first group.'),
      home: text('its home.'),
      shell: text('its shell.'),
      groups: texts('groups that it must be in.'),
    },
    asks: name => ({
      account: `getent passwd -- ${shellWord(name)}; :`,
      groups: `id -nG -- ${shellWord(name)} 2>/dev/null; :`,
    }),
    judge: (at, name, spec) => {
      const [found = '', , uid = '', gid = '', , home = '', shell = ''] = at.out('account').trim().split(':');
      if (!there(at, `the account ${name}`, spec.exists, found !== '')) return;
      same(at, spec, { uid, gid, home, shell });
      const groups = at.out('groups').trim().split(' ');
      for (const group of list(spec.groups))
        at.check(groups.includes(group), `${name} in ${group}`, groups.join(', '));
    },
  },
  command: {
    what: 'A command that changes nothing, run as root by sh. The key is the command, or a title with `run`.',
    keys: {
      run: text('the command (default: the key).'),
      exit: number('its exit code (default: 0).'),
      output: texts(PATTERNS),
    },
    asks: (name, { run }) => ({ run: `( ${String(run ?? name)}\n)` }),
    judge: (at, _, spec) => {
      const { rc, output } = at.reply('run');
      const wanted = spec.exit ?? 0;
      at.check(rc === wanted, `exit ${String(wanted)}`, `exit ${rc}: ${output.trim().slice(-300)}`);
      contains(at, 'an output', spec.output, output);
    },
  },
  sql: {
    what: 'A query, in a session that can only read. The key is the query, or a title with `query`.',
    keys: {
      query: text('the query (default: the key).'),
      value: { type: 'any', what: 'what the first column of the first row must be.' },
      rows: { type: 'any', what: 'all rows, each a mapping by column.' },
      count: number('how many rows there must be.'),
    },
    sql: (name, { query }) => ({
      rows: String(query ?? name)
        .trim()
        .replace(/;$/, ''),
    }),
    judge: (at, _, spec) => {
      const rows = at.rows<Record<string, Json>>('rows');
      const said = JSON.stringify(rows).slice(0, 300);
      const first = Object.values(rows[0] ?? {})[0];
      if (spec.value !== undefined)
        at.check(
          String(first) === String(spec.value),
          String(spec.value),
          rows.length === 0 ? 'no row' : String(first),
        );
      if (spec.rows !== undefined)
        at.check(isDeepStrictEqual(rows, spec.rows), JSON.stringify(spec.rows), said);
      if (spec.count !== undefined)
        at.check(rows.length === spec.count, `${String(spec.count)} rows`, `${rows.length}: ${said}`);
    },
  },
};
