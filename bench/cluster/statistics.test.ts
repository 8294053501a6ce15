import { expect } from 'chai';
import {
  coefficientOfVariation,
  median,
  medianInterval,
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

  it('the interval of the median is named by its true coverage', () => {
    // Of five values, smallest and largest hold the median unless all lie on one side: 1 - 2 / 32.
    expect(medianInterval([5, 1, 4, 2, 3])).to.deep.equal({ low: 1, high: 5, coverage: 0.9375 });
    expect(medianInterval([1, 2, 3])).to.deep.equal({ low: 1, high: 3, coverage: 0.75 });
    expect(medianInterval([1, 2])).to.equal(undefined);
    // Ten values: the second and the ninth, 97.9 %, as in the tables of the sign test.
    const ten = medianInterval([10, 9, 8, 7, 6, 5, 4, 3, 2, 1])!;
    expect([ten.low, ten.high]).to.deep.equal([2, 9]);
    expect(ten.coverage).to.be.closeTo(0.9785, 1e-4);
  });

  it('the interval covers as often as it says', () => {
    const random = seededRandom(3);
    let held = 0;
    for (let i = 0; i < 4000; i++) {
      // A skewed distribution with median 0.25.
      const { low, high } = medianInterval(Array.from({ length: 7 }, () => random() ** 2))!;
      if (low <= 0.25 && high >= 0.25) held++;
    }
    expect(held / 4000).to.be.closeTo(1 - 2 / 128, 0.01);
  });

  it('shuffles without losing anything, in the same way for the same seed', () => {
    const values = [1, 2, 3, 4, 5, 6, 7, 8];
    expect(shuffled(values, seededRandom(7)).sort()).to.deep.equal(values);
    expect(shuffled(values, seededRandom(7))).to.deep.equal(shuffled(values, seededRandom(7)));
    expect(shuffled(values, seededRandom(7))).not.to.deep.equal(shuffled(values, seededRandom(8)));
  });
});
