import { expect } from 'chai';
import { SourceError } from './errors.ts';
import { formatSourceError } from './render.ts';
import { didYouMean, nearest } from './suggest.ts';

describe('formatSourceError', () => {
  const at = { file: 'playbooks/cluster.yml', line: 2, col: 7, length: 9 };
  const error = new SourceError('UNKNOWN_MODULE', 'no module "direcotry"', at, 'did you mean "directory"?');

  it('shows the place, the line and a caret', () => {
    expect(formatSourceError(error, () => 'tasks:\n    - direcotry:\n')).to.equal(
      [
        'playbooks/cluster.yml:2:7 UNKNOWN_MODULE no module "direcotry"',
        '    2 |     - direcotry:',
        '      |       ^^^^^^^^^',
        '    hint      did you mean "directory"?',
      ].join('\n'),
    );
  });

  it('keeps tabs before the caret', () => {
    const text = formatSourceError(
      new SourceError('YAML_TAB', 'm', { file: 'f', line: 1, col: 3 }),
      () => '\t\tx',
    );
    expect(text.split('\n')[2]).to.equal('      | \t\t^');
  });

  it('does without the line when the file cannot be read, and without a place', () => {
    const gone = () => {
      throw new Error('gone');
    };
    expect(formatSourceError(error, gone).split('\n').slice(1)).to.deep.equal([
      '    hint      did you mean "directory"?',
    ]);
    expect(formatSourceError(new SourceError('BAD_PATTERN', 'm'), gone)).to.equal('BAD_PATTERN m');
    expect(
      formatSourceError(new SourceError('BAD_VALUE', 'm', { file: 'f', line: 9, col: 1 }), () => 'x'),
    ).to.equal('f:9:1 BAD_VALUE m');
  });
});

describe('nearest', () => {
  const known = ['copy', 'command', 'template', 'gather_facts'];
  for (const [name, expected] of [
    ['coppy', 'copy'],
    ['Template', 'template'],
    ['gather_fact', 'gather_facts'],
    ['zzz', undefined],
    ['', undefined],
  ] as const) {
    it(`${name} → ${expected}`, () => expect(nearest(name, known)).to.equal(expected));
  }
  it('makes a sentence', () => expect(didYouMean('coppy', known)).to.equal('did you mean "copy"?'));
});
