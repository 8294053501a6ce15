import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { expect } from 'chai';
import { PACKAGE_ROOT } from '../lib/source/package-root.ts';

const PAGES = ['.', 'docs', 'docs/zh-CN', 'verify', 'bench', 'lib/lab'].flatMap(folder =>
  readdirSync(join(PACKAGE_ROOT, folder))
    .filter(name => name.endsWith('.md'))
    .map(name => join(PACKAGE_ROOT, folder, name)),
);

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
    it(`of ${relative(PACKAGE_ROOT, page)} lead somewhere`, () => expect(broken(page)).to.deep.equal([]));
});
