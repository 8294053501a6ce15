import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { findVarsFiles, isDirectory, isFile } from './read-yaml.ts';

describe('files behind names', () => {
  const dir = mkdtempSync(join(tmpdir(), 'polarplay-load-'));
  after(() => rmSync(dir, { recursive: true }));

  it('are found with their extension', () => {
    writeFileSync(join(dir, 'web.yml'), 'a: 1\n');
    expect(findVarsFiles(join(dir, 'web'))).to.deep.equal([join(dir, 'web.yml')]);
    expect([isFile(join(dir, 'web.yml')), isDirectory(dir), isFile(dir)]).to.deep.equal([true, true, false]);
  });

  it('are not there for names that no file can have', () => {
    symlinkSync('circle', join(dir, 'circle'));
    for (const name of ['a\0b', 'x'.repeat(300), 'circle', 'web.yml/x'])
      expect(findVarsFiles(join(dir, name)), name).to.deep.equal([]);
  });
});
