import { partAt } from '../../../source/part-at.ts';
import type { Json } from '../../../source/value.ts';
import { type Collector, type Facts, line, type Raw } from './collector.ts';

function architecture(machine: string, bits: string): Facts {
  if (/^i[3456]86$/.test(machine))
    return { architecture: 'i386', userspace_architecture: bits === '64' ? 'x86_64' : 'i386' };
  if (machine === 'x86_64')
    return { architecture: machine, userspace_architecture: bits === '64' ? 'x86_64' : 'i386' };
  return { architecture: machine };
}

/** The first of a host's names with a dot, else the first, as Python's getfqdn picks it. */
function fullName(hosts: string, node: string): string {
  const found = hosts.trim().split(/\s+/).slice(1);
  return found.find(name => name.includes('.')) ?? found[0] ?? node;
}

function platformFacts(raw: Raw): Facts {
  const node = line(raw, '/proc/sys/kernel/hostname') ?? '';
  const fqdn = fullName(raw.sections.get('fqdn') ?? '', node);
  const [machine = '', bits = '64'] = (raw.sections.get('machine') ?? '').trim().split(/\s+/);
  const id = line(raw, '/var/lib/dbus/machine-id') ?? line(raw, '/etc/machine-id');
  return {
    system: line(raw, '/proc/sys/kernel/ostype') ?? 'Linux',
    kernel: line(raw, '/proc/sys/kernel/osrelease') ?? '',
    kernel_version: line(raw, '/proc/sys/kernel/version') ?? '',
    machine,
    ...architecture(machine, bits),
    userspace_bits: bits,
    nodename: node,
    hostname: partAt(node.split('.'), 0),
    fqdn,
    domain: fqdn.split('.').slice(1).join('.'),
    ...(id && { machine_id: id }),
  };
}

// A name server that does not answer must not hold up the run for longer than it would take to notice.
const PLATFORM = `section machine; uname -m; getconf LONG_BIT 2>/dev/null
section fqdn
if command -v getent >/dev/null 2>&1; then
  limit=; command -v timeout >/dev/null 2>&1 && limit='timeout 5'
  read -r node </proc/sys/kernel/hostname
  set -- $($limit getent ahosts "$node" 2>/dev/null)
  [ -n "$1" ] && $limit getent hosts "$1" 2>/dev/null
fi`;

export const platform: Collector = {
  name: 'platform',
  ids: ['system', 'kernel', 'kernel_version', 'machine', 'python_version', 'architecture', 'machine_id'],
  files: [
    '/proc/sys/kernel/hostname',
    '/proc/sys/kernel/ostype',
    '/proc/sys/kernel/osrelease',
    '/proc/sys/kernel/version',
    '/var/lib/dbus/machine-id',
    '/etc/machine-id',
  ],
  script: () => PLATFORM,
  parse: platformFacts,
};

function userFacts(raw: Raw): Facts {
  const [id = '', entry = ''] = (raw.sections.get('user') ?? '').split('\n');
  const number = (pattern: RegExp) => Number(pattern.exec(id)?.[1] ?? 0);
  const uid = number(/\buid=(\d+)/);
  const gid = number(/\bgid=(\d+)/);
  const [name, , , , gecos, dir, shell] = entry.split(':');
  return {
    user_id: name || (/\buid=\d+\(([^)]*)\)/.exec(id)?.[1] ?? String(uid)),
    user_uid: uid,
    user_gid: gid,
    user_gecos: gecos ?? '',
    user_dir: dir ?? '',
    user_shell: shell ?? '',
    real_user_id: uid,
    effective_user_id: uid,
    real_group_id: gid,
    effective_group_id: gid,
  };
}

// The own entry of /etc/passwd by builtins; only users from a directory service need getent.
const USER = `section user
me=$(id); echo "$me"; me=\${me#*\\(}; me=\${me%%\\)*}; entry=
while IFS= read -r l; do case $l in "$me":*) entry=$l; break;; esac; done </etc/passwd
[ -n "$entry" ] || entry=$(getent passwd "$me" 2>/dev/null)
echo "$entry"`;

export const user: Collector = {
  name: 'user',
  ids: [
    'user_id',
    'user_uid',
    'user_gid',
    'user_gecos',
    'user_dir',
    'user_shell',
    'real_user_id',
    'effective_user_id',
    'effective_group_ids',
  ],
  script: () => USER,
  parse: userFacts,
};

const DATE_KEYS = [
  'year',
  'month',
  'weekday',
  'weekday_number',
  'weeknumber',
  'day',
  'hour',
  'minute',
  'second',
  'epoch',
  'tz',
  'tz_offset',
] as const;

/** The name of summer time in a POSIX time zone rule (`CET-1CEST,M3…`); the standard name when there is none. */
function summerName(rule: string, standard: string): string {
  const name = '(?:<[^>]+>|[A-Za-z]{3,})';
  const found = new RegExp(`^${name}[-+0-9:]+(${name})`).exec(rule)?.[1];
  return found ? found.replace(/[<>]/g, '') : standard;
}

function dateFacts(raw: Raw): Facts {
  const [first = '', rule = ''] = (raw.sections.get('date') ?? '').split('\n');
  const fields = first.split('|');
  // Object.fromEntries forgets the names.
  const at = Object.fromEntries(DATE_KEYS.map((key, i) => [key, fields[i] ?? ''])) as Record<
    (typeof DATE_KEYS)[number],
    string
  >;
  const micro = /^\d{9}$/.test(fields[DATE_KEYS.length] ?? '')
    ? partAt(fields, DATE_KEYS.length).slice(0, 6)
    : '000000';
  const utc = new Date(Number(at.epoch) * 1000).toISOString().slice(0, 19);
  const basic = `${at.year}${at.month}${at.day}T${at.hour}${at.minute}${at.second}`;
  const facts: { [key: string]: Json } = {
    ...at,
    epoch_int: at.epoch,
    date: `${at.year}-${at.month}-${at.day}`,
    time: `${at.hour}:${at.minute}:${at.second}`,
    iso8601: `${utc}Z`,
    iso8601_micro: `${utc}.${micro}Z`,
    iso8601_basic: basic + micro,
    iso8601_basic_short: basic,
    tz_dst: summerName(rule, at.tz),
  };
  return { date_time: facts };
}

export const dateTime: Collector = {
  name: 'date_time',
  script: () =>
    `section date; date '+%Y|%m|%A|%w|%W|%d|%H|%M|%S|%s|%Z|%z|%N'; if [ -n "$TZ" ]; then echo "$TZ"; else tail -n 1 /etc/localtime 2>/dev/null; fi`,
  parse: dateFacts,
};

function pythonFacts(raw: Raw): Facts {
  const [path, version] = (raw.sections.get('python') ?? '').trim().split('\n');
  const found = /(?<!\d)(\d+)\.(\d+)\.(\d+)/.exec(version ?? '');
  if (!path || !found) return {};
  const [major = 0, minor = 0, micro = 0] = found.slice(1).map(Number);
  return {
    python_version: found[0],
    python: {
      executable: path,
      type: 'cpython',
      version: { major, minor, micro, releaselevel: 'final', serial: 0 },
      version_info: [major, minor, micro, 'final', 0],
    },
  };
}

export const python: Collector = {
  name: 'python',
  // `-V` answers in a few milliseconds; importing anything would not.
  script: () =>
    'section python; for p in /usr/bin/python3 /usr/libexec/platform-python; do [ -x "$p" ] && { echo "$p"; "$p" -V 2>&1; break; }; done',
  parse: pythonFacts,
};
