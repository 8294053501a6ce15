import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { SourceError, SourceErrors, UsageError } from '../source/errors.ts';
import { FileReader } from '../source/yaml/read-yaml.ts';
import { loadInventory } from './load-inventory.ts';

const TEXTS = [
  'lone x=1\n[web]\nw[01:03] port=80 t="a b" l="[1, 2]" # c\n[db]\nd[a:c]:22\n[prod:children]\nweb\ndb\n[prod:vars]\nx=1.5\ny={"a": 1}\n',
  'all:\n  vars: {a: 1}\n  hosts: {h: {x: 1}}\n  children:\n    web: {hosts: {"w[1:3]": }, vars: {b: 2}}\n    db: {hosts: d, children: {web: }}\n',
  '{"g": {"hosts": {"a": {"x": 1.5}}, "vars": {"z": "{{ a }}"}}}',
];
const PARTS = [
  '[',
  ']',
  ':',
  '\n',
  ' ',
  '"',
  "'",
  '=',
  '#',
  '-',
  '\\',
  '{',
  '}',
  ',',
  '[x:children]\n',
  '[all]\n',
  '[1:',
  ':999999999',
  '[0:9:0]',
  '---\n',
  'hosts',
  '\t',
  '\u0000',
  'é',
  '(',
  '!vault',
  '&',
  '*',
];

const text = fc.constantFrom(...TEXTS).chain(base => {
  const edit = fc.record({ at: fc.nat(base.length), cut: fc.nat(8), part: fc.constantFrom('', ...PARTS) });
  return fc
    .array(edit, { minLength: 1, maxLength: 5 })
    .map(edits =>
      edits.reduce((now, { at, cut, part }) => now.slice(0, at) + part + now.slice(at + cut), base),
    );
});
const pattern = fc
  .array(
    fc.constantFrom(
      'web',
      'w1',
      'all',
      'lone',
      ':',
      ',',
      '!',
      '&',
      '*',
      '?',
      '[',
      ']',
      '[0]',
      '[1:]',
      '[-1]',
      '~',
      '(',
      '\\',
      '.',
      ' ',
      '[!a]',
      '[z-a]',
      '::1',
      'w[1:2]',
    ),
    { maxLength: 6 },
  )
  .map(parts => parts.join(''));

describe('mutated inventories', () => {
  it('load, or are refused with a reason; patterns choose hosts that exist', function () {
    this.timeout(1_800_000);
    const dir = realpathSync(mkdtempSync(path.join(tmpdir(), 'inventory-')));
    mkdirSync(path.join(dir, 'group_vars'));
    try {
      fc.assert(
        fc.property(
          text,
          pattern,
          fc.constantFrom('hosts', 'hosts.yml', 'hosts.ini', 'hosts.json'),
          fc.boolean(),
          (content, parts, name, asVars) => {
            const file = path.join(dir, asVars ? 'group_vars/all.yml' : name);
            writeFileSync(file, content);
            if (asVars) writeFileSync(path.join(dir, name), 'a\n');
            const begin = Date.now();
            check(path.join(dir, name), parts);
            expect(Date.now() - begin).to.be.lessThan(10_000);
            rmSync(file);
          },
        ),
        { numRuns: Number(process.env.FUZZ_RUNS ?? 600) },
      );
    } finally {
      rmSync(dir, { recursive: true });
    }
  });
});

function check(file: string, pattern: string): void {
  try {
    const inventory = loadInventory([file], new FileReader());
    for (const host of inventory.hosts.keys()) inventory.layers(host, []);
    const chosen = inventory.select(pattern);
    expect(new Set(chosen).size).to.equal(chosen.length);
    for (const host of chosen)
      expect(inventory.hosts.has(host) || /^(localhost|127\.0\.0\.1|::1)$/.test(host), host).to.equal(true);
  } catch (error) {
    if (!(error instanceof SourceError || error instanceof SourceErrors || error instanceof UsageError))
      throw error;
  }
}

describe('patterns', () => {
  const inventory = (() => {
    const dir = realpathSync(mkdtempSync(path.join(tmpdir(), 'inventory-')));
    writeFileSync(path.join(dir, 'hosts'), TEXTS[0] ?? '');
    const loaded = loadInventory([path.join(dir, 'hosts')], new FileReader());
    rmSync(dir, { recursive: true });
    return loaded;
  })();
  const one = fc.constantFrom('web', 'db', 'prod', 'lone', 'w*', 'all', '~d', 'd[0:1]', 'ungrouped');
  const chosen = (text: string) => new Set(inventory.select(text));

  it('obey the laws of sets', () => {
    fc.assert(
      fc.property(one, one, one, (a, b, c) => {
        expect(chosen(`${a},${b}`)).to.deep.equal(new Set([...chosen(a), ...chosen(b)]));
        expect(chosen(`${a},&${b}`)).to.deep.equal(
          new Set([...chosen(a)].filter(host => chosen(b).has(host))),
        );
        expect(chosen(`${a},!${b}`)).to.deep.equal(
          new Set([...chosen(a)].filter(host => !chosen(b).has(host))),
        );
        expect(chosen(`${a},!${b},&${c}`)).to.deep.equal(chosen(`${a},&${c},!${b}`));
      }),
    );
  });
});
