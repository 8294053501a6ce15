import type { ControlModule } from '../../modules/kit/define.ts';
import { validateArgumentSpec } from './argument-spec.ts';
import { asyncStatus } from './async-status.ts';
import { importPlaybook, importRole, importTasks } from './imports.ts';
import { includeRole, includeTasks } from './includes.ts';
import { addHost, groupBy } from './inventory.ts';
import { assert, debug, fail } from './messages.ts';
import { meta } from './meta.ts';
import { pause } from './pause.ts';
import { includeVars, setFact, setStats } from './variables.ts';

/** Modules that the runner carries out itself, without contacting the host. */
export const CONTROL_MODULES: readonly ControlModule[] = [
  addHost,
  assert,
  asyncStatus,
  debug,
  fail,
  groupBy,
  importPlaybook,
  importRole,
  importTasks,
  includeRole,
  includeTasks,
  includeVars,
  meta,
  pause,
  setFact,
  setStats,
  validateArgumentSpec,
];
