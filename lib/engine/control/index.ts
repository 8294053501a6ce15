import { validateArgumentSpec } from './argument-spec.ts';
import { asyncStatus } from './async-status.ts';
import type { Control } from './control.ts';
import { includeRole, includeTasks } from './includes.ts';
import { addHost, groupBy } from './inventory.ts';
import { assert, debug, fail } from './messages.ts';
import { meta } from './meta.ts';
import { pause } from './pause.ts';
import { includeVars, setFact, setStats } from './variables.ts';

/** What each control module does, by its name. */
export const CONTROLS: ReadonlyMap<string, Control> = new Map<string, Control>([
  ['add_host', addHost],
  ['assert', assert],
  ['async_status', asyncStatus],
  ['debug', debug],
  ['fail', fail],
  ['group_by', groupBy],
  ['include_role', includeRole],
  ['include_tasks', includeTasks],
  ['include_vars', includeVars],
  ['meta', meta],
  ['pause', pause],
  ['set_fact', setFact],
  ['set_stats', setStats],
  ['validate_argument_spec', validateArgumentSpec],
]);
