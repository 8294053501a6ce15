import { isIP } from 'node:net';
import { type Deployment, nodesOf } from '../../lib/cluster/deployment.ts';
import { shellWord } from '../../lib/transport/index.ts';
import type { Bounds, Check, Place, Sight } from '../check.ts';

const USED_AT_MOST = 95;
const SHM_FREE = 64 * 2 ** 20;
const SHM_FREE_PFS = 512 * 2 ** 20;
/** By so much a clock may differ from what keeps it right. */
const OFF_AT_MOST_S = 0.1;
/** The clocks of two hosts may differ by so much. */
const CLOCKS_APART_S = 2;

/** The login manager leaves users up to this id alone. */
const LAST_SYSTEM_USER = 999;

/** Kernel settings of which each container has its own; others belong to the machine below. */
const OF_A_CONTAINER = /^net\./;

/** Places that must have room and be writable. */
function placesOf({ deployment, node }: Place): readonly string[] {
  const { storage } = deployment;
  const own = node
    ? [node.data, `${node.data}/log`, `${node.data}/pg_wal`, node.home, node.sql.socketDir]
    : [
        ...storage.exports.map(disk => disk.backing).filter(path => !path.startsWith('/dev/')),
        deployment.recordFile,
      ];
  return ['/', '/run', '/tmp', '/var/log', '/etc', ...own];
}

/** Places whose content must be there after a boot. */
const lasting = ({ node }: Place, path: string) =>
  node ? path.startsWith(node.data) || path === node.home : !['/', '/run', '/tmp', '/etc'].includes(path);

const contained = (at: Pick<Sight, 'out'>) => !['none', ''].includes(at.out('container').trim());

const container = { container: 'systemd-detect-virt -c; :' };

/** What the server writes to, below its data directory. */
const DATA_PLACES = [
  '',
  '/base',
  '/global',
  '/pg_wal',
  '/log',
  '/postgresql.conf',
  '/postgresql.auto.conf',
  '/pg_hba.conf',
];

/** Names what is there and cannot be written by whom it runs as: asked of the kernel, which knows attributes as well. */
const cannotWrite = (paths: readonly string[]) =>
  `for p in ${paths.map(shellWord).join(' ')}; do [ ! -e "$p" ] || [ -w "$p" ] || echo "$p"; done`;

const UNSAID = (name: string) =>
  `somebody else set this cluster up, and the inventory does not say what to expect (${name})`;

/** The operating system of every host, as the database needs it. */
export const osChecks: readonly Check[] = [
  {
    id: 'os.sysctl',
    title: 'the kernel settings are those of the inventory, now and after a boot',
    proves:
      'The running kernel has the values of common_sysctl, and no later file below sysctl.d changes them at the next boot. In a container only what belongs to it is asked of the kernel.',
    expects: 'the values of common_sysctl',
    todo: 'Run site.yml; remove the line of the file that sets another value, or put your value into common_sysctl.',
    severity: 'warning',
    on: 'all',
    asks: ({ deployment }) => ({
      ...container,
      now: `sysctl ${[...deployment.system.sysctl.keys()].map(shellWord).join(' ')} 2>/dev/null; :`,
      boot: 'for f in $(ls /etc/sysctl.d/*.conf /run/sysctl.d/*.conf /usr/lib/sysctl.d/*.conf 2>/dev/null | awk -F/ \'{ print $NF, $0 }\' | sort -s -k 1,1 | cut -d " " -f 2) /etc/sysctl.conf; do [ ! -f "$f" ] || sed "s|^|$f:|" "$f"; done',
    }),
    judge: at => {
      if (at.deployment.unsaid.has('common_sysctl')) return at.skip(UNSAID('common_sysctl'));
      const inContainer = contained(at);
      const now = keyed(at.out('now').split('\n'));
      const boot = new Map<string, { value: string; file: string }>();
      for (const line of at.out('boot').split('\n')) {
        const [, file = '', key = '', value = ''] =
          /^([^:]+):\s*-?([a-z][^#;=\s]*)\s*=\s*(.*)$/.exec(line.trim()) ?? [];
        if (key !== '') boot.set(key.replaceAll('/', '.'), { value: value.replace(/\s+/g, ' '), file });
      }
      for (const [name, wanted] of at.deployment.system.sysctl) {
        const next = boot.get(name);
        at.check(
          next?.value === wanted,
          `${name} = ${wanted} at the next boot`,
          next ? `${next.value} by ${next.file}` : 'no file sets it',
        );
        if (inContainer && !OF_A_CONTAINER.test(name)) continue;
        at.check(now.get(name) === wanted, `${name} = ${wanted}`, now.get(name) || 'not known to the kernel');
      }
    },
  },
  {
    id: 'os.limits',
    title: 'the limits of the database user are those of the inventory, and its server has them',
    proves:
      'A login of the database user gets common_limits, no other file lowers them, and the running server may open as many files as polardb_limit_nofile says.',
    expects: 'the limits of the inventory',
    todo: 'Run site.yml; a running server takes new limits at its next start (rolling_restart.yml).',
    severity: 'warning',
    on: 'nodes',
    asks: ({ node }) => ({
      ...container,
      files:
        'for f in /etc/security/limits.conf $(ls /etc/security/limits.d/*.conf 2>/dev/null | sort); do [ ! -f "$f" ] || sed "s|^|$f:|" "$f"; done',
      most: "sed -n 's/^Max open files *[^ ]* *\\([^ ]*\\).*/\\1/p' /proc/1/limits",
      running: `pid=$(head -n 1 ${shellWord(`${node?.data}/postmaster.pid`)} 2>/dev/null) && cat "/proc/$pid/limits"; :`,
    }),
    judge: at => {
      const user = at.node?.sql.osUser ?? '';
      const limits = new Map<string, { value: string; file: string }>();
      for (const line of at.out('files').split('\n')) {
        const [, file = '', who, type = '', item = '', value = ''] =
          /^([^:]+):\s*([^#\s]+)\s+(\S+)\s+(\S+)\s+(\S+)/.exec(line) ?? [];
        if (who !== user) continue;
        for (const kind of type === '-' ? ['soft', 'hard'] : [type])
          limits.set(`${kind} ${item}`, { value, file });
      }
      for (const [item, wanted] of at.deployment.system.limits) {
        for (const kind of ['soft', 'hard']) {
          const found = limits.get(`${kind} ${item}`);
          at.check(
            found?.value === wanted,
            `${user} ${kind} ${item} ${wanted}`,
            found ? `${found.value} by ${found.file}` : 'no file sets it',
          );
        }
      }
      const open = /^Max open files\s+(\S+)/m.exec(at.out('running'))?.[1];
      // A container cannot go beyond what it was given.
      const { nofile } = at.deployment.system;
      const wanted = contained(at) ? Math.min(nofile, Number(at.out('most')) || nofile) : nofile;
      at.check(
        open === undefined || open === 'unlimited' || Number(open) >= wanted,
        `the server may open ${wanted} files`,
        open ?? '',
      );
      const core = /^Max core file size\s+(\S+)/m.exec(at.out('running'))?.[1];
      const wantsCore = !at.deployment.unsaid.has('common_limits');
      at.check(
        core === undefined || core !== '0' || !wantsCore,
        'the server may write a core file',
        'core files are off',
      );
    },
  },
  {
    id: 'os.locale',
    title: 'the locale of the database exists',
    proves: 'polardb_locale can be used: a server that does not find its locale does not start.',
    expects: 'the locale is installed',
    todo: 'Add it to common_locales and run site.yml.',
    severity: 'fault',
    on: 'nodes',
    skip: ({ unsaid }) => (unsaid.has('polardb_locale') ? UNSAID('polardb_locale') : undefined),
    asks: { locales: 'locale -a' },
    judge: at => {
      const same = (name: string) => name.toLowerCase().replaceAll('-', '');
      const { locale } = at.deployment.system;
      const known = at.out('locales').split('\n').map(same);
      at.check(known.includes(same(locale)), `${locale} is installed`, 'it is not');
    },
  },
  {
    id: 'os.timezone',
    title: 'the hosts are in the time zone of the inventory',
    proves: 'Times in logs of different hosts can be compared.',
    expects: 'common_timezone, or the same zone on all hosts',
    todo: 'Set common_timezone and run site.yml.',
    severity: 'warning',
    on: 'all',
    asks: { zone: 'date +%z; readlink -f /etc/localtime' },
    across: all => {
      const wanted = all.deployment.system.timezone;
      const zones = new Map(all.hosts.map(at => [at.host, at.out('zone').split('\n')]));
      if (wanted === '')
        return all.same('UTC offset', new Map([...zones].map(([host, [offset = '']]) => [host, offset])));
      for (const [host, [, file = '']] of zones) all.check(host, file.endsWith(`/${wanted}`), wanted, file);
    },
  },
  {
    id: 'os.clock',
    title: 'the clocks of the hosts agree, and something keeps them right',
    proves:
      'No clock is more than 2 s from the others (for certain: how long each answer took is taken into account), and chrony runs, starts at boot, is synchronised and less than 0.1 s off; in a container the clock belongs to the machine below.',
    expects: 'one time everywhere; chrony active',
    todo: 'See `chronyc tracking` and `chronyc sources`. Let the clock be slewed; do not set it back by hand while the database runs.',
    severity: 'warning',
    on: 'all',
    asks: {
      ...container,
      sync: 'systemctl show -p Id,ActiveState,UnitFileState chrony chronyd systemd-timesyncd ntp ntpd ntpsec; chronyc -n tracking 2>/dev/null; :',
    },
    across: all => {
      const middle = middleOf(all.hosts.flatMap(({ clock }) => (clock ? [clock] : [])));
      for (const at of all.hosts) {
        const off = at.clock ? apart(at.clock, middle) : 0;
        all.check(
          at.host,
          off <= CLOCKS_APART_S,
          'the time of the other hosts',
          `at least ${off.toFixed(1)} s from the middle of the others`,
        );
        if (!all.deployment.system.timeService) continue;
        const sync = at.out('sync');
        all.check(
          at.host,
          /UnitFileState=enabled(?!-)/.test(sync) || (contained(at) && !all.deployment.guarded),
          'a time service that starts at boot',
          'none does',
        );
        if (contained(at)) continue;
        all.check(
          at.host,
          /ActiveState=active\nUnitFileState=enabled/.test(sync),
          'a time service that runs',
          'none does',
        );
        all.check(
          at.host,
          !/Leap status\s*:\s*Not synchronised/.test(sync),
          'a synchronised clock',
          'chrony is not synchronised',
        );
        const offset = Number(/System time\s*:\s*([\d.]+) seconds/.exec(sync)?.[1] ?? 0);
        all.check(
          at.host,
          offset < OFF_AT_MOST_S,
          `less than ${OFF_AT_MOST_S} s from its source`,
          `${offset} s`,
        );
      }
    },
  },
  {
    id: 'os.modules',
    title: 'the kernel module for the disks is loaded, now and at the next boot',
    proves: 'Where the disks are attached by the kernel, its nbd module is there after a reboot as well.',
    expects: 'nbd is loaded and in modules-load.d',
    todo: 'Run site.yml; after an update of the kernel install its module package.',
    severity: 'fault',
    on: 'nodes',
    asks: place => ({
      nbd: `for d in ${place.deployment.storage.exports.map(disk => shellWord(disk.device)).join(' ')}; do case $(readlink -f "$d") in /dev/nbd*) echo wanted ;; esac; done; grep -qs -- "nbd-client" /usr/local/sbin/polar-nbd && echo wanted; [ -d /sys/module/nbd ] && echo loaded; grep -lsx nbd /etc/modules-load.d/*.conf >/dev/null && echo boot; grep -qsE '^[^#]*modprobe +nbd' /etc/rc.local && echo boot; :`,
    }),
    judge: at => {
      const said = at.out('nbd').split('\n');
      if (!said.includes('wanted')) return at.skip('the disks are attached without the kernel module');
      at.check(said.includes('loaded'), 'nbd is loaded', 'it is not');
      at.check(said.includes('boot'), 'a file in modules-load.d names nbd', 'none does');
    },
  },
  {
    id: 'os.space',
    title: 'there is room where the database and the logs write',
    proves: `No file system in use is ${USED_AT_MOST} % full, by bytes or by files, and shared memory has room.`,
    expects: `less than ${USED_AT_MOST} % used`,
    todo: 'Free room or enlarge the file system. Never remove files below pg_wal: drop the replication slot that keeps them (replication.slots) instead.',
    severity: 'fault',
    on: 'all',
    asks: place => ({
      used: `df --output=pcent,ipcent,file ${placesOf(place).map(shellWord).join(' ')} 2>/dev/null; :`,
      shm: "df -B1 --output=avail /dev/shm | tail -n 1 | tr -d ' '",
    }),
    judge: at => {
      for (const line of at.out('used').split('\n').slice(1)) {
        const [bytes = '', files = '', path = ''] = line.trim().split(/\s+/);
        at.check(!(Number.parseInt(bytes, 10) >= USED_AT_MOST), `room below ${path}`, `${bytes} used`);
        at.check(
          !(Number.parseInt(files, 10) >= USED_AT_MOST),
          `room for files below ${path}`,
          `${files} of the inodes used`,
        );
      }
      const wanted = at.deployment.pfs && at.node ? SHM_FREE_PFS : SHM_FREE;
      const free = Number(at.out('shm'));
      at.check(
        free >= wanted,
        `${wanted / 2 ** 20} MiB free in /dev/shm`,
        `${Math.round(free / 2 ** 20)} MiB`,
      );
    },
  },
  {
    id: 'os.mounts',
    title: 'what the database writes to is writable, and there again after a boot',
    proves:
      'The file systems of the data directory, the logs and the run folders are mounted read-write; the data directory is not in memory, and if it is a file system of its own, /etc/fstab or a unit mounts it.',
    expects: 'read-write, on a disk, mounted at boot',
    todo: 'A file system that the kernel made read-only has errors: look at the kernel log before you remount it. Enter the mount into /etc/fstab.',
    severity: 'fault',
    on: 'all',
    asks: place => ({
      paths: `readlink -m ${placesOf(place).map(shellWord).join(' ')}`,
      mounts: 'cat /proc/mounts',
      // By a pattern: of all unit files systemd would look up the state first, for seconds.
      boot: `cat /etc/fstab 2>/dev/null; systemctl list-unit-files '*.mount' --state=enabled,static,generated --no-legend 2>/dev/null | cut -d ' ' -f 1; :`,
    }),
    judge: at => {
      const mounts = at
        .out('mounts')
        .split('\n')
        .map(line => line.split(' '));
      const boot = at.out('boot').split('\n');
      const real = at.out('paths').split('\n');
      placesOf(at).forEach((path, i) => {
        // Of several mounts on one place the last one counts.
        const [, target = '/', type = '', options = 'rw'] = mounts
          .filter(([, on = '']) => on === '/' || real[i] === on || real[i]?.startsWith(`${on}/`))
          .reduce((best, mount) => (mount[1]!.length >= best[1]!.length ? mount : best), ['', '']);
        at.check(options.split(',').includes('rw'), `${path} is writable`, `${target} is mounted read-only`);
        if (!lasting(at, path)) return;
        at.check(
          !['tmpfs', 'ramfs'].includes(type),
          `${path} is on a disk`,
          `${target} is in memory (${type})`,
        );
        const unit = `${target.slice(1).replaceAll('-', '\\x2d').replaceAll('/', '-')}.mount`;
        at.check(
          target === '/' || boot.includes(unit) || boot.some(entry => entry.split(/\s+/)[1] === target),
          `${target} is mounted at boot`,
          'neither /etc/fstab nor a unit mounts it',
        );
      });
    },
  },
  {
    id: 'os.writable',
    title: 'who has to write can write',
    proves:
      'The database user can write to the data directory, its folders, its settings and its logs, and root to the role record, the list of clients and the configuration of the NBD server: an attribute (chattr +i), a mode or a quota shows only when something must be written, such as at a switchover.',
    expects: 'every folder and file can be written by its user',
    todo: '`lsattr`, `ls -ld` and `findmnt -T` on the path say what forbids it.',
    severity: 'fault',
    on: 'all',
    needs: ['os.mounts'],
    asks: place => ({
      barred: place.node
        ? `cd / && runuser -u ${shellWord(place.node.sql.osUser)} -- sh -c ${shellWord(cannotWrite(DATA_PLACES.map(name => `${place.node!.data}${name}`)))}`
        : cannotWrite([
            ...(place.deployment.guarded
              ? [
                  place.deployment.recordFile,
                  place.deployment.recordFile.replace(/\/[^/]*$/, ''),
                  place.deployment.storage.configFile,
                  ...(place.deployment.storage.authFile ? [place.deployment.storage.authFile] : []),
                ]
              : []),
            ...place.deployment.storage.exports.map(disk => disk.backing),
          ]),
    }),
    judge: at => {
      const barred = at.out('barred').split('\n').filter(Boolean);
      at.check(barred.length === 0, 'everything can be written', `not ${barred.join(', ')}`);
    },
  },
  {
    id: 'os.network',
    title: 'the network between the hosts is whole',
    proves:
      'The interfaces that lead to the other hosts have one and the same MTU, none delays or drops packets on purpose (a netem or tbf left from a trial), and no route is a dead end.',
    expects: 'one MTU, no netem, a route to each host',
    todo: '`ip link`, `tc qdisc show` and `ip route get ADDRESS` on the host. Packets larger than the smallest MTU on the way vanish: connections open and then hang.',
    severity: 'warning',
    on: 'all',
    asks: ({ deployment, host }) => ({
      links: `for a in ${[deployment.storage, ...nodesOf(deployment)]
        .filter(peer => peer.host !== host)
        .map(peer => shellWord(peer.address))
        .join(
          ' ',
        )}; do d=$(ip -o route get "$a" 2>/dev/null | awk '{ for (i = 1; i < NF; i++) if ($i == "dev") print $(i + 1) }'); echo "$a $d $(cat "/sys/class/net/$d/mtu" 2>/dev/null) $(tc qdisc show dev "$d" 2>/dev/null | grep -oE 'netem|tbf' | head -n 1)"; done; :`,
    }),
    across: all => {
      const sizes = new Map<string, string>();
      for (const at of all.hosts) {
        for (const line of at.out('links').split('\n').filter(Boolean)) {
          const [address = '', device = '', mtu = '', shaped = ''] = line.split(' ');
          // A host whose names do not resolve has that as a finding of its own.
          if (isIP(address) === 0) continue;
          all.check(at.host, device !== '', `a route to ${address}`, 'none');
          all.check(at.host, shaped === '', `nothing slows ${device} down`, `a queue ${shaped}`);
          // Between guests of one machine the loopback may lead there.
          if (device !== '' && device !== 'lo') sizes.set(at.host, mtu);
        }
      }
      if (sizes.size > 0) all.same('the MTU', sizes);
    },
  },
  {
    id: 'os.fstab',
    title: 'the next boot finds what /etc/fstab names',
    proves:
      'Every file system that a boot waits for has its device: with one that is missing the machine ends in emergency mode, and nobody can log in to it.',
    expects: 'a device for each entry, or nofail',
    todo: 'Correct the entry, or give it the option nofail. `findmnt --verify` tells more.',
    severity: 'fault',
    on: 'all',
    asks: {
      entries: `sed 's/#.*//' /etc/fstab 2>/dev/null | while read -r source target type options rest; do case ,$options, in *,noauto,* | *,nofail,*) continue ;; esac; case $source in UUID=* | LABEL=* | PARTUUID=* | PARTLABEL=*) d=$(findfs "$source" 2>/dev/null) ;; /dev/*) d=$source ;; *) continue ;; esac; [ -e "$d" ] || echo "$source on $target"; done; :`,
    },
    judge: at => {
      const missing = at.out('entries').split('\n').filter(Boolean);
      at.check(missing.length === 0, 'a device for each entry', `none for ${missing.join(', ')}`);
    },
  },
  {
    id: 'os.users',
    title: 'the database user is the same on all nodes',
    proves:
      'The user exists with one and the same user and group id, its home and a shell everywhere, and is not expired.',
    expects: 'one user id and group id',
    todo: 'Change the ids (usermod -u, groupmod -g) while the database of that node is stopped, and chown its files.',
    severity: 'fault',
    on: 'nodes',
    asks: ({ node }) => ({
      user: `getent passwd ${shellWord(node?.sql.osUser ?? '')}`,
      expired: `getent shadow ${shellWord(node?.sql.osUser ?? '')} | cut -d : -f 8; [ ! -e /etc/nologin ] && [ ! -e /run/nologin ] || echo nologin`,
    }),
    across: all => {
      const users = new Map(all.hosts.map(at => [at.host, at.out('user').split(':')]));
      all.same(
        'user and group id',
        new Map([...users].map(([host, [, , uid, gid]]) => [host, `${uid}:${gid}`])),
      );
      for (const at of all.hosts) {
        const [, , , , , home = '', shell = ''] = users.get(at.host)!;
        all.check(
          at.host,
          home === at.node?.home || all.deployment.unsaid.has('polardb_home'),
          `the home ${at.node?.home}`,
          home,
        );
        all.check(at.host, !/(nologin|false)$/.test(shell), 'a shell', shell);
        const [expires = '', barred] = at.out('expired').split('\n');
        const past = expires !== '' && Number(expires) * 86_400_000 < Date.now();
        all.check(at.host, !past, 'an account that is not expired', `expired on day ${expires}`);
        all.check(at.host, barred !== 'nologin', 'users may log in', 'a nologin file shuts them out');
      }
    },
  },
  {
    id: 'os.ipc',
    title: 'a logout of the database user leaves the shared memory of the server alone',
    proves:
      'The login manager does not remove shared memory and semaphores of the database user when its last session ends (RemoveIPC), now and after its next start: ten seconds after one `su - USER` from a job every new connection would fail (could not open shared memory segment), and a replica that starts just then fall over. Users up to id 999 are never touched.',
    expects: 'RemoveIPC=no, or a system user',
    todo: 'Run site.yml, or write RemoveIPC=no below [Login] into a file of /etc/systemd/logind.conf.d and reload (`systemctl kill -s HUP systemd-logind`, which keeps all sessions).',
    severity: 'fault',
    on: 'nodes',
    asks: ({ node }) => ({
      uid: `id -u ${shellWord(node?.sql.osUser ?? '')}`,
      now: 'systemctl -q is-active systemd-logind && busctl get-property org.freedesktop.login1 /org/freedesktop/login1 org.freedesktop.login1.Manager RemoveIPC; :',
      // Without a line of its own the comment in the main file says what is built in.
      file: "systemd-analyze cat-config systemd/logind.conf 2>/dev/null | grep -E '^#?RemoveIPC='; :",
    }),
    judge: at => {
      if (Number(at.out('uid')) <= LAST_SYSTEM_USER) return;
      at.check(at.out('now').trim() !== 'b true', 'RemoveIPC=no in force', 'yes');
      const lines = at.out('file').split('\n');
      const line = lines.findLast(text => text.startsWith('RemoveIPC=')) ?? lines[0]!;
      at.check(
        !/=\s*(yes|y|true|t|on|1)\s*$/i.test(line),
        'RemoveIPC=no when the login manager starts',
        line.startsWith('#') ? 'no file sets it, and yes is built in' : line,
      );
    },
  },
  {
    id: 'os.names',
    title: 'names of hosts resolve, and to the addresses of the inventory',
    proves:
      'Each host has a name of its own, localhost is the host itself, and where a host knows the name of another it leads to the address of the inventory.',
    expects: 'the addresses of the inventory',
    todo: 'Correct /etc/hosts or the DNS.',
    severity: 'warning',
    on: 'all',
    asks: ({ deployment }) => ({
      hostname: 'uname -n',
      localhost: 'getent ahostsv4 localhost | head -n 1 | cut -d " " -f 1',
      hosts: "sed 's/#.*//' /etc/hosts",
      addresses: `for n in ${namedAddresses(deployment).map(shellWord).join(' ')}; do echo "$n $(timeout 2 getent ahosts "$n" | cut -d ' ' -f 1 | sort -u | tr '\\n' ' ')"; done; :`,
    }),
    across: all => {
      const { storage } = all.deployment;
      const addresses = new Map([
        [storage.host, storage.address],
        ...nodesOf(all.deployment).map(node => [node.host, node.address] as const),
      ]);
      const names = new Map<string, string>();
      for (const at of all.hosts) {
        const name = at.out('hostname');
        all.check(at.host, !names.has(name), 'a name of its own', `${name}, as ${names.get(name)}`);
        names.set(name, at.host);
        all.check(
          at.host,
          at.out('localhost').startsWith('127.'),
          'localhost is 127.0.0.1',
          at.out('localhost'),
        );
        for (const line of at.out('hosts').split('\n')) {
          const [address = '', ...called] = line.trim().split(/\s+/);
          // A host may know itself by 127.0.1.1, and other hosts by addresses of both families.
          for (const node of called.filter(n => n !== at.host && addresses.has(n))) {
            const wanted = addresses.get(node)!;
            const right = isIP(wanted) === 0 || isIP(address) !== isIP(wanted) || address === wanted;
            all.check(at.host, right, `${node} is ${wanted}`, `${address} in /etc/hosts`);
          }
        }
        for (const line of at.out('addresses').split('\n').filter(Boolean)) {
          const [address = '', ...found] = line.trim().split(' ');
          all.check(at.host, found.length > 0, `${address} resolves`, 'it does not');
        }
      }
    },
  },
  {
    id: 'os.memory',
    title: 'no host is short of memory',
    proves: 'Memory is left, and the kernel killed nothing for want of it since the server started.',
    expects: 'at least 5 % of the memory available',
    todo: 'See which process holds it; lower polardb_shared_buffers or the number of connections.',
    severity: 'warning',
    on: 'all',
    asks: { memory: 'cat /proc/meminfo' },
    judge: at => {
      const of = (name: string) =>
        Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(at.out('memory'))?.[1] ?? 0);
      const share = of('MemAvailable') / of('MemTotal');
      at.check(!(share < 0.05), 'at least 5 % available', `${Math.round(share * 100)} %`);
      const swap = of('SwapTotal') === 0 ? 0 : 1 - of('SwapFree') / of('SwapTotal');
      at.check(swap < 0.5, 'less than half of the swap used', `${Math.round(swap * 100)} %`);
    },
  },
];

/** The bounds that half of the clocks agree with, so that one that answered late says little. */
function middleOf(clocks: readonly Bounds[]): Bounds {
  const sorted = (of: keyof Bounds) => clocks.map(clock => clock[of]).sort((a, b) => a - b);
  return {
    least: sorted('least')[Math.floor(clocks.length / 2)] ?? -Infinity,
    most: sorted('most')[Math.floor((clocks.length - 1) / 2)] ?? Infinity,
  };
}

/** How far two clocks are apart at least. */
const apart = (one: Bounds, other: Bounds) => Math.max(0, one.least - other.most, other.least - one.most);

/** Addresses of the inventory that are names. */
const namedAddresses = (deployment: Deployment) =>
  [deployment.storage.address, ...nodesOf(deployment).map(node => node.address)].filter(a => isIP(a) === 0);

function keyed(lines: readonly string[]): ReadonlyMap<string, string> {
  return new Map(
    lines.map(line => {
      const at = line.indexOf('=');
      return [
        line.slice(0, at).trim(),
        line
          .slice(at + 1)
          .trim()
          .replace(/\s+/g, ' '),
      ];
    }),
  );
}
