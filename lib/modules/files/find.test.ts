import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect } from 'chai';
import { itAgreesWithAnsible, type OracleCase } from '../../../test/support/ansible-module.ts';
import { runModule, withTemporaryDirectory } from '../../../test/support/run-module.ts';
import { fnmatch } from '../../source/fnmatch.ts';
import type { Json } from '../../source/value.ts';
import { find, literalPart } from './find.ts';

const TREE = `mkdir -p a/b/c .hid; echo one >x.log; printf 'two\\nthree x\\n' >a/y.log; echo "it's" >"a/b/z z.txt"
echo h >.dot; echo i >.hid/in.log; echo deep >a/b/c/deep.txt; ln -s ../x.log a/link; ln -s a/b dlink; mkfifo pipe
printf '\\377\\n' >bin.log; head -c 3000 /dev/zero >big; touch -d '10 days ago' a/y.log; touch -d '2020-01-01' x.log`;

const seek = (name: string, args: Record<string, Json>): OracleCase => ({
  name,
  setup: TREE,
  args: { paths: '{dir}', ...args },
});

const CASES: readonly OracleCase[] = [
  seek('files of a directory', {}),
  seek('files of a tree', { recurse: true }),
  seek('hidden files of a tree', { recurse: true, hidden: true }),
  seek('by pattern', { recurse: true, patterns: '*.log,*.txt' }),
  seek('by a set', { recurse: true, patterns: ['[xz]*'], excludes: ['*z.txt'] }),
  seek('by regular expression', { recurse: true, patterns: ['^[xy]\\.(log|txt)$'], use_regex: true }),
  seek('directories', { recurse: true, file_type: 'directory' }),
  seek('links', { recurse: true, file_type: 'link' }),
  seek('anything', { recurse: true, file_type: 'any', get_checksum: true }),
  seek('through links', { recurse: true, follow: true }),
  seek('two levels deep', { recurse: true, depth: 2 }),
  seek('one level deep', { recurse: true, depth: 1, file_type: 'any' }),
  seek('old ones', { recurse: true, age: '5d' }),
  seek('young ones', { recurse: true, age: '-5d' }),
  seek('large ones', { recurse: true, size: '1k' }),
  seek('small ones', { recurse: true, size: '-4' }),
  seek('with a line', { recurse: true, contains: 'three' }),
  seek('with a pattern for lines', { recurse: true, contains: '^t(wo|hree)' }),
  seek('with a pattern for the whole', { recurse: true, contains: 'two\\nthree', read_whole_file: true }),
  seek('with the middle of a line, which does not count', { recurse: true, contains: 'hree' }),
  seek('with checksums', { recurse: true, get_checksum: true, patterns: '*z*' }),
  seek('in no directory', { paths: ['{dir}/none', '{dir}/a', '{dir}/x.log'] }),
  seek('with an odd age', { age: 'x' }),
  seek('with an odd size', { size: '5q' }),
];

describe('find', () => {
  itAgreesWithAnsible(
    find,
    {
      via: 'module',
      fields: ['files', 'matched', 'examined', 'skipped_paths', 'msg'],
      without: ['atime', 'mtime', 'ctime', 'inode'],
    },
    CASES,
  );

  it('works with busybox', () =>
    withTemporaryDirectory(async dir => {
      execFileSync('sh', ['-ec', TREE], { cwd: dir });
      const args = { paths: [dir], recurse: true, patterns: ['*.log'], contains: 'one', get_checksum: true };
      const result = await runModule(find, args, { shell: 'busybox' });
      expect(result).to.include({ matched: 1 });
      expect(result.files).to.have.nested.property('[0].path', join(dir, 'x.log'));
      expect(result.files).to.have.nested.property('[0].checksum').that.has.length(40);
    }));

  it('knows shell patterns', () => {
    const matches = (glob: string, text: string) => fnmatch(glob).test(text);
    expect(matches('*.c', 'a.c')).to.equal(true);
    expect(matches('a?c', 'abc')).to.equal(true);
    expect(matches('[!a]', 'a')).to.equal(false);
    expect(matches('[]]', ']')).to.equal(true);
    expect(matches('[a', '[a')).to.equal(true);
    expect(matches('a.c', 'abc')).to.equal(false);
  });

  it('knows what a match must hold', () => {
    expect(literalPart('^PermitRootLogin.*yes$')).to.equal('PermitRootLogin');
    expect(literalPart('a|bcd')).to.equal('');
    expect(literalPart('abc?d')).to.equal('ab');
  });
});
