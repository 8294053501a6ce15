import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { caseVariables, HERE, templar } from '../../test/support/template-oracle.ts';
import { SourceError, SourceErrors } from '../source/errors.ts';
import { Opaque, type Value } from '../source/value.ts';
import { str } from './python/print.ts';

const SEEDS = readdirSync(join(HERE, 'cases'))
  .flatMap(file => readFileSync(join(HERE, 'cases', file), 'utf8').split('\n'))
  // Lookups that run programs or ask the machine for time and chance are not a matter of the template language.
  .filter(line => line !== '' && !line.startsWith('##') && !/lookup|query|q\(|random|now\(/.test(line))
  .map(line => line.replaceAll('⏎', '\n'));

const PIECES = [
  '{{',
  '}}',
  '{%',
  '%}',
  '{#',
  '#}',
  '|',
  '(',
  ')',
  '[',
  ']',
  '{',
  '}',
  '.',
  ',',
  ':',
  '"',
  "'",
  '~',
  '%',
];
const WORDS = [
  ' if ',
  ' else ',
  ' for ',
  ' in ',
  ' is ',
  ' not ',
  ' endif ',
  ' set ',
  '1',
  '0',
  '-1',
  '1e9',
  'nope',
  '**',
  '//',
];

interface Edit {
  readonly at: number;
  readonly remove: number;
  readonly insert: string;
}

const edit = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
  remove: fc.nat(4),
  insert: fc.oneof(fc.constantFrom(...PIECES, ...WORDS, ''), fc.string({ maxLength: 3 })),
});

function mutate(text: string, edits: readonly Edit[]): string {
  return edits.reduce((current, { at, remove, insert }) => {
    const place = Math.floor(at * current.length);
    return current.slice(0, place) + insert + current.slice(place + remove);
  }, text);
}

/** Anything but a value or a mistake with a position and a code is a crash. */
function settle(run: () => unknown): void {
  try {
    run();
  } catch (error) {
    if (!(error instanceof SourceError) && !(error instanceof SourceErrors)) throw error;
  }
}

describe('templating, for any text', () => {
  it('leaves text without delimiters as it is', () => {
    const plain = fc.string({ unit: 'grapheme' }).filter(text => !/[{}]/.test(text));
    fc.assert(
      fc.property(plain, text => {
        expect(templar.render(text, caseVariables())).to.equal(text);
      }),
    );
    fc.assert(
      fc.property(
        plain.filter(text => !text.startsWith('#jinja2:') && !text.includes('\r')),
        text => {
          expect(templar.renderFile(text, caseVariables())).to.equal(text);
        },
      ),
    );
  });

  it('prints any text that an expression holds as it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), text => {
        const vars = { get: () => text, has: () => true, names: () => ['v'] };
        expect(templar.render('{{ v }}', vars)).to.equal(text);
        expect(templar.render('<{{ v }}>', vars)).to.equal(`<${text}>`);
      }),
    );
  });

  it('never crashes or hangs on a damaged template', function () {
    this.timeout(1_800_000);
    const damaged = fc.tuple(fc.constantFrom(...SEEDS), fc.array(edit, { minLength: 1, maxLength: 4 }));
    fc.assert(
      fc.property(damaged, ([seed, edits]) => {
        const text = mutate(seed, edits);
        if (/lookup|query|random/.test(text)) return;
        const started = process.cpuUsage();
        settle(() => templar.render(text, caseVariables()));
        settle(() => templar.renderFile(text, caseVariables()));
        settle(() => templar.test(text, caseVariables()));
        settle(() => templar.check(text));
        settle(() => templar.references(text, 'template'));
        expect(process.cpuUsage(started).user).to.be.below(3_000_000);
      }),
      { numRuns: Number(process.env.FUZZ_RUNS ?? 1500) },
    );
  });

  it('gives no way to the objects behind the values', () => {
    const names = Object.getOwnPropertyNames;
    const hidden = [
      ...[Object, Array, Map, String, Number, Function].flatMap(type => names(type.prototype)),
      '__proto__',
      'prototype',
      'globalThis',
      'process',
      'require',
      'own',
      'items_',
    ];
    const python = new Set([
      'copy',
      'find',
      'index',
      'keys',
      'values',
      'pop',
      'reverse',
      'sort',
      'split',
      'strip',
      'replace',
      'get',
      'clear',
      'concat',
      'join',
      'count',
      'format',
      'startswith',
      'items',
      'fill',
      'title',
    ]);
    const objects = [
      'text',
      'one',
      'pi',
      'yes',
      'nothing',
      'numbers',
      'config',
      '(1, 2)',
      'range',
      'now()',
      'namespace()',
      'cycler(1)',
    ];
    for (const object of objects) {
      for (const name of new Set(hidden)) {
        if (python.has(name)) continue;
        for (const path of [`${object}.${name}`, `${object}['${name}']`]) {
          expect(templar.evaluate(`${path} is defined`, caseVariables()), path).to.equal(false);
        }
      }
    }
  });

  it('hands out nothing but values', () => {
    const isValue = (value: Value): boolean => {
      if (typeof value === 'function') return false;
      if (Array.isArray(value)) return value.every(isValue);
      if (value instanceof Map) return [...value].every(([key, item]) => isValue(key) && isValue(item));
      return (
        value === null ||
        typeof value !== 'object' ||
        value instanceof Opaque ||
        typeof str(value) === 'string'
      );
    };
    for (const seed of SEEDS)
      settle(() => expect(isValue(templar.render(seed, caseVariables())), seed).to.equal(true));
  });
});
