import { expect } from 'chai';
import { effectOf, pausesIn } from './recovery.ts';

/** Events every 100 ms, but for these spans. */
function steady(toMs: number, ...without: readonly (readonly [number, number])[]): number[] {
  return Array.from({ length: toMs / 100 }, (_, i) => i * 100).filter(
    t => !without.some(([from, to]) => t > from && t < to),
  );
}

describe('how long a cluster needed', () => {
  it('pauses are what lasts long enough', () => {
    expect(pausesIn([100, 200, 2500], 0, 2600, 1000)).to.deep.equal([{ fromMs: 200, toMs: 2500 }]);
    expect(pausesIn([], 0, 900, 1000)).to.deep.equal([]);
    expect(pausesIn([], 0, 1000, 1000)).to.deep.equal([{ fromMs: 0, toMs: 1000 }]);
  });

  const at = (struckMs: number, sinceMs: number, nowMs: number) => ({ struckMs, sinceMs, nowMs });
  const cases: readonly [string, readonly number[], ReturnType<typeof at>, object | undefined][] = [
    ['nobody noticed', steady(20_000), at(5000, 5000, 19_000), { recoveredS: 0, pauseS: 0 }],
    [
      'it healed by itself',
      steady(20_000, [5200, 9000]),
      at(5000, 5000, 19_000),
      { recoveredS: 4, pauseS: 3.8 },
    ],
    [
      'it stood still while it was broken, and a while longer',
      steady(30_000, [5000, 17_000]),
      at(5000, 15_000, 29_000),
      { recoveredS: 2, pauseS: 12 },
    ],
    [
      'it recovered before it was put right',
      steady(30_000, [5000, 9000]),
      at(5000, 15_000, 29_000),
      { recoveredS: 0, pauseS: 4 },
    ],
    [
      'it stopped twice: the end of the last pause counts',
      steady(30_000, [5000, 9000], [16_000, 19_000]),
      at(5000, 15_000, 29_000),
      { recoveredS: 4, pauseS: 4 },
    ],
    ['it stands still', steady(6000), at(5000, 5000, 19_000), undefined],
    [
      'it was still before the fault struck',
      steady(20_000, [3000, 6000]),
      at(5000, 5000, 19_000),
      { recoveredS: 1, pauseS: 1 },
    ],
  ];
  for (const [what, events, times, expected] of cases)
    it(what, () => expect(effectOf(events, times, 1000)).to.deep.equal(expected));
});
