import { existsSync, rmSync } from 'node:fs';
import { expect } from 'chai';
import { trial } from '../../test/support/run-playbook.ts';

const hosts = 'h1\n';

describe('check mode', () => {
  it('says what it cannot know, and why, instead of failing', async () => {
    const run = await trial(
      `
- hosts: all
  gather_facts: false
  tasks:
    - {name: ask, command: hostname, register: r}
    - {name: use, debug: {msg: "{{ r.stdout }}"}}
    - {name: forced, command: echo yes, check_mode: false, register: f}
    - {name: know, debug: {msg: "{{ f.stdout }}"}}
`,
      { hosts, checkMode: true },
    );
    expect(run.lines).to.deep.equal(['ask h1 unknown', 'use h1 unknown', 'forced h1 changed', 'know h1 ok']);
    const use = run.events.find(event => event.type === 'outcome' && event.task.name === 'use');
    expect(use).to.have.nested.property('result.unknown', 'unknown until "ask" has run: it sets r');
    expect(run.summary.exitCode).to.equal(0);
    expect(run.summary.hosts['h1']).to.include({ ok: 2, skipped: 2, unknown: 2, failed: 0 });
  });

  it('says of a hidden task that it is unknown, and hides why', async () => {
    const run = await trial(
      '- hosts: all\n  gather_facts: false\n  tasks:\n    - {name: t, command: echo x, no_log: true}\n',
      { hosts, checkMode: true },
    );
    expect(run.lines).to.deep.equal(['t h1 unknown']);
    const end = run.events.find(event => event.type === 'outcome');
    expect(end).to.have.nested.property('result.unknown').that.includes('no_log');
    expect(end).not.to.have.nested.property('result.msg');
  });

  it('still fails for what is wrong on the control machine', async () => {
    const run = await trial(
      '- hosts: all\n  gather_facts: false\n  tasks:\n    - {name: t, debug: {msg: "{{ nothing }}"}}\n',
      {
        hosts,
        checkMode: true,
      },
    );
    expect(run.lines).to.deep.equal(['t h1 failed']);
  });
});

describe('an interrupted run', () => {
  const places: readonly (readonly [string, (task: string) => string])[] = [
    ['among the tasks', task => `    - ${task}`],
    [
      'in a block with a rescue, which does not run',
      task => `    - block: [${task}]\n      rescue: [{name: mend, debug: {msg: x}}]`,
    ],
  ];
  for (const [place, tasks] of places)
    it(`stops the running command ${place}, starts no other task, and says so`, async () => {
      const controller = new AbortController();
      const mark = `/tmp/polarplay-interrupt-${process.pid}`;
      const whenStarted = setInterval(() => existsSync(mark) && controller.abort(), 20);
      const run = await trial(
        `
- hosts: all
  gather_facts: false
  tasks:
${tasks(`{name: long, shell: "touch ${mark}; sleep 20; rm ${mark}"}`)}
    - {name: next, debug: {msg: x}}
`,
        { hosts, signal: controller.signal },
      );
      clearInterval(whenStarted);
      expect(run.lines).to.deep.equal(['long h1 failed']);
      expect(run.summary.exitCode).to.equal(99);
      expect(run.summary.hosts.h1).to.include({ failed: 1, rescued: 0 });
      expect(run.events.some(event => event.type === 'interrupted')).to.equal(true);
      expect(run.summary.elapsedMs).to.be.lessThan(10_000);
      expect(existsSync(mark), 'the command was stopped before its end').to.equal(true);
      rmSync(mark);
    });
});
