import type { Break } from '../break.ts';

export const healthBreaks: readonly Break[] = [
  {
    id: 'backup-old',
    what: 'the last backup is old',
    host: 'ro2',
    breaks:
      'd=/var/backups/polar/20200101; mkdir -p $d/local; chmod 700 /var/backups/polar; echo 15 >$d/local/PG_VERSION; echo x >$d/local/backup_label; touch -d "30 days ago" $d',
    heals: 'rm -r /var/backups/polar/20200101',
    red: ['backup.fresh'],
    says: /720 hours/,
    ci: true,
  },
  {
    id: 'log-alarm',
    what: 'the server has met an input or output error',
    host: 'rw1',
    breaks:
      'f=$DATA/$(sed -n "s/^csvlog //p" $DATA/current_logfiles); cp -a $f /root/log; echo \'x,LOG,58030,"could not read block 7 in file ""base/5/1"": Input/output error"\' >>$f',
    heals: 'f=$DATA/$(sed -n "s/^csvlog //p" $DATA/current_logfiles); sed -i "/could not read block 7/d" $f',
    red: ['health.log'],
  },
  {
    id: 'timer-disabled',
    what: 'a timer of the project does not run',
    host: 'ro1',
    breaks:
      "printf '[Timer]\\nOnCalendar=daily\\n[Install]\\nWantedBy=timers.target\\n' >/etc/systemd/system/polar-try.timer; printf '[Service]\\nExecStart=/bin/true\\n' >/etc/systemd/system/polar-try.service; systemctl daemon-reload",
    heals: 'rm /etc/systemd/system/polar-try.*; systemctl daemon-reload',
    red: ['health.timers'],
  },
  {
    id: 'backend-crashed',
    what: 'a session of the primary fell over, and all others with it',
    host: 'rw1',
    // Its child ends it, by a signal that dumps no memory: while that is written the server does not know yet.
    breaks: `sql "copy (select 1) to program 'kill -KILL \\$PPID'" >/dev/null 2>&1; sleep 1; answers; sleep 6`,
    heals:
      'for f in $DATA/log/*; do sed -i "/was terminated by signal/d" $f; done; systemctl restart polardb; answers; sleep 2',
    red: ['health.log'],
    alone: true,
    says: /terminated by signal/,
  },
  {
    id: 'backup-incomplete',
    what: 'the only backup is incomplete',
    host: 'ro2',
    breaks:
      'd=/var/backups/polar/20200101; mkdir -p $d/local; chmod 700 /var/backups/polar; echo 15 >$d/local/PG_VERSION',
    heals: 'rm -r /var/backups/polar/20200101',
    red: ['backup.fresh'],
    says: /incomplete/,
  },
  {
    id: 'cpu-throttled',
    what: 'the server of a replica gets a twentieth of a processor',
    host: 'ro1',
    breaks:
      'mkdir -p /run/cpu && mount -t cgroup -o cpu none /run/cpu && mkdir /run/cpu/slow && echo 5000 >/run/cpu/slow/cpu.cfs_quota_us && for p in $(pgrep -x postgres); do echo $p >/run/cpu/slow/cgroup.procs; done',
    heals:
      'for p in $(cat /run/cpu/slow/cgroup.procs); do echo $p >/run/cpu/cgroup.procs; done; sleep 0.5; rmdir /run/cpu/slow; umount /run/cpu; rmdir /run/cpu',
    red: ['performance.pgbench'],
    alone: true,
    says: /ro1: .* reads a second/,
  },
  {
    id: 'backup-changed',
    what: 'the newest backup is not what was tried',
    host: 'ro2',
    breaks:
      'd=/var/backups/polar/99990101; mkdir -p $d/local; chmod 700 /var/backups/polar; echo 15 >$d/local/PG_VERSION; echo x >$d/local/backup_label; (cd $d && sha256sum local/* >tried.sha256); echo y >$d/local/backup_label',
    heals: 'rm -r /var/backups/polar/99990101',
    red: ['backup.tried'],
    says: /backup_label: FAILED/,
  },
  {
    id: 'backup-in-memory',
    what: 'the backups are in memory',
    host: 'ro2',
    breaks:
      'mkdir -p /var/backups/polar; mount -t tmpfs -o mode=700 none /var/backups/polar; d=/var/backups/polar/99990101; mkdir -p $d/local; echo 15 >$d/local/PG_VERSION; echo x >$d/local/backup_label',
    heals: 'umount /var/backups/polar',
    red: ['backup.fresh'],
    says: /in memory/,
  },
  {
    id: 'archive-fails',
    what: 'the WAL is not archived',
    host: 'rw1',
    breaks:
      'sql "alter system set archive_mode = on"; sql "alter system set archive_command = \'false\'"; systemctl restart polardb; answers; sql "select pg_switch_wal()" >/dev/null; sleep 5',
    heals:
      'sql "alter system reset archive_mode"; sql "alter system reset archive_command"; systemctl restart polardb; answers; sleep 2',
    red: ['settings.drift', 'health.archive'],
    alone: true,
  },
  {
    id: 'connections-used',
    what: 'nearly all connections are used',
    host: 'rw1',
    breaks: `sql "alter system set max_connections = 100"; systemctl restart polardb; answers; echo 'select pg_sleep(300);' >/tmp/sleep.sql
      setsid runuser -u polardb -- $BIN/pgbench -n -c 91 -j 1 -t 1 -f /tmp/sleep.sql -h /tmp postgres >/dev/null 2>&1 </dev/null & echo $! >/root/sessions; sleep 4`,
    heals:
      'kill $(cat /root/sessions); sql "alter system reset max_connections"; systemctl restart polardb; answers; rm -f /tmp/sleep.sql; sleep 2',
    red: ['settings.drift', 'health.connections'],
    alone: true,
  },
  {
    id: 'health-endpoint-off',
    what: 'a health endpoint neither answers nor starts at boot',
    host: 'ro1',
    breaks: `f=/etc/systemd/system/polar-health.socket; [ ! -e $f ] || save $f; printf '[Socket]\\nListenStream=8008\\nAccept=yes\\n' >$f; systemctl stop -q polar-health.socket; rm -f /etc/systemd/system/sockets.target.wants/polar-health.socket; systemctl daemon-reload`,
    heals: `f=/etc/systemd/system/polar-health.socket; if back $f 2>/dev/null; then systemctl daemon-reload; systemctl enable -q --now polar-health.socket; else rm $f; systemctl daemon-reload; fi`,
    red: ['health.endpoint'],
  },
];
