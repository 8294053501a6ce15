import type { DatabaseNode, Deployment } from '../../../lib/cluster/deployment.ts';
import type { Hosts } from '../../../lib/cluster/hosts.ts';
import { askEach, type Down } from '../ask-each.ts';
import { CannotMeasure } from '../cannot-measure.ts';
import type { Load, Profile } from './profiles.ts';

/** A host that puts load on nodes, over the network or on itself. */
export interface Generator {
  readonly host: string;
  readonly program: string;
  /** Whose process the load is; null: whoever logs in there. */
  readonly as: string | null;
}

/** A node's own pgbench, beside its psql. */
export function ownGenerator({ host, sql }: DatabaseNode): Generator {
  const program = `${sql.psql.slice(0, sql.psql.lastIndexOf('/'))}/pgbench`;
  return { host, program, as: sql.osUser };
}

/** Shell that names the newest pgbench of a host: where packages put it, then where the shell finds one. */
const FIND_PGBENCH = `
for p in "$(command -v pgbench)" /opt/polardb/current/bin/pgbench /usr/pgsql-*/bin/pgbench /usr/lib/postgresql/*/bin/pgbench; do
  [ ! -x "$p" ] || found=$p
done
echo "$found"
`;

export interface Generators {
  /** Empty: each node puts load on itself. */
  readonly ready: readonly Generator[];
  readonly down: readonly Down[];
}

/** The hosts that the profile wants the load from, as far as they answer and have pgbench. */
export async function generatorsOf(
  { clients }: Pick<Deployment, 'clients'>,
  hosts: Hosts,
  { from = 'nodes' }: Pick<Profile, 'from'>,
): Promise<Generators> {
  if (from === 'nodes') return { ready: [], down: [] };
  const wanted = from === 'control' ? ['localhost'] : clients;
  if (wanted.length === 0)
    throw new CannotMeasure('the load is to come from the group clients, and the inventory has none');
  const { answers: ready, down } = await askEach(
    wanted.map(host => ({ host })),
    ({ host }) => findGenerator(hosts, host),
  );
  if (ready.length === 0)
    throw new CannotMeasure(
      `no host can put load on the cluster\n${down.map(({ host, reason }) => `${host}: ${reason}`).join('\n')}`,
    );
  return { ready, down };
}

async function findGenerator(hosts: Hosts, host: string): Promise<Generator> {
  const { stdout } = await hosts.script(host, FIND_PGBENCH, { as: null });
  const program = stdout.trim();
  if (program === '') throw new Error(MISSING_PGBENCH('pgbench'));
  return { host, program, as: null };
}

export const MISSING_PGBENCH = (program: string): string =>
  `there is no ${program}: PolarDB installs it, Debian has it in postgresql-NN, other distributions in postgresql-contrib`;

/** A load divided among generators, as evenly as clients can be; with few clients some have nothing to do. */
export function divided(load: Load, generators: number): readonly Load[] {
  const count = Math.min(generators, load.clients);
  return Array.from({ length: count }, (_, i) => {
    const clients = Math.floor(load.clients / count) + (i < load.clients % count ? 1 : 0);
    return { ...load, clients, threads: Math.min(clients, Math.max(1, Math.round(load.threads / count))) };
  });
}
