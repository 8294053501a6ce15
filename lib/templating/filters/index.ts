import { nearName, registry, shortName } from '../registry.ts';
import type { FilterEntry } from './filter.ts';
import { mappingFilters } from './mappings.ts';
import { numberFilters } from './numbers.ts';
import { regexFilters } from './regex.ts';
import { selectFilters } from './select.ts';
import { sequenceFilters } from './sequences.ts';
import { textFilters } from './text.ts';
import { valueFilters } from './values.ts';

/** Every filter, by its short name. */
export const FILTERS: ReadonlyMap<string, FilterEntry> = registry([
  valueFilters,
  textFilters,
  numberFilters,
  sequenceFilters,
  selectFilters,
  mappingFilters,
  regexFilters,
]);

export function findFilter(name: string): FilterEntry | undefined {
  return FILTERS.get(shortName(name));
}

export function nearFilter(name: string): string | undefined {
  return nearName(FILTERS, name);
}
