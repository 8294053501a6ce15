import { type Deployment, nodesOf, type SyncPolicy } from '../../lib/cluster/deployment.ts';
import type { Check } from '../check.ts';

interface Sender {
  readonly name: string;
  readonly state: string;
  readonly sync: string;
  readonly behind: number;
}

interface Slot {
  readonly name: string;
  readonly type: string;
  readonly active: boolean;
  readonly reserved: boolean;
  readonly temporary: boolean;
  readonly status: string | null;
}

const SENDERS = `SELECT application_name AS name, state, sync_state AS sync, coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn), 0)::bigint AS behind FROM pg_stat_replication`;
const SLOTS = `SELECT slot_name AS name, slot_type AS type, active, restart_lsn IS NOT NULL AS reserved, temporary, to_jsonb(s)->>'wal_status' AS status FROM pg_replication_slots s`;
const MOST_BEHIND = 2 ** 20;

const noReplica = ({ replicas }: Deployment) =>
  replicas.length === 0 ? 'the cluster has no replica; runs when it does' : undefined;

/** A replica is judged only beside a primary that answers, and while it is a replica. */
const BOTH = ['database.writers', 'database.answers', 'database.answers@primary', 'database.writers@primary'];

/** The primary feeds every replica, through its slot and no other, and the replicas keep up. */
export const replicationChecks: readonly Check[] = [
  {
    id: 'replication.slots',
    title: 'each replica has its slot on the primary, and the slot holds its log',
    proves: 'The WAL that a replica still needs is kept for it, also while it is down.',
    expects: 'a physical slot for each replica, holding WAL',
    todo: 'Run site.yml, which makes the slot. A replica whose slot has lost WAL must be made anew (rejoin.yml).',
    severity: 'fault',
    on: 'replicas',
    skip: noReplica,
    needs: BOTH,
    primarySql: { slots: SLOTS },
    judge: at => {
      const name = at.node?.ownSlot ?? '';
      const slot = at.primary.rows<Slot>('slots').find(s => s.name === name);
      at.check(slot !== undefined, `a slot ${name}`, 'there is none');
      if (!slot) return;
      at.check(slot.type === 'physical', `${name} is physical`, slot.type);
      at.check(slot.reserved, `${name} holds WAL`, 'it holds none');
      at.check(
        !['lost', 'unreserved'].includes(slot.status ?? ''),
        `${name} holds its WAL`,
        slot.status ?? '',
      );
    },
  },
  {
    id: 'replication.upstream',
    title: 'each replica receives from the primary, through its own slot',
    proves:
      'The receiver of each replica streams from the primary itself, not from another replica, and its slot is its own.',
    expects: 'streaming from the primary through the own slot',
    todo: 'See the log of the replica for why it cannot connect (password, pg_hba.conf, slot). Another upstream: run site.yml, which writes primary_conninfo, and restart the replica.',
    severity: 'fault',
    on: 'replicas',
    skip: noReplica,
    needs: [...BOTH, 'replication.slots'],
    settles: true,
    sql: {
      receiver:
        "SELECT status, slot_name AS slot, to_jsonb(r)->>'sender_host' AS host, to_jsonb(r)->>'sender_port' AS port FROM pg_stat_wal_receiver r",
    },
    judge: at => {
      const { primary } = at.deployment;
      const [receiver, second] = at.rows<{
        status: string;
        slot: string | null;
        host: string | null;
        port: string | null;
      }>('receiver');
      at.check(receiver !== undefined && second === undefined, 'one receiver', 'none');
      if (!receiver) return;
      const wanted = at.node?.ownSlot;
      at.check(receiver.status === 'streaming', 'streaming', receiver.status);
      at.check(receiver.slot === wanted, `the slot ${wanted}`, receiver.slot || 'no slot');
      const upstream = nodesOf(at.deployment).find(node => node.address === receiver.host);
      const from =
        upstream?.role === 'replica'
          ? `${upstream.host}, a replica (a cascade)`
          : `${receiver.host}:${receiver.port}`;
      const right =
        [null, '', primary.address].includes(receiver.host) &&
        [null, String(primary.sql.port)].includes(receiver.port);
      at.check(right, `from ${primary.address}:${primary.sql.port}, the primary`, from);
    },
  },
  {
    id: 'replication.streaming',
    title: 'the primary feeds every replica',
    proves:
      'The primary counts each replica, by the name that synchronous_standby_names uses, among those that stream.',
    expects: 'state streaming',
    todo: 'A replica in catchup needs time; one that is missing: see replication.upstream.',
    severity: 'fault',
    on: 'replicas',
    skip: noReplica,
    needs: ['replication.upstream'],
    settles: true,
    primarySql: { senders: SENDERS },
    judge: at => {
      const name = at.node?.ownSlot;
      const senders = at.primary.rows<Sender>('senders').filter(s => s.name === name);
      at.check(
        senders.some(s => s.state === 'streaming'),
        `${name} streams`,
        senders.map(s => s.state).join(', ') || 'it is not connected',
      );
    },
  },
  {
    id: 'replication.policy',
    title: 'commits wait for the replicas that the policy names',
    proves:
      'synchronous_standby_names means what polardb_sync says: how many of which replicas a commit waits for.',
    expects: 'the meaning of polardb_sync',
    todo: 'Run site.yml. A name that never connects, or more names than replicas, makes every commit wait for ever.',
    severity: 'danger',
    on: 'nodes',
    needs: ['database.writers'],
    sql: { names: "SELECT reset_val AS names FROM pg_settings WHERE name = 'synchronous_standby_names'" },
    judge: at => {
      const { names } = at.row<{ names: string }>('names');
      const { sync, replicas, unsaid } = at.deployment;
      const slots = replicas.filter(r => !at.deployment.record?.fenced.includes(r.host)).map(r => r.ownSlot);
      // A replica waits for nobody; what it names counts as soon as it is promoted.
      if (at.node?.role === 'replica') {
        const own = nodesOf(at.deployment).map(node => node.ownSlot);
        const strange = namesIn(names).names.filter(name => name !== '*' && !own.includes(name));
        at.check(strange.length === 0, `no names but ${own.join(', ')}`, `'${names}', after a promotion`);
        return;
      }
      // Without a policy to hold it to: every name is that of a replica, so that no commit waits for ever.
      if (unsaid.has('polardb_sync')) {
        const strange = namesIn(names).names.filter(name => name !== '*' && !slots.includes(name));
        at.check(strange.length === 0, `no names but ${slots.join(', ')}`, `'${names}'`);
        return;
      }
      at.check(meansPolicy(names, sync, slots), waitsFor(sync, slots), `'${names}'`);
    },
  },
  {
    id: 'replication.sync',
    title: 'each replica takes its part in commits',
    proves:
      'The primary treats each replica as the policy says: as one of a quorum, as synchronous, or as asynchronous.',
    expects: 'a sync_state that fits polardb_sync',
    todo: 'Run site.yml; a replica that just came up takes a moment.',
    severity: 'fault',
    on: 'replicas',
    skip: deployment =>
      noReplica(deployment) ??
      (deployment.unsaid.has('polardb_sync') ? 'the inventory names no policy (polardb_sync)' : undefined),
    needs: ['replication.streaming', 'replication.policy@primary'],
    settles: true,
    primarySql: { senders: SENDERS },
    judge: at => {
      const { sync } = at.deployment;
      const state = at.primary.rows<Sender>('senders').find(s => s.name === at.node?.ownSlot)?.sync ?? 'none';
      at.check(fitsPolicy(sync, state), `a state that fits ${sync}`, state);
    },
  },
  {
    id: 'replication.strays',
    title: 'no slot holds WAL that nobody reads',
    proves:
      'Beside the slots of the replicas there is none that is permanent and unused: it would keep WAL until the disk is full. Temporary slots, and those that somebody reads from, are none of ours.',
    expects: 'no unused slot',
    todo: 'If nobody will read from it again: SELECT pg_drop_replication_slot(name).',
    severity: 'warning',
    on: 'nodes',
    sql: { slots: SLOTS },
    judge: at => {
      const ours = at.node?.role === 'primary' ? at.deployment.replicas.map(r => r.ownSlot) : [];
      const strays = at.rows<Slot>('slots').filter(s => !ours.includes(s.name) && !s.temporary && !s.active);
      at.check(strays.length === 0, 'no unused slot', strays.map(s => s.name).join(', '));
    },
  },
  {
    id: 'replication.replay',
    title: 'no replica holds back what it has received',
    proves:
      'Replay is neither paused nor delayed on any replica: a reader sees what was committed, and a promotion loses no time.',
    expects: 'replay goes on, without delay',
    todo: 'SELECT pg_wal_replay_resume() on the replica; remove recovery_min_apply_delay.',
    severity: 'fault',
    on: 'replicas',
    skip: noReplica,
    needs: BOTH,
    sql: {
      replay:
        "SELECT pg_is_wal_replay_paused() AS paused, coalesce((SELECT reset_val FROM pg_settings WHERE name = 'recovery_min_apply_delay'), '0') AS delay",
    },
    judge: at => {
      const { paused, delay } = at.row<{ paused: boolean; delay: string }>('replay');
      at.check(!paused, 'replay goes on', 'it is paused');
      at.check(delay === '0', 'no delay', `recovery_min_apply_delay is ${delay} ms`);
    },
  },
  {
    id: 'replication.lag',
    title: 'the replicas have replayed all but a little of the log',
    proves: `No replica is more than ${MOST_BEHIND / 2 ** 20} MiB of WAL behind.`,
    expects: 'less than 1 MiB behind',
    todo: 'A replica under load catches up by itself. One that does not: look for a query that holds back replay (max_standby_streaming_delay), a slow disk, a process that is stopped.',
    severity: 'warning',
    on: 'replicas',
    skip: noReplica,
    needs: ['replication.streaming', 'replication.replay'],
    settles: true,
    primarySql: { senders: SENDERS },
    judge: at => {
      const sender = at.primary.rows<Sender>('senders').find(s => s.name === at.node?.ownSlot);
      const behind = sender?.behind ?? 0;
      at.check(behind < MOST_BEHIND, 'less than 1 MiB behind', `${behind} bytes`);
      at.note({ name: 'behind', value: behind, unit: 'B' });
    },
  },
];

/** Whether the value of synchronous_standby_names makes commits wait as the policy says. */
export function meansPolicy(value: string, sync: SyncPolicy, slots: readonly string[]): boolean {
  const { method, count, names } = namesIn(value);
  if (sync === 'off' || slots.length === 0) return names.length === 0;
  if ([...names].sort().join() !== [...slots].sort().join()) return false;
  if (sync === 'any1') return count === 1 && (method === 'ANY' || names.length === 1);
  if (sync === 'all') return count === slots.length;
  return count === 1 && (method === 'FIRST' || names.length === 1);
}

/** What a value of synchronous_standby_names says. */
function namesIn(value: string): { method: string; count: number; names: readonly string[] } {
  const text = value.trim();
  if (text === '') return { method: '', count: 0, names: [] };
  const match = /^(?:(ANY|FIRST)\s+)?(\d+)\s*\((.*)\)$/is.exec(text);
  return {
    method: match ? (match[1] ?? 'FIRST').toUpperCase() : 'FIRST',
    count: match ? Number(match[2]) : 1,
    names: (match ? match[3]! : text).split(',').map(name => name.trim().replace(/^"(.*)"$/, '$1')),
  };
}

function waitsFor(sync: SyncPolicy, slots: readonly string[]): string {
  const names = slots.join(', ');
  if (sync === 'off' || slots.length === 0) return 'commits wait for nobody';
  if (sync === 'any1') return `commits wait for any one of ${names}`;
  if (sync === 'all') return `commits wait for all of ${names}`;
  return `commits wait for the first of ${names}`;
}

/** Which `sync_state` a replica may have under a policy. */
export function fitsPolicy(sync: SyncPolicy, state: string): boolean {
  return { off: ['async'], any1: ['quorum', 'sync'], all: ['sync', 'quorum'], first1: ['sync', 'potential'] }[
    sync
  ].includes(state);
}
