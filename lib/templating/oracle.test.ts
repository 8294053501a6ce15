import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { type Expected, evaluate, HERE, type Outcome } from '../../test/support/template-oracle.ts';

const PYTHON = '/usr/bin/python3';

/** Where we differ from Ansible on purpose: the case, what we make of it, and why. */
const DIFFERENCES: ReadonlyMap<string, { readonly ours: string; readonly why: string }> = new Map([
  [
    'one == 1 if yes else false',
    {
      ours: 'True',
      why: 'a condition may be an inline if; Ansible puts it into {% if %}, where none is allowed',
    },
  ],
  [
    '{{ text | ansible.builtin.upper }}',
    { ours: "'HELLO WORLD'", why: "Jinja2's own filters have full names as well, as users expect" },
  ],
  [
    String.raw`{{ "x\"y" }}`,
    { ours: `'x"y'`, why: 'an escaped quote ends no string; Ansible doubles its backslash first' },
  ],
  ["{{ 'nope' is filter }}", { ours: 'False', why: 'the test answers; Ansible fails on every unknown name' }],
]);

const expected = JSON.parse(readFileSync(join(HERE, 'expected.json'), 'utf8')) as Expected;

/** Whether an outcome is what Ansible makes of the case; of most mistakes only that they are one. */
function agrees(ours: Outcome, theirs: Outcome): boolean {
  if ('message' in ours || 'message' in theirs)
    return 'message' in ours && 'message' in theirs && theirs.message.includes(ours.message);
  if ('error' in ours || 'error' in theirs) return 'error' in ours && 'error' in theirs;
  return ours.value === theirs.value;
}

describe('templating against Ansible', () => {
  for (const [file, cases] of Object.entries(expected)) {
    it(`agrees on ${Object.keys(cases).length} ${file}`, () => {
      const disagreements = Object.entries(cases).flatMap(([line, theirs]) => {
        const ours = evaluate(file, line);
        return DIFFERENCES.has(line) || agrees(ours, theirs) ? [] : [{ line, ours, theirs }];
      });
      expect(disagreements).to.deep.equal([]);
    });
  }

  for (const [line, { ours, why }] of DIFFERENCES) {
    it(`differs in ${line}: ${why}`, () => {
      const [file = '', cases = {}] = Object.entries(expected).find(([, lines]) => line in lines) ?? [];
      expect(evaluate(file, line)).to.deep.equal({ value: ours });
      expect(agrees({ value: ours }, cases[line] as Outcome)).to.equal(false);
    });
  }

  it('has hundreds of results that Ansible produced', () => {
    const results = Object.values(expected).flatMap(cases => Object.values(cases));
    expect(results.filter(result => 'value' in result)).to.have.length.above(300);
    expect(results.filter(result => 'error' in result)).to.have.length.above(50);
  });

  it('names an undefined variable as undefined, whatever it is used for', () => {
    const wrong = Object.entries(expected).flatMap(([file, cases]) =>
      Object.entries(cases).filter(([line, theirs]) => {
        if (!('error' in theirs) || theirs.error !== 'undefined') return false;
        const ours = evaluate(file, line);
        return !('error' in ours) || ours.error !== 'undefined';
      }),
    );
    expect(wrong.map(([line]) => line)).to.deep.equal([]);
  });

  it('agrees with the Ansible of this machine', function () {
    const probe = spawnSync(PYTHON, [
      '-c',
      'import ansible, jmespath, netaddr, passlib, ansible_collections.ansible.utils',
    ]);
    if (probe.status !== 0) {
      console.log(
        `      skipped: needs ${PYTHON} with ansible, python3-jmespath, python3-netaddr and python3-passlib`,
      );
      this.skip();
    }
    this.timeout(120_000);
    const output = execFileSync(PYTHON, [join(HERE, 'oracle.py')], {
      encoding: 'utf8',
      maxBuffer: 64 * 2 ** 20,
    });
    expect(JSON.parse(output)).to.deep.equal(expected);
  });
});
