import { expect } from 'chai';
import type { Json } from '../../source/value.ts';
import { type Option, specErrors } from './argument-spec.ts';

/** An option, a value, and what is wrong, as ansible-core 2.14 says it. */
const CASES: readonly (readonly [Option, Json, string?])[] = [
  [{ choices: ['False', 'no'] }, false],
  [{ choices: ['no', 'x'] }, false],
  [{ choices: ['false', 'no'] }, false, 'value of o must be one of: false, no, got: False'],
  [{ choices: [false, true] }, false],
  [{ choices: ['a'] }, true, 'value of o must be one of: a, got: True'],
  [{ choices: ['a', 'b'] }, 'c', 'value of o must be one of: a, b, got: c'],
  [{ type: 'bool', choices: [true] }, 'no', 'value of o must be one of: True, got: False'],
  [{ type: 'bool', choices: [true] }, 'yes'],
  [{ type: 'int' }, false],
  [{ type: 'list', elements: 'str', choices: ['a', 'False'] }, [false, 'a']],
  [
    { type: 'list', elements: 'str', choices: ['a', 'b'] },
    ['a', 'x', 'y'],
    'value of o must be one or more of: a, b. Got no match for: x, y',
  ],
];

describe('options of a role', () => {
  for (const [option, value, error] of CASES) {
    it(`${JSON.stringify(option)} ${error ? 'refuses' : 'takes'} ${JSON.stringify(value)}`, () => {
      expect(specErrors({ o: option }, () => value)).to.deep.equal(error ? [error] : []);
    });
  }
});
