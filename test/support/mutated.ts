import fc from 'fast-check';

/** Pieces that mean something in a playbook. */
const PARTS = [
  ...[
    ' ',
    '  ',
    '\n',
    ':',
    ': ',
    '- ',
    '"',
    "'",
    '{{',
    '}}',
    '{%',
    '[',
    ']',
    '{',
    '}',
    ',',
    '#',
    '|',
    '>',
    '&a ',
    '*a',
    '!vault ',
    '!!int ',
    '%',
    '@',
    '\t',
    '? ',
  ],
  ...[
    '---\n',
    '<<: ',
    '~',
    '0o17',
    'null',
    '[]',
    '{}',
    '1e999',
    '\u0000',
    '\ud800',
    'é',
    'block',
    'when',
    'include_tasks',
    'roles',
    'loop',
    '\n- 1\n',
    '\n  - {}\n',
    '\\',
    '=',
    '  - name',
  ],
];

/** A text with some pieces cut, put in or moved: what an author's slip does to a playbook, for tests. */
export function mutated(text: string): fc.Arbitrary<string> {
  const edit = fc.record({
    at: fc.nat(text.length),
    cut: fc.nat(12),
    part: fc.constantFrom('', ...PARTS),
    from: fc.nat(text.length),
    length: fc.nat(60),
  });
  return fc
    .array(edit, { minLength: 1, maxLength: 5 })
    .map(edits =>
      edits.reduce(
        (now, { at, cut, part, from, length }) =>
          now.slice(0, at) + (part || now.slice(from, from + length)) + now.slice(at + cut),
        text,
      ),
    );
}
