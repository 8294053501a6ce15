import type { Break } from '../break.ts';
import { blockBreaks } from './block.ts';
import { bootBreaks } from './boot.ts';
import { buildBreaks } from './build.ts';
import { databaseBreaks } from './database.ts';
import { healthBreaks } from './health.ts';
import { hostBreaks } from './host.ts';
import { osBreaks } from './os.ts';
import { replicationBreaks } from './replication.ts';
import { securityBreaks } from './security.ts';
import { servicesBreaks } from './services.ts';
import { settingsBreaks } from './settings.ts';
import { storageBreaks } from './storage.ts';

/** Checks that no break of a lab with the stand-in can turn red, and why. Their cases and tests of the acting ones hold them. */
export const WITHOUT_BREAK: Readonly<Record<string, string>> = {
  'pfs.daemon': 'PolarDB only',
  'pfs.folders': 'PolarDB only',
  'pfs.content': 'PolarDB only',
  'pfs.size': 'PolarDB only',
  'pfs.death': 'PolarDB 11 only',
  'pfs.writers': 'PolarDB only',
  'database.hostids': 'PolarDB only',
  'database.shared': 'PolarDB only',
  'build.options': 'PolarDB only',
  'build.assertions': 'takes a debug build',
  'os.modules': 'takes hosts with a kernel of their own',
  'os.memory': 'takes hosts with memory of their own',
  'security.credentials': 'is about a file of the control machine',
  'data.read-only':
    'a server in recovery takes no writes, and one that is not is the break of database.writers',
  'data.delay': 'what it would see, data.rows sees first',
  'health.transactions': 'takes a transaction of four hours',
  'health.balancers': 'takes a host of the group balancers',
};

/** Every break, in the order of the layers. */
export const BREAKS: readonly Break[] = [
  ...hostBreaks,
  ...storageBreaks,
  ...blockBreaks,
  ...osBreaks,
  ...buildBreaks,
  ...servicesBreaks,
  ...databaseBreaks,
  ...settingsBreaks,
  ...replicationBreaks,
  ...securityBreaks,
  ...bootBreaks,
  ...healthBreaks,
];
