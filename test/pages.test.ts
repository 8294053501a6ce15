import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { PACKAGE_ROOT } from '../lib/source/package-root.ts';
import { PAGES } from './support/pages.ts';

const read = (page: string) => readFileSync(join(PACKAGE_ROOT, page), 'utf8');

/** Lines of the fenced blocks that are no code of a language: what readers type. */
const typed = (page: string): readonly string[] =>
  [...read(page).matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].flatMap(([, language, block = '']) =>
    language === '' ? block.split('\n').filter(line => line !== '') : [],
  );

/** A command without its comment. */
const command = (line: string): string => line.replace(/ +# .*$/, '').trimEnd();

describe('commands in the documentation', () => {
  for (const page of PAGES)
    it(`of ${page} can be copied: what explains them is a comment`, () => {
      const bare = typed(page).filter(line =>
        /^(polarplay|npm|npx|node) .*\S {2,}(?!#)\S/.test(command(line)),
      );
      expect(bare, 'write "# " before the explanation').to.deep.equal([]);
    });
});

describe('the site of the documentation', () => {
  it('leads to every page', () => {
    const config = read('site/.vitepress/config.mjs');
    const pages = PAGES.flatMap(page => /^docs\/(.*)\.md$/.exec(page)?.[1] ?? []);
    expect(pages.filter(page => !config.includes(`'${page}'`))).to.deep.equal([]);
  });
});

describe('the Chinese pages', () => {
  for (const [english, chinese] of [
    ['README.md', 'README.zh-CN.md'],
    ['docs/first-hour.md', 'docs/zh-CN/first-hour.md'],
  ] as const) {
    it(`${chinese} has the commands of ${english}`, () => {
      expect(typed(chinese).map(command)).to.deep.equal(typed(english).map(command));
    });

    it(`${chinese} has the rows and sections of ${english}`, () => {
      const count = (page: string) => (read(page).match(/^##? /gm) ?? []).length;
      // The Chinese README lists the pages, most of which are in English, in a section of its own.
      expect(count(chinese)).to.equal(count(english) + (chinese === 'README.zh-CN.md' ? 1 : 0));
      const names = (page: string) => new Set(read(page).match(/`[a-z_]+(?:_[a-z]+)+`|`--[a-z-]+`/g));
      expect([...names(english)].filter(name => !names(chinese).has(name))).to.deep.equal([]);
    });
  }
});
