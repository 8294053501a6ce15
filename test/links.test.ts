import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { PACKAGE_ROOT } from '../lib/source/package-root.ts';
import { PAGES } from './support/pages.ts';

/** As web pages of repositories make them: lower case, no punctuation, hyphens for spaces. */
const anchorOf = (heading: string): string =>
  heading
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-');

const anchorsOf = (file: string): readonly string[] =>
  [...readFileSync(file, 'utf8').matchAll(/^#+ (.*)$/gm)].map(match => anchorOf(match[1]!));

function broken(page: string): readonly string[] {
  const text = readFileSync(page, 'utf8').replace(/```[\s\S]*?```/g, '');
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, target = '']) => {
    if (/^[a-z]+:/.test(target)) return [];
    const [path = '', anchor] = target.split('#');
    const file = path === '' ? page : join(dirname(page), path);
    if (!existsSync(file)) return [target];
    return anchor === undefined || !file.endsWith('.md') || anchorsOf(file).includes(anchor) ? [] : [target];
  });
}

describe('links in the documentation', () => {
  for (const page of PAGES)
    it(`of ${page} lead somewhere`, () => expect(broken(join(PACKAGE_ROOT, page))).to.deep.equal([]));
});
