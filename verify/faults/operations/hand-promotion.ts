import type { DatabaseNode, Deployment } from '../../../lib/cluster/deployment.ts';
import { eventually } from '../../../lib/cluster/eventually.ts';
import type { Hosts } from '../../../lib/cluster/hosts.ts';
import { UsageError } from '../../../lib/source/errors.ts';
import { connect } from '../load/session.ts';
import { replicaNamed } from './replica-named.ts';
import type { Experiment } from './under-load.ts';

/** How soon the replica must follow again: it recovers first, on an emulated machine for minutes. */
const FOLLOWS_WITHIN_MS = 300_000;

/** Ways in which a person, or another tool, may promote a running replica; the scripts read the guard's settings. */
const WAYS = [
  {
    title: 'pg_ctl promote',
    since: 11,
    script: 'runuser -u "$OWNER" -- timeout 20 "$BIN/pg_ctl" promote -D "$DATA" -t 5',
  },
  {
    title: 'pg_promote() by the superuser',
    since: 15,
    script: `runuser -u "$OWNER" -- timeout 20 "$BIN/psql" -h /tmp -d postgres -c 'select pg_promote(false)'`,
  },
  {
    title: 'promote_trigger_file by the superuser',
    since: 15,
    script: `
as_owner() { runuser -u "$OWNER" -- timeout 20 "$@"; }
as_owner "$BIN/psql" -h /tmp -d postgres -c "alter system set promote_trigger_file = '/tmp/polar-promote-now'" -c 'select pg_reload_conf()'
as_owner touch /tmp/polar-promote-now
sleep 8
rm -f /tmp/polar-promote-now
sed -i /promote_trigger_file/d "$DATA/postgresql.auto.conf"
systemctl reload polardb`,
  },
] as const;

/** Promotes a running replica by hand, in every way: no block of it may reach the disk, and it must come back as a replica. */
export function handPromotion(deployment: Deployment, node: string | undefined, hosts: Hosts): Experiment {
  const { database, version, primary } = deployment;
  if (database !== 'polardb') throw new UsageError('the stand-in has no shared disk to protect', 5);
  const replica = replicaNamed(deployment, '--node', node);
  const operations = WAYS.filter(({ since }) => Number(version) >= since).map(({ title, script }) => ({
    title: `${replica.host}: ${title}`,
    run: async () => {
      // How the promotion ends is not what counts: the server it is tried on may die of it.
      await hosts.script(replica.host, `cd /\n. /etc/polar/guard.env\n${script}`, { timeoutMs: 60_000 });
      await eventually(() => follows(replica), { withinMs: FOLLOWS_WITHIN_MS, everyMs: 500 });
    },
    primaryAfter: primary.host,
  }));
  return { title: `promote ${replica.host} by hand`, operations, undisturbed: true };
}

async function follows({ host, sql }: DatabaseNode): Promise<void> {
  const client = await connect(sql);
  try {
    const { rows } = await client.query<{ follows: boolean }>(
      "SELECT pg_is_in_recovery() AND EXISTS (SELECT FROM pg_stat_wal_receiver WHERE status = 'streaming') AS follows",
    );
    if (rows[0]?.follows !== true) throw new Error(`${host} does not stream`);
  } finally {
    await client.end();
  }
}
