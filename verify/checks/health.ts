import type { Balancer } from '../../lib/cluster/deployment.ts';
import { serversUp } from '../../lib/cluster/haproxy-figures.ts';
import { messageOf } from '../../lib/source/errors.ts';
import { shellWord } from '../../lib/transport/index.ts';
import type { Check, Doing } from '../check.ts';

/** What a server writes into its log when data is in danger. */
const ALARMS =
  'PANIC|was terminated by signal|could not (fsync|read block|write block|open file|access status)|invalid page|page verification failed|Input/output error|No space left on device|is not the last valid record|could not locate a valid checkpoint';

/** What tells of trouble to come. */
export const healthChecks: readonly Check[] = [
  {
    id: 'health.log',
    title: 'the servers have written nothing alarming since they started',
    proves:
      'The logs since the last start hold no PANIC, no process that was ended by a signal (all others are thrown out with it), no input or output error, no damaged page and no disk that was full.',
    expects: 'no such line',
    todo: 'Read the log around the line. An error of the disk: see the journal of polar-nbd@DISK and of the storage host before you restart anything.',
    severity: 'fault',
    on: 'nodes',
    // A server that cannot start has that as its finding; systemctl status shows its last lines.
    needs: ['services.active', 'database.answers'],
    asks: ({ node }) => ({
      alarms: `cd ${shellWord(node?.data ?? '')} && [ -d log ] && find log -type f -newer postmaster.pid -exec tail -qc 2000000 {} + | grep -aE ${shellWord(ALARMS)} | tail -n 3; :`,
    }),
    judge: at => {
      const lines = at.out('alarms').split('\n').filter(Boolean);
      at.check(lines.length === 0, 'nothing alarming', lines.map(line => line.slice(0, 300)).join('\n'));
    },
  },
  {
    id: 'health.connections',
    title: 'connections are left',
    proves: 'Less than 90 % of max_connections are in use.',
    expects: 'less than 90 %',
    todo: 'See pg_stat_activity for who holds them; put a pool in front of the database.',
    severity: 'warning',
    on: 'nodes',
    sql: {
      used: "SELECT (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend')::int AS used, current_setting('max_connections')::int AS most",
    },
    judge: at => {
      const { used, most } = at.row<{ used: number; most: number }>('used');
      at.check(used < 0.9 * most, `less than ${Math.floor(0.9 * most)} connections`, used);
    },
  },
  {
    id: 'health.transactions',
    title: 'no transaction is forgotten',
    proves:
      'No transaction has been open for hours, and none is prepared and left: they keep vacuum from its work.',
    expects: 'no transaction older than 4 hours',
    todo: 'End it (pg_terminate_backend), or COMMIT PREPARED or ROLLBACK PREPARED what is left.',
    severity: 'warning',
    on: 'primary',
    sql: {
      old: "SELECT 'pid ' || pid || ' of ' || usename || ' since ' || xact_start AS what FROM pg_stat_activity WHERE backend_type = 'client backend' AND xact_start < now() - interval '4 hours' UNION ALL SELECT 'prepared ' || gid || ' since ' || prepared FROM pg_prepared_xacts WHERE prepared < now() - interval '4 hours'",
    },
    judge: at => {
      const old = at.rows<{ what: string }>('old').map(({ what }) => what);
      at.check(old.length === 0, 'no old transaction', old.join('; '));
    },
  },
  {
    id: 'health.archive',
    title: 'the WAL archive works, where there is one',
    proves: 'With archive_mode on, the last attempt to archive did not fail.',
    expects: 'no failure after the last success',
    todo: 'Mend archive_command: WAL stays in pg_wal until it is archived, and the disk runs full.',
    severity: 'fault',
    on: 'primary',
    sql: {
      archive:
        "SELECT current_setting('archive_mode') AS mode, coalesce(last_failed_time > coalesce(last_archived_time, 'epoch'), false) AS failing, last_failed_wal AS wal FROM pg_stat_archiver",
    },
    judge: at => {
      const { mode, failing, wal } = at.row<{ mode: string; failing: boolean; wal: string | null }>(
        'archive',
      );
      at.check(mode === 'off' || !failing, 'WAL is archived', `${wal} could not be`);
    },
  },
  {
    id: 'health.timers',
    title: 'timers of this project run',
    proves:
      'Each timer whose name begins with polar is enabled and waits for its time, and its last run did not fail.',
    expects: 'enabled, active, the last run without failure',
    todo: '`systemctl enable --now TIMER`; see the journal of its service.',
    severity: 'warning',
    on: 'all',
    asks: {
      timers:
        "for t in $(systemctl list-unit-files 'polar*.timer' --no-legend 2>/dev/null | awk '$1 !~ /@\\.timer$/ { print $1 }'); do echo \"$t $(systemctl is-enabled $t) $(systemctl is-active $t) $(systemctl show -p Result --value ${t%.timer}.service)\"; done; :",
    },
    judge: at => {
      for (const line of at.out('timers').split('\n').filter(Boolean)) {
        const [timer, enabled, active, result] = line.split(' ');
        at.check(
          enabled === 'enabled' && active === 'active',
          `${timer} is enabled and active`,
          `${enabled}, ${active}`,
        );
        at.check(result === 'success', `the last run of ${timer} succeeded`, result ?? '');
      }
    },
  },
  {
    id: 'health.endpoint',
    title: 'the health endpoints say the role of their node',
    proves:
      'Where an endpoint is installed, it starts at boot, and /primary answers 200 on the primary and 503 on replicas, /replica the other way round.',
    expects: 'the role of the node',
    todo: 'See `systemctl status polar-health.socket` and the journal of polar-health@*.service on the node; health.yml installs them.',
    severity: 'fault',
    on: 'nodes',
    // An endpoint of a busy node answers late, and one takes a moment to see that it has another role.
    settles: true,
    needs: ['services.active', 'database.writers', 'database.answers', 'database.answers@primary'],
    asks: ({ deployment, node }) => ({
      codes: `for path in primary replica health; do echo "$path $(timeout 4 bash -c 'exec 3<>"/dev/tcp/$0/$1" && printf "GET /%s HTTP/1.0\\r\\n\\r\\n" "$2" >&3 && head -n 1 <&3' ${shellWord(node?.address ?? '')} ${deployment.health.port} "$path" 2>/dev/null | cut -d ' ' -f 2)"; done`,
      installed: `systemctl show -p LoadState,UnitFileState -- ${shellWord(deployment.health.service)}; :`,
    }),
    judge: at => {
      const installed = at.out('installed');
      if (!installed.includes('LoadState=loaded')) return at.skip('no health endpoint is installed');
      const state = /^UnitFileState=(.*)$/m.exec(installed)?.[1] ?? '';
      at.check(state === 'enabled', `${at.deployment.health.service} starts at boot`, state);
      const primary = at.node?.role === 'primary';
      const wanted = `primary ${primary ? 200 : 503}\nreplica ${primary ? 503 : 200}\nhealth 200`;
      at.check(
        at.out('codes') === wanted,
        wanted.replaceAll('\n', ', '),
        at.out('codes').replaceAll('\n', ', '),
      );
    },
  },
  {
    id: 'health.balancers',
    title: 'each balancer leads writes to the primary and reads to the replicas',
    proves:
      'HAProxy runs on every host of the group balancers, takes exactly the primary of the role record for the one that writes, and knows every replica that streams.',
    expects: 'the primary for writes, all replicas for reads',
    todo: 'See `journalctl -u polar-haproxy` on the balancer and the health endpoints of the nodes (health.endpoint); haproxy.yml sets both up anew.',
    severity: 'fault',
    on: 'primary',
    needs: ['health.endpoint'],
    act: async doing => {
      if (doing.deployment.balancers.length === 0) return doing.skip('the inventory has no group balancers');
      await Promise.all(doing.deployment.balancers.map(balancer => judgeBalancer(doing, balancer)));
    },
  },
];

/** One answer over HTTP, without curl, which not every host has. */
const get = (address: string, port: number, path: string, keep: string): string =>
  `timeout 5 bash -c 'exec 3<>"/dev/tcp/$1/$2" && printf "GET %s HTTP/1.0\\r\\n\\r\\n" "$3" >&3 && cat <&3' get ${[address, `${port}`, path].map(shellWord).join(' ')} 2>&1 | ${keep}`;

const BALANCER_SERVICE = 'polar-haproxy.service';

async function judgeBalancer({ deployment, reach, check }: Doing, balancer: Balancer): Promise<void> {
  const { host, figures, figuresPort } = balancer;
  const command = `systemctl is-active ${BALANCER_SERVICE}; ${get(figures?.address ?? '127.0.0.1', figuresPort, '/stats;csv', 'cat')}`;
  let output: string;
  try {
    output = (await reach.script(host, command)).stdout;
  } catch (error) {
    return check(host, false, 'an answer', messageOf(error));
  }
  const reply = { host, command, rc: 0, output };
  const state = output.split('\n')[0]!;
  check(host, state === 'active', `${BALANCER_SERVICE} is active`, state, reply);
  if (state !== 'active') return;
  const writers = serversUp(output, 'primary').join(', ');
  check(
    host,
    writers === deployment.primary.host,
    `writes go to ${deployment.primary.host}`,
    writers || 'nobody',
    reply,
  );
  const readers = serversUp(output, 'replicas');
  for (const replica of deployment.replicas.map(node => node.host))
    if (!deployment.record?.fenced.includes(replica))
      check(host, readers.includes(replica), `reads go to ${replica}`, readers.join(', ') || 'nobody', reply);
  const { host: primary } = deployment.primary;
  check(host, !readers.includes(primary), 'no reads go to the primary', `they go to ${primary}`, reply);
}
