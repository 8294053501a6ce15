import type { Layer } from '../check.ts';
import type { Deployment } from '../deployment.ts';
import type { Hosts } from '../hosts.ts';
import type { Databases } from '../sql.ts';
import { blockLayer } from './block.ts';
import { dataLayer } from './data.ts';
import { databaseLayer } from './database.ts';
import { pfsLayer } from './pfs.ts';
import { replicationLayer } from './replication.ts';
import { servicesLayer } from './services.ts';
import { storageLayer } from './storage.ts';

/**
 * Every layer, from the disks up: the order in which a broken one explains those above it. `patienceMs` is how long a
 * cluster that was just started may take to settle.
 */
export function allLayers(
  hosts: Hosts,
  databases: Databases,
  patienceMs: number,
): readonly Layer<Deployment>[] {
  return [
    storageLayer(hosts),
    blockLayer(hosts, patienceMs),
    pfsLayer(hosts),
    servicesLayer(hosts, patienceMs),
    databaseLayer(databases, patienceMs),
    replicationLayer(databases, patienceMs),
    dataLayer(databases),
  ];
}
