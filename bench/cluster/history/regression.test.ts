import { expect } from 'chai';
import { judgeNights } from './regression.ts';
import { simulate } from './simulate.ts';

/** Ten quiet nights around 1000, then these. */
const QUIET = [1000, 1012, 991, 1004, 996, 1008, 989, 1001, 1003, 997];
const judged = (values: readonly number[], accepted: readonly number[] = []) =>
  judgeNights(
    [...QUIET, ...values].map((value, i) => ({ id: `${i - QUIET.length}`, value })),
    new Set(accepted.map(String)),
  ).slice(QUIET.length);
const verdicts = (values: readonly number[], accepted: readonly number[] = []) =>
  judged(values, accepted).map(j => j.verdict);

describe('bench: the rule for a regression', () => {
  it('says nothing before it knows enough', () => {
    const first = judgeNights(
      QUIET.slice(0, 8).map((value, i) => ({ id: `${i}`, value: i === 6 ? 500 : value })),
    );
    expect(first.map(j => j.verdict)).to.deep.equal([...Array(7).fill('learning'), 'fine']);
  });

  for (const [what, values, expected] of [
    ['a small fall', [960, 962], ['fine', 'fine']],
    ['a rise', [1200, 1190], ['fine', 'fine']],
    ['a fall', [900], ['suspect']],
    ['a fall, the second night', [900, 905], ['suspect', 'confirmed']],
    ['a fall that was gone the next night', [900, 1001, 900], ['suspect', 'fine', 'suspect']],
  ] as const) {
    it(`${what}: ${expected.join(', ')}`, () => expect(verdicts(values)).to.deep.equal(expected));
  }

  it('does not learn a loss while it lasts, and takes it for the new level after 14 nights', () => {
    const low = Array.from({ length: 20 }, (_, i) => 900 + (i % 3));
    const all = judged(low);
    expect(all.slice(0, 14).map(j => j.lowNights)).to.deep.equal(Array.from({ length: 14 }, (_, i) => i + 1));
    expect(all[13]!.change).to.be.closeTo(-0.1, 0.01);
    expect(all.slice(14).map(j => j.verdict)).to.deep.equal(Array(6).fill('fine'));
    expect(verdicts([...low, 800, 800]).slice(-2)).to.deep.equal(['suspect', 'confirmed']);
  });

  it('takes a level that somebody accepted, and learns it', () => {
    const low = Array.from({ length: 10 }, (_, i) => 900 + (i % 3));
    expect(verdicts(low, [2])).to.deep.equal(['suspect', 'confirmed', ...Array(7).fill('learning'), 'fine']);
  });

  it('is not made blind by one stalled night', () => {
    const [before] = judged([1000]);
    const [, after] = judged([300, 1000]);
    expect(after!.smallestNoticed).to.be.closeTo(before!.smallestNoticed, 0.005);
  });

  it('keeps its promises at 2 % noise: 200 quiet nights, and a loss of 10 %', () => {
    const result = simulate(0.02, { histories: 100 });
    expect(result.quiet).to.be.at.least(0.95);
    expect(result.foundTenPercent).to.be.at.least(0.9);
  });

  for (const noise of [0.005, 0.01, 0.04, 0.08]) {
    it(`finds the smallest loss that it reports at ${100 * noise} % noise`, () => {
      expect(simulate(noise, { histories: 150, nights: 0 }).foundSmallest).to.be.at.least(0.86);
    });
  }
});
