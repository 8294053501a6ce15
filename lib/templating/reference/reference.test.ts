import { expect } from 'chai';
import { FILTERS } from '../filters/index.ts';
import { LOOKUPS } from '../lookups/index.ts';
import { TESTS } from '../tests/index.ts';
import type { Entries } from './entry.ts';
import { valueOfExample } from './examples.ts';
import { FILTER_ENTRIES } from './filters.ts';
import { LOOKUP_ENTRIES } from './lookups.ts';
import { TEST_ENTRIES } from './tests.ts';

const kinds: readonly (readonly [string, ReadonlyMap<string, unknown>, Entries])[] = [
  ['filter', FILTERS, FILTER_ENTRIES],
  ['test', TESTS, TEST_ENTRIES],
  ['lookup', LOOKUPS, LOOKUP_ENTRIES],
];

describe('the reference of templates', () => {
  for (const [kind, table, entries] of kinds)
    it(`has a sentence and an example for each ${kind}, and no other`, () => {
      expect(Object.keys(entries).sort()).to.deep.equal([...table.keys()].sort());
      for (const [name, [summary, example]] of Object.entries(entries)) {
        expect(summary, name).to.match(/[.?]$/);
        if (example !== undefined)
          expect(example, name).to.contain(kind === 'test' && /^As |[!=<>]/.test(summary + name) ? '' : name);
      }
    });

  it('evaluates each example of a filter', () => {
    const wrong = Object.entries(FILTER_ENTRIES).flatMap(([name, [, example]]) => {
      try {
        return example === undefined || valueOfExample(example) !== 'null' ? [] : [`${name}: null`];
      } catch (error) {
        return [`${name}: ${(error as Error).message}`];
      }
    });
    expect(wrong).to.deep.equal([]);
  });

  it('finds each example of a test true', () => {
    const wrong = Object.entries(TEST_ENTRIES).filter(
      ([, [, example]]) => valueOfExample(example!) !== 'true',
    );
    expect(wrong.map(([name]) => name)).to.deep.equal([]);
  });
});
