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
