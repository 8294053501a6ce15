import { nearName, registry, shortName } from '../registry.ts';
import { fileLookups } from './files.ts';
import { hostLookups } from './hosts.ts';
import { listLookups } from './lists.ts';
import type { LookupEntry } from './lookup.ts';
import { passwordLookups } from './password.ts';
import { programLookups } from './programs.ts';
import { tableLookups } from './tables.ts';
import { variableLookups } from './variables.ts';

/** Every lookup, by its short name. */
export const LOOKUPS: ReadonlyMap<string, LookupEntry> = registry([
  variableLookups,
  listLookups,
  fileLookups,
  tableLookups,
  programLookups,
  passwordLookups,
  hostLookups,
]);

export function findLookup(name: string): LookupEntry | undefined {
  return LOOKUPS.get(shortName(name));
}

export function nearLookup(name: string): string | undefined {
  return nearName(LOOKUPS, name);
}
