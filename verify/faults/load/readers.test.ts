import { expect } from 'chai';
import { wrongRead } from './readers.ts';

describe('what a client reads meanwhile', () => {
  const wanted = { seq: 7, nonce: 'a' };
  const cases: readonly [string, Parameters<typeof wrongRead>[1], string | undefined][] = [
    ['the row, on the primary', { nonce: 'a', sum: '0', follows: false }, undefined],
    ['the row, on a replica', { nonce: 'a', sum: '0', follows: true }, undefined],
    ['a replica has not come that far', { nonce: null, sum: '0', follows: true }, undefined],
    [
      'an acknowledged row is not there',
      { nonce: null, sum: '0', follows: false },
      'the acknowledged row 7 is not there',
    ],
    ['another content', { nonce: 'b', sum: '0', follows: true }, 'row 7 holds "b", and "a" was written'],
    [
      'half of a commit',
      { nonce: 'a', sum: '-3', follows: true },
      'the accounts sum up to -3, not 0: half of a commit',
    ],
    [
      'no account at all',
      { nonce: 'a', sum: null, follows: true },
      'the accounts sum up to null, not 0: half of a commit',
    ],
  ];
  for (const [what, row, expected] of cases)
    it(what, () => expect(wrongRead(wanted, row)).to.equal(expected));
});
