import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect } from 'chai';
import { PACKAGE_ROOT } from '../../source/package-root.ts';
import { entriesOf, KINDS } from '../reference/entries.ts';
import { terminalPage } from '../reference/terminal-page.ts';

const ROLES = join(PACKAGE_ROOT, 'roles');
const LOOK = { columns: 80, isColored: false };

const doc = (...args: string[]) => {
  const line = ['--import=tsx', join(PACKAGE_ROOT, 'lib/cli/main.ts'), 'doc', ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, line, {
    cwd: PACKAGE_ROOT,
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
};

describe('doc', () => {
  for (const kind of KINDS)
    it(`has a page of at most 80 columns for every ${kind}, with a sentence`, () => {
      const entries = entriesOf(kind, ROLES);
      expect(entries).not.to.have.length(0);
      for (const entry of entries) {
        const text = terminalPage(entry.page(), LOOK);
        expect(
          text.split('\n').filter(line => line.length > 80),
          entry.name,
        ).to.deep.equal([]);
        expect(text, entry.name).to.contain(`(${kind})`);
        expect(text).not.to.contain('\u001b');
      }
    });

  it('shows each thing of a name, one after the other', () => {
    const { status, stdout } = doc('file');
    expect(status).to.equal(0);
    expect(stdout.match(/^file +\(\w+\)$/gm)?.map(line => line.replace(/\W+/g, ' ').trim())).to.deep.equal([
      'file module',
      'file test',
      'file lookup',
    ]);
  });

  it('says what was meant', () => {
    const { status, stderr } = doc('-t', 'filter', 'combin');
    expect([status, stderr]).to.deep.equal([1, 'polarplay: no filter "combin", did you mean "combine"?\n']);
    expect(doc('-t', 'fliter', 'x').stderr).to.contain('did you mean "filter"?');
  });
});
