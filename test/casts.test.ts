import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect } from 'chai';

const root = resolve(import.meta.dirname, '..');

/** How often the code of modules says that it knows better than the compiler. It may only become less often. */
const MOST = { assertions: 139, casts: 126 };

const code = ['lib/modules', 'lib/cluster/modules']
  .flatMap(folder =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map(name =>
      join(root, folder, name),
    ),
  )
  .filter(file => file.endsWith('.ts') && !file.endsWith('.test.ts'))
  .map(file => readFileSync(file, 'utf8'))
  // Comments, imports and names for others are no casts.
  .map(text => text.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$|^(import|export) [^;]*from '[^']*';/gm, ''));

const count = (pattern: RegExp) => code.reduce((sum, text) => sum + [...text.matchAll(pattern)].length, 0);

describe('what modules say of types', () => {
  it('has no more non-null assertions', () => {
    const found = count(/(?<=[\w)\]'])!(?=[.,;:)\]}[\s(]|$)(?!=)/gm);
    expect(found, 'ask whether it is there, or use partAt').to.be.at.most(MOST.assertions);
    expect(found, 'lower MOST.assertions').to.be.at.least(MOST.assertions - 30);
  });

  it('has no more casts', () => {
    const found = count(
      /(?<=[\w)\]}]) as (?!const\b)(?:[A-Z]\w*|never|unknown|string|number|boolean|object|readonly|[{(])/g,
    );
    expect(found, 'let the type follow from the value').to.be.at.most(MOST.casts);
  });
});
