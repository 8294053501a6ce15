import type { Module } from '../../modules/kit/define.ts';
import { pfsFormat } from './pfs/pfs_format.ts';
import { pfsGrow } from './pfs/pfs_grow.ts';
import { pfsProbe } from './pfs/pfs_probe.ts';
import { polardbDeployed } from './polardb_deployed.ts';
import { polardbFence } from './polardb_fence.ts';
import { polardbInit } from './polardb_init.ts';
import { polardbLock } from './polardb_lock.ts';
import { polardbPreflight } from './polardb_preflight.ts';
import { polardbPromote } from './polardb_promote.ts';
import { polardbRecord } from './polardb_record.ts';
import { polardbRestart } from './polardb_restart.ts';
import { polardbSlots } from './polardb_slots.ts';
import { polardbSql } from './polardb_sql.ts';
import { polardbStatus } from './polardb_status.ts';

/** The modules that know PolarDB and PFS. */
export const CLUSTER_MODULES: readonly Module[] = [
  pfsFormat,
  pfsGrow,
  pfsProbe,
  polardbDeployed,
  polardbFence,
  polardbInit,
  polardbLock,
  polardbPreflight,
  polardbPromote,
  polardbRecord,
  polardbRestart,
  polardbSlots,
  polardbSql,
  polardbStatus,
];
