import { expect } from 'chai';
import { hintsBehind } from '../../../test/support/mistake-text.ts';
import { SourceErrors } from '../errors.ts';
import { formatSourceError } from '../render.ts';
import { type Dict, keyPositionOf, positionOf, Secret, toPlain, Unsafe, type Value } from '../value.ts';
import { shiftPosition } from './scalar-position.ts';
import { parseYaml, parseYamlDocuments } from './yaml.ts';

function mistakes(text: string): string {
  try {
    parseYaml(text, 'x.yml');
  } catch (error) {
    if (error instanceof SourceErrors)
      return error.errors.map(one => hintsBehind(formatSourceError(one, () => text))).join('\n');
    throw error;
  }
  return 'none';
}

/** Text, what the first line of the report says after `x.yml:`, and what the caret is under. */
const MISTAKES: readonly (readonly [string, string, string])[] = [
  [
    'a: {{ foo }}',
    '1:4 YAML_SYNTAX a value that starts with "{{" must be quoted, write "{{ foo }}"',
    '{{ foo }}',
  ],
  [
    'a: {{ foo }}/bar',
    '1:4 YAML_SYNTAX a value that starts with "{{" must be quoted, write "{{ foo }}/bar"',
    '{',
  ],
  [
    '- {{ foo }}',
    '1:3 YAML_SYNTAX a value that starts with "{{" must be quoted, write "{{ foo }}"',
    '{{ foo }}',
  ],
  [
    'a: {x: {{ y }} }',
    '1:8 YAML_SYNTAX a value that starts with "{{" must be quoted, write "{{ y }}"',
    '{{ y }}',
  ],
  [
    'a: {{ "x" }}',
    '1:4 YAML_SYNTAX a value that starts with "{{" must be quoted, write "{{ \'x\' }}"',
    '{{ "x" }}',
  ],
  [
    'a: b: c',
    '1:4 YAML_SYNTAX a second ": " on one line, quote the value, or put the inner key on a line of its own',
    'b',
  ],
  ['a:\n\t- b', '2:1 YAML_TAB a tab is used for indentation, YAML wants spaces: replace the tab', '\t'],
  ['a: 1\nb: "x\nc: 2', '2:4 YAML_SYNTAX a quote is opened here and never closed, close it', '"'],
  ['a: [1,\nb: 2', '1:4 YAML_SYNTAX a "[" is opened here and never closed, close it with "]"', '['],
  ['a: @x', '1:4 YAML_SYNTAX a value cannot start with "@", quote the value', '@'],
  ['a: %x', '1:4 YAML_SYNTAX a value cannot start with "%", quote the value', '%'],
  ['a: *zz', '1:4 YAML_SYNTAX no anchor "&zz" stands before this, quote a value that starts with "*"', '*zz'],
  [
    'a:\n  b: 1\n c: 2',
    '3:2 YAML_SYNTAX this line is indented differently from its neighbours, line it up with the line it belongs to',
    'c',
  ],
  ['key:value\nb: 1', '1:4 YAML_SYNTAX a space is missing after the colon, write "key: value"', ':'],
  [
    'a: "x" == b',
    '1:4 YAML_SYNTAX text goes on after the closing quote, quote the whole value, with the other kind of quotes outside',
    '"',
  ],
  [
    'a: 1\n---\nb: 2',
    '2:1 YAML_SYNTAX this file holds more than one YAML document, remove the "---" in between',
    '---',
  ],
  ['? [a]\n: b', '1:3 BAD_VALUE a list or mapping cannot be a key', '['],
  [
    'a: 1\nb: 2\na: 3',
    '3:1 DUPLICATE_KEY found a duplicate dict key (a), first in line 1, remove one of the two',
    'a',
  ],
  ['a: &x {b: *x}', '1:11 BAD_VALUE "*x" refers to a value it is part of', '*x'],
  [
    'a: !foo 1',
    '1:9 BAD_VALUE unknown tag "!foo", known are !vault, !unsafe, !!str, !!int, !!float, !!bool, !!null',
    '1',
  ],
  ['a: !!int x', '1:10 BAD_VALUE "x" is not what its tag !!int says', 'x'],
  ['<<: [1]', '1:5 WRONG_TYPE "<<" wants a mapping or a list of mappings', '['],
];

describe('parseYaml', () => {
  for (const [text, head, caret] of MISTAKES) {
    it(`explains ${JSON.stringify(text)}`, () => {
      const [first, source = '', carets = ''] = mistakes(text).split('\n');
      expect(first).to.equal(`x.yml:${head}`);
      expect(source.slice(carets.indexOf('^'), carets.lastIndexOf('^') + 1)).to.equal(caret);
    });
  }

  it('reports all duplicate keys together', () => {
    expect(mistakes('a: 1\na: 2\nb: {c: 1, c: 2}\n').match(/DUPLICATE_KEY/g)).to.have.length(2);
  });

  it('goes on with the last of duplicate keys where somebody hears of them', () => {
    const heard: string[] = [];
    const value = parseYaml('a: 1\nb: {c: 1, c: 2}\na: 3\n', 'x.yml', ({ message, position }) =>
      heard.push(`${position?.line}:${position?.col} ${message}`),
    );
    expect(value).to.deep.equal(
      new Map<Value, Value>([
        ['a', 3],
        ['b', new Map([['c', 2]])],
      ]),
    );
    expect(heard.sort()).to.deep.equal([
      '2:11 found a duplicate dict key (c), first in line 2',
      '3:1 found a duplicate dict key (a), first in line 1',
    ]);
  });

  const VALUES: readonly (readonly [string, Value])[] = [
    ['', null],
    ['# nothing\n', null],
    ['---\n...\n', null],
    ['\ufeffa: 1', new Map([['a', 1]])],
    ['{"a": [1, "x", null, true]}', new Map([['a', [1, 'x', null, true]]])],
    [
      'a: "yes"\nb: \'0644\'\nc: |\n  1\n',
      new Map([
        ['a', 'yes'],
        ['b', '0644'],
        ['c', '1\n'],
      ]),
    ],
    ['a: >-\n  x\n  y\n\n  z\n', new Map([['a', 'x y\nz']])],
    [
      'a: !!str 5\nb: !!float 1\nc: ! 5',
      new Map<Value, Value>([
        ['a', '5'],
        ['b', 1],
        ['c', '5'],
      ]),
    ],
    [
      '1: a\nyes: b\n1.5: c',
      new Map<Value, Value>([
        [1, 'a'],
        [true, 'b'],
        [1.5, 'c'],
      ]),
    ],
    ['x: !unsafe "{{ a }}"', new Map([['x', new Unsafe('{{ a }}')]])],
    ['x: !unsafe [a, {b: c}]', new Map([['x', [new Unsafe('a'), new Map([['b', new Unsafe('c')]])]]])],
    [
      'b: &b {x: 1, y: 2}\nc: {<<: *b, y: 3}',
      new Map([
        [
          'b',
          new Map([
            ['x', 1],
            ['y', 2],
          ]),
        ],
        [
          'c',
          new Map([
            ['x', 1],
            ['y', 3],
          ]),
        ],
      ]),
    ],
    [
      'p: &p {x: 1}\nq: &q {x: 2, z: 3}\nr: {<<: [*p, *q]}\n',
      new Map([
        ['p', new Map([['x', 1]])],
        [
          'q',
          new Map([
            ['x', 2],
            ['z', 3],
          ]),
        ],
        [
          'r',
          new Map([
            ['x', 1],
            ['z', 3],
          ]),
        ],
      ]),
    ],
    [
      'a:\n  b: "x\n  y\nz"\nc: 1',
      new Map<Value, Value>([
        ['a', new Map([['b', 'x y z']])],
        ['c', 1],
      ]),
    ],
    ['- \'x\n\ny\'\n- "p\n  q"', ['x\ny', 'p q']],
    [
      'x: [1, # one\n2, {b: "]",\nc: d}\n]\n',
      new Map([
        [
          'x',
          [
            1,
            2,
            new Map([
              ['b', ']'],
              ['c', 'd'],
            ]),
          ],
        ],
      ]),
    ],
    ['a: |\n  x', new Map([['a', 'x']])],
    ['a: >\n  x\n', new Map([['a', 'x\n']])],
  ];
  for (const [text, value] of VALUES) {
    it(`reads ${JSON.stringify(text)}`, () => {
      const read = parseYaml(text, 'x.yml');
      expect(toPlain(read)).to.deep.equal(toPlain(value));
      expect([...((read as Dict | null) ?? new Map()).keys()]).to.deep.equal([
        ...((value as Dict | null) ?? new Map()).keys(),
      ]);
    });
  }

  it('counts right after quoted lines that stand far left', () => {
    const text = 'a: "x\ny Z"\nb: 1\nb: 2\n';
    expect(mistakes(text)).to.match(/^x.yml:4:1 DUPLICATE_KEY/);
    const dict = parseYaml(text.replace('b: 2\n', ''), 'x.yml') as Dict;
    expect(shiftPosition(positionOf(dict, 'a')!, 'x y Z', 4)).to.include({ line: 2, col: 3 });
  });

  it('keeps a vault scalar closed, with its place', () => {
    const dict = parseYaml('a: 1\nx: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  6162\n', 'x.yml') as Dict;
    const secret = dict.get('x') as Secret;
    expect(secret).to.be.instanceOf(Secret);
    expect(secret.ciphertext).to.equal('$ANSIBLE_VAULT;1.1;AES256\n6162\n');
    expect(secret.position).to.include({ file: 'x.yml', line: 2 });
  });

  it('knows the place of every key and value', () => {
    const list = parseYaml('- name: x\n  copy: {src: a,\n    dest: "b c"}\n', 'x.yml') as Value[];
    const task = list[0] as Dict;
    expect(positionOf(list, 0)).to.include({ line: 1, col: 3 });
    expect(keyPositionOf(task, 'copy')).to.include({ line: 2, col: 3, length: 4 });
    const copy = task.get('copy') as Dict;
    expect(positionOf(copy, 'dest')).to.include({ file: 'x.yml', line: 3, col: 11, length: 5 });
    expect(keyPositionOf(copy, 'nothing')).to.include({ line: 2, col: 9 });
  });

  it('stops at aliases that stand for very much', () => {
    const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]'];
    for (let i = 1; i < 9; i += 1)
      lines.push(
        `a${i}: &a${i} [${Array(10)
          .fill(`*a${i - 1}`)
          .join(', ')}]`,
      );
    expect(mistakes(lines.join('\n'))).to.contain('aliases make this file too large');
  });

  it('stops at nesting no author writes', () => {
    expect(mistakes(`${'['.repeat(600)}${']'.repeat(600)}`)).to.contain('nested too deeply');
  });

  it('reads several documents where they are asked for', () => {
    expect(parseYamlDocuments('a: 1\n---\n- 2\n', 'x.yml').map(toPlain)).to.deep.equal([{ a: 1 }, [2]]);
  });
});
