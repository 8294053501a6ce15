import { nearName, registry, shortName } from '../registry.ts';
import { dateFilters } from './dates.ts';
import { encodingFilters } from './encodings.ts';
import type { FilterEntry } from './filter.ts';
import { mappingFilters } from './mappings.ts';
import { networkFilters } from './network.ts';
import { numberFilters } from './numbers.ts';
import { pathFilters } from './paths.ts';
import { queryFilters } from './queries.ts';
import { randomFilters } from './random.ts';
import { regexFilters } from './regex.ts';
import { selectFilters } from './select.ts';
import { sequenceFilters } from './sequences.ts';
import { serialFilters } from './serial.ts';
import { setFilters } from './sets.ts';
import { textFilters } from './text.ts';
import { urlFilters } from './urls.ts';
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
  setFilters,
  pathFilters,
  serialFilters,
  queryFilters,
  encodingFilters,
  randomFilters,
  dateFilters,
  urlFilters,
  networkFilters,
]);

export function findFilter(name: string): FilterEntry | undefined {
  return FILTERS.get(shortName(name));
}

export function nearFilter(name: string): string | undefined {
  return nearName(FILTERS, name);
}
