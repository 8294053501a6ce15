import { type Deployment, nodesOf } from '../../lib/cluster/deployment.ts';
import { parseRecord } from '../../lib/cluster/role-record.ts';
import { shellWord } from '../../lib/transport/index.ts';
import type { Check, Place, Sight, Sights } from '../check.ts';
import { NO_UNITS, parseUnits, showUnits } from '../units.ts';

const unitsOf = ({ deployment: { storage }, node }: Place): readonly string[] =>
  node ? [...node.diskServices, ...node.services] : storage.service === undefined ? [] : [storage.service];

/** Units of the distribution that would take the port, the disks or the data at boot. */
const RIVALS = ['nbd-server.service', 'nbd-client.service', 'postgresql.service', 'pfsd.service'];

/** Services whose rules come into force when they start. */
const FIREWALLS = ['nftables', 'firewalld', 'ufw', 'netfilter-persistent', 'iptables', 'ip6tables'].map(
  name => `${name}.service`,
);

/** Words of commands that work on the database or the disks. */
const SERVER_WORDS = '(polardb|postgres|pg_ctl|polar-nbd|nbd-server|nbd-client|pfsd)';
const VERBS = '(start|stop|restart|kill|reboot|pg_ctl|modprobe|nbd-client)';
const JOBS =
  '/etc/crontab /etc/cron.d/* /etc/cron.*ly/* /var/spool/cron/* /var/spool/cron/crontabs/* /var/spool/cron/atjobs/* /etc/logrotate.d/* /etc/rc.local /etc/rc.d/rc.local';

/** What boot starts, by the links that enabling makes: systemd takes seconds to tell the state of every unit file. */
const wanted = (kind: 'service' | 'timer') =>
  `for l in $(ls -d /etc/systemd/system/*.*s/*.${kind} /run/systemd/system/*.*s/*.${kind} /usr/local/lib/systemd/system/*.*s/*.${kind} 2>/dev/null); do echo "\${l##*/}"; done | sort -u`;

const filesOf = ({ deployment, host }: Place) => [...(deployment.files.get(host)?.keys() ?? [])];

/** Folders that initdb makes and a server expects; PolarDB keeps most of them on the shared disk. */
const FOLDERS = [
  'base',
  'global',
  'pg_wal',
  'pg_notify',
  'pg_serial',
  'pg_snapshots',
  'pg_stat',
  'pg_stat_tmp',
  'pg_subtrans',
  'pg_tblspc',
  'pg_replslot',
];

/** The folder of the logs, where the roles have it: a server that runs makes no new one when it turns its log over. */
const logFolder = ({ guarded }: Deployment, node: Place['node']): readonly string[] =>
  guarded && (node?.settings.get('log_directory') ?? 'log') === 'log' ? ['log'] : [];

/** What the scripts of the roles call, beside what their units name. */
function toolsOf({ deployment, node }: Place): string {
  const own = deployment.guarded ? ['/usr/local/sbin/polar-run-on-change'] : [];
  if (!node)
    return [...own, ...(deployment.guarded ? ['/usr/local/sbin/polar-check-nbd-conf'] : [])].join(' ');
  const server = ['postgres', 'pg_ctl', 'psql'].map(name => shellWord(`${node.bin}/${name}`));
  const scripts = deployment.guarded
    ? ['/usr/local/sbin/polar-guard', '/usr/local/sbin/polar-settings', '/usr/local/sbin/polar-nbd']
    : [];
  const client = '$(grep -oswE "nbdfuse|nbd-client|losetup|fusermount3" /usr/local/sbin/polar-nbd | sort -u)';
  return [...own, ...server, ...scripts, ...(deployment.guarded ? [client] : [])].join(' ');
}

/** What the scripts of the roles and people call by name: one below /usr/local would run instead. */
const CALLED =
  'systemctl systemd-notify runuser setpriv env timeout sh dd stat flock nbdfuse nbdcopy nbdinfo ' +
  'nbd-client nbd-server losetup blockdev modprobe fusermount3 mount umount psql postgres pg_ctl ' +
  'pg_isready pg_basebackup';

/** Signal files and left-overs that decide what a server becomes when it starts. */
const SIGNALS = [
  'standby.signal',
  'replica.signal',
  'recovery.signal',
  'recovery.conf',
  'backup_label',
  'tablespace_map',
];

const unguarded = ({ guarded }: Deployment) =>
  guarded ? undefined : 'somebody else set this cluster up (verify_guard: false)';

/** What would happen at the next boot, and at a switchover, without trying either. */
export const bootChecks: readonly Check[] = [
  {
    id: 'boot.units',
    title: 'every service starts at boot, as systemd knows it and as its file says',
    proves:
      'The units are enabled, systemd has read their files as they are now, no drop-in changes them but those of the roles, no other unit ends them by its start, and the machine boots to a target that starts them, with an SSH server.',
    expects: 'enabled, loaded as written, no foreign drop-in',
    todo: '`systemctl enable UNIT`; `systemctl daemon-reload` after a changed file; remove a drop-in that nobody wants (`systemctl cat UNIT` shows them).',
    severity: 'fault',
    on: 'all',
    asks: place => ({
      units: showUnits(unitsOf(place)),
      target: 'systemctl get-default',
      ssh: 'systemctl show -p LoadState,ActiveState,UnitFileState ssh.service sshd.service ssh.socket sshd.socket',
    }),
    judge: at => {
      if (unitsOf(at).length === 0) return at.skip(NO_UNITS);
      for (const unit of parseUnits(at.out('units'))) {
        const state = unit.UnitFileState || unit.LoadState || '';
        at.check(state === 'enabled', `${unit.Id} is enabled`, state);
        at.check(
          unit.NeedDaemonReload !== 'yes',
          `${unit.Id} is loaded as written`,
          'its file has changed since',
        );
        const foreign = (unit.DropInPaths ?? '')
          .split(' ')
          .filter(
            path =>
              path !== '' &&
              !/\/polar-(guard|pfs)\.conf$/.test(path) &&
              !path.startsWith('/usr/lib/') &&
              !path.startsWith('/lib/'),
          );
        at.check(foreign.length === 0, `no drop-in for ${unit.Id}`, foreign.join(', '));
        const rivals = unit.ConflictedBy ?? '';
        at.check(rivals === '', `no unit that ends ${unit.Id} by its start`, `Conflicts= of ${rivals}`);
        const path = unit.FragmentPath ?? '';
        at.check(!path.startsWith('/run/'), `${unit.Id} stays`, `${path} is gone after a boot`);
      }
      const target = at.out('target').trim();
      at.check(/^(multi-user|graphical)\.target$/.test(target), 'multi-user.target at boot', target);
      const ssh = at.out('ssh');
      at.check(
        !ssh.includes('ActiveState=active') || /^UnitFileState=enabled/m.test(ssh),
        'the SSH server starts at boot',
        'it runs, and is not enabled',
      );
    },
  },
  {
    id: 'boot.files',
    title: 'units, environment files and the guard are as the roles write them',
    proves:
      'What systemd starts, with which settings, is what the roles would write today from the inventory: nobody changed it by hand.',
    expects: 'the content that the roles write',
    todo: 'Run site.yml, which writes the files anew; put what you want otherwise into the inventory.',
    severity: 'fault',
    on: 'all',
    skip: unguarded,
    asks: place => Object.fromEntries(filesOf(place).map(path => [path, `cat ${shellWord(path)}`])),
    judge: at => {
      for (const [path, contents] of at.deployment.files.get(at.host) ?? []) {
        const found = at.reply(path);
        at.check(found.rc === 0, `${path} is there`, 'it is missing');
        if (found.rc !== 0) continue;
        const wanted = contents.map(text => text.trimEnd());
        const same = wanted.includes(found.output.trimEnd());
        at.check(same, `${path} as the roles write it`, differingLine(wanted, found.output));
      }
    },
  },
  {
    id: 'boot.signals',
    title: 'each server would start in its role',
    proves:
      'The signal file of a replica is there and that of another role is not, on the primary there is none, and nothing is left from a restore: a replica without its signal file starts as a second writer.',
    expects: 'the signal file of the role, and no other',
    todo: 'site.yml makes a missing signal file. Do not start the server before: the guard refuses, pg_ctl does not. A left-over of a restore: find out whether it was finished before you remove it.',
    severity: 'danger',
    on: 'nodes',
    // A node that writes where it should not has one finding already.
    needs: ['database.writers'],
    asks: ({ node }) => ({
      signals: `cd ${shellWord(node?.data ?? '')} && ls ${SIGNALS.join(' ')} 2>/dev/null; :`,
    }),
    judge: at => {
      const { database, version } = at.deployment;
      const signal =
        database === 'postgresql' ? 'standby.signal' : version === '11' ? 'recovery.conf' : 'replica.signal';
      const found = at.out('signals').split('\n').filter(Boolean);
      const replica = at.node?.role === 'replica';
      at.check(
        found.includes(signal) === replica,
        replica ? `${signal}, which makes it a replica` : `no ${signal}: it is the primary`,
        replica ? 'it is missing: it would start as a writer' : 'it would start as a replica',
      );
      const further = found.filter(name => name !== signal);
      at.check(further.length === 0, 'no left-over of another role or a restore', further.join(', '));
    },
  },
  {
    id: 'boot.guard',
    title: 'the guard would let each server start, in its role',
    proves:
      'The role record is not older than what the node has seen, names it as a member with its identity, and the running server was let in by the guard.',
    expects: 'a record that lets the node start in its role',
    todo: 'See docs/operations.md, the role record. Never remove polar.seen or write guard.conf by hand: they keep an old record from making a second writer.',
    severity: 'fault',
    on: 'nodes',
    skip: unguarded,
    needs: ['storage.record@storage', 'services.active', 'database.writers'],
    asks: ({ node }) => ({
      seen: `cat ${shellWord(`${node?.data}/polar.seen`)}`,
      let: 'cat /run/polardb/guard.conf',
    }),
    storageAsks: ({ deployment }) => ({ record: `cat ${shellWord(deployment.recordFile)}` }),
    judge: at => {
      const record = parseRecord(at.storage.out('record'));
      const [epoch = '', primary = ''] = at.out('seen').trim().split(' ');
      const now = record?.epoch ?? 0;
      at.check(
        Number(epoch) < now || (Number(epoch) === now && primary === record?.primary),
        `a record not older than epoch ${epoch}, primary ${primary}, which the node has seen`,
        `epoch ${now}, primary ${record?.primary}`,
      );
      const may = /may run as (\w+)/.exec(at.out('let'))?.[1];
      at.check(may === at.node?.role, `let in as ${at.node?.role}`, may ?? 'the guard let in nobody');
    },
  },
  {
    id: 'boot.programs',
    title: 'what the units and the scripts of the roles run is installed',
    proves:
      'Each program that the next start needs is there and can be run, and no other of the same name below /usr/local comes before it in PATH: a running server does not miss a program that somebody removed.',
    expects: 'every program, and no second one',
    todo: 'Remove a program that hides another, or rename it. Install the package that brings the program; the scripts of the roles come with site.yml.',
    severity: 'fault',
    on: 'all',
    needs: ['boot.units'],
    asks: place => ({
      shadows: `for n in ${CALLED}; do for d in /usr/local/sbin /usr/local/bin; do f=$d/$n; [ -e "$f" ] || continue; for o in /usr/sbin /usr/bin; do [ -e "$o/$n" ] && [ "$(readlink -f "$f")" != "$(readlink -f "$o/$n")" ] && echo "$f" && break; done; done; done; :`,
      missing: `for p in $(systemctl show -p ExecStartPre -p ExecStart -p ExecStop --value -- ${unitsOf(place).map(shellWord).join(' ') || '-.mount'} | grep -oE 'path=[^ ;]+' | sort -u | cut -d = -f 2) ${toolsOf(place)}; do f=$(command -v "$p") || { echo "$p is missing"; continue; }; [ -x "$f" ] || echo "$p cannot be run"; done; :`,
    }),
    judge: at => {
      const missing = at.out('missing').split('\n').filter(Boolean);
      at.check(missing.length === 0, 'every program', missing.join(', '));
      const shadows = at.out('shadows').split('\n').filter(Boolean);
      at.check(
        shadows.length === 0 || !at.deployment.guarded,
        'no other program of the same name before it in PATH',
        shadows.join(', '),
      );
    },
  },
  {
    id: 'boot.data',
    title: 'the data directory has what a start needs',
    proves:
      'PG_VERSION is that of the programs, and the folders that a server does not make itself are there: a running server does not miss them, the next start fails.',
    expects: 'the version of the inventory; every folder',
    todo: 'An empty folder that is missing can be made, as the database user with mode 0700. Anything else: rejoin.yml makes a replica anew; for the primary look for a backup before you stop it.',
    severity: 'fault',
    on: 'nodes',
    needs: ['services.active'],
    asks: ({ deployment, node }) => ({
      version: `cat ${shellWord(`${node?.data}/PG_VERSION`)}`,
      missing: `cd ${shellWord(node?.data ?? '')} && for d in ${[...logFolder(deployment, node), ...(deployment.database === 'polardb' ? ['pg_notify', 'pg_stat'] : FOLDERS)].join(' ')}; do [ -d "$d" ] || echo "$d"; done; ${deployment.database === 'polardb' ? '' : '[ -s global/pg_control ] || echo global/pg_control; '}:`,
    }),
    judge: at => {
      const { version } = at.deployment;
      const found = at.out('version').trim();
      at.check(found === version, `PG_VERSION ${version}`, found);
      const missing = at.out('missing').split('\n').filter(Boolean);
      at.check(missing.length === 0, 'every folder', `missing: ${missing.join(', ')}`);
    },
  },
  {
    id: 'boot.rivals',
    title: 'nothing else starts, stops or restarts a server: at boot, by a job, a timer or another service',
    proves:
      'The distribution’s own servers are not enabled, or have nothing to start, and no job of cron, at, logrotate, rc.local, a timer or another service, nor a script that one of them runs, works on the database or the disks behind the back of the units and the guard. None restarts the host, nor do unattended updates.',
    expects: 'no enabled rival, no such job',
    todo: 'Remove the job. `systemctl disable --now UNIT`, or `systemctl mask UNIT`; a cluster of Debian’s package: `pg_dropcluster` only if its data is nobody’s.',
    severity: 'warning',
    on: 'all',
    asks: {
      enabled: `systemctl list-unit-files --state=enabled,enabled-runtime,linked --no-legend ${RIVALS.join(' ')} 'postgresql@*' 'postgresql-*' 2>/dev/null | cut -d ' ' -f 1; for u in $(systemctl list-unit-files --state=generated --no-legend ${RIVALS.join(' ')} 2>/dev/null | cut -d ' ' -f 1); do ls /etc/rc[2-5].d/S[0-9][0-9]"\${u%.service}" >/dev/null 2>&1 && echo "$u"; done; :`,
      running: `systemctl list-units --state=running,activating --plain --no-legend ${RIVALS.filter(unit => unit !== 'postgresql.service').join(' ')} 'postgresql@*' 'postgresql-*' 2>/dev/null | cut -d ' ' -f 1; :`,
      exports:
        "grep -hsE '^[[:space:]]*[[]' /etc/nbd-server/config /etc/nbd-server/conf.d/*.conf | grep -vF '[generic]'; :",
      clusters: 'ls -d /etc/postgresql/*/* 2>/dev/null; :',
      jobs: `grep -sE '^[^#]*${SERVER_WORDS}' ${JOBS} | grep -E '${VERBS}'; :`,
      // Scripts that jobs, timers and services run, but for those of packages and of the roles.
      scripts: `{ cat ${JOBS} 2>/dev/null; s=$({ ${wanted('service')}; ${wanted('timer')} | sed 's/timer$/service/'; }); [ -z "$s" ] || systemctl show -p ExecStart --value -- $s 2>/dev/null; } | grep -oE '/[A-Za-z0-9_./@+-]+' | sort -u | grep -vE '^/(usr/)?(s?bin|lib(64|exec)?)/|^/(proc|sys|dev|run)/|/polar-' | while read -r f; do [ -f "$f" ] && head -c 2 "$f" | grep -qxaF '#!' && grep -HE '^[^#]*${SERVER_WORDS}' "$f" | grep -E '${VERBS}'; done; :`,
      reboots: `grep -sE '^[^#]*[[:space:]/;&](reboot|shutdown|poweroff|halt)([[:space:];]|$)' ${JOBS}; apt-config dump 2>/dev/null | grep -iE '^Unattended-Upgrade::Automatic-Reboot "(true|yes|on|1)"'; grep -siE '^[[:space:]]*reboot[[:space:]]*=[[:space:]]*when' /etc/dnf/automatic.conf; :`,
      services: `s=$(${wanted('service')} | grep -vE '^(polardb|polar-(nbd|nbd-server|pfsd|health|haproxy|bench|bench-watch)(@.*)?)[.]service$|^postgresql'); [ -z "$s" ] || systemctl show -p Id -p ExecStart -p ExecStartPre -p ExecStartPost -- $s 2>/dev/null | awk -v RS= 'match($0, /argv\\[\\]=[^;]*(pg_ctl|\\/postgres |postmaster|nbd-server|nbd-client|nbdfuse|polar-nbd|pfsdaemon|systemctl[^;]*(polardb|nbd))[^;]*/) { a = substr($0, RSTART + 7, RLENGTH - 7); match($0, /Id=[^\\n]*/); print substr($0, RSTART + 3, RLENGTH - 3) ": " a }'; :`,
      timers: `s=$(${wanted('timer')} | grep -v '^polar' | sed 's/timer$/service/'); [ -z "$s" ] || systemctl show -p Id -p ExecStart -- $s 2>/dev/null | awk -v RS= 'match($0, /argv\\[\\]=[^;]*(${SERVER_WORDS}|reboot|shutdown)[^;]*/) { a = substr($0, RSTART + 7, RLENGTH - 7); match($0, /Id=[^\\n]*/); print substr($0, RSTART + 3, RLENGTH - 3) ": " a }'; :`,
    },
    judge: at => {
      const own = unitsOf(at);
      const clusters = at.out('clusters').trim();
      const rivals = [...at.out('enabled').split('\n'), ...at.out('running').split('\n')]
        .filter(unit => unit !== '' && !own.includes(unit))
        // Debian's nbd-server serves what its own file names.
        .filter(unit => unit !== 'nbd-server.service' || at.out('exports') !== '')
        // Debian's postgresql.service starts what lies below /etc/postgresql.
        .filter(unit => unit !== 'postgresql.service' || (clusters !== '' && at.deployment.guarded));
      at.check(rivals.length === 0, 'no rival', [...new Set(rivals)].join(', '));
      const jobs = ['jobs', 'scripts', 'services', 'timers', 'reboots']
        .flatMap(name => at.out(name).split('\n'))
        .filter(Boolean);
      // Where nobody knows a unit, such a job may be what starts the server.
      at.check(
        jobs.length === 0 || !at.deployment.guarded,
        'no job that starts, stops or restarts a server or the host',
        jobs.slice(0, 3).join('; '),
      );
    },
  },
  {
    id: 'boot.cleanup',
    title: 'nothing removes the data, or the role record, at boot or by its age',
    proves:
      'No line of tmpfiles.d removes, empties or cleans the data directory, the home of the database user or the folder of the role record: systemd would do so at the next boot, or every day.',
    expects: 'no such line',
    todo: 'Remove the line before the next boot. `systemd-tmpfiles --cat-config` shows all of them.',
    severity: 'danger',
    on: 'all',
    asks: {
      lines:
        "grep -hsE '^[[:space:]]*[A-Za-z]' /etc/tmpfiles.d/*.conf /run/tmpfiles.d/*.conf /usr/local/lib/tmpfiles.d/*.conf; :",
    },
    judge: at => {
      const kept = at.node ? [at.node.data, at.node.home] : [at.deployment.recordFile];
      const removing = at
        .out('lines')
        .split('\n')
        .filter(line => removes(line, kept));
      at.check(removing.length === 0, 'no line that removes data', removing.join('; '));
    },
  },
  {
    id: 'boot.firewall',
    title: 'no firewall starts at the next boot that does not run now',
    proves:
      'Each firewall that starts at boot runs already: all that was seen to work today works with its rules.',
    expects: 'what is enabled is active',
    todo: 'Start it now, with somebody at the console, and run verify again; or disable it. The nodes need the ports of SSH, of the NBD server and of the database among each other.',
    severity: 'fault',
    on: 'all',
    asks: {
      units: showUnits(FIREWALLS),
    },
    judge: at => {
      const waiting = parseUnits(at.out('units'))
        .filter(unit => unit.UnitFileState === 'enabled' && unit.ActiveState !== 'active')
        .map(unit => unit.Id);
      at.check(waiting.length === 0, 'no firewall that waits for a boot', waiting.join(', '));
    },
  },
  {
    id: 'boot.switchover',
    title: 'every node would be let in by every other one as its replica',
    proves:
      'From each node a connection for replication to each other node succeeds, with the password of .pgpass: after a switchover every node can follow the new primary.',
    expects: 'each node identifies itself to each other one',
    todo: 'Run site.yml, which writes pg_hba.conf and .pgpass on every node, on replicas as well.',
    severity: 'fault',
    on: 'nodes',
    // Where the password is wrong or the port shut, that is one finding already.
    needs: ['database.login'],
    asks: place => ({ logins: replicationLogins(place) }),
    across: all => {
      for (const at of all.hosts) judgeLogins(all, at);
    },
  },
];

/** Whether a line of tmpfiles.d removes one of these places, what lies below it or what it lies in. */
function removes(line: string, places: readonly string[]): boolean {
  const [type = '', path = '', , , , age = '-'] = line.trim().split(/\s+/);
  const always = /^[rRD]/.test(type);
  if (!always && (!/^[deqQvC]/.test(type) || age === '-')) return false;
  const at = path.replace(/\/?[*?[].*$/, '').replace(/\/$/, '');
  return places.some(place => place === at || place.startsWith(`${at}/`) || at.startsWith(`${place}/`));
}

const peersOf = (at: Place | Sight) => nodesOf(at.deployment).filter(node => node.host !== at.host);

function judgeLogins(all: Sights, at: Sight): void {
  const said = at.out('logins').split('\n');
  for (const peer of peersOf(at)) {
    // A peer that lets in nobody says nothing about who is let in: another check has it.
    if (!all.hosts.some(({ host }) => host === peer.host)) continue;
    const line = said.find(l => l.startsWith(`${peer.host} `)) ?? '';
    // Somebody else's cluster may have its password elsewhere: its replicas show that they are let in.
    if (!at.deployment.guarded && /no password supplied/.test(line)) continue;
    if (/starting up|shutting down|already in use|recovery mode/.test(line)) continue;
    all.check(
      at.host,
      line === `${peer.host} ok`,
      `let in by ${peer.host}`,
      line.slice(peer.host.length + 1) || 'no answer',
    );
  }
}

/** Asks each other node who it is, in the replication protocol, as the receiver of a replica does. */
function replicationLogins(place: Place): string {
  const { node } = place;
  if (!node) return ':';
  const { osUser, user, psql } = node.sql;
  return peersOf(place)
    .map(peer => {
      const conninfo = `host=${peer.address} port=${peer.sql.port} user=${user} dbname=postgres replication=true connect_timeout=3 passfile=${node.home}/.pgpass application_name=polarplay-verify`;
      return `echo ${shellWord(peer.host)} $(cd / && runuser -u ${shellWord(osUser)} -- ${shellWord(psql)} -XAtqw -d ${shellWord(conninfo)} -c IDENTIFY_SYSTEM 2>&1 >/dev/null | tr '\\n' ' ' | grep . || echo ok)`;
    })
    .join('; ');
}

/** The first line that differs from the version that is nearest. */
function differingLine(wanted: readonly string[], found: string): string {
  const lines = found.trimEnd().split('\n');
  const nearest = wanted.map(text => text.split('\n')).sort((a, b) => same(b, lines) - same(a, lines))[0]!;
  const at = Math.max(nearest.length, lines.length);
  for (let i = 0; i < at; i++)
    if (nearest[i] !== lines[i])
      return `line ${i + 1} is "${lines[i] ?? ''}" where the roles write "${nearest[i] ?? ''}"`;
  return 'other content';
}

const same = (a: readonly string[], b: readonly string[]) => a.filter((line, i) => line === b[i]).length;
