import { expect } from 'chai';
import { UsageError } from '../source/errors.ts';
import { sourcesOf } from './base.ts';

describe('package sources of a base image', () => {
  const own = [
    'deb http://a/debian bookworm main',
    'deb http://a/debian bookworm-updates main',
    'deb http://b/security bookworm-security main',
    'deb http://c/debian bullseye/updates main',
  ];

  it("are the machine's own", () => {
    expect(sourcesOf('bookworm', 'bookworm', own)).to.equal(`${own.join('\n')}\n`);
    expect(sourcesOf('bookworm', 'bookworm', ['deb http://a/debian stable main'])).to.contain('stable');
  });

  it('have the suites of another release, and nothing else', () => {
    expect(sourcesOf('trixie', 'bookworm', own).trimEnd().split('\n')).to.deep.equal([
      'deb http://a/debian trixie main',
      'deb http://a/debian trixie-updates main',
      'deb http://b/security trixie-security main',
    ]);
    expect(sourcesOf('bookworm', 'bullseye', own)).to.equal('deb http://c/debian bookworm/updates main\n');
  });

  it('are refused when the machine does not name its release', () => {
    const lines = ['deb http://a/debian stable main'];
    expect(() => sourcesOf('trixie', 'bookworm', lines)).to.throw(UsageError, '--release trixie');
  });
});
