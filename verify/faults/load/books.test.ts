import { expect } from 'chai';
import fc from 'fast-check';
import { compareRows, type Differences, differencesText, type LedgerRow } from './books.ts';

const NONE: Differences = { lost: [], wrong: [], phantom: [], duplicate: [] };

describe('the ledger against the rows of a node', () => {
  const attempted = new Map([
    [1, 'a'],
    [2, 'b'],
    [3, 'c'],
  ]);
  const books = { attempted, acknowledged: new Set([1, 2]) };
  const row = (seq: number, nonce: string): LedgerRow => ({ seq, nonce });
  const cases: readonly [string, readonly LedgerRow[], Partial<Differences>][] = [
    ['all acknowledged rows are there', [row(1, 'a'), row(2, 'b')], {}],
    ['a commit without an answer may have happened', [row(1, 'a'), row(2, 'b'), row(3, 'c')], {}],
    ['the order does not count', [row(2, 'b'), row(1, 'a')], {}],
    ['an acknowledged commit is lost', [row(1, 'a')], { lost: [2] }],
    ['an empty table has lost all', [], { lost: [1, 2] }],
    ['a row that nobody wrote', [row(1, 'a'), row(2, 'b'), row(9, 'x')], { phantom: [9] }],
    ['a row of another content', [row(1, 'a'), row(2, 'x')], { wrong: [2] }],
    ['a row without an answer, of another content', [row(1, 'a'), row(2, 'b'), row(3, 'x')], { wrong: [3] }],
    ['the same row twice', [row(1, 'a'), row(2, 'b'), row(2, 'b')], { duplicate: [2] }],
    ['a second version of a row', [row(1, 'a'), row(2, 'b'), row(2, 'x')], { wrong: [2], duplicate: [2] }],
    [
      'all at once',
      [row(1, 'x'), row(1, 'a'), row(7, 'y')],
      { lost: [2], wrong: [1], phantom: [7], duplicate: [1] },
    ],
  ];
  for (const [what, rows, expected] of cases)
    it(what, () => {
      const found = compareRows(books, rows);
      expect(found).to.deep.equal({ ...NONE, ...expected });
      expect(differencesText(found) === undefined).to.equal(Object.keys(expected).length === 0);
    });

  it('says how many and which', () => {
    const lost = [1, 2, 3, 4, 5, 6];
    expect(differencesText({ ...NONE, lost, phantom: [9] })).to.equal(
      '6 rows acknowledged and missing (1, 2, 3, 4, 5, …); 1 rows that nobody wrote (9)',
    );
  });

  it('finds every row that is taken away, added, changed or doubled', () => {
    const size = fc.integer({ min: 1, max: 30 });
    fc.assert(
      fc.property(size, fc.nat(), fc.constantFrom('lost', 'wrong', 'phantom', 'duplicate'), (n, at, kind) => {
        const all = Array.from({ length: n }, (_, i) => row(i, `n${i}`));
        const written = {
          attempted: new Map(all.map(r => [r.seq, r.nonce])),
          acknowledged: new Set(all.keys()),
        };
        const hit = at % n;
        const rows = {
          lost: all.filter(r => r.seq !== hit),
          wrong: all.map(r => (r.seq === hit ? row(hit, 'other') : r)),
          phantom: [...all, row(n, 'x')],
          duplicate: [...all, all[hit]!],
        }[kind];
        const expected = { ...NONE, [kind]: [kind === 'phantom' ? n : hit] };
        expect(compareRows(written, rows)).to.deep.equal(expected);
      }),
    );
  });
});
