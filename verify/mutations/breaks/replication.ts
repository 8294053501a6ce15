import type { Break } from '../break.ts';

export const replicationBreaks: readonly Break[] = [
  {
    id: 'sync-any2',
    what: 'commits wait for two replicas',
    host: 'rw1',
    breaks: 'save $DATA/polar.sync.conf; sed -i "s/ANY 1/ANY 2/" $DATA/polar.sync.conf; reload',
    heals: 'back $DATA/polar.sync.conf; reload',
    red: ['replication.policy'],
    says: /ANY 2/,
    ci: true,
  },
  {
    id: 'sync-off',
    what: 'commits wait for nobody',
    host: 'rw1',
    breaks: 'save $DATA/polar.sync.conf; : >$DATA/polar.sync.conf; reload',
    heals: 'back $DATA/polar.sync.conf; reload',
    red: ['replication.policy'],
  },
  {
    id: 'sync-nobody',
    what: 'commits wait for a replica that never comes',
    host: 'rw1',
    breaks: `save $DATA/polar.sync.conf; echo "synchronous_standby_names = 'nobody'" >$DATA/polar.sync.conf; reload`,
    heals: 'back $DATA/polar.sync.conf; reload',
    red: ['replication.policy'],
  },
  {
    id: 'slot-gone',
    what: 'the slot of a replica is gone',
    host: 'rw1',
    breaks: `sql "select pg_terminate_backend(active_pid) from pg_replication_slots where slot_name = 'replica2'" >/dev/null; for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do sql "select pg_drop_replication_slot('replica2')" 2>/dev/null && break; sql "select pg_terminate_backend(active_pid) from pg_replication_slots where slot_name = 'replica2' and active_pid is not null" >/dev/null; done`,
    heals: `sql "select pg_create_physical_replication_slot('replica2', true)" >/dev/null; sleep 6`,
    red: ['replication.slots'],
  },
  {
    id: 'slot-stray',
    what: 'a slot that nobody uses',
    host: 'rw1',
    breaks: `sql "select pg_create_physical_replication_slot('stray', true)" >/dev/null`,
    heals: `sql "select pg_drop_replication_slot('stray')" >/dev/null`,
    red: ['replication.strays'],
    ci: true,
  },
  {
    id: 'slot-stray-replica',
    what: 'a slot that nobody uses on a replica',
    host: 'ro1',
    breaks: `sql "select pg_create_physical_replication_slot('stray', true)" >/dev/null`,
    heals: `sql "select pg_drop_replication_slot('stray')" >/dev/null`,
    red: ['replication.strays'],
  },
  {
    id: 'replay-paused',
    what: 'replay is paused',
    host: 'ro1',
    breaks: 'sql "select pg_wal_replay_pause()" >/dev/null',
    heals: 'sql "select pg_wal_replay_resume()" >/dev/null',
    red: ['replication.replay'],
    says: /paused/,
    ci: true,
  },
  {
    id: 'sync-on-replica',
    what: 'a replica would wait for a node that never comes',
    host: 'ro1',
    breaks: `echo "synchronous_standby_names = 'nobody'" >$DATA/polar.sync.conf; chown polardb $DATA/polar.sync.conf; chmod 600 $DATA/polar.sync.conf; reload`,
    heals: 'rm $DATA/polar.sync.conf; reload',
    red: ['replication.policy'],
    says: /after a promotion/,
  },
  {
    id: 'nameless-replica',
    what: 'a replica does not say the name that commits wait for',
    host: 'ro2',
    breaks: `sql "alter system set primary_conninfo = 'host=$(getent ahostsv4 rw1 | head -n 1 | cut -d ' ' -f 1) port=5432 user=polardb dbname=postgres passfile=/home/polardb/.pgpass'"; reload; sleep 3`,
    heals: 'sql "alter system reset primary_conninfo"; reload; sleep 3',
    red: ['settings.drift', 'replication.streaming'],
    alone: true,
  },
  {
    id: 'silent-replica',
    what: 'a replica never says how far it has come',
    host: 'ro1',
    breaks:
      'sql "alter system set wal_receiver_status_interval = 0"; systemctl restart polardb; answers; sleep 3',
    heals:
      'sql "alter system reset wal_receiver_status_interval"; systemctl restart polardb; answers; sleep 3',
    red: ['settings.drift', 'replication.sync'],
    alone: true,
  },
  {
    id: 'replay-held-back',
    what: 'a query holds back the replay of a replica',
    host: 'rw1',
    breaks: `sql 'create table public.held as select g from generate_series(1, 1000) g'; sleep 1
@ro1
sql "alter system set max_standby_streaming_delay = -1"; reload
setsid runuser -u polardb -- $BIN/psql -Xq -h /tmp -d postgres -c 'begin isolation level repeatable read; select count(*) from public.held; select pg_sleep(300)' >/dev/null 2>&1 </dev/null & sleep 1
@rw1
sql 'truncate public.held; insert into public.held select g from generate_series(1, 60000) g'`,
    heals: `sql 'drop table public.held'
@ro1
sql "alter system reset max_standby_streaming_delay"; reload
sql "select pg_terminate_backend(pid) from pg_stat_activity where query like '%public.held%' and pid <> pg_backend_pid()" >/dev/null; sleep 2`,
    red: ['settings.drift', 'replication.lag'],
    alone: true,
  },
];
