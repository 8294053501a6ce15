import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';

const ROOT = join(import.meta.dirname, '../..');

describe('docs/security.md', () => {
  const page = readFileSync(join(ROOT, 'docs/security.md'), 'utf8');
  const named = [...page.matchAll(/`([\w./-]+\.test\.ts)`/g)].map(match => match[1]!);

  it('names a test for each row, and the test is there', () => {
    const rows = page
      .split('\n')
      .filter(line => /^\| (?!They may|It may|-)/.test(line) && !line.startsWith('|---'));
    expect(rows.length).to.be.greaterThan(10);
    expect(rows.filter(row => !row.includes('.test.ts`'))).to.deep.equal([]);
    expect(named.filter(file => !existsSync(join(ROOT, file)))).to.deep.equal([]);
  });

  it('leaves out nothing that calls itself an attack', () => {
    const attacks = readdirSync(import.meta.dirname).filter(file =>
      /^describe\('attacks: /m.test(readFileSync(join(import.meta.dirname, file), 'utf8')),
    );
    expect(attacks.length).to.be.greaterThan(5);
    expect(attacks.filter(file => !named.includes(`test/attacks/${file}`))).to.deep.equal([]);
  });
});
