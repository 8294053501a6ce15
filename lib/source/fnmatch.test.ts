import { spawnSync } from 'node:child_process';
import { expect } from 'chai';
import fc from 'fast-check';
import { escapeRegExp } from './escape-regexp.ts';
import { fnmatch } from './fnmatch.ts';

const PYTHON = `import fnmatch, json, sys
print(json.dumps([fnmatch.fnmatchcase(text, pattern) for pattern, text in json.load(sys.stdin)]))`;

describe('shell patterns', () => {
  const cases: readonly [pattern: string, text: string, matches: boolean][] = [
    ['*.conf', 'a.conf', true],
    ['*.conf', 'a/b.conf', true],
    ['*', 'two\nlines', true],
    ['?', 'ab', false],
    ['lib[!1]', 'lib1', false],
    ['lib[0-9]', 'lib7', true],
    ['a[', 'a[', true],
    ['ansible_[', 'ansible_x', false],
    ['[]x]', ']', true],
    ['[!]]', ']', false],
    ['[z-a]', 'z', false],
    ['[!z-a]', 'q', true],
    ['[^a]', '^', true],
    ['g++', 'g++', true],
    ['a.b', 'axb', false],
    ['\\*', '\\x', true],
  ];
  for (const [pattern, text, matches] of cases) {
    it(`${JSON.stringify(pattern)} ${matches ? 'means' : 'does not mean'} ${JSON.stringify(text)}`, () => {
      expect(fnmatch(pattern).test(text)).to.equal(matches);
    });
  }

  it('mean what they mean to Python', function () {
    if (spawnSync('python3', ['-c', '']).status !== 0) {
      console.log('      skipped: runs where python3 can be found');
      this.skip();
    }
    const text = fc.string({ unit: fc.constantFrom(...'ab[]!-^*?\\.'), maxLength: 7 });
    const pairs = fc.sample(fc.tuple(text, text), { numRuns: 4000, seed: 7 });
    const reply = spawnSync('python3', ['-c', PYTHON], { input: JSON.stringify(pairs), encoding: 'utf8' });
    const theirs = JSON.parse(reply.stdout) as boolean[];
    const differing = pairs.filter(([pattern, word], i) => fnmatch(pattern).test(word) !== theirs[i]);
    expect(differing).to.deep.equal([]);
  });

  it('escape any text', () => {
    fc.assert(
      fc.property(fc.string(), text => {
        expect(new RegExp(`^${escapeRegExp(text)}$`).test(text)).to.equal(true);
      }),
    );
  });
});
