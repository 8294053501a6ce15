import type { Check } from '../check.ts';
import { backupChecks } from './backup.ts';
import { blockChecks } from './block.ts';
import { bootChecks } from './boot.ts';
import { buildChecks } from './build.ts';
import { dataChecks } from './data.ts';
import { databaseChecks } from './database.ts';
import { healthChecks } from './health.ts';
import { hostChecks } from './host.ts';
import { osChecks } from './os.ts';
import { performanceChecks, type Trial } from './performance.ts';
import { pfsChecks } from './pfs.ts';
import { replicationChecks } from './replication.ts';
import { securityChecks } from './security.ts';
import { serviceChecks } from './services.ts';
import { settingChecks } from './settings.ts';
import { storageChecks } from './storage.ts';

/**
 * Every check, from the disks up: what another needs comes before it, and so does what explains it. The last layer puts
 * load on the cluster, where somebody asks for a trial.
 */
export const checksWith = (trial?: Trial): readonly Check[] => [
  ...hostChecks,
  ...storageChecks,
  ...blockChecks,
  ...osChecks,
  ...serviceChecks,
  ...pfsChecks,
  ...databaseChecks,
  ...buildChecks,
  ...settingChecks,
  ...replicationChecks,
  ...securityChecks,
  ...bootChecks,
  ...dataChecks,
  ...backupChecks,
  ...healthChecks,
  ...performanceChecks(trial),
];

export const CHECKS = checksWith();
