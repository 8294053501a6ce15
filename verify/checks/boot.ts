import { type Deployment, nodesOf } from '../../lib/cluster/deployment.ts';
import { parseRecord } from '../../lib/cluster/role-record.ts';
import { shellWord } from '../../lib/transport/index.ts';
import type { Check, Place, Sight } from '../check.ts';
import { parseUnits, UNIT_PROPERTIES } from '../units.ts';

const unitsOf = ({ deployment, node }: Place) =>
  node ? [...node.diskServices, ...node.services] : [deployment.storage.service];

/** Units of the distribution that would take the port, the disks or the data at boot. */
const RIVALS = ['nbd-server.service', 'nbd-client.service', 'postgresql.service', 'pfsd.service'];

const filesOf = ({ deployment, host }: Place) => [...(deployment.files.get(host)?.keys() ?? [])];

/** Signal files and left-overs that decide what a server becomes when it starts. */
const SIGNALS = [
  'standby.signal',
  'replica.signal',
  'recovery.signal',
  'recovery.conf',
  'backup_label',
  'tablespace_map',
];

const unguarded = ({ guarded }: Deployment) => (guarded ? undefined : 'no guard watches this cluster');

/** What would happen at the next boot, and at a switchover, without trying either. */
export const bootChecks: readonly Check[] = [
  {
    id: 'boot.units',
    title: 'every service starts at boot, as systemd knows it and as its file says',
    proves:
      'The units are enabled, systemd has read their files as they are now, no drop-in changes them but those of the roles, and the machine boots to a target that starts them.',
    expects: 'enabled, loaded as written, no foreign drop-in',
    todo: '`systemctl enable UNIT`; `systemctl daemon-reload` after a changed file; remove a drop-in that nobody wants (`systemctl cat UNIT` shows them).',
    severity: 'fault',
    on: 'all',
    asks: place => ({
      units: `systemctl show ${UNIT_PROPERTIES} -- ${unitsOf(place).map(shellWord).join(' ')}`,
      target: 'systemctl get-default',
    }),
    judge: at => {
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
        const path = unit.FragmentPath ?? '';
        at.check(!path.startsWith('/run/'), `${unit.Id} stays`, `${path} is gone after a boot`);
      }
      const target = at.out('target').trim();
      at.check(/^(multi-user|graphical)\.target$/.test(target), 'multi-user.target at boot', target);
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
    id: 'boot.rivals',
    title: 'nothing else starts at boot that would take the port, the disk or the data',
    proves: 'The distribution’s own servers are not enabled, or have nothing to start.',
    expects: 'no enabled rival',
    todo: '`systemctl disable --now UNIT`, or `systemctl mask UNIT`; a cluster of Debian’s package: `pg_dropcluster` only if its data is nobody’s.',
    severity: 'warning',
    on: 'all',
    asks: {
      enabled: `systemctl list-unit-files --state=enabled,enabled-runtime,linked,generated --no-legend ${RIVALS.join(' ')} 'postgresql@*' 'postgresql-*' 2>/dev/null | cut -d ' ' -f 1; :`,
      running: `systemctl list-units --state=active,activating --plain --no-legend ${RIVALS.filter(unit => unit !== 'postgresql.service').join(' ')} 'postgresql@*' 'postgresql-*' 2>/dev/null | cut -d ' ' -f 1; :`,
      clusters: 'ls -d /etc/postgresql/*/* 2>/dev/null; :',
      cron: `grep -hsE '^[^#]*@reboot' /etc/crontab /etc/cron.d/* /var/spool/cron/* /var/spool/cron/crontabs/* | grep -E 'postgres|pg_ctl|nbd-|pfsd'; :`,
    },
    judge: at => {
      const own = unitsOf(at);
      const clusters = at.out('clusters').trim();
      const rivals = [...at.out('enabled').split('\n'), ...at.out('running').split('\n')]
        .filter(unit => unit !== '' && !own.includes(unit))
        // Debian's postgresql.service starts what lies below /etc/postgresql.
        .filter(unit => unit !== 'postgresql.service' || clusters !== '');
      at.check(rivals.length === 0, 'no rival', [...new Set(rivals)].join(', '));
      at.check(at.out('cron') === '', 'no @reboot job for a server', at.out('cron'));
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
    judge: at => {
      const said = at.out('logins').split('\n');
      for (const peer of peersOf(at)) {
        const line = said.find(l => l.startsWith(`${peer.host} `)) ?? '';
        // A peer that is down says nothing about who is let in: another check has it.
        if (
          /Connection refused|No route to host|timeout expired|starting up|shutting down|already in use|recovery mode/.test(
            line,
          )
        )
          continue;
        at.check(
          line === `${peer.host} ok`,
          `let in by ${peer.host}`,
          line.slice(peer.host.length + 1) || 'no answer',
        );
      }
    },
  },
];

const peersOf = (at: Place | Sight) => nodesOf(at.deployment).filter(node => node.host !== at.host);

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
