import type { Break } from '../break.ts';

export const servicesBreaks: readonly Break[] = [
  {
    id: 'replica-stopped',
    what: 'a replica is stopped',
    host: 'ro1',
    breaks: 'systemctl stop polardb',
    heals: 'systemctl start polardb; answers',
    red: ['services.active'],
    ci: true,
  },
  {
    id: 'primary-stopped',
    what: 'the primary is stopped',
    host: 'rw1',
    breaks: 'systemctl stop polardb',
    heals: 'systemctl start polardb; answers',
    red: ['services.active'],
  },
  {
    id: 'replica-restarted',
    what: 'a replica fell over and was restarted',
    host: 'ro2',
    breaks: 'kill -9 $(head -n 1 $DATA/postmaster.pid); sleep 8',
    heals: 'systemctl reset-failed polardb; systemctl restart polardb; answers',
    red: ['services.restarts'],
  },
  {
    id: 'second-server',
    what: 'another server runs on a node',
    host: 'ro1',
    breaks:
      'mkdir /home/polardb/x && chown polardb /home/polardb/x && runuser -u polardb -- $BIN/initdb -D /home/polardb/x >/dev/null && runuser -u polardb -- $BIN/pg_ctl -D /home/polardb/x -o "-p 5999 -k /home/polardb/x" -l /dev/null -w start >/dev/null',
    heals:
      'runuser -u polardb -- $BIN/pg_ctl -D /home/polardb/x -m immediate stop >/dev/null; rm -rf /home/polardb/x',
    red: ['services.server'],
  },
  {
    id: 'nbd-server-crashed',
    what: 'the NBD server fell over and was restarted',
    host: 'st1',
    breaks: 'kill -SEGV $(main_pid polar-nbd-server); sleep 3',
    heals: 'systemctl reset-failed polar-nbd-server; systemctl restart polar-nbd-server; sleep 1',
    red: ['services.restarts'],
  },
];
