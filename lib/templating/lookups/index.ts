import { nearName, registry, shortName } from '../registry.ts';
import { listLookups } from './lists.ts';
import type { LookupEntry } from './lookup.ts';
import { variableLookups } from './variables.ts';

/** Every lookup, by its short name. */
export const LOOKUPS: ReadonlyMap<string, LookupEntry> = registry([variableLookups, listLookups]);

export function findLookup(name: string): LookupEntry | undefined {
  return LOOKUPS.get(shortName(name));
}

export function nearLookup(name: string): string | undefined {
  return nearName(LOOKUPS, name);
}
