import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { expect } from 'chai';
import { PythonRegex, PythonRegexError, type RegexFlags } from './python-regex.ts';

type Case = readonly [pattern: string, text: string, template?: string, flags?: RegexFlags];

/** Each is run by Python's re and by ours: search, every match, groups, substitution, split. */
const CASES: readonly Case[] = [
  ['a', 'banana', 'o'],
  ['^a', 'ab\nab', 'X'],
  ['^a', 'ab\nab', 'X', { multiline: true }],
  ['b$', 'ab\nab\n', 'X'],
  ['b$', 'ab\nab\n', 'X', { multiline: true }],
  ['(?m)^b|a$', 'ba\nba', 'X'],
  ['\\Aa.*\\Z', 'a\n', 'X'],
  ['a.c', 'a\nc a\rc', 'X'],
  ['a.c', 'a\nc a\rc', 'X', { dotAll: true }],
  ['(?i)HELLO', 'hello Hello', 'bye'],
  ['(?i:HE)llo', 'hello HELLO', 'bye'],
  ['(?i:[a-f]x)y', 'AXy AXY', '!'],
  ['(?x) a  b # comment\n c', 'abc', 'X'],
  ['(?P<first>\\w+) (?P<last>\\w+)', 'John Smith', '\\g<last> \\g<first> \\2\\1 \\g<0>'],
  ['(?P<q>[\'"]).*?(?P=q)', `say "it's" 'x'`, '<\\g<q>>'],
  ['(a)(b)?', 'ab a', '[\\1\\2]'],
  ['(a)\\1', 'aab', 'X'],
  ['x*', 'abxd', '-'],
  ['', 'abc', '-'],
  ['\\b', 'ab cd', '|'],
  ['\\B', 'abc', '|'],
  ['\\bé', 'é xé', 'X'],
  ['\\w+', 'größe 例 a_1', 'W'],
  ['\\w+', 'größe a_1', 'W', { ascii: true }],
  ['\\d+', '12 ٣٤', 'D'],
  ['\\D+', '12ab', 'D'],
  ['\\s+', 'a \t\u00a0b\x1cc', '_'],
  ['\\S', 'a b', '_'],
  ['[\\w.-]+@[^\\s@]+', 'me.and-you@host.org x', '<\\g<0>>'],
  ['[^\\W\\d]+', 'ab12cd', 'X'],
  ['[]a]', 'x]a', 'X'],
  ['[^]a]', 'x]a', 'X'],
  ['[a\\-z]', 'a-mz', 'X'],
  ['[-az]', 'a-mz', 'X'],
  ['[az-]', 'a-mz', 'X'],
  ['[a-c&&b~~||]', 'abc&~|', 'X'],
  ['[\\]\\[{}()/|]', '[]{}()/|', 'X'],
  ['[[a]', '[a', 'X'],
  ['a{2}', 'aaaa', 'X'],
  ['a{2,}', 'aaaa', 'X'],
  ['a{,2}', 'aaaa', 'X'],
  ['a{1,2}?', 'aaaa', 'X'],
  ['a{', 'a{', 'X'],
  ['a{x}', 'a{x}', 'X'],
  ['{a}', '{a}', 'X'],
  ['a}', 'a}', 'X'],
  ['a]', 'a]', 'X'],
  ['a+?b*?', 'aab', 'X'],
  ['(?>a+)b', 'aaab', 'X'],
  ['(?>a*)a', 'aaa', 'X'],
  ['a++b', 'aab', 'X'],
  ['(x)(?>a)(y)\\2', 'xayy', '\\2\\1'],
  ['(?=a)a', 'ba', 'X'],
  ['(?!a)[ab]', 'ba', 'X'],
  ['(?<=a)b', 'ab bb', 'X'],
  ['(?<!a)b', 'ab bb', 'X'],
  ['(?#comment)a', 'a', 'X'],
  ['\\x41\\u0042\\U00000043\\103\\0', 'ABCC\0', 'X'],
  [
    '\\.\\*\\+\\?\\(\\)\\[\\]\\{\\}\\^\\$\\|\\\\\\/\\-\\#\\ \\"\\\'\\,\\:\\=\\!\\<\\>\\&\\~\\`\\@\\%',
    '.',
    'X',
  ],
  ['a|b|', 'abc', 'X'],
  ['(a|)', 'ba', '<\\1>'],
  ['(?:ab)+', 'ababx', 'X'],
  ['^(#|;)?\\s*PermitRootLogin.*$', '#PermitRootLogin yes', 'PermitRootLogin no'],
  ['^(host=).*', 'host=a', '\\g<1>10.0.0.1'],
  ['a', 'a', '\\n\\t\\\\-\\.'],
  ['(.)', 'é😀', '<\\1>'],
  ['\\n', 'a\nb', '\\n\\n'],
  ['(\\s*),(\\s*)', 'a , b,c', ';'],
  ['[\\x00-\\x1f]', 'a\x07b', '?'],
  ['[Ā-ſ]', 'aŁ', 'X'],
  ['ß', 'ß', 'ss'],
  ['(?s).+', 'a\nb', 'X'],
  ['(?ims)^a.b$', 'x\nA\nB\n', 'X'],
];

/** Python refuses these; so must we. */
const REFUSED = [
  '(',
  ')',
  '[',
  'a**',
  '*a',
  '(?P<a>x)(?P<a>y)',
  '(?P=x)',
  '\\q',
  '[z-a]',
  '(?z)',
  'a(?i)b',
  '\\2(a)',
];

const ORACLE = `
import json, re, sys
def flags(f):
    names = {'ignoreCase': re.I, 'multiline': re.M, 'dotAll': re.S, 'verbose': re.X, 'ascii': re.A}
    return sum(names[k] for k in f)
def span(text, match):
    at = lambda i: len(text[:i].encode('utf-16-le')) // 2
    return [at(match.start()), at(match.end())] + list(match.groups())
out = []
for case in json.load(sys.stdin):
    pattern, text, template = case[0], case[1], case[2] if len(case) > 2 else ''
    try:
        r = re.compile(pattern, flags(case[3]) if len(case) > 3 else 0)
        out.append({'all': [span(text, m) for m in r.finditer(text)], 'sub': list(r.subn(template, text)),
                    'once': r.sub(template, text, 1), 'split': r.split(text), 'full': bool(r.fullmatch(text)),
                    'match': bool(r.match(text)), 'names': dict(r.groupindex)})
    except re.error as e:
        out.append(None)
print(json.dumps(out))
`;

function oracle(cases: readonly Case[]): unknown[] {
  const input = JSON.stringify(cases.map(([p, t, s, f]) => [p, t, s ?? '', Object.keys(f ?? {})]));
  return JSON.parse(
    execFileSync('/usr/bin/python3', ['-W', 'ignore', '-c', ORACLE], { input, encoding: 'utf8' }),
  ) as unknown[];
}

function ours([pattern, text, template = '', flags]: Case): unknown {
  const regex = new PythonRegex(pattern, flags);
  const replaced = regex.sub(template, text);
  const plain = (part: string | undefined) => part ?? null;
  return {
    all: regex.matches(text).map(m => [m.index, m.end, ...m.groups.slice(1).map(plain)]),
    sub: [replaced.text, replaced.count],
    once: regex.sub(template, text, 1).text,
    split: regex.split(text).map(plain),
    full: regex.fullMatch(text) !== undefined,
    match: regex.match(text) !== undefined,
    names: Object.fromEntries(regex.named),
  };
}

describe('python regular expressions', () => {
  it(`agrees with Python on ${CASES.length} patterns`, function () {
    if (!existsSync('/usr/bin/python3')) {
      console.log('skipped: no /usr/bin/python3 to compare with; runs where Debian has installed it');
      this.skip();
    }
    const expected = oracle(CASES);
    CASES.forEach((testCase, i) => {
      expect(ours(testCase), JSON.stringify(testCase)).to.deep.equal(expected[i]);
    });
  });

  for (const pattern of REFUSED) {
    it(`refuses ${pattern}`, () => {
      expect(() => new PythonRegex(pattern)).to.throw(PythonRegexError);
    });
  }

  for (const template of ['\\g<none>', '\\3', '\\q', '\\']) {
    it(`refuses the replacement ${template}`, () => {
      expect(() => new PythonRegex('(a)').sub(template, 'a')).to.throw(PythonRegexError);
    });
  }

  it('knows where a group is', () => {
    const regex = new PythonRegex('a(?P<part>b+)(c)?');
    const match = regex.search('xabbx')!;
    expect(regex.span(match, 'xabbx', 'part')).to.deep.equal([2, 4]);
    expect(regex.span(match, 'xabbx', 2)).to.equal(undefined);
  });
});
