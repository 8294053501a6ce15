import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect } from 'chai';

const root = resolve(import.meta.dirname, '..');
const read = (file: string) => readFileSync(join(root, file), 'utf8');
const PAGES = ['CONTRIBUTING.md', 'docs/architecture.md'];

/** Where a name of a page may stand: the code, and what runs it. */
const code = ['lib', 'verify', 'bench', 'test']
  .flatMap(top =>
    readdirSync(join(root, top), { recursive: true, encoding: 'utf8' }).map(name => join(top, name)),
  )
  .filter(file => file.endsWith('.ts') && !file.endsWith('guide.test.ts'));

/** Words of a page that stand in `back quotes`, without what belongs to the shell. */
const quoted = (page: string) =>
  [...page.replace(/```[\s\S]*?```/g, '').matchAll(/`([^`\n]+)`/g)].map(m => m[1] ?? '');

/** A path as a page writes it: from the root, or from a folder of lib/ that the page speaks of. */
const places = (path: string) =>
  ['', 'lib', 'lib/modules', 'verify', 'bench', 'roles/health'].map(folder => join(root, folder, path));

describe('the guide for contributors', () => {
  for (const page of PAGES) {
    it(`${page}: every path exists`, () => {
      const paths = quoted(read(page)).filter(
        word => /^[\w.-]+(\/[\w.-]+)+\/?$/.test(word) && !/[A-Z]{3}/.test(word),
      );
      expect(paths).not.to.have.length(0);
      const missing = paths.filter(path => !places(path).some(existsSync));
      expect(missing, 'name it as it is called now').to.deep.equal([]);
    });

    it(`${page}: every name is in the code`, () => {
      const names = quoted(read(page)).flatMap(
        word => /^([a-z]+[A-Z]\w*|[A-Z][a-z]+[A-Z]\w*)(\(.*\))?$/.exec(word)?.[1] ?? [],
      );
      const text = code.map(read).join('\n');
      expect(names.filter(name => !new RegExp(`\\b${name}\\b`).test(text))).to.deep.equal([]);
    });

    it(`${page}: every check and fault of an example exists`, () => {
      const ids = quoted(read(page)).filter(
        word => /^[a-z]+\.[a-z-]+$/.test(word) && !/\.(ts|sh|yml|json)$/.test(word),
      );
      const known = read('docs/checks.md') + read('docs/faults.md');
      expect(ids.filter(id => !known.includes(id))).to.deep.equal([]);
    });

    it(`${page}: every path and flag of a command exists`, () => {
      const words = quoted(read(page))
        .filter(command => /^(npm|npx|polarplay) /.test(command))
        .flatMap(command => command.split(' '));
      const paths = words.filter(word => /^[a-z][\w-]*\/.*\.\w+$/.test(word));
      expect(paths.filter(path => !existsSync(join(root, path)))).to.deep.equal([]);
      const flags = words.flatMap(word => /^--(\w[\w-]*)$/.exec(word)?.[1] ?? []);
      const text = code.map(read).join('\n');
      expect(flags.filter(flag => !text.includes(` --${flag} `))).to.deep.equal([]);
    });

    it(`${page}: what needs an inventory is given one`, () => {
      const needs = /^(polarplay (faults|verify)|npm run (verify:mutations|test:killed)) /;
      const commands = quoted(read(page)).filter(command => needs.test(`${command} `));
      expect(commands.filter(command => !command.includes(' -i '))).to.deep.equal([]);
    });

    it(`${page}: every npm script is one`, () => {
      const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
      const named = [...read(page).matchAll(/npm run ([\w:-]+)/g)].map(m => m[1] ?? '');
      expect(named.filter(name => !(name in scripts))).to.deep.equal([]);
    });
  }

  it('the check of the example has its entry, cases and break in the files that are named', () => {
    const page = read('CONTRIBUTING.md');
    const [, id = '', files = ''] =
      /An example is `([a-z]+\.[a-z-]+)`: its entry([^.]*(?:\.\w[^.]*)*)/.exec(page) ?? [];
    const named = quoted(files);
    expect(named).to.have.length(3);
    for (const file of named) expect(read(file), file).to.contain(`'${id}'`);
  });

  it('docs/architecture.md names every folder of lib/', () => {
    const page = read('docs/architecture.md');
    const folders = readdirSync(join(root, 'lib'), { withFileTypes: true }).filter(entry =>
      entry.isDirectory(),
    );
    expect(folders.map(({ name }) => `lib/${name}`).filter(name => !page.includes(name))).to.deep.equal([]);
  });

  it('the module of the example, with its test, has fewer than 60 lines of code', () => {
    const example = 'lib/modules/kernel/kernel_blacklist';
    expect(read('CONTRIBUTING.md')).to.contain(`${example}.ts`);
    const lines = [`${example}.ts`, `${example}.test.ts`].flatMap(file => read(file).split('\n'));
    expect(lines.filter(line => line.trim() !== '').length).to.be.below(60);
  });
});
