import { expect } from 'chai';
import { type Deployment, hostsOf } from '../../lib/cluster/deployment.ts';
import type { Databases } from '../../lib/cluster/sql.ts';
import type { Check, Layer } from '../check.ts';

interface Sender {
  readonly name: string;
  readonly state: string;
  readonly sync: string;
  readonly behind: number;
}

interface Slot {
  readonly name: string;
  readonly active: boolean;
  readonly reserved: boolean;
}

const SENDERS = `SELECT application_name AS name, state, sync_state AS sync,
  coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn), 0)::bigint AS behind FROM pg_stat_replication`;
const SLOTS =
  'SELECT slot_name AS name, active, restart_lsn IS NOT NULL AS reserved FROM pg_replication_slots';
const RECEIVER = 'SELECT status, slot_name AS slot FROM pg_stat_wal_receiver';

const MOST_BEHIND = 2 ** 20;

/** The primary feeds every replica, through its slot and no other, and the replicas keep up. */
export const replicationLayer = (databases: Databases): Layer<Deployment> => ({
  name: 'replication',
  title: 'Replication',
  checks: deployment => {
    const { primary, replicas, sync } = deployment;
    const expected = replicas.map(replica => replica.slot ?? '').sort();
    const senders = async () => (await databases.reader(primary.host)).select<Sender>(SENDERS);
    const at = [primary.host];
    if (replicas.length === 0) {
      const skip = 'the cluster has no replica; runs when it does';
      return [{ id: 'replication.streaming', title: 'every replica streams', hosts: at, skip }];
    }
    return [
      {
        id: 'replication.streaming',
        title: `${replicas.length === 1 ? 'the replica streams' : `all ${replicas.length} replicas stream`} from the primary`,
        hosts: at,
        settles: true,
        run: async context => {
          const streaming = async () => {
            const names = (await senders()).filter(s => s.state === 'streaming').map(s => s.name);
            expect(
              names.filter(name => expected.includes(name)).sort(),
              'replicas that stream',
            ).to.deep.equal(expected);
          };
          await context.settled(streaming, primary.host);
        },
      },
      {
        id: 'replication.sync',
        title: `commits wait for ${waitsFor(sync)}`,
        hosts: at,
        run: async () => {
          const states = new Map((await senders()).map(s => [s.name, s.sync]));
          for (const name of expected) {
            const state = states.get(name) ?? 'not connected';
            if (!fitsPolicy(sync, state))
              throw new Error(`${name} is ${state}, which does not fit the policy "${sync}"`);
          }
        },
      },
      slotsCheck(databases, deployment, expected),
      {
        id: 'replication.receivers',
        title: 'every replica receives through its own slot',
        hosts: hostsOf(replicas),
        run: async context => {
          const slotOf = new Map(replicas.map(replica => [replica.host, replica.slot]));
          await context.each(async host => {
            const receivers = await (await databases.reader(host)).select<{ status: string; slot: string }>(
              RECEIVER,
            );
            expect(receivers, 'wal receivers').to.deep.equal([
              { status: 'streaming', slot: slotOf.get(host) },
            ]);
          });
        },
      },
      {
        id: 'replication.lag',
        title: 'the replicas have replayed all but a little of the log',
        hosts: at,
        settles: true,
        run: async context => {
          const caughtUp = async () => {
            const known = new Map((await senders()).map(s => [s.name, s.behind]));
            const missing = expected.filter(name => !known.has(name));
            expect(missing, 'replicas that are not connected').to.deep.equal([]);
            const behind = Math.max(...expected.map(name => known.get(name)!));
            expect(behind, 'bytes the last replica is behind').to.be.below(MOST_BEHIND);
            return behind;
          };
          const behind = await context.settled(caughtUp, primary.host);
          context.note({ name: 'behind', value: behind, unit: 'B' });
        },
      },
    ];
  },
});

function slotsCheck(databases: Databases, { primary }: Deployment, expected: readonly string[]): Check {
  return {
    id: 'replication.slots',
    title: 'there is one slot per replica, active and holding its log, and no stale one',
    hosts: [primary.host],
    run: async () => {
      const slots = await (await databases.reader(primary.host)).select<Slot>(SLOTS);
      expect(slots.map(s => s.name).sort(), 'slots').to.deep.equal(expected);
      const idle = slots.filter(s => !s.active || !s.reserved).map(s => s.name);
      expect(idle, 'slots that are not active or hold no log').to.deep.equal([]);
    },
  };
}

function waitsFor(sync: Deployment['sync']): string {
  return { off: 'no replica', any1: 'any one replica', all: 'every replica', first1: 'the first replica' }[
    sync
  ];
}

/** Which `sync_state` a replica may have under a policy. */
export function fitsPolicy(sync: Deployment['sync'], state: string): boolean {
  return { off: ['async'], any1: ['quorum'], all: ['sync'], first1: ['sync', 'potential'] }[sync].includes(
    state,
  );
}
