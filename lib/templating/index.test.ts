import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { SourceError, SourceErrors } from '../source/errors.ts';
import { fromPlain, type Json, Secret, toPlain, Undefined, Unsafe, type Value } from '../source/value.ts';
import { parseYaml } from '../source/yaml/yaml.ts';
import { createTemplar, type Variables } from './index.ts';

function variables(json: { [key: string]: Json }): Variables {
  const dict = fromPlain(json) as Map<Value, Value>;
  return {
    get: name => dict.get(name) ?? new Undefined(name),
    has: name => dict.has(name),
    names: () => [...dict.keys()] as string[],
  };
}

const templar = createTemplar({
  searchPath: () => [],
  readFile: path => readFileSync(path),
  decrypt: text => `decrypted ${text}`,
  env: { ...process.env },
});

const vars = variables({
  a: { b: { c: 1 } },
  list: [1, 2, 3],
  text: 'plain',
  hostile: "' or lookup('env', 'HOME') or '",
});

function failure(run: () => unknown): SourceError {
  try {
    run();
  } catch (error) {
    if (error instanceof SourceError) return error;
    if (error instanceof SourceErrors && error.errors[0]) return error.errors[0];
    throw error;
  }
  throw new Error('nothing failed');
}

describe('templar', () => {
  it('renders deeply, keys included, and leaves what is not a template alone', () => {
    const value = new Map<Value, Value>([
      ['{{ text }}', ['{{ list }}', 'as is', 5]],
      ['secret', new Secret('cipher')],
      ['unsafe', new Unsafe('{{ text }}')],
    ]);
    expect(toPlain(templar.render(value, vars))).to.deep.equal({
      plain: [[1, 2, 3], 'as is', 5],
      secret: 'decrypted cipher',
      unsafe: '{{ text }}',
    });
  });

  it('takes text that spells a list for one, unless it was made as text', () => {
    const rows: readonly (readonly [string, Json])[] = [
      ["[{% for i in list %}'n{{ i }}',{% endfor %}]", ['n1', 'n2', 'n3']],
      ["{{ '[1]' }}", [1]],
      ['{{ list | to_json }}', '[1, 2, 3]'],
      ['{{ spelled }}', [1]],
      ['{{ made }}', '[1]'],
      ['[{{ text }}]', '[plain]'],
      ['{{ 1 }}{{ 2 }}', '12'],
    ];
    const scope = {
      ...variables({ list: [1, 2, 3], text: 'plain', spelled: '[1]', made: '[1]' }),
      isText: (name: string) => name === 'made',
    };
    for (const [template, value] of rows)
      expect([template, toPlain(templar.render(template, scope))]).to.deep.equal([template, value]);
  });

  it('does not change the variables when a template changes its lists', () => {
    expect(toPlain(templar.render('{% set _ = list.append(4) %}{{ list }}', vars))).to.deep.equal([
      1, 2, 3, 4,
    ]);
    expect(toPlain(templar.render('{{ list }}', vars))).to.deep.equal([1, 2, 3]);
  });

  it('does not render values that came out of a template', () => {
    const braces = variables({ v: '{{ text }}' });
    expect(templar.render('{{ v }}', braces)).to.equal('{{ text }}');
  });

  const MISTAKES: readonly [string, string, number, string | undefined][] = [
    ['x {{ a.b.d }}', 'UNDEFINED_VARIABLE', 6, 'did you mean "c"?'],
    ['{{ tetx }}', 'UNDEFINED_VARIABLE', 4, 'did you mean "text"?'],
    ['{{ text | uper }}', 'UNKNOWN_FILTER', 11, 'did you mean "upper"?'],
    [
      "{{ '1.2' | version_compare('1.0', '>') }}",
      'UNKNOWN_FILTER',
      12,
      'it is a test: write "is version_compare" instead of "| version_compare"',
    ],
    [
      '{{ text is to_json }}',
      'UNKNOWN_TEST',
      12,
      'it is a filter: write "| to_json" instead of "is to_json"',
    ],
    ['{{ text is definde }}', 'UNKNOWN_TEST', 12, 'did you mean "defined"?'],
    ["{{ lookup('evn', 'X') }}", 'UNKNOWN_LOOKUP', 12, 'did you mean "env"?'],
    ['{{ text', 'TEMPLATE_SYNTAX', 1, 'close it with }}'],
    ['{{ text + 1 }}', 'TEMPLATE_RUNTIME', 4, 'use "~" to join texts, or "| int" to add numbers'],
  ];
  for (const [text, code, col, hint] of MISTAKES) {
    it(`points at the mistake in ${text}`, () => {
      const error = failure(() => templar.render(text, vars, { file: 'f.yml', line: 1, col: 1 }));
      expect(error).to.include({ code, hint });
      expect(error.position).to.include({ file: 'f.yml', line: 1, col });
    });
  }

  it('points into block scalars and into template files', () => {
    const play = parseYaml('msg: |\n  first\n  {{ nope }}\n', 'p.yml');
    expect(failure(() => templar.render(play, vars)).position).to.include({ file: 'p.yml', line: 3, col: 6 });
    const headed = '#jinja2: lstrip_blocks: True\none\n{{ nope }}\n';
    const error = failure(() => templar.renderFile(headed, vars, { file: 't.j2' }));
    expect(error.position).to.include({ file: 't.j2', line: 3, col: 4 });
  });

  it('reports every mistake of a value at once', () => {
    const check = () => templar.check(['{{ 1 + }}', '{{ fine }}', '{{ x | nosuch }}']);
    expect(check).to.throw(SourceErrors).that.has.property('errors').with.lengthOf(2);
    expect(failure(() => templar.checkExpression('a ==')).code).to.equal('TEMPLATE_SYNTAX');
    templar.checkExpression("a.b | default('x') is match('y')");
  });

  it('names what a template refers to', () => {
    const names = (source: Value, kind: 'template' | 'expression') =>
      [...templar.references(source, kind)].sort();
    expect(names("a.b == c | default(d) and lookup('env', e)", 'expression')).to.deep.equal([
      'a',
      'c',
      'd',
      'e',
    ]);
    expect(names('{% for i in xs %}{{ i }}{{ y }}{% endfor %}', 'template')).to.deep.equal(['xs', 'y']);
  });

  it('fails for a name that nobody knows where it comes to it, and says so when it is checked', () => {
    const names = [
      ...['text | far.away.filter', 'text is far.away.proven', "lookup('far.away.place')"],
      'text | ansible.builtin.uper',
    ];
    for (const name of names) {
      expect(templar.test(['a.b.c == 1', `true or ${name}`], vars), name).to.equal(true);
      const reached = failure(() => templar.test([name], vars));
      const checked = failure(() => templar.checkExpression(`true or ${name}`));
      for (const { message } of [reached, checked])
        expect(message, name).to.match(/there is no (filter|test|lookup)/);
    }
  });

  it('takes lists of conditions as all of them, and stops at the first that fails', () => {
    expect(templar.test(['a.b.c == 1', 'text'], vars)).to.equal(true);
    expect(templar.test(['a.b.c == 2', 'nope'], vars)).to.equal(false);
    expect(failure(() => templar.test(['nope'], vars)).code).to.equal('UNDEFINED_VARIABLE');
  });

  it('runs no lookup in a condition that holds text of a variable', () => {
    const error = failure(() => templar.test("'{{ hostile }}' == 'x'", vars));
    expect(error).to.include({ code: 'TEMPLATE_RUNTIME' });
    expect(error.message).to.include('not allowed');
  });

  it('counts a variable that needs an undefined one as undefined, and names the real culprit', () => {
    const lazy: Variables = {
      get: name => (name === 'b' ? templar.render('{{ c }}', lazy) : new Undefined(name)),
      has: name => name === 'b',
      names: () => ['b'],
    };
    expect(templar.render("{{ b | default('x') }}", lazy)).to.equal('x');
    expect(failure(() => templar.render('{{ b }}', lazy)).message).to.include("'c' is undefined");
  });

  it('runs lookups for loops', () => {
    const pairs = templar.lookup('dict', [new Map([['k', 1]])], new Map(), vars);
    expect(pairs.map(toPlain)).to.deep.equal([{ key: 'k', value: 1 }]);
  });

  it('keeps a generated password in a file that only its owner reads', () => {
    const folder = mkdtempSync(join(tmpdir(), 'password-'));
    try {
      const file = join(folder, 'deep', 'secret');
      const text = `{{ lookup('password', '${file} length=15 encrypt=sha512_crypt') }}`;
      const first = toPlain(templar.render(text, vars));
      expect(first).to.match(/^\$6\$[./0-9A-Za-z]{16}\$[./0-9A-Za-z]{86}$/);
      expect(toPlain(templar.render(text, vars))).to.equal(first);
      expect(statSync(file).mode & 0o777).to.equal(0o600);
      writeFileSync(file, 'chosen by hand\n');
      expect(toPlain(templar.render(`{{ lookup('password', '${file}') }}`, vars))).to.equal('chosen by hand');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('keeps no password in a dry run, and hides the folder of passwords from git', () => {
    const folder = mkdtempSync(join(tmpdir(), 'password-'));
    try {
      const file = join(folder, 'credentials', 'polar');
      const text = `{{ lookup('password', '${file} length=15 chars=digits') }}`;
      expect(templar.render(text, variables({ ansible_check_mode: true }))).to.match(/^\d{15}$/);
      expect(readdirSync(folder)).to.deep.equal([]);
      const kept = templar.render(text, variables({ ansible_check_mode: false }));
      expect(templar.render(text, variables({ ansible_check_mode: true }))).to.deep.equal(kept);
      expect(readFileSync(join(folder, 'credentials', '.gitignore'), 'utf8')).to.deep.equal('*\n');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  const ENDLESS = [
    '{% for i in range(5000) %}{% for j in range(5000) %}{{ j }}{% endfor %}{% endfor %}',
    '{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}',
    '{% set l = [1] %}{% for i in range(60) %}{% set _ = l.extend(l) %}{% endfor %}',
    '{% set l = [] %}{% set _ = l.append(l) %}{{ l }}',
    "{{ 'a' * 999999999 }}",
    '{{ range(99999999) }}',
    '{{ 10 ** 1000000 }}',
    `{{ ${'('.repeat(1000)}1${')'.repeat(1000)} }}`,
  ];
  for (const text of ENDLESS) {
    it(`ends: ${text.slice(0, 60)}`, () => {
      expect(failure(() => templar.render(text, vars)).code).to.match(/^TEMPLATE_(RUNTIME|SYNTAX)$/);
    });
  }

  it('evaluates a compiled template in less than 5 µs', () => {
    const render = () => templar.render("{{ a.b | default('x') }}", vars);
    const round = () => {
      const started = process.cpuUsage();
      for (let i = 0; i < 20_000; i++) render();
      const { user, system } = process.cpuUsage(started);
      return (user + system) / 20_000;
    };
    expect(Math.min(...Array.from({ length: 6 }, round))).to.be.below(5);
  });
});
