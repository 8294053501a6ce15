import { shellWord } from '../../lib/transport/index.ts';
import type { Check, Place } from '../check.ts';

/** What the cluster runs; pfsdaemon has a check of its own. */
const PROGRAMS = ['postgres', 'postmaster', 'nbd-server', 'nbdfuse', 'nbd-client'];

/** Of services that somebody froze (`systemctl freeze`) the processes look as if they slept. */
function frozenUnits({ deployment: { storage }, node }: Place): string {
  const units = node ? [...node.diskServices, ...node.services] : storage.service ? [storage.service] : [];
  return units.length === 0
    ? ':'
    : `systemctl show -p Id -p FreezerState -- ${units.map(shellWord).join(' ')} 2>/dev/null; :`;
}

/** Whether there is anything to look at. Everything else waits for this. */
export const hostChecks: readonly Check[] = [
  {
    id: 'host.answers',
    title: 'every host answers',
    proves:
      'Each host of the inventory can be logged in to, becomes root and runs a command in time. Without that nothing about it is known, and all its other checks wait.',
    expects: 'an answer in time',
    todo: 'Look whether the host is up and reachable (`ssh HOST`), whether the key or password of the inventory is right, and whether the login user may become root. A slow host needs a larger --timeout.',
    severity: 'fault',
    on: 'all',
    settles: true,
    asks: { uptime: 'cat /proc/uptime' },
    judge: at => {
      at.check(at.reached.host === undefined, 'an answer in time', at.reached.host ?? '');
    },
  },
  {
    id: 'host.processes',
    title: 'no process of the cluster is stopped, slowed down or the first to be killed',
    proves:
      'No process of the database or the disks was stopped by a signal or frozen with its service (a server whose checkpointer or receiver is stopped looks healthy for a long time), none has a lower priority than others, the server may use every processor that the host has, and the kernel would not kill them first for want of memory.',
    expects: 'running processes with nice 0 or less and oom_score_adj 0 or less',
    todo: '`kill -CONT PID` continues a stopped process, `systemctl thaw UNIT` a frozen one: find out who stopped it first. `renice -n 0 PID` and the OOMScoreAdjust of the unit put the rest right.',
    severity: 'fault',
    on: 'all',
    settles: true,
    asks: place => ({
      frozen: frozenUnits(place),
      // What the machine itself runs with is nobody's doing: a container may have a lower priority than others.
      usual: 'ps -o ni= -p 1; cat /proc/1/oom_score_adj',
      idle: `ps -o pid=,cls= -C ${PROGRAMS.join(',')} | awk '$2 == "IDL" { print $1 }'`,
      processes: `ps -o pid=,stat=,ni=,args= -C ${PROGRAMS.join(',')}; :`,
      // Of the server itself: what it starts inherits them.
      processors: place.node
        ? `p=$(head -n 1 ${shellWord(`${place.node.data}/postmaster.pid`)} 2>/dev/null) && sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' "/proc/$p/status" /proc/1/status 2>/dev/null; :`
        : ':',
      oom: `for p in $(pgrep -x '${PROGRAMS.join('|')}'); do echo "$p $(cat /proc/$p/oom_score_adj 2>/dev/null)"; done`,
    }),
    judge: at => {
      const [niceOfAll = 0, scoreOfAll = 0] = at.out('usual').split('\n').map(Number);
      for (const line of at.out('processes').split('\n').filter(Boolean)) {
        const [pid = '', state = '', nice = '0', ...words] = line.trim().split(/\s+/);
        const name = `${words.join(' ').slice(0, 80)} (${pid})`;
        at.check(!state.startsWith('T'), `${name} runs`, 'it is stopped by a signal');
        at.check(!(Number(nice) > niceOfAll), `${name} with nice ${niceOfAll}`, `nice ${nice}`);
      }
      const [own = '', all = own] = at.out('processors').split('\n');
      at.check(own === all, `a server that may use the processors ${all}`, `only ${own}`);
      for (const [, unit] of at.out('frozen').matchAll(/^Id=(\S+)\nFreezerState=frozen/gm))
        at.check(false, `${unit} runs`, 'it is frozen');
      const idle = at.out('idle').split('\n').filter(Boolean);
      at.check(idle.length === 0, 'no process that runs only when nothing else does', idle.join(', '));
      const first = at
        .out('oom')
        .split('\n')
        .map(line => line.split(' '))
        .filter(([, score]) => Number(score) > Math.max(0, scoreOfAll));
      at.check(
        first.length === 0,
        'processes that are not killed first',
        first.map(([pid, score]) => `${pid} has oom_score_adj ${score}`).join(', '),
      );
    },
  },
];
