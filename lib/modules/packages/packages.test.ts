import { spawnSync } from 'node:child_process';
import { expect } from 'chai';
import fc from 'fast-check';
import { onlyWithPrograms } from '../../../test/support/requirements.ts';
import { fnmatch } from '../../source/fnmatch.ts';
import {
  findInstalled,
  type Installed,
  mustRemove,
  needsOffer,
  type Offer,
  parsePolicy,
  parseSpec,
  wordToInstall,
} from './apt-choice.ts';
import { compareVersions } from './debian-version.ts';

describe('Debian versions', () => {
  const ascending = [
    '1.0~rc1',
    '1.0',
    '1.0-1',
    '1.0-1+b1',
    '1.0-2',
    '1.0a',
    '1.0+dfsg',
    '1.2',
    '1.10',
    '0:2',
    '1:0.1',
  ];
  it('stand in order', () => {
    for (const [i, version] of ascending.slice(1).entries())
      expect(compareVersions(ascending[i]!, version), `${ascending[i]} < ${version}`).to.equal(-1);
  });

  it('are ordered as dpkg does', function () {
    onlyWithPrograms(this, 'dpkg');
    const version = fc.stringMatching(/^([0-2]:)?\d[0-9a-c.+~]{0,6}(-[0-9a-c.+~]{1,4})?$/);
    fc.assert(
      fc.property(version, version, (a, b) => {
        const says = (operator: string) =>
          spawnSync('dpkg', ['--compare-versions', a, operator, b]).status === 0;
        expect(compareVersions(a, b), `${a} ${b}`).to.equal(says('lt') ? -1 : says('eq') ? 0 : 1);
      }),
      { numRuns: 150 },
    );
  });
});

describe('shell patterns', () => {
  it('match whole names', () => {
    expect(fnmatch('postgresql-*').test('postgresql-15')).to.equal(true);
    expect(fnmatch('postgresql-*').test('xpostgresql-15')).to.equal(false);
    expect(fnmatch('g++').test('g++')).to.equal(true);
    expect(fnmatch('lib[!1]').test('lib1')).to.equal(false);
  });
});

describe('apt: what to do', () => {
  const at = (version: string, status = 'installed'): Installed => ({
    name: 'foo',
    architecture: 'amd64',
    version,
    status,
  });
  const offer = (...versions: string[]): Offer => ({ candidate: versions[0], versions });
  const cases: readonly [
    string,
    Installed | undefined,
    Offer | undefined,
    { latest?: boolean; only?: boolean },
    string | undefined | RegExp,
  ][] = [
    ['foo', undefined, offer('1.0'), {}, 'foo=1.0'],
    ['foo', at('1.0'), offer('2.0', '1.0'), {}, undefined],
    ['foo', at('1.0'), offer('2.0', '1.0'), { latest: true }, 'foo=2.0'],
    ['foo', at('2.0'), offer('2.0'), { latest: true }, undefined],
    ['foo', at('1.0', 'config-files'), offer('1.0'), {}, 'foo=1.0'],
    ['foo', undefined, offer('1.0'), { only: true }, undefined],
    ['foo', undefined, undefined, {}, /^No package matching 'foo' is available$/],
    ['foo', undefined, { candidate: undefined, versions: [] }, {}, 'foo'],
    ['foo=1.0', at('2.0'), offer('2.0', '1.0'), {}, 'foo=1.0'],
    ['foo=1.0', at('1.0'), offer('2.0', '1.0'), {}, undefined],
    ['foo=1.*', at('1.0'), offer('2.0', '1.5', '1.0'), {}, 'foo=1.5'],
    ['foo=3', at('2.0'), offer('2.0'), {}, /^no available installation candidate for foo=3$/],
    ['foo>=1.5', at('1.0'), offer('2.0', '1.0'), {}, 'foo=2.0'],
    ['foo>=1.5', at('1.6'), offer('2.0', '1.6'), {}, undefined],
    ['foo>=9', undefined, offer('2.0'), {}, /^no available installation candidate/],
    ['foo', at('9-local'), undefined, { latest: true }, undefined],
  ];
  for (const [text, found, offered, args, expected] of cases) {
    const name = `${text}, ${found ? `${found.version} ${found.status}` : 'not installed'}, ${JSON.stringify(args)}`;
    it(name, () => {
      const spec = parseSpec(text);
      const asked = { latest: args.latest ?? false, onlyUpgrade: args.only ?? false };
      const decide = () =>
        needsOffer(spec, found, asked) ? wordToInstall(spec, found, offered, asked) : undefined;
      if (expected instanceof RegExp) expect(decide).to.throw(expected);
      else expect(decide()).to.equal(expected);
    });
  }

  it('does not read the lists when what is installed settles it', () => {
    const plain = { latest: false, onlyUpgrade: false };
    expect(needsOffer(parseSpec('foo'), at('1.0'), plain)).to.equal(false);
    expect(needsOffer(parseSpec('foo=1.0'), at('1.0'), plain)).to.equal(false);
    expect(needsOffer(parseSpec('foo'), undefined, plain)).to.equal(true);
  });

  it('removes what is there', () => {
    expect(mustRemove(parseSpec('foo'), at('1.0'), false)).to.equal(true);
    expect(mustRemove(parseSpec('foo'), at('1.0', 'config-files'), false)).to.equal(false);
    expect(mustRemove(parseSpec('foo'), at('1.0', 'config-files'), true)).to.equal(true);
    expect(mustRemove(parseSpec('foo=2'), at('1.0'), false)).to.equal(false);
    expect(mustRemove(parseSpec('foo'), undefined, true)).to.equal(false);
  });

  it('knows architectures', () => {
    const known = [{ ...at('1'), architecture: 'i386' }, at('2')];
    expect(findInstalled(known, 'foo', 'amd64')?.version).to.equal('2');
    expect(findInstalled(known, 'foo:i386', 'amd64')?.version).to.equal('1');
    expect(findInstalled(known, 'foo:arm64', 'amd64')).to.equal(undefined);
  });

  it('reads the answer of apt-cache policy', () => {
    const text = `foo:
  Installed: 1.0
  Candidate: 2.0
  Version table:
     2.0 500
        500 http://deb.debian.org/debian bookworm/main amd64 Packages
 *** 1.0 100
        100 /var/lib/dpkg/status
virtual:
  Installed: (none)
  Candidate: (none)
  Version table:
`;
    expect([...parsePolicy(text)]).to.deep.equal([
      ['foo', { candidate: '2.0', versions: ['2.0', '1.0'] }],
      ['virtual', { candidate: undefined, versions: [] }],
    ]);
  });

  it('refuses nonsense', () => expect(() => parseSpec('a=b=c')).to.throw('invalid package spec: a=b=c'));
});
