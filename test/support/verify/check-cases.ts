import type { Deployment } from '../../../lib/cluster/deployment.ts';
import type { Case } from './green.ts';
import { sampleDeployment } from './sample-deployment.ts';

type Answers = NonNullable<Case['answers']>;
type Rows = Record<string, unknown>[];

/** A text instead of another: one that is not there is a mistake of the test. */
const swap = (from: string | RegExp, to: string) => (old: string) => {
  const changed = old.replace(from, to);
  if (changed === old) throw new Error(`${from} is not in: ${old.slice(0, 400)}`);
  return changed;
};
const all = (from: string, to: string) => (old: string) => old.replaceAll(from, to);
const is = (text: string) => () => text;
const exits =
  (rc: number, text = '') =>
  () =>
    [rc, text] as const;
const add = (text: string) => (old: string) => `${old}\n${text}`;
/** Rows with some columns changed in those that fit. */
const rows =
  (change: object, fits: (row: Rows[number]) => boolean = () => true) =>
  (old: string) =>
    JSON.stringify((JSON.parse(old) as Rows).map(row => (fits(row) ? { ...row, ...change } : row)));
const more = (row: object) => (old: string) => JSON.stringify([...(JSON.parse(old) as Rows), row]);
const without = (fits: (row: Rows[number]) => boolean) => (old: string) =>
  JSON.stringify((JSON.parse(old) as Rows).filter(row => !fits(row)));
const named = (name: string) => (row: Rows[number]) => row['name'] === name;

/** The handshake of a server whose flags, size or answer differ. */
const NO_FLUSH = swap('01 4d', '01 49');
const NO_FUA = swap('01 4d', '01 45');
const READONLY = swap('01 4d', '01 4f');
const PRIVATE = swap('01 4d', '00 4d');
const LISTED =
  '= \n4e 42 44 4d 41 47 49 43 49 48 41 56 45 4f 50 54 00 03 00 03 e8 89 04 55 65 a9 00 00 00 03 00 00 00 02 00 00 00 0b 00 00 00 07 65 78 70 6f 72 74 31';

const polar = () => sampleDeployment('hosts');
const polar11 = () => ({ ...polar(), version: '11' });
const changed = (change: (green: Deployment) => Partial<Deployment>) => (green: Deployment) => ({
  ...green,
  ...change(green),
});

/** How a case is judged. */
export const caseOf = ([, answers, , deployment, lost, clocks]: (typeof CASES)[number]): Case => ({
  answers,
  ...(deployment ? { deployment } : {}),
  ...(lost ? { lost } : {}),
  ...(clocks ? { clocks } : {}),
});

/** A check, what it is answered instead, and what it must say: each assertion has a case that only it can find. */
export const CASES: readonly (readonly [
  id: string,
  answers: Answers,
  says: RegExp,
  deployment?: Case['deployment'],
  lost?: Case['lost'],
  clocks?: Case['clocks'],
])[] = [
  ['host.answers', {}, /^ro1: no route$/, undefined, { ro1: 'no route' }],
  ['database.answers', {}, /^ro1: refused$/, undefined, { ro1: 'refused' }],
  [
    'database.identity',
    { 'ro1 control': rows({ id: '42' }) },
    /^ro1: 42$/,
    changed(({ record }) => ({ record: record && { ...record, systemIdentifier: undefined } })),
  ],
  [
    'host.processes',
    { 'ro1 processes': add('7 T 0 postgres: checkpointer') },
    /^ro1: it is stopped by a signal$/,
  ],
  ['host.processes', { 'ro1 processes': add('7 SN 19 postgres -D x') }, /^ro1: nice 19$/],
  ['host.processes', { 'ro1 oom': add('7 1000') }, /^ro1: 7 has oom_score_adj 1000$/],
  [
    'storage.service',
    { unit: is('') },
    /none runs$/,
    changed(({ storage }) => ({ storage: { ...storage, service: undefined } })),
  ],
  ['storage.service', { unit: swap('ActiveState=active', 'ActiveState=failed') }, /^st1: failed$/],
  ['storage.listening', { sockets: all(':0781 ', ':0999 ') }, /^st1: nothing$/],
  ['storage.listening', { sockets: all('0B014D0A:0781', '00000000:0781') }, /listens on 0\.0\.0\.0$/],
  ['storage.clients', { list: swap('10.77.1.14', '') }, /missing: 10\.77\.1\.14$/],
  ['storage.clients', { list: add('203.0.113.9') }, /also 203\.0\.113\.9$/],
  ['storage.members', { 'ro1 handshake': swap(/= export2[^=]*/, '= export2\n') }, /ro1: export2: no answer/],
  ['storage.strangers', { handshake: is(`= export1\n${GO_OPENED()}`) }, /opened: export1$/],
  ['storage.strangers', { handshake: is(LISTED) }, /listed: export1$/],
  ['storage.promises', { 'rw1 handshake': NO_FLUSH }, /does not offer FLUSH$/],
  ['storage.promises', { 'rw1 handshake': NO_FUA }, /does not offer FUA$/],
  ['storage.promises', { 'rw1 handshake': READONLY }, /: read-only$/],
  ['storage.promises', { 'rw1 handshake': PRIVATE }, /private copy/],
  ['storage.promises', { sizes: swap('67108864', '4096') }, /67108864 bytes$/],
  ['storage.exports', { config: add('[extra]\nexportname = /x') }, /also extra$/],
  ['storage.exports', { config: swap('port = 1921', 'port = 1922') }, /: port 1922$/],
  ['storage.exports', { config: swap('[generic]', '[generic]\nincludedir = /x') }, /also includedir = \/x$/],
  ['storage.exports', { config: swap(/listenaddr = .*/, 'listenaddr = 0.0.0.0') }, /listens on 0\.0\.0\.0$/],
  ['storage.exports', { config: swap('[export3]', '[other]') }, /none of that name$/],
  ['storage.exports', { config: swap('/dev/vdb', '/dev/vdz') }, /export1 is \/dev\/vdz$/],
  ['storage.exports', { config: swap(/authfile = .*/, '') }, /everybody may connect$/],
  ['storage.exports', { config: swap('copyonwrite = false', 'copyonwrite = true') }, /copyonwrite is true$/],
  ['storage.exports', { config: swap('readonly = true', 'readonly = false') }, /^st1: false$/],
  ['storage.exports', { config: swap('sync = true', 'sync = false') }, /^st1: false$/],
  ['storage.exports', { config: swap('allowlist = false', 'allowlist = true') }, /allowlist is true$/],
  ['storage.exports', { config: swap('flush = true', 'prerun = /bin/sh\nflush = true') }, /also prerun$/],
  ['storage.in-force', { times: is('200\n100') }, /changed 100 s after/],
  ['storage.sessions', { peers: all('10.77.1.13:', '10.77.1.99:') }, /connected: 10\.77\.1\.99$/],
  ['storage.sessions', { files: add('/proc/9/fd /srv/disk.diff') }, /works on \/srv\/disk\.diff$/],
  [
    'storage.servers',
    { listeners: add('LISTEN 0 10 0.0.0.0:10809 0.0.0.0:* users:(("nbdkit",pid=9,fd=3))') },
    /listens on 0\.0\.0\.0:10809$/,
  ],
  [
    'storage.backing',
    { stat: swap(/block special file[^\n]*loop1[^\n]*/, 'missing|/dev/vdc||||') },
    /it is missing$/,
  ],
  ['storage.backing', { stat: swap('|7:1|', '|7:0|') }, /same disk as export1$/],
  ['storage.backing', { stat: swap('block special file', 'directory') }, /^st1: directory$/],
  ['storage.backing', { stat: swap('/dev/loop1|0||', '/dev/loop1|0|/mnt|') }, /mounted on \/mnt$/],
  ['storage.backing', { stat: swap('/dev/loop1|0|', '/dev/loop1|1|') }, /read-only on the storage host$/],
  ['storage.backing', { stat: swap('block special file|660', 'regular file|666') }, /mode 666$/],
  ['storage.backing', { stat: swap('block special file|660', 'block special file|666') }, /mode 666$/],
  [
    'storage.backing',
    { stat: swap(/^[^\n]*/, 'regular file|600|9000000000|0|512|0:0|1:2|/srv/x|||1000000|rw') },
    /still needs 8583 MiB of which 1 MiB/,
  ],
  ['storage.record', { record: swap('\nend', '') }, /damaged$/],
  ['storage.record', { record: is('') }, /an empty file$/],
  ['storage.record', { record: swap('cluster=polar', 'cluster=other') }, /the cluster other$/],
  ['storage.record', { record: swap('primary=rw1', 'primary=rw9') }, /the primary is rw9$/],
  ['storage.record', { record: swap('node=ro2 3', 'node=ro2 7') }, /its identity is 7$/],
  ['storage.record', { record: swap('node=ro2', 'node=ro9 9 member\nnode=ro2') }, /also ro9$/],
  ['storage.record', { record: swap('\nend', '\nfenced=ro1\nend') }, /shut out: ro1$/],
  ['storage.record', { record: swap('epoch=1', 'epoch=0') }, /^st1: 0$/],
  ['block.connected', { 'ro1 clients': swap('1921/export1', '1921/export2') }, /ro1: nbd:.*export2$/],
  ['block.connected', { 'ro1 devices': swap('|/dev/loop4|', '||') }, /ro1: \/dev\/nvmeexport1 is missing$/],
  ['block.connected', { 'ro1 mounts': is('') }, /a file of the host itself$/],
  ['block.connected', { 'ro1 devices': swap('|0 0', '|512 0') }, /only a part of nbd:/],
  ['block.connected', { 'ro1 devices': swap('|0 0 1', '|0 0 0') }, /through the page cache of the node/],
  ['block.unused', { 'ro1 used': swap('|||root', '/mnt|||root') }, /mounted on \/mnt$/],
  ['block.unused', { 'ro1 used': swap('|||root', '|/dev/loop1||root') }, /^ro1: swap$/],
  ['block.unused', { 'ro1 used': swap('|||root', '||dm-0|root') }, /held by dm-0$/],
  ['block.unused', { 'ro1 used': swap('root 660', 'root 666') }, /root, mode 666$/],
  ['block.connected', { 'ro1 clients': is('') }, /a file of the host itself$/],
  ['block.size', { 'ro1 sizes': swap('67108864 0', '4096 0') }, /ro1: 4096 bytes$/],
  ['block.size', { 'ro1 sizes': swap('67108864 0', '67108864 1') }, /ro1: read-only$/],
  ['block.reads', { 'ro1 export2': exits(137) }, /ro1: no answer in time$/],
  ['block.reads', { 'ro1 export2': is('dd: error reading') }, /ro1: dd: error reading$/],
  ['block.content', { 'diskAsks ro1 export2': is(`${'0'.repeat(64)}  -`) }, /ro1: other blocks/],
  ['os.sysctl', { 'ro1 boot': swap('vm.swappiness = 1', 'vm.swappiness = 60') }, /60 by .*90-polar\.conf$/],
  ['os.sysctl', { 'ro1 now': swap('net.core.somaxconn = 4096', 'net.core.somaxconn = 128') }, /^ro1: 128$/],
  [
    'os.limits',
    { 'ro1 files': add('/etc/security/limits.d/99.conf:polardb hard nofile 1024') },
    /1024 by .*99\.conf$/,
  ],
  ['os.limits', { 'ro1 container': is('none') }, /^ro1: 20000$/],
  [
    'os.limits',
    { 'ro1 running': swap(/Max core file size {8}unlimited/, 'Max core file size        0') },
    /core files are off$/,
  ],
  ['os.limits', { 'ro1 running': swap(/(Max open files +)\d+/, '$11024') }, /^ro1: 1024$/],
  ['os.writable', { 'ro1 barred': is('/home/polardb/data/log') }, /not \/home\/polardb\/data\/log$/],
  ['os.network', { 'ro1 links': swap(/ (eth0|host0) \d+/, '  ') }, /^ro1: none$/],
  ['os.network', { 'ro1 links': all(' 1500 ', ' 900 ') }, /^ro1: 900$/],
  ['os.network', { 'ro1 links': swap(' 1500 ', ' 1500 netem') }, /a queue netem$/],
  ['os.fstab', { 'ro1 entries': is('/dev/sdz9 on /data') }, /none for \/dev\/sdz9 on \/data$/],
  [
    'os.clock',
    { 'ro1 sync': is('Id=chrony.service\nActiveState=active\nUnitFileState=disabled') },
    /^ro1: none does$/,
  ],
  ['os.locale', { 'ro1 locales': is('C\nPOSIX') }, /ro1: it is not$/],
  ['os.timezone', { 'ro1 zone': is('+0800\n/usr/share/zoneinfo/Asia/Shanghai') }, /^ro1: \+0800$/],
  [
    'os.timezone',
    {},
    /Etc\/UTC$/,
    changed(green => ({ system: { ...green.system, timezone: 'Asia/Shanghai' } })),
  ],
  [
    'os.clock',
    {},
    /^ro1: at least 2\.5 s/,
    undefined,
    undefined,
    // A slow answer says little, and an early or late one is no fault of the clock.
    {
      st1: { least: -0.1, most: 0.1 },
      rw1: { least: -0.2, most: 0.1 },
      ro1: { least: 2.6, most: 3 },
      ro2: { least: -9, most: 9 },
    },
  ],
  ['os.clock', { 'ro1 container': is('none') }, /ro1: none does$/],
  [
    'os.clock',
    { 'ro1 container': is('none'), 'ro1 sync': add('Leap status : Not synchronised') },
    /is not synchronised$/,
  ],
  [
    'os.clock',
    {
      'ro1 container': is('none'),
      'ro1 sync': add('System time     : 0.250000000 seconds slow of NTP time'),
    },
    /^ro1: 0\.25 s$/,
  ],
  ['os.modules', { nbd: is('wanted\nboot') }, /^ro1: it is not$/],
  ['os.modules', { nbd: is('wanted\nloaded') }, /^ro1: none does$/],
  ['os.space', { 'ro1 used': swap(/42% +4% \/var\/log/, '96%    4% /var/log') }, /ro1: 96% used$/],
  ['os.space', { 'ro1 used': swap(/42% +4% \/var\/log/, '42%   99% /var/log') }, /ro1: 99% of the inodes/],
  ['os.space', { 'ro1 shm': is('1048576') }, /ro1: 1 MiB$/],
  [
    'os.mounts',
    { 'ro1 mounts': add('/dev/x /home/polardb/data/log ext4 ro 0 0') },
    /log is mounted read-only$/,
  ],
  ['os.mounts', { 'ro1 mounts': add('none /home/polardb/data tmpfs rw 0 0') }, /in memory \(tmpfs\)$/],
  ['os.mounts', { 'ro1 mounts': add('/dev/x /home/polardb/data ext4 rw 0 0') }, /neither \/etc\/fstab/],
  ['os.users', { 'ro1 user': swap('1002:1002', '1003:1002') }, /ro1: 1003:1002$/],
  ['os.users', { 'ro1 user': swap('/home/polardb', '/home/x') }, /ro1: \/home\/x$/],
  ['os.users', { 'ro1 user': swap('/bin/bash', '/usr/sbin/nologin') }, /ro1: \/usr\/sbin\/nologin$/],
  ['os.users', { 'ro1 expired': is('1') }, /expired on day 1$/],
  ['os.users', { 'ro1 expired': is('\nnologin') }, /a nologin file/],
  ['os.ipc', { 'ro1 uid': is('1002'), 'ro1 now': is('b true') }, /^ro1: yes$/],
  ['os.ipc', { 'ro1 uid': is('1002'), 'ro1 file': is('#RemoveIPC=yes') }, /yes is built in$/],
  [
    'os.ipc',
    { 'ro1 uid': is('1002'), 'ro1 file': is('#RemoveIPC=no\nRemoveIPC=no\nRemoveIPC=on') },
    /^ro1: RemoveIPC=on$/,
  ],
  ['os.names', { 'ro2 hostname': is('ro1') }, /ro2: ro1, as ro1$/],
  ['os.names', { 'ro1 localhost': is('10.1.1.1') }, /ro1: 10\.1\.1\.1$/],
  ['os.names', { 'ro1 hosts': add('10.9.9.9 rw1') }, /ro1: 10\.9\.9\.9 in \/etc\/hosts$/],
  [
    'os.names',
    { 'ro1 addresses': is('st1.example') },
    /ro1: it does not$/,
    changed(({ storage }) => ({ storage: { ...storage, address: 'st1.example' } })),
  ],
  ['os.memory', { 'ro1 memory': swap(/MemAvailable: +\d+/, 'MemAvailable: 5') }, /ro1: 0 %$/],
  [
    'os.memory',
    { 'ro1 memory': swap(/SwapTotal: +\d+ kB\nSwapFree: +\d+/, 'SwapTotal: 100 kB\nSwapFree: 20') },
    /ro1: 80 %$/,
  ],
  [
    'services.active',
    { 'ro1 server': is('') },
    /^ro1: none runs$/,
    changed(({ replicas: [ro1, ...others] }) => ({ replicas: [{ ...ro1!, unit: undefined }, ...others] })),
  ],
  ['services.active', { 'ro1 units': swap(/\n\n.*/s, '') }, /ro1: 1 states$/],
  ['services.active', { 'ro1 units': swap('ActiveState=active', 'ActiveState=failed') }, /ro1: failed$/],
  [
    'services.restarts',
    { 'ro1 units': swap(/NRestarts=0\n(.*\n)(Id=polardb)/, 'NRestarts=3\n$1$2'), 'ro1 uptime': is('0') },
    /restarted 3 times/,
  ],
  ['services.server', { 'ro1 pids': is('1 2') }, /process 2$/],
  ['services.server', { 'ro1 servers': add('9 1 postgres -D /x') }, /^ro1: 2: /],
  ['pfs.daemon', { daemons: is('') }, /^rw1: 0$/, polar],
  ['pfs.daemon', { daemons: is('T\x1fpfsdaemon\x1f-p\x1fnvmeexport1') }, /stopped by a signal$/, polar],
  ['pfs.folders', { missing: is('/run/pfs at boot') }, /missing: \/run\/pfs at boot$/, polar],
  ['pfs.content', { list: is('.pfs-journal .pfs-paxos') }, /it is not listed$/, polar],
  ['pfs.size', { info: is('nchild 1'), size: is('32212254720') }, /^rw1: 1$/, polar],
  ['pfs.death', { list: is('RWID DEATH') }, /DEATH is there$/, polar11],
  ['pfs.death', { list: is('base') }, /it is missing$/, polar11],
  ['pfs.writers', { readonly: is('0') }, /^ro1: written$/, polar],
  ['database.writers', { 'ro1 recovering': is('[{"recovering": false}]') }, /ro1: rw1 and ro1 take writes$/],
  ['database.identity', { 'ro1 control': rows({ id: '42' }) }, /^ro1: 42$/],
  ['database.identity', { 'ro1 control': rows({ timeline: 2 }) }, /^ro1: 2$/],
  ['database.identity', { control: rows({ id: '42' }) }, /^rw1: 42$/],
  ['database.place', { 'ro1 place': rows({ data: '/x' }) }, /ro1: \/x$/],
  ['database.place', { 'ro1 place': rows({ port: '5433' }) }, /ro1: 5433$/],
  ['database.place', { 'ro1 place': rows({ config: '/c' }) }, /ro1: \/c$/],
  ['database.place', { 'ro1 place': rows({ hba: '/h' }) }, /ro1: \/h$/],
  ['database.open', { databases: rows({ allowed: false }) }, /it allows none$/],
  ['database.open', { databases: rows({ most: 0 }) }, /limit is 0$/],
  ['database.open', { databases: rows({ most: -2 }) }, /was interrupted$/],
  ['database.open', { roles: rows({ login: false }) }, /NOLOGIN$/],
  ['database.open', { roles: rows({ super: false }) }, /it is not$/],
  ['database.open', { roles: rows({ replication: false }) }, /it may not$/],
  ['database.open', { roles: rows({ most: 1 }) }, /^rw1: 1$/],
  ['database.open', { roles: rows({ expired: true }) }, /it has expired$/],
  ['database.hostids', { hostid: is('[{"id": "1"}]') }, /^ro1: 1$/, polar],
  ['database.hostids', { hostid: is('[{"id": "1"}]') }, /^rw1: 1, as ro1$/, polar],
  [
    'database.shared',
    { shared: is(SHARED('on', '/a')), 'ro1 shared': is(SHARED('on', '/b')) },
    /^ro1: \/b$/,
    polar,
  ],
  ['database.shared', { shared: is(SHARED('off', '/a')) }, /^ro1: off$/, polar],
  ['database.checksums', { 'ro1 checksums': rows({ value: 'off' }) }, /ro1: off$/],
  ['database.checksums', { 'ro1 failures': rows({ failures: 2 }) }, /ro1: 2 failures$/],
  ['database.indexes', { objects: swap('"indexes" : []', '"indexes" : ["broken"]') }, /broken in postgres$/],
  ['database.indexes', { objects: add('psql: error: no') }, /^rw1: psql: error: no$/],
  ['database.sequences', { objects: swap('"sequences" : []', '"sequences" : ["s"]') }, /s in postgres$/],
  [
    'database.collations',
    { 'ro1 collations': is('[{"name": "a", "recorded": "1", "actual": "2"}]') },
    /^ro1: 2$/,
  ],
  ['database.tablespaces', { spaces: is('[{"name": "s", "place": "/x"}]') }, /s in \/x$/],
  ['database.wraparound', { ages: rows({ members: 900_000_000 }) }, /900000000$/],
  ['database.open', { databases: rows({ allowed: true }, named('template0')) }, /^rw1: it does$/],
  ['database.open', { databases: rows({ most: 1 }, named('postgres')) }, /^rw1: 1$/],
  ['database.wraparound', { ages: rows({ age: 400_000_000 }) }, /400000000$/],
  ['build.same', { 'ro1 hashes': swap(/^\w{12}/, '000000000000') }, /ro1: 000000000000$/],
  ['build.libraries', { 'ro1 preload': is('/x.so') }, /preload: \/x\.so$/],
  ['build.package', { 'ro1 changed': is('??5?????? /usr/bin/x') }, /^ro1: \?\?5/],
  ['build.libraries', { 'ro1 ldd': is('libpq.so.5 => not found') }, /ro1: libpq/],
  ['build.running', { 'ro1 running': swap('postgres', 'postgres (deleted)') }, /\(deleted\)|deleted/],
  ['build.running', { 'ro1 version': rows({ version: '15.1' }) }, /ro1: postgres \(PostgreSQL\) 15\.20/],
  ['build.version', { 'ro1 version': rows({ version: 'PostgreSQL 15.1' }) }, /ro1: PostgreSQL 15\.1$/],
  ['build.version', { version: rows({ version: 'PostgreSQL 14.1' }) }, /rw1: PostgreSQL 14\.1$/],
  [
    'build.version',
    { version: is('[{"version": "PostgreSQL 15.8 on x"}]') },
    /rw1: PostgreSQL 15\.8 on x$/,
    polar,
  ],
  ['build.assertions', { 'ro1 assertions': rows({ value: 'on' }) }, /ro1: on$/],
  ['build.options', { options: is("'--with-openssl'") }, /with-openssl/, polar],
  ['build.options', { options: is("'--with-pfsd' '--enable-cassert'") }, /enable-cassert/, polar],
  ['settings.durable', { 'ro1 settings': rows({ reset: 'off' }, named('fsync')) }, /ro1: off \(default\)$/],
  [
    'settings.pending',
    { 'ro1 files': more({ name: null, setting: null, error: 'syntax error', place: 'f:9' }) },
    /f:9: {2}syntax error$/,
  ],
  [
    'settings.pending',
    { 'ro1 files': rows({ setting: '7' }, named('random_page_cost')) },
    /1\.1 is in force$/,
  ],
  ['settings.pending', { 'ro1 settings': rows({ pending: true }, named('fsync')) }, /waits for a restart$/],
  ['settings.pending', { 'ro1 files': without(named('random_page_cost')) }, /no file says so/],
  [
    'settings.overrides',
    { overrides: is('[{"database": "a", "role": "b", "setting": "fsync=off"}]') },
    /fsync=off for b in a$/,
  ],
  [
    'settings.overrides',
    { overrides: is('[{"database": "a", "role": "polardb", "setting": "role=x"}]') },
    /role=x for polardb in a$/,
  ],
  [
    'settings.overrides',
    { overrides: is('[{"database": "postgres", "role": "every role", "setting": "work_mem=1GB"}]') },
    /work_mem=1GB for every role in postgres$/,
  ],
  [
    'settings.drift',
    { 'ro1 settings': rows({ reset: '7' }, named('random_page_cost')) },
    /ro1: 7 \(.*postgresql\.conf:\d+\)$/,
  ],
  [
    'settings.drift',
    {
      'ro1 settings': more({
        name: 'work_mem',
        reset: '9',
        unit: 'kB',
        vartype: 'integer',
        source: 'configuration file',
        place: 'f:1',
      }),
    },
    /ro1: 9kB \(f:1\)$/,
  ],
  ['settings.drift', { 'ro1 includes': is('polar.sync.conf\n/tmp/x.conf') }, /includes \/tmp\/x\.conf$/],
  ['settings.replicas', { 'ro1 settings': rows({ setting: '5' }, named('max_connections')) }, /ro1: 5$/],
  ['replication.slots', { slots: without(named('replica1')) }, /ro1: there is none$/],
  ['replication.slots', { slots: rows({ type: 'logical' }) }, /ro1: logical$/],
  ['replication.slots', { slots: rows({ reserved: false }) }, /ro1: it holds none$/],
  ['replication.slots', { slots: rows({ status: 'lost' }) }, /ro1: lost$/],
  ['replication.upstream', { 'ro1 receiver': is('[]') }, /ro1: none$/],
  ['replication.upstream', { 'ro1 receiver': rows({ status: 'waiting' }) }, /ro1: waiting$/],
  ['replication.upstream', { 'ro1 receiver': rows({ slot: '' }) }, /ro1: no slot$/],
  ['replication.upstream', { 'ro1 receiver': rows({ host: '10.77.1.14' }) }, /ro2, a replica \(a cascade\)$/],
  ['replication.streaming', { senders: rows({ state: 'catchup' }) }, /ro1: catchup$/],
  ['replication.policy', { 'ro1 names': is('[{"names": "nobody"}]') }, /'nobody', after a promotion$/],
  [
    'replication.policy',
    { 'rw1 names': is('[{"names": "nobody"}]') },
    /^rw1: 'nobody'$/,
    changed(() => ({ unsaid: new Set(['polardb_sync']) })),
  ],
  ['replication.policy', { names: rows({ names: 'ANY 2 (replica1, replica2)' }) }, /ANY 2/],
  ['replication.sync', { senders: rows({ sync: 'async' }) }, /ro1: async$/],
  [
    'replication.strays',
    { 'ro1 slots': more({ name: 'old', temporary: false, active: false }) },
    /ro1: old$/,
  ],
  ['replication.replay', { 'ro1 replay': rows({ paused: true }) }, /it is paused$/],
  ['replication.replay', { 'ro1 replay': rows({ delay: '60000' }) }, /delay is 60000 ms$/],
  ['replication.lag', { senders: rows({ behind: 2 ** 21 }) }, /ro1: 2097152 bytes$/],
  [
    'security.hba',
    { 'ro1 rules': rows({ method: 'trust' }, row => row['line'] === 4) },
    /line 4: local all all trust$/,
  ],
  ['security.roles', { roles: more({ name: 'x', super: true, reaches: [], kept: 'scram' }) }, /^rw1: it is$/],
  [
    'security.roles',
    { roles: more({ name: 'x', replication: true, reaches: [], kept: 'scram' }) },
    /^rw1: it may$/,
  ],
  [
    'security.roles',
    { roles: more({ name: 'x', bypass: true, reaches: [], kept: 'scram' }) },
    /^rw1: it does$/,
  ],
  [
    'security.roles',
    { roles: more({ name: 'x', reaches: ['pg_read_server_files'], kept: 'scram' }) },
    /pg_read_server_files$/,
  ],
  ['security.roles', { roles: more({ name: 'x', login: true, reaches: [], kept: 'md5' }) }, /^rw1: md5$/],
  ['security.roles', { roles: rows({ kept: 'none' }) }, /it has none$/],
  ['security.files', { 'ro1 stat': swap(/.*\.pgpass.*\n/, '') }, /it is missing$/],
  [
    'security.files',
    { 'ro1 stat': swap('/home/polardb/data|polardb', '/home/polardb/data|nobody') },
    /ro1: nobody$/,
  ],
  [
    'security.files',
    { 'ro1 stat': swap('/home/polardb/data|polardb|700', '/home/polardb/data|polardb|755') },
    /mode 755$/,
  ],
  [
    'security.files',
    { 'ro1 stat': swap('polar-guard|root|755', 'polar-guard|root|644') },
    /644, which nobody may run$/,
  ],
  [
    'security.files',
    { 'ro1 strangers': is('/home/polardb/data/pg_wal') },
    /ro1: \/home\/polardb\/data\/pg_wal$/,
  ],
  ['security.files', { 'ro1 loose': is('../lib/plpgsql.so') }, /^ro1: .*: \.\.\/lib\/plpgsql\.so$/],
  ['build.libraries', { 'ro1 environment': is('LD_PRELOAD=/x.so') }, /^ro1: LD_PRELOAD/],
  ['host.processes', { 'ro1 idle': is('42') }, /^ro1: 42$/],
  ['host.processes', { 'ro1 frozen': is('Id=polardb.service\nFreezerState=frozen') }, /^ro1: it is frozen$/],
  ['boot.units', { 'ro1 ssh': is('ActiveState=active\nUnitFileState=disabled') }, /^ro1: it runs, and/],
  ['boot.rivals', { 'ro1 services': is('x.service: pg_ctl start') }, /^ro1: x\.service: pg_ctl start$/],
  ['boot.cleanup', { 'ro1 lines': is('d /home/polardb - - - 10d') }, /^ro1: d \/home/],
  ['security.files', { 'ro1 tmp': swap(/^1777/, '777') }, /ro1: 777$/],
  ['security.files', { 'ro1 tmp': swap('666', '600') }, /^ro1: 1777, 1777, 600$/],
  ['security.accounts', { 'ro1 keys': is('1') }, /1 keys in its/],
  [
    'security.roles',
    { roles: more({ name: 'x', makes: true, makes_all: true, reaches: [], kept: 'scram' }) },
    /CREATEROLE$/,
  ],
  [
    'security.hba',
    { 'ro1 rules': old => JSON.stringify((JSON.parse(old) as Rows).reverse()) },
    /^ro1: line \d+: host/,
  ],
  [
    'security.hba',
    { 'ro1 rules': rows({ options: ['map=all'] }, row => row['method'] === 'peer') },
    /map=all$/,
  ],
  ['security.loaded', { 'ro1 loaded': rows({ later: 5 }) }, /changed 5 s after/],
  ['security.accounts', { 'ro1 roots': add('toor') }, /ro1: toor$/],
  ['security.accounts', { 'ro1 empty': is('guest') }, /ro1: guest$/],
  ['security.accounts', { 'ro1 groups': is('polardb disk') }, /ro1: disk$/],
  ['security.accounts', { 'ro1 sudo': is('polardb ALL=(ALL) ALL') }, /ro1: polardb ALL/],
  ['boot.units', { 'ro1 units': swap('UnitFileState=enabled', 'UnitFileState=disabled') }, /ro1: disabled$/],
  ['boot.units', { 'ro1 units': swap('NeedDaemonReload=no', 'NeedDaemonReload=yes') }, /has changed since$/],
  ['boot.units', { 'ro1 units': swap('DropInPaths=', 'DropInPaths=/etc/x.conf') }, /ro1: \/etc\/x\.conf$/],
  ['boot.units', { 'ro1 units': swap('/etc/systemd/system/', '/run/systemd/system/') }, /gone after a boot$/],
  ['boot.units', { 'ro1 target': is('rescue.target') }, /rescue\.target$/],
  ['boot.files', { 'ro1 /etc/polar/guard.env': exits(1) }, /it is missing$/],
  [
    'boot.files',
    { 'ro1 /etc/polar/guard.env': swap('HOSTID=2', 'HOSTID=9') },
    /is "HOSTID=9" where the roles write "HOSTID=2"$/,
  ],
  ['boot.signals', { 'ro1 signals': is('') }, /start as a writer$/],
  ['boot.signals', { 'ro1 signals': is('standby.signal\nrecovery.conf') }, /ro1: recovery\.conf$/],
  ['boot.guard', { 'ro1 seen': is('9 rw1') }, /epoch 1, primary rw1$/],
  ['boot.guard', { 'ro1 let': is('# ro1 may run as primary') }, /ro1: primary$/],
  ['boot.rivals', { 'ro1 enabled': is('postgresql@15-main.service') }, /postgresql@15-main\.service$/],
  ['boot.rivals', { 'ro1 jobs': is('/etc/crontab:@reboot root pg_ctl start') }, /@reboot/],
  ['boot.rivals', { 'ro1 timers': is('night.timer: systemctl restart polardb') }, /night\.timer/],
  [
    'boot.programs',
    { missing: is('/usr/bin/nbd-server is missing') },
    /^st1: \/usr\/bin\/nbd-server is missing$/,
  ],
  ['boot.data', { 'ro1 version': is('14') }, /^ro1: 14$/],
  ['boot.data', { 'ro1 missing': is('pg_notify') }, /missing: pg_notify$/],
  ['boot.switchover', { 'ro1 logins': swap('rw1 ok', 'rw1 FATAL: no entry') }, /ro1: FATAL: no entry$/],
  [
    'backup.fresh',
    { manifest: is('"x" is present but has size 1'), backups: is('100 7300 whole b1') },
    /"x" is present/,
  ],
  ['backup.fresh', { installed: is('yes') }, /none in/],
  ['backup.fresh', { backups: is('100 7300 incomplete b1') }, /b1 is incomplete$/],
  ['backup.fresh', { backups: is('0 3600000 whole b1') }, /b1 is 1000 hours old$/],
  ['backup.fresh', { backups: is('100 200 whole b1'), place: is('/dev/nvmeexport1 rw') }, /nvmeexport1$/],
  ['backup.fresh', { backups: is('100 200 whole b1'), place: is('/dev/sda ro') }, /read-only$/],
  ['backup.fresh', { backups: is('100 200 whole b1'), owner: is('755') }, /mode 755$/],
  ['health.log', { 'ro1 alarms': is('PANIC: x') }, /PANIC: x$/],
  ['health.connections', { 'ro1 used': rows({ used: 999 }) }, /ro1: 999$/],
  ['health.transactions', { old: is('[{"what": "pid 7"}]') }, /pid 7$/],
  ['health.archive', { archive: rows({ mode: 'on', failing: true, wal: '0001' }) }, /0001 could not be$/],
  ['health.timers', { 'ro1 timers': is('polar-x.timer disabled inactive success') }, /disabled, inactive$/],
  ['health.timers', { 'ro1 timers': is('polar-x.timer enabled active exit-code') }, /exit-code$/],
  [
    'health.endpoint',
    { installed: is(LOADED('enabled')), codes: is('primary 200\nreplica 503\nhealth 200') },
    /ro1: primary 200/,
  ],
  ['health.endpoint', { installed: is(LOADED('disabled')) }, /^ro1: disabled$/],
  ['backup.fresh', { backups: is('100 200 whole b1'), kind: is('tmpfs') }, /in memory \(tmpfs\)$/],
  ['backup.tried', { untried: is('/var/backups/polar/b1') }, /b1 was not$/],
  ['backup.tried', { changed: is('local/base/1/1: FAILED\nlocal/x: FAILED') }, /1: FAILED, local/],
  ['boot.units', { 'ro1 units': add('ConflictedBy=x.service') }, /^ro1: Conflicts= of x\.service$/],
  [
    'boot.firewall',
    { 'ro1 units': is(`Id=x.service\n${LOADED('enabled')}\nActiveState=inactive`) },
    /^ro1: x\.service$/,
  ],
  ['boot.rivals', { 'ro1 scripts': is('/root/x.sh:pg_ctl stop') }, /^ro1: \/root\/x\.sh:pg_ctl stop$/],
  ['boot.rivals', { 'ro1 reboots': is('/etc/crontab:0 4 * * 0 root reboot') }, /root reboot$/],
  ['boot.programs', { 'ro1 shadows': is('/usr/local/bin/psql') }, /^ro1: \/usr\/local\/bin\/psql$/],
  ['block.unused', { 'ro1 fstab': is('/dev/nvmeexport1 /mnt ext4') }, /^ro1: \/dev\/nvmeexport1 \/mnt/],
  ['block.unused', { 'ro1 rules': is('/etc/udev/rules.d/9.rules:NAME') }, /^ro1: \/etc\/udev/],
  ['storage.backing', { signs: is('/dev/vdb: gfs2\n/dev/vdc: LVM2_member') }, /: .*vdc: LVM2_member$/],
  ['storage.in-force', { file: is('/root/x.conf') }, /with \/root\/x\.conf$/],
  ['build.libraries', { 'ro1 places': is('/opt/lib/libpq.so.5') }, /^ro1: \/opt\/lib\/libpq/],
  ['host.processes', { 'ro1 processors': is('0\n0-1') }, /^ro1: only 0$/],
  ['security.accounts', { 'ro1 password': is('yes') }, /^ro1: it has one$/],
  ['security.files', { 'ro1 setuid': is('/tmp/sh') }, /^ro1: \/tmp\/sh$/],
  [
    'security.public',
    { objects: swap('"open" : []', '"open" : ["EXECUTE on x"]') },
    /EXECUTE on x in postgres$/,
  ],
  ['database.autovacuum', { objects: swap('"unvacuumed" : []', '"unvacuumed" : ["t"]') }, /: t in postgres$/],
  ['database.open', { roles: rows({ expired: false, ends: '2026-12-24' }) }, /expires on 2026-12-24$/],
];

/** The answer of a server that opens an export of 64 MiB. */
function GO_OPENED(): string {
  return '4e 42 44 4d 41 47 49 43 49 48 41 56 45 4f 50 54 00 03 00 03 e8 89 04 55 65 a9 00 00 00 07 00 00 00 03 00 00 00 0c 00 00 00 00 00 00 04 00 00 00 01 4d 00 03 e8 89 04 55 65 a9 00 00 00 07 00 00 00 01 00 00 00 00';
}

/** A unit file, as systemd shows it. */
function LOADED(state: string): string {
  return `LoadState=loaded\nUnitFileState=${state}`;
}

function SHARED(mode: string, datadir: string): string {
  const row = {
    polar_enable_shared_storage_mode: mode,
    polar_datadir: datadir,
    polar_disk_name: 'd',
    polar_storage_cluster_name: 'c',
  };
  return JSON.stringify([row]);
}
