import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { referencePages } from './reference.ts';

const ROOT = join(import.meta.dirname, '../..');

describe('reference pages', () => {
  for (const [name, text] of Object.entries(referencePages(join(ROOT, 'roles')))) {
    it(`docs/${name} is what the code says (npm run build && npm run docs)`, () => {
      expect(readFileSync(join(ROOT, 'docs', name), 'utf8')).to.equal(text);
    });
  }
});
