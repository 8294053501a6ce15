import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect } from 'chai';

const root = resolve(import.meta.dirname, '..');

/** How often the code of modules says that it knows better than the compiler. It may only become less often. */
const MOST_CASTS = 24;

interface Cast {
  readonly place: string;
  readonly hasReason: boolean;
}

/** The casts of a text, and whether a comment stands above each: beside it one would be moved by the formatter. */
function castsOf(file: string, text: string): Cast[] {
  const lines = text.split('\n');
  return lines.flatMap((line, i) => {
    // Texts, comments and names for others are no casts.
    const code = line.replace(
      /'(?:[^'\\]|\\.)*'|\/\/.*$|^\s*\*.*$|^\s*\/\*.*$|^(import|export) .* from .*$/g,
      "''",
    );
    if (
      !/(?<=[\w)\]}']) as (?!const\b)(?:[A-Z]\w*|never|unknown|string|number|boolean|object|readonly|[{[])/.test(
        code,
      )
    )
      return [];
    return [{ place: `${file}:${i + 1}`, hasReason: /^\s*(\/\/|\*|\/\*)/.test(lines[i - 1] ?? '') }];
  });
}

const casts = ['lib/modules', 'lib/cluster/modules'].flatMap(folder =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .flatMap(name => castsOf(`${folder}/${name}`, readFileSync(join(root, folder, name), 'utf8'))),
);

describe('casts in modules (assertions are held by the lint: use partAt or defined)', () => {
  it('each has its reason in a comment above it', () => {
    const bare = casts.filter(cast => !cast.hasReason).map(cast => cast.place);
    expect(bare, 'let the type follow from the value, or say above it why it cannot').to.deep.equal([]);
  });

  it('are no more than before', () => {
    expect(casts.length, 'let the type follow from the value').to.be.at.most(MOST_CASTS);
    expect(casts.length, 'lower MOST_CASTS').to.be.greaterThan(MOST_CASTS - 10);
  });

  it('are found', () => {
    expect(
      castsOf('x.ts', "// why\nconst a = b as Foo;\nconst c = d as never;\nconst e = 'stored as JSON';"),
    ).to.deep.equal([
      { place: 'x.ts:2', hasReason: true },
      { place: 'x.ts:3', hasReason: false },
    ]);
  });
});
