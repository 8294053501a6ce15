import type { Deployment } from '../../lib/cluster/deployment.ts';
import type { Hosts } from '../../lib/cluster/hosts.ts';
import type { Databases } from '../../lib/cluster/sql.ts';
import type { Layer } from '../check.ts';
import { blockLayer } from './block.ts';
import { dataLayer } from './data.ts';
import { databaseLayer } from './database.ts';
import { pfsLayer } from './pfs.ts';
import { replicationLayer } from './replication.ts';
import { servicesLayer } from './services.ts';
import { storageLayer } from './storage.ts';

/** Every layer, from the disks up: the order in which a broken one explains those above it. */
export function allLayers(hosts: Hosts, databases: Databases): readonly Layer<Deployment>[] {
  return [
    storageLayer(hosts),
    blockLayer(hosts),
    pfsLayer(hosts),
    servicesLayer(hosts),
    databaseLayer(databases),
    replicationLayer(databases),
    dataLayer(databases),
  ];
}
