import type { Break } from '../break.ts';

export const hostBreaks: readonly Break[] = [
  {
    id: 'nbd-server-hangs',
    what: 'the NBD server hangs',
    host: 'st1',
    breaks: 'kill -STOP $(main_pid polar-nbd-server)',
    heals: 'kill -CONT $(main_pid polar-nbd-server)',
    red: ['host.processes'],
    says: /stopped by a signal/,
  },
  {
    id: 'disk-hangs',
    what: 'the process that serves a disk of one node hangs',
    host: 'ro1',
    breaks:
      'for p in $(pgrep -x nbdfuse); do tr "\\0" " " </proc/$p/cmdline | grep -q export2 && kill -STOP $p; done; :',
    heals: 'for p in $(pgrep -x nbdfuse); do kill -CONT $p; done; sleep 1',
    red: ['host.processes'],
  },
  {
    id: 'server-hangs',
    what: 'a server hangs',
    host: 'ro1',
    breaks: 'kill -STOP $(head -n 1 $DATA/postmaster.pid)',
    heals: 'kill -CONT $(head -n 1 $DATA/postmaster.pid)',
    red: ['host.processes'],
  },
  {
    id: 'startup-hangs',
    what: 'the process that replays hangs',
    host: 'ro1',
    breaks: 'kill -STOP $(pgrep -f "startup recovering")',
    heals: 'kill -CONT $(pgrep -f "startup recovering")',
    red: ['host.processes'],
  },
  {
    id: 'nice',
    what: 'the server has a low priority',
    host: 'ro1',
    breaks: 'renice -n 19 -p $(head -n 1 $DATA/postmaster.pid) >/dev/null',
    heals: 'renice -n $(ps -o ni= -p 1) -p $(head -n 1 $DATA/postmaster.pid) >/dev/null',
    red: ['host.processes'],
  },
  {
    id: 'oom-score',
    what: 'the server is the first to be killed',
    host: 'rw1',
    breaks: 'echo 1000 >/proc/$(head -n 1 $DATA/postmaster.pid)/oom_score_adj',
    heals: 'echo 0 >/proc/$(head -n 1 $DATA/postmaster.pid)/oom_score_adj',
    red: ['host.processes'],
  },
  {
    id: 'checkpointer-stopped',
    what: 'the checkpointer is stopped',
    host: 'rw1',
    breaks: 'kill -STOP $(pgrep -f ": checkpointer")',
    heals: 'kill -CONT $(pgrep -f ": checkpointer")',
    red: ['host.processes'],
  },
  {
    id: 'receiver-stopped',
    what: 'the receiver of a replica is stopped',
    host: 'ro2',
    breaks: 'kill -STOP $(pgrep -f ": walreceiver")',
    heals: 'kill -CONT $(pgrep -f ": walreceiver")',
    red: ['host.processes'],
  },
  {
    id: 'host-gone',
    what: 'a host does not answer',
    host: 'ro2',
    breaks:
      'systemd-run -q --on-active=20 systemctl start ssh; systemctl stop ssh.socket 2>/dev/null; systemctl stop ssh',
    heals: ':',
    red: ['host.answers'],
  },
];
