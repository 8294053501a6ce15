import { expect } from 'chai';
import { SourceErrors, UsageError } from '../source/errors.ts';
import { FileReader } from '../source/yaml/read-yaml.ts';
import { failureText } from './failure.ts';
import { extraVars, positive, REACHING, readFlags } from './flags.ts';

const FLAGS = { ...REACHING, timeout: { type: 'string', default: '15' } } as const;

describe('verify: flags', () => {
  it('are read as polarplay reads them', () => {
    const flags = readFlags(['-i', 'a.yaml', '--inventory=b.yaml', '-e', 'x=1', '--timeout', '9'], FLAGS);
    expect(flags).to.deep.include({ inventory: ['a.yaml', 'b.yaml'], 'extra-vars': ['x=1'], timeout: '9' });
  });

  for (const [argv, message] of [
    [['--tiemout', '9'], 'unknown option --tiemout, did you mean --timeout?'],
    [['-q'], 'unknown option -q'],
    [['hosts.yaml'], 'unexpected "hosts.yaml": an inventory is named with -i'],
    [['--timeout'], '--timeout wants a value: VALUE'],
  ] as const) {
    it(`refuse ${argv.join(' ')}: a wrong flag, and what to do`, () => {
      const read = () => readFlags(argv, FLAGS);
      expect(read).to.throw(UsageError, message);
      expect(failureText('verify', caught(read))).to.deep.equal({
        text: `verify: ${message} (--help shows the flags)`,
        code: 5,
      });
    });
  }

  it('that count are above 0', () => {
    expect(positive('timeout', '0.5')).to.equal(0.5);
    for (const text of ['0', '-1', 'abc', '', 'Infinity'])
      expect(() => positive('timeout', text), text).to.throw(UsageError, 'expected a number above 0');
  });

  it('give variables as NAME=VALUE or as a mapping, the later ones winning', () => {
    const files = new FileReader();
    expect([...extraVars(['a=1', '{"a": 2, "b": [3]}', 'c=x=y'], files)]).to.deep.equal([
      ['a', 2],
      ['b', [3]],
      ['c', 'x=y'],
    ]);
    expect(() => extraVars(['a'], files)).to.throw(UsageError, 'expected name=value');
  });
});

describe('verify: a failure that ends the program', () => {
  it('shows its stack only when it is a bug', () => {
    expect(failureText('verify', new Error('no disk'))).to.deep.equal({ text: 'verify: no disk', code: 1 });
    expect(failureText('verify', new TypeError('x is not a function')).text).to.contain('flags.test.ts');
    expect(failureText('verify', new SourceErrors([])).code).to.equal(4);
  });
});

function caught(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return error;
  }
}
