import { expect } from 'chai';
import { trial } from '../../../test/support/run-playbook.ts';
import { OMIT, Undefined, type Value } from '../../source/value.ts';
import { createTemplar } from '../../templating/index.ts';
import { PLAY_DEFAULTS } from '../run.ts';
import { keywordNumber, keywordValue } from './keyword.ts';

const at = { file: 'site.yml', line: 3, col: 7 };
const templar = createTemplar({
  searchPath: () => [],
  readFile: () => Buffer.alloc(0),
  decrypt: text => text,
  env: {},
});
const onlyOmit = {
  get: (name: string) => (name === 'omit' ? OMIT : new Undefined(name)),
  has: (name: string) => name === 'omit',
  names: () => ['omit'],
};

describe('engine: a keyword', () => {
  for (const [written, value] of [
    ['{{ 1 + 1 }}', 2],
    ['{{ omit }}', undefined],
    ['{{ none }}', null],
    [null, null],
    [false, false],
    ['{{ [1, omit] }}', [1, OMIT]],
  ] as const) {
    it(`written as ${JSON.stringify(written)} comes to ${JSON.stringify(value)}`, () => {
      expect(keywordValue(templar, { value: written as Value, at }, onlyOmit)).to.deep.equal(value);
    });
  }

  it('that nobody wrote has no value', () => {
    expect(keywordValue(templar, undefined, onlyOmit)).to.equal(undefined);
    expect(keywordNumber(templar, undefined, onlyOmit, 7)).to.equal(7);
  });

  it('that counts takes a number as text, and nothing else', () => {
    const number = (value: Value) => keywordNumber(templar, { value, at }, onlyOmit, 7);
    expect(number('12')).to.equal(12);
    expect(number('{{ omit }}')).to.equal(7);
    expect(() => number('many'))
      .to.throw('expected a number, not "many"')
      .with.property('position', at);
  });

  it('that comes to omit is as if it were not there', async () => {
    const run = await trial(
      `- hosts: all
  gather_facts: "{{ omit }}"
  strategy: "{{ omit }}"
  tasks:
    - name: a
      command: "false"
      ignore_errors: true
      no_log: "{{ omit }}"
      timeout: "{{ omit }}"
      async: "{{ omit }}"
      poll: "{{ omit }}"
      throttle: "{{ omit }}"
      run_once: "{{ omit }}"
      delegate_to: "{{ omit }}"
      become: "{{ omit }}"
      retries: "{{ omit }}"
      delay: 0
      until: r.attempts == 2
      register: r
    - debug: {msg: "{{ r.attempts }}"}
`,
      { hosts: 'h1\nh2\n', defaults: { ...PLAY_DEFAULTS, gathering: 'explicit' } },
    );
    if (run.error) throw run.error;
    expect(run.lines).to.deep.equal(['a h1 ignored', 'a h2 ignored', 'debug h1 ok', 'debug h2 ok']);
    expect(run.said).to.deep.equal([2, 2]);
  });
});

describe('engine: until', () => {
  const task = (body: string) => `- hosts: all\n  gather_facts: false\n  tasks:\n    - name: a\n${body}`;

  it('asks whether the task is to run once only, before its first try', async () => {
    const run = await trial(
      task(`      command: "true"
      when: r is not defined
      until: r.attempts == 2
      delay: 0
      register: r
`),
      { hosts: 'h1\n' },
    );
    expect(run.lines).to.deep.equal(['a h1 changed']);
  });

  it('sees what a condition on the result that cannot be evaluated came to', async () => {
    const run = await trial(
      task(`      command: "true"
      changed_when: r.nosuch.thing
      until: r is failed
      delay: 0
      register: r
`),
      { hosts: 'h1\n' },
    );
    expect(run.lines).to.deep.equal(['a h1 failed']);
    expect(run.events.filter(event => event.type === 'retry')).to.have.length(0);
  });

  it('refuses a number of tries that is none', async () => {
    const run = await trial(
      task(`      command: "true"
      until: true
      retries: "{{ 'many' }}"
`),
      { hosts: 'h1\n' },
    );
    const outcome = run.events.find(event => event.type === 'outcome');
    expect(outcome?.result.msg).to.contain('expected a number, not "many"');
  });
});
