import { nearName, registry, shortName } from '../registry.ts';
import { fileTests } from './files.ts';
import { networkTests } from './network.ts';
import { resultTests } from './results.ts';
import type { TestEntry } from './test.ts';
import { textTests } from './text.ts';
import { valueTests } from './values.ts';

/** Every test, by its short name. */
export const TESTS: ReadonlyMap<string, TestEntry> = registry([
  valueTests,
  resultTests,
  textTests,
  fileTests,
  networkTests,
]);

export function findTest(name: string): TestEntry | undefined {
  return TESTS.get(shortName(name));
}

export function nearTest(name: string): string | undefined {
  return nearName(TESTS, name);
}
