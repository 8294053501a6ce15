import { expect } from 'chai';
import fc from 'fast-check';
import { overlaps, type Sample, writerTerms } from './writers.ts';

const sample = (host: string, fromMs: number, toMs: number, wrote = true): Sample => ({
  host,
  fromMs,
  toMs,
  wrote,
});

describe('who wrote when', () => {
  const cases: readonly [string, readonly Sample[], readonly string[], number][] = [
    ['nobody', [sample('a', 0, 1, false)], [], 0],
    ['one all the time', [sample('a', 0, 1), sample('b', 0, 1, false), sample('a', 2, 3)], ['a'], 0],
    ['one after the other', [sample('a', 0, 1), sample('b', 5, 6), sample('b', 7, 8)], ['a', 'b'], 0],
    ['there and back', [sample('a', 0, 1), sample('b', 2, 3), sample('a', 4, 5)], ['a', 'b', 'a'], 0],
    ['both at once', [sample('a', 0, 5), sample('b', 3, 6)], ['a', 'b'], 1],
    [
      'turn by turn, never at once',
      [sample('a', 0, 1), sample('b', 2, 3), sample('a', 4, 5), sample('b', 6, 7)],
      ['a', 'b', 'a', 'b'],
      0,
    ],
    ['at once, but one failed', [sample('a', 0, 5), sample('b', 3, 6, false)], ['a'], 0],
  ];
  for (const [what, samples, expected, count] of cases)
    it(what, () => {
      expect(writerTerms(samples)).to.deep.equal(expected);
      expect(overlaps(samples)).to.have.length(count);
    });

  it('finds the same overlaps as comparing every pair', () => {
    const times = fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.nat(50), fc.nat(10), fc.boolean());
    fc.assert(
      fc.property(fc.array(times, { maxLength: 20 }), drawn => {
        const samples = drawn.map(([host, from, length, wrote]) => sample(host, from, from + length, wrote));
        const wrote = samples.filter(s => s.wrote);
        const pairs = wrote.flatMap((a, i) =>
          wrote.slice(i + 1).filter(b => a.host !== b.host && a.fromMs <= b.toMs && b.fromMs <= a.toMs),
        );
        expect(overlaps(samples)).to.have.length(pairs.length);
      }),
    );
  });
});
