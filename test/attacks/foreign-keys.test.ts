import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { findModule } from '../../lib/engine/module-list.ts';
import { coerceArguments } from '../../lib/modules/kit/arguments.ts';
import { parseIni } from '../../lib/modules/system/facts/local.ts';
import { folderOf, runIn, runWith } from '../support/program.ts';

const ROOT = join(import.meta.dirname, '../..');
const FOREIGN = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf'];
const ENTRIES = [
  'lib/cli/main.ts',
  'verify/main.ts',
  'verify/faults/main.ts',
  'bench/main.ts',
  'bench/runner/main.ts',
];

describe('attacks: keys that a host chose', () => {
  it('give no other object a property: sections and keys of a fact file', () => {
    for (const name of FOREIGN) {
      const found = parseIni(`[${name}]\nshell = /bin/false\n${name} = 1\n`);
      expect(({} as Record<string, unknown>)['shell'], name).to.equal(undefined);
      expect(JSON.stringify(found), name).to.equal(
        JSON.stringify({ x: { shell: '/bin/false', y: '1' } })
          .replace('"x"', JSON.stringify(name))
          .replace('"y"', JSON.stringify(name.toLowerCase())),
      );
    }
  });

  it('are plain arguments of modules that take any', () => {
    const setFact = findModule('set_fact')!;
    const { args } = coerceArguments(setFact, JSON.parse('{"__proto__": {"polluted": 1}, "constructor": 2}'));
    expect(Object.keys(args)).to.include.members(['__proto__', 'constructor']);
    expect(({} as Record<string, unknown>)['polluted']).to.equal(undefined);
  });

  it('are data from fact files up to the report, and change nothing on other hosts', async () => {
    const dir = folderOf({
      ...Object.fromEntries(
        FOREIGN.map(name => [
          `facts.d/${name}.fact`,
          `[${name}]\nconnection = nosuch\nshell = /nonexistent\nhost = 203.0.113.1\nmsg = mine\n`,
        ]),
      ),
      hosts: `${FOREIGN.join('\n')}\nplain\n[all:vars]\nansible_connection=local\n[__proto__]\nplain\n[constructor]\nplain\n`,
      'site.yml': `
- hosts: all
  gather_facts: false
  tasks:
    - setup: {gather_subset: ['!all', '!min', local], fact_path: '${'{{ playbook_dir }}'}/facts.d'}
    - command: echo '{{ inventory_hostname }}'
      register: told
    - assert: {that: told.stdout == inventory_hostname}
    - set_fact: {constructor: one, __proto__: two}
    - assert: {that: [constructor == 'one', __proto__ == 'two', "groups['__proto__'] == ['plain']"]}
    - command: env
      environment: {constructor: c, __proto__: p}
      register: environment_now
    - assert: {that: ["'constructor=c' in environment_now.stdout_lines", "'__proto__=p' in environment_now.stdout_lines"]}
    - debug: {var: ansible_local}
`,
    });
    try {
      const run = await runIn(dir, ['site.yml', '-i', 'hosts', '--format', 'json']);
      expect(run.code, run.stdout + run.stderr).to.equal(0);
      const report = JSON.parse(run.stdout) as {
        plays: { tasks: { hosts: object }[] }[];
        stats: object;
      };
      expect(Object.keys(report.stats)).to.have.members([...FOREIGN, 'plain']);
      const [play] = report.plays;
      for (const task of play!.tasks) expect(Object.keys(task.hosts)).to.have.members([...FOREIGN, 'plain']);
      for (const name of FOREIGN) expect(run.stdout).to.include(`"${name}": {`);

      const listed = await runIn(dir, ['inventory', '-i', 'hosts', '--list']);
      const groups = JSON.parse(listed.stdout) as { _meta: { hostvars: object } };
      expect(Object.keys(groups)).to.include.members(['__proto__', 'constructor', '_meta']);
      expect(Object.keys(groups._meta.hostvars)).to.include.members([...FOREIGN, 'plain']);
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });

  it('name no command', async () => {
    const words = ['constructor', '__proto__'];
    const calls = words.flatMap(word => [[word], ['vault', word], ['lab', word], ['doc', word]]);
    const answers = await Promise.all(calls.map(args => runWith({}, args)));
    for (const [i, { code, stderr, stdout }] of answers.entries()) {
      expect(code, calls[i]!.join(' ')).to.be.oneOf([1, 5]);
      expect(stderr + stdout, calls[i]!.join(' ')).not.to.match(
        /internal|TypeError|is not a function|native code/,
      );
    }
    expect(answers[0]!.stderr).to.contain('"constructor" is not a command');
  });
});

describe('the prototype of all objects', () => {
  it('is frozen first of all by every program', () => {
    for (const entry of ENTRIES)
      expect(readFileSync(join(ROOT, entry), 'utf8'), entry).to.match(
        /^import '[./a-z]+\/frozen-prototype\.ts';\n/,
      );
  });

  it('takes no property, and the key __proto__ is a key like any other', async () => {
    await import('../../lib/source/frozen-prototype.ts');
    expect(Object.isFrozen(Object.prototype)).to.equal(true);
    const record: Record<string, unknown> = {};
    const key = '__proto__';
    record[key] = { polluted: true };
    expect(record['polluted']).to.equal(undefined);
    expect(Object.keys(record)).to.deep.equal(['__proto__']);
  });
});
