import { expect } from 'chai';
import fc from 'fast-check';
import { type Dict, positionOf } from '../value.ts';
import { shiftPosition } from './scalar-position.ts';
import { parseYaml } from './yaml.ts';

/** YAML whose value holds a Z; the caret must stand under it. */
const CASES = [
  'a: some Z text',
  "a: 'it''s Z'",
  'a: "tab\\t and \\u20ac Z"',
  'a: "x\n   y Z"',
  'a: |\n  first\n  second Z\n',
  'a: |-\n    indented\n      more Z\n',
  'a: >\n  folded\n  line Z\n\n  end\n',
  'a: plain over\n  two lines Z',
  'a:\n  - b: "{{ x | Z }}"',
  "a: 'x\n\n  y Z'",
  'a: |2\n    two more Z\n',
  'a: "con\\\n   tinued Z"',
];

function firstText(value: unknown): { text: string; holder: unknown; key: string | number } {
  const [key, inner] = value instanceof Map ? ([...value][0] ?? []) : [0, (value as unknown[])[0]];
  if (typeof inner === 'string') return { text: inner, holder: value, key: key as string | number };
  return firstText(inner);
}

describe('shiftPosition', () => {
  for (const source of CASES) {
    it(`finds a character of ${JSON.stringify(source)}`, () => {
      const { text, holder, key } = firstText(parseYaml(source, 'x.yml') as Dict);
      const at = positionOf(holder, key);
      expect(at).not.to.equal(undefined);
      if (!at) return;
      const { line, col } = shiftPosition(at, text, text.indexOf('Z'));
      expect(source.split('\n')[line - 1]?.[col - 1]).to.equal('Z');
    });
  }

  it('counts lines for text that is not YAML', () => {
    const at = { file: 't.j2', line: 3, col: 5 };
    expect(shiftPosition(at, 'ab\ncd', 1)).to.include({ line: 3, col: 6 });
    expect(shiftPosition(at, 'ab\ncd', 4)).to.include({ line: 4, col: 2 });
  });

  it('stays inside the file whatever the offset', () => {
    const unit = fc.constantFrom('a', ' ', '\n', "'", '"', '\\', '{', 'é');
    fc.assert(
      fc.property(
        fc.string({ unit, maxLength: 30 }),
        fc.nat(40),
        fc.constantFrom('double', 'single', 'literal'),
        (text, offset, style) => {
          const body =
            style === 'literal'
              ? `|+\n${text
                  .split('\n')
                  .map(line => `  x${line}`)
                  .join('\n')}`
              : style === 'double'
                ? JSON.stringify(text)
                : `'${text.replaceAll("'", "''").replaceAll('\n', '\n\n ')}'`;
          const source = `a: ${body}\n`;
          const dict = parseYaml(source, 'x.yml') as Dict;
          const value = dict.get('a');
          const at = positionOf(dict, 'a');
          if (typeof value !== 'string' || !at) return;
          const { line, col } = shiftPosition(at, value, offset);
          const lines = source.split('\n');
          expect(line).to.be.within(1, lines.length);
          expect(col).to.be.within(1, (lines[line - 1]?.length ?? 0) + 1);
        },
      ),
      { numRuns: 300 },
    );
  });
});
