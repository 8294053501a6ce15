import { type Break, set } from '../break.ts';

export const settingsBreaks: readonly Break[] = [
  set('fsync-off', 'fsync = off', 'rw1', ['settings.durable'], { ci: true }),
  set('full-page-writes-off', 'full_page_writes = off', 'rw1', ['settings.durable']),
  set('synchronous-commit-off', 'synchronous_commit = off', 'rw1', ['settings.durable']),
  set('read-only-default', 'default_transaction_read_only = on', 'rw1', ['settings.durable']),
  set('autovacuum-off', 'autovacuum = off', 'rw1', ['settings.durable']),
  set('damaged-pages', 'zero_damaged_pages = on', 'ro1', ['settings.durable']),
  set('setting-drift', 'random_page_cost = 4', 'ro1', ['settings.drift'], {
    says: /random_page_cost/,
    ci: true,
  }),
  set('setting-added', "work_mem = '64MB'", 'rw1', ['settings.drift']),
  set('setting-pending', 'max_connections = 1200', 'rw1', ['settings.pending']),
  {
    id: 'config-not-loaded',
    what: 'postgresql.conf was changed and not loaded',
    host: 'ro2',
    breaks:
      "save $DATA/postgresql.conf; sed -i 's/^random_page_cost.*/random_page_cost = 3/' $DATA/postgresql.conf",
    heals: 'back $DATA/postgresql.conf',
    red: ['settings.pending'],
    ci: true,
  },
  {
    id: 'config-broken',
    what: 'postgresql.conf has an error',
    host: 'ro1',
    breaks: 'save $DATA/postgresql.conf; echo "nonsense = = 1" >>$DATA/postgresql.conf',
    heals: 'back $DATA/postgresql.conf',
    red: ['settings.pending'],
    says: /syntax error/,
  },
  {
    id: 'role-override',
    what: 'a role overrides synchronous_commit',
    host: 'rw1',
    breaks: 'sql "create role app login; alter role app set synchronous_commit = off"',
    heals: 'sql "drop role app"',
    red: ['settings.overrides'],
  },
  {
    id: 'database-override',
    what: 'a database is read-only by default',
    host: 'rw1',
    breaks: 'sql "alter database postgres set default_transaction_read_only = on"',
    heals:
      'sql "begin; set transaction read write; alter database postgres reset default_transaction_read_only; commit"',
    red: ['settings.durable', 'settings.overrides'],
  },
  set('replay-delayed', "recovery_min_apply_delay = '1min'", 'ro2', ['settings.drift', 'replication.replay']),
  {
    id: 'cascade',
    what: 'a replica follows another replica',
    host: 'ro2',
    breaks: `sql "alter system set primary_conninfo = 'host=10.77.1.13 port=5432 user=polardb dbname=postgres application_name=replica2 passfile=/home/polardb/.pgpass'"; sql "alter system set primary_slot_name = ''"; sed -i s/10.77.1.13/$(getent ahostsv4 ro1 | head -n 1 | cut -d ' ' -f 1)/ $DATA/postgresql.auto.conf; reload; sleep 3`,
    heals:
      'sql "alter system reset primary_conninfo"; sql "alter system reset primary_slot_name"; reload; sleep 3',
    red: ['settings.drift', 'replication.upstream'],
    says: /cascade/,
  },
  set('receiver-without-slot', "primary_slot_name = ''", 'ro1', ['settings.drift', 'replication.upstream']),
  {
    id: 'role-setting',
    what: 'a setting of the database user',
    host: 'rw1',
    breaks: 'sql "alter role polardb set work_mem = 65536"',
    heals: 'sql "alter role polardb reset work_mem"',
    red: ['settings.overrides'],
  },
  {
    id: 'everybody-setting',
    what: 'a setting for everybody',
    host: 'rw1',
    breaks: 'sql "alter role all set lock_timeout = 60000"',
    heals: 'sql "alter role all reset lock_timeout"',
    red: ['settings.overrides', 'settings.drift'],
  },
  {
    id: 'included',
    what: 'another file is included',
    host: 'ro1',
    breaks: `save $DATA/postgresql.conf; echo "random_page_cost = 3" >/home/polardb/x.conf; echo "include_if_exists = '/home/polardb/x.conf'" >>$DATA/postgresql.conf; chown polardb /home/polardb/x.conf; reload`,
    heals: 'back $DATA/postgresql.conf; rm /home/polardb/x.conf; reload',
    red: ['settings.drift'],
    says: /x\.conf/,
  },
  {
    id: 'settings-mistake',
    what: 'postgresql.conf has a mistake',
    host: 'ro2',
    breaks: `save $DATA/postgresql.conf; echo "work_memory = 1" >>$DATA/postgresql.conf`,
    heals: 'back $DATA/postgresql.conf; reload',
    red: ['settings.pending'],
  },
  {
    id: 'role-in-database',
    what: 'a setting of the database user in one database',
    host: 'rw1',
    breaks: 'sql "alter role polardb in database postgres set lock_timeout = 60000"',
    heals: 'sql "alter role polardb in database postgres reset lock_timeout"',
    red: ['settings.overrides'],
  },
  {
    id: 'replica-allows-less',
    what: 'the primary allows more processes than the replicas',
    host: 'rw1',
    breaks: 'sql "alter system set max_worker_processes = 9"; systemctl restart polardb; answers; sleep 4',
    heals: `sql "alter system reset max_worker_processes"; systemctl restart polardb; answers
@ro1
sql "alter system set max_worker_processes = 9"; systemctl restart polardb; answers; sleep 3; sql "alter system reset max_worker_processes"; systemctl restart polardb; answers
@ro2
sql "alter system set max_worker_processes = 9"; systemctl restart polardb; answers; sleep 3; sql "alter system reset max_worker_processes"; systemctl restart polardb; answers; sleep 2`,
    red: ['settings.replicas', 'settings.drift', 'replication.replay'],
    alone: true,
  },
];
