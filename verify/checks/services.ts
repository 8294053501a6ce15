import { shellWord } from '../../lib/transport/index.ts';
import type { Check, Place } from '../check.ts';
import { NO_UNITS, parseUnits, showUnits } from '../units.ts';

/** A restart by systemd that is longer ago says nothing about the cluster of today. */
const RECENT_S = 3600;

const unitsOf = ({ deployment: { storage }, node }: Place): readonly string[] =>
  node ? [...node.diskServices, ...node.services] : storage.service === undefined ? [] : [storage.service];

const pidFile = ({ node }: Place) => shellWord(`${node?.data}/postmaster.pid`);

const show = (place: Place) => ({
  units: showUnits(unitsOf(place)),
  uptime: 'cut -d " " -f 1 /proc/uptime',
});

/** What keeps a node running. */
export const serviceChecks: readonly Check[] = [
  {
    id: 'services.active',
    title: 'every service of the nodes is active',
    proves: 'systemd runs the attached disks, PFS where there is one, and the database.',
    expects: 'active',
    todo: 'See `systemctl status UNIT` and `journalctl -u UNIT` on the node: a database that polar-guard refuses to start has the reason in its status. start.yml starts everything in the right order.',
    severity: 'fault',
    on: 'nodes',
    settles: true,
    asks: place => ({
      ...show(place),
      // Where no unit runs the server, the server itself is looked for.
      ...(place.node?.unit === undefined
        ? {
            server: `p=$(head -n 1 ${pidFile(place)} 2>/dev/null) && readlink "/proc/$p/exe"; :`,
          }
        : {}),
    }),
    judge: at => {
      if (at.node?.unit === undefined)
        at.check(at.out('server') !== '', 'a server on the data directory', 'none runs');
      const units = parseUnits(at.out('units'));
      at.check(units.length === unitsOf(at).length, 'a state for each service', `${units.length} states`);
      for (const unit of units) {
        const state = unit.LoadState === 'loaded' ? unit.ActiveState : `the unit is ${unit.LoadState}`;
        const said = unit.StatusText && unit.ActiveState !== 'active' ? ` (${unit.StatusText})` : '';
        // What failed or was stopped stays so; what systemd tries to start may come.
        const final = unit.ActiveState === 'failed' || unit.ActiveState === 'inactive';
        at.check(unit.ActiveState === 'active', `${unit.Id} is active`, `${state}${said}`, { final });
      }
    },
  },
  {
    id: 'services.restarts',
    title: 'systemd did not have to restart a service within the last hour',
    proves:
      'The NBD server, PFS and the database run without falling over. Services of disks may: they connect again after the storage host was away, and that is noted.',
    expects: 'no restart within an hour',
    todo: 'See `journalctl -u UNIT` for why it ended.',
    severity: 'warning',
    on: 'all',
    needs: ['services.active'],
    asks: show,
    judge: at => {
      if (unitsOf(at).length === 0) return at.skip(NO_UNITS);
      const now = Number(at.out('uptime'));
      for (const unit of parseUnits(at.out('units'))) {
        const restarts = Number(unit.NRestarts ?? 0);
        if (restarts === 0) continue;
        const ago = Math.round(now - Number(unit.ExecMainStartTimestampMonotonic) / 1e6);
        const disk = at.node?.diskServices.includes(unit.Id ?? '') ?? false;
        at.note({ name: `restarts of ${unit.Id}`, value: restarts });
        at.check(
          disk || ago > RECENT_S,
          `${unit.Id} was not restarted`,
          `restarted ${restarts} times, last ${ago} s ago`,
        );
      }
    },
  },
  {
    id: 'services.server',
    title: 'the database server is the one that systemd runs',
    proves:
      'The server on the data directory belongs to the service and so to the guard: nobody started it by hand, and no second server runs beside it.',
    expects: 'one server, the main process of its unit',
    todo: 'Stop a server that was started by hand (`pg_ctl stop -m fast`), then start the service: only so the role record is asked.',
    severity: 'danger',
    on: 'nodes',
    needs: ['services.active'],
    asks: place => ({
      pids: `echo "$(systemctl show -p MainPID --value -- ${shellWord(place.node?.unit ?? '')}) $(head -n 1 ${pidFile(place)})"`,
      servers: `ps -o pid=,ppid=,args= -C postgres,postmaster | awk '$2 == 1'; :`,
    }),
    judge: at => {
      const [main, running] = at.out('pids').split(' ');
      at.check(
        main === running || at.node?.unit === undefined,
        `process ${main}, which the service started`,
        `process ${running}`,
      );
      const servers = at.out('servers').split('\n').filter(Boolean);
      at.check(
        servers.length <= 1,
        'one server',
        `${servers.length}: ${servers.map(s => s.trim()).join('; ')}`,
      );
    },
  },
];
