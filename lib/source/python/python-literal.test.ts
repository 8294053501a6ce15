import { spawnSync } from 'node:child_process';
import { expect } from 'chai';
import fc from 'fast-check';
import { Float, Tuple, type Value } from '../value.ts';
import { parsePythonLiteral, parseStructure } from './python-literal.ts';

const CASES: readonly (readonly [string, Value | undefined])[] = [
  ['5', 5],
  ['-5', -5],
  ['1_000', 1000],
  ['0x1f', 31],
  ['0o17', 15],
  ['0644', undefined],
  ['00', 0],
  ['1.0', new Float(1)],
  ['.5', 0.5],
  ['1e3', new Float(1000)],
  ['True', true],
  ['None', null],
  ['true', undefined],
  ['foo', undefined],
  ['"a b"', 'a b'],
  ["'it''s'", 'its'],
  ["r'a\\n'", 'a\\n'],
  ["'a\\n\\x41'", 'a\nA'],
  ["['a', 1,]", ['a', 1]],
  ["{'a': {'b': [1]}}", new Map([['a', new Map([['b', [1]]])]])],
  ['(1,)', new Tuple([1])],
  ['(1)', 1],
  ['(None)', null],
  ['{1}', [1]],
  ['{1 2}', undefined],
  ['-(2.5)', -2.5],
  ['- ( (2) )', -2],
  ['-(-2)', undefined],
  ['-(2', undefined],
  ['1, 2', new Tuple([1, 2])],
  ['5 # five', 5],
  ['foo # bar', undefined],
  ['{{ x }}', undefined],
  ['', undefined],
  ['10.0.0.1', undefined],
  ['[1, 2', undefined],
  ['123456789012345678901234567890', 123456789012345678901234567890n],
];

describe('Python literals', () => {
  for (const [text, value] of CASES) {
    it(JSON.stringify(text), () => expect(parsePythonLiteral(text)).to.deep.equal(value));
  }

  it('agree with Python', function () {
    const python = '/usr/bin/python3';
    if (spawnSync(python, ['--version']).status !== 0) {
      console.log('      skipped: python3 is not installed; runs where it is');
      this.skip();
    }
    const part = fc.constantFrom(
      ...[
        '1',
        '0',
        '2.5',
        '-',
        '+',
        "'a'",
        '"b c"',
        '[',
        ']',
        '(',
        ')',
        '{',
        '}',
        ',',
        ':',
        ' ',
        'True',
        'None',
        'x',
        '#',
        '_',
        '0x',
        'e1',
        '.',
        '\\',
      ],
    );
    const sample = fc.sample(
      fc.array(part, { minLength: 1, maxLength: 8 }).map(parts => parts.join('').trim()),
      { numRuns: 6000, seed: 11 },
    );
    const texts = [...CASES.map(([text]) => text), ...sample];
    const script = `
import sys, json, ast, warnings
warnings.simplefilter('ignore')
def show(v):
    if isinstance(v, bool) or v is None: return str(v)
    if isinstance(v, int): return 'i%d' % v
    if isinstance(v, float): return 'f' + ('%.12g' % v)
    if isinstance(v, str): return json.dumps(v, ensure_ascii=False)
    if isinstance(v, list): return '[' + ','.join(map(show, v)) + ']'
    if isinstance(v, tuple): return '(' + ','.join(map(show, v)) + ')'
    if isinstance(v, dict): return '{' + ','.join(show(k) + ':' + show(x) for k, x in v.items()) + '}'
    return 'other'
out = []
for text in json.load(sys.stdin):
    try: out.append(show(ast.literal_eval(text)))
    except (ValueError, SyntaxError, TypeError): out.append('text')
    except Exception as e: out.append('other')
print(json.dumps(out))`;
    const { stdout } = spawnSync(python, ['-c', script], {
      input: JSON.stringify(texts),
      encoding: 'utf8',
      maxBuffer: 2 ** 28,
    });
    const theirs = JSON.parse(stdout) as string[];
    const different = texts.flatMap((text, i) => {
      const value = parsePythonLiteral(text);
      const ours = value === undefined ? 'text' : shown(value);
      return theirs[i] === ours || theirs[i]?.includes('other') ? [] : [[text, theirs[i], ours]];
    });
    expect(different).to.deep.equal([]);
  });
});

describe('text that spells a structure', () => {
  const cases: readonly (readonly [string, Value | undefined])[] = [
    ['[1, 2]', [1, 2]],
    ["['a', 'b',]", ['a', 'b']],
    ['{"a": [true, null]}', new Map([['a', [true, null]]])],
    ['True', true],
    ['true', undefined],
    ['5', undefined],
    ['(1, 2)', undefined],
    [' [1]', undefined],
    ['[mysqld]', undefined],
    ['[1]\nx=1', undefined],
    ['{constructor}', undefined],
  ];
  for (const [text, value] of cases)
    it(JSON.stringify(text), () => expect(parseStructure(text)).to.deep.equal(value));
});

function shown(value: Value): string {
  if (value === null || typeof value === 'boolean') return value === null ? 'None' : value ? 'True' : 'False';
  if (typeof value === 'bigint') return `i${value}`;
  if (typeof value === 'number')
    return Number.isInteger(value) ? `i${value}` : `f${Number(value.toPrecision(12))}`;
  if (value instanceof Float)
    return `f${Object.is(value.value, -0) ? '-0' : Number(value.value.toPrecision(12))}`;
  if (typeof value === 'string') return JSON.stringify(value);
  if (value instanceof Tuple) return `(${value.items.map(shown).join(',')})`;
  if (Array.isArray(value)) return `[${value.map(shown).join(',')}]`;
  if (value instanceof Map)
    return `{${[...value].map(([key, item]) => `${shown(key)}:${shown(item)}`).join(',')}}`;
  return 'other';
}
