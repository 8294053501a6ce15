import { spawnSync } from 'node:child_process';
import { expect } from 'chai';
import fc from 'fast-check';
import { firstWord, joinWords, parseFreeForm, splitWords, UnbalancedError } from './free-form.ts';

const COMMAND = new Set([
  'creates',
  'removes',
  'chdir',
  'executable',
  'warn',
  'stdin',
  'stdin_add_newline',
  'strip_empty_ends',
]);

const CASES: readonly (readonly [string, boolean, Record<string, string>, string])[] = [
  ['src=a dest=b', false, { src: 'a', dest: 'b' }, ''],
  ['ls -l creates=/x foo=bar', true, { creates: '/x' }, 'ls -l foo=bar'],
  ['echo "a b"  c', true, {}, 'echo "a b"  c'],
  ['msg="hello world"', false, { msg: 'hello world' }, ''],
  ["msg='it is' x={{ a | default('b c') }}", false, { msg: 'it is', x: "{{ a | default('b c') }}" }, ''],
  ['{{ cmd }} chdir={{ dir }}/x', true, { chdir: '{{ dir }}/x' }, '{{ cmd }}'],
  ['a\\=b', true, {}, 'a=b'],
  ['line one\n  line two creates=/y', true, { creates: '/y' }, 'line one\n  line two'],
  ['a=1 a=2', false, { a: '2' }, ''],
  ['=x', false, {}, '=x'],
  ['path="C:\\\\x" y=a=b', false, { path: 'C:\\x', y: 'a=b' }, ''],
  ['', false, {}, ''],
];

describe('free-form arguments', () => {
  for (const [text, command, pairs, rest] of CASES) {
    it(JSON.stringify(text), () => {
      const parsed = parseFreeForm(text, command ? COMMAND : undefined);
      expect(Object.fromEntries(parsed.pairs)).to.deep.equal(pairs);
      expect(parsed.rest).to.equal(rest);
    });
  }

  it('refuses what is never closed', () => {
    for (const text of ['echo "x', "it's", '{{ a', '{% if x'])
      expect(() => splitWords(text)).to.throw(UnbalancedError);
    expect(firstWord("it's")).to.equal("it's");
    expect(firstWord('a.yml x=1')).to.equal('a.yml');
  });

  it('puts a command together as it was', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('ls', '-l', '"a b"', '{{ x }}', '|', '>')), words => {
        expect(joinWords(splitWords(words.join(' ')))).to.equal(words.join(' '));
      }),
    );
  });

  it('agrees with Ansible', function () {
    const python = '/usr/bin/python3';
    if (spawnSync(python, ['-c', 'import ansible']).status !== 0) {
      console.log('      skipped: ansible-core is not installed; runs where it is');
      this.skip();
    }
    const part = fc.constantFrom(
      ...[
        'a',
        'b=c',
        'creates=/x',
        'chdir=',
        '=',
        '"',
        "'",
        '\\',
        ' ',
        ' ',
        '  ',
        '\n',
        '{{',
        '}}',
        '{%',
        '%}',
        '\\=',
        '\\n',
        '\\x41',
        '#',
        '{{ x }}',
        '"y z"',
      ],
    );
    const texts = [
      ...CASES.map(([text]) => text),
      ...fc.sample(
        fc.array(part, { maxLength: 9 }).map(parts => parts.join('')),
        { numRuns: 3000, seed: 3 },
      ),
    ];
    const script = `
import sys, json
from ansible.parsing.splitter import parse_kv
out = []
for text in json.load(sys.stdin):
    row = []
    for raw in (True, False):
        try: row.append(parse_kv(text, check_raw=raw))
        except Exception as e: row.append('error')
    out.append(row)
print(json.dumps(out))`;
    const { stdout } = spawnSync(python, ['-c', script], {
      input: JSON.stringify(texts),
      encoding: 'utf8',
      maxBuffer: 2 ** 28,
    });
    const theirs = JSON.parse(stdout) as ('error' | Record<string, string>)[][];
    const different = texts.flatMap((text, i) => {
      const ours = [ourForm(text, COMMAND), ourForm(text)];
      const same = ours.every((form, k) => agree(form, theirs[i]?.[k] ?? 'error'));
      return same ? [] : [{ text, theirs: theirs[i], ours }];
    });
    expect(different).to.deep.equal([]);
  });
});

type Form = 'error' | Record<string, string>;

/** Ansible stops at a blank before the first word, and doubles a line end inside a template; neither is worth copying. */
function agree(ours: Form, theirs: Form): boolean {
  if (theirs === 'error') return true;
  const plain = (form: Form) => JSON.stringify(form).replace(/(\\n| )+/g, ' ');
  return plain(ours) === plain(theirs);
}

function ourForm(text: string, known?: ReadonlySet<string>): Form {
  try {
    const { pairs, rest } = parseFreeForm(text, known);
    return { ...Object.fromEntries(pairs), ...(rest !== '' && { _raw_params: rest }) };
  } catch (error) {
    if (error instanceof UnbalancedError) return 'error';
    throw error;
  }
}
