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
];
