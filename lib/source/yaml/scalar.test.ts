import { spawnSync } from 'node:child_process';
import { expect } from 'chai';
import fc from 'fast-check';
import { Float, type Value } from '../value.ts';
import { resolvePlain } from './scalar.ts';

const float = (value: number) => new Float(value);

const CASES: readonly (readonly [string, Value])[] = [
  ['yes', true],
  ['No', false],
  ['ON', true],
  ['off', false],
  ['TRUE', true],
  ['y', 'y'],
  ['n', 'n'],
  ['yEs', 'yEs'],
  ['', null],
  ['~', null],
  ['null', null],
  ['NULL', null],
  ['nUll', 'nUll'],
  ['None', 'None'],
  ['0644', 420],
  ['0o644', '0o644'],
  ['644', 644],
  ['08', '08'],
  ['0', 0],
  ['-0', 0],
  ['+12', 12],
  ['-12', -12],
  ['1_000', 1000],
  ['0x1F', 31],
  ['-0x1f', -31],
  ['0b101', 5],
  ['1:30', 90],
  ['12:30:45', 45045],
  ['-1:30', -90],
  ['0:30', '0:30'],
  ['1:99', '1:99'],
  ['123456789012345678901234567890', 123456789012345678901234567890n],
  ['1.5', 1.5],
  ['1.0', float(1)],
  ['-1.0', float(-1)],
  ['1.', float(1)],
  ['.5', 0.5],
  ['1e3', '1e3'],
  ['1.0e3', '1.0e3'],
  ['1.5e+3', float(1500)],
  ['1.25e-1', 0.125],
  ['1_0.5', 10.5],
  ['1:30.5', 90.5],
  ['.inf', float(Number.POSITIVE_INFINITY)],
  ['-.INF', float(Number.NEGATIVE_INFINITY)],
  ['1.2.3', '1.2.3'],
  ['1.2.3.4', '1.2.3.4'],
  ['2020-01-31', '2020-01-31'],
  ['2001-12-14t21:59:43.10-05:00', '2001-12-14 21:59:43.100000-05:00'],
  ['2001-12-14 21:59:43', '2001-12-14 21:59:43'],
  ['2001-12-15T02:59:43Z', '2001-12-15 02:59:43+00:00'],
  ['=', '='],
  ['<<', '<<'],
  ['0x', '0x'],
];

describe('plain YAML scalars', () => {
  for (const [text, value] of CASES) {
    it(`${JSON.stringify(text)}`, () => expect(resolvePlain(text)).to.deep.equal(value));
  }

  it('agree with PyYAML', function () {
    const python = '/usr/bin/python3';
    if (spawnSync(python, ['-c', 'import yaml']).status !== 0) {
      console.log('      skipped: PyYAML is not installed; runs where it is');
      this.skip();
    }
    const word = fc.oneof(
      fc.constantFrom(...CASES.map(([text]) => text)),
      fc.string({ unit: fc.constantFrom(...'0123456789+-._:xobeEaf'), minLength: 1, maxLength: 9 }),
      fc.constantFrom('yes', 'no', 'on', 'off', 'true', 'false', 'null').map(text => text.toUpperCase()),
    );
    const words = fc.sample(word, { numRuns: 4000, seed: 7 });
    const script = `
import sys, json, yaml, datetime, math
loader = yaml.SafeLoader('')
def show(v):
    if v is None or isinstance(v, (bool, str)): return v
    if isinstance(v, int): return 'int ' + str(v)
    if isinstance(v, float): return 'float ' + ('nan' if math.isnan(v) else 'inf' if v == math.inf else '-inf' if v == -math.inf else repr(v))
    return str(v)
out = []
for w in json.load(sys.stdin):
    tag = loader.resolve(yaml.ScalarNode, w, (True, False))
    try: out.append(show(w if tag.endswith((':value', ':merge')) else loader.construct_object(yaml.ScalarNode(tag, w), deep=True)))
    except Exception as e: out.append('error')
print(json.dumps(out))`;
    const { stdout } = spawnSync(python, ['-c', script], { input: JSON.stringify(words), encoding: 'utf8' });
    const theirs = JSON.parse(stdout) as (string | boolean | null)[];
    const different = words.flatMap((text, i) =>
      theirs[i] === 'error' || theirs[i] === shown(resolvePlain(text))
        ? []
        : [[text, theirs[i], shown(resolvePlain(text))]],
    );
    expect(different).to.deep.equal([]);
    expect(theirs.filter(value => value === 'error').length).to.be.lessThan(words.length / 10);
  });
});

function shown(value: Value): unknown {
  if (value instanceof Float) return `float ${pythonFloat(value.value)}`;
  if (typeof value === 'bigint') return `int ${value}`;
  if (typeof value === 'number')
    return Number.isInteger(value) ? `int ${value}` : `float ${pythonFloat(value)}`;
  return value;
}

function pythonFloat(size: number): string {
  if (!Number.isFinite(size)) return Number.isNaN(size) ? 'nan' : size > 0 ? 'inf' : '-inf';
  if (Object.is(size, -0)) return '-0.0';
  const text = String(size);
  const [digits = '', exponent] = text.split('e');
  if (exponent !== undefined) return `${digits}e${exponent.replace(/^([-+])(\d)$/, '$10$2')}`;
  if (Math.abs(size) >= 1e16) return size.toExponential().replace('e+', 'e+');
  if (Math.abs(size) < 1e-4 && size !== 0) return size.toExponential().replace(/e-(\d)$/, 'e-0$1');
  return text.includes('.') ? text : `${text}.0`;
}
