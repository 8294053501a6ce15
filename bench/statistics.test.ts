import { expect } from 'chai';
import fc from 'fast-check';
import {
  bootstrapMedian,
  coefficientOfVariation,
  judgeRegression,
  mannWhitney,
  median,
  scalingEfficiency,
  seededRandom,
  shuffled,
} from './statistics.ts';

describe('bench: statistics', () => {
  it('median, scatter, scaling', () => {
    expect(median([3, 1, 2])).to.equal(2);
    expect(median([4, 1, 3, 2])).to.equal(2.5);
    expect(median([])).to.be.NaN;
    expect(coefficientOfVariation([2, 4, 4, 4, 5, 5, 7, 9])).to.be.closeTo(2.13809 / 5, 1e-5);
    expect(coefficientOfVariation([5])).to.equal(0);
    expect(scalingEfficiency(100, 270, 3)).to.be.closeTo(0.9, 1e-12);
  });

  // Reference values: the textbook example of scipy.stats.mannwhitneyu and the one of R's wilcox.test.
  for (const [what, a, b, u, p] of [
    ['exact, 5 and 4 values', [19, 22, 16, 29, 24], [20, 11, 17, 12], 17, 0.1111111],
    [
      'exact, 10 and 5 values',
      [0.8, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46],
      [1.15, 0.88, 0.9, 0.74, 1.21],
      35,
      0.2544123,
    ],
    ['nothing in common', [1, 2, 3, 4, 5], [6, 7, 8, 9, 10], 0, 2 / 252],
    ['all the same', [5, 5, 5], [5, 5, 5], 4.5, 1],
  ] as const) {
    it(`Mann-Whitney: ${what}`, () => {
      const result = mannWhitney(a, b);
      expect(result.u).to.equal(u);
      expect(result.p).to.be.closeTo(p, 1e-6);
    });
  }

  it('Mann-Whitney: exact and approximate agree where both hold', () => {
    const a = Array.from({ length: 20 }, (_, i) => i * 1.7);
    const b = Array.from({ length: 20 }, (_, i) => i * 1.3 + 0.01);
    const exact = mannWhitney(a, b).p;
    const approximate = mannWhitney([...a, 1000], [...b, 1000]).p;
    expect(Math.abs(exact - approximate)).to.be.lessThan(0.05);
  });

  it('Mann-Whitney is symmetric and its p a probability', () => {
    const sample = fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 1, maxLength: 25 });
    fc.assert(
      fc.property(sample, sample, (a, b) => {
        const one = mannWhitney(a, b);
        const other = mannWhitney(b, a);
        expect(one.u + other.u).to.equal(a.length * b.length);
        expect(one.p).to.be.closeTo(other.p, 1e-9);
        expect(one.p).to.be.within(0, 1);
      }),
    );
  });

  it('the bootstrap interval holds the median, is reproducible and narrows with less scatter', () => {
    const wide = [80, 120, 95, 105, 100, 70, 130];
    const narrow = wide.map(value => 100 + (value - 100) / 10);
    const first = bootstrapMedian(wide)!;
    expect(first).to.deep.equal(bootstrapMedian(wide));
    expect(first.low).to.be.at.most(100);
    expect(first.high).to.be.at.least(100);
    const second = bootstrapMedian(narrow)!;
    expect(second.high - second.low).to.be.lessThan((first.high - first.low) / 5);
    expect(bootstrapMedian([1, 2])).to.equal(undefined);
  });

  it('shuffles without losing anything, in the same way for the same seed', () => {
    const values = [1, 2, 3, 4, 5, 6, 7, 8];
    expect(shuffled(values, seededRandom(7)).sort()).to.deep.equal(values);
    expect(shuffled(values, seededRandom(7))).to.deep.equal(shuffled(values, seededRandom(7)));
    expect(shuffled(values, seededRandom(7))).not.to.deep.equal(shuffled(values, seededRandom(8)));
  });

  const before = [1000, 1010, 990, 1005, 995, 1002, 998, 1001, 999, 1003];
  for (const [what, tonight, noise, suspectBefore, verdict] of [
    ['a small fall', [970, 972, 968, 969, 971], 0.01, false, 'none'],
    ['a clear fall', [900, 902, 898, 899, 901], 0.01, false, 'suspect'],
    ['a clear fall, the second night', [900, 902, 898, 899, 901], 0.01, true, 'confirmed'],
    ['a fall within three times the noise', [900, 902, 898, 899, 901], 0.04, true, 'none'],
    ['a fall in one repetition only', [1000, 1001, 999, 600, 1002], 0.01, true, 'none'],
    ['a rise', [1200, 1202, 1198, 1199, 1201], 0.01, true, 'none'],
  ] as const) {
    it(`regression: ${what} is ${verdict}`, () => {
      expect(judgeRegression({ tonight, before, noise, suspectBefore })).to.equal(verdict);
    });
  }
});
