import { expect } from 'chai';
import { trial } from '../../../test/support/run-playbook.ts';

describe('a task with async', () => {
  it('registers the diff that it registers without', async () => {
    const told = await trial(
      `- hosts: all
  gather_facts: false
  tasks:
    - copy: {dest: "{{ playbook_dir }}/{{ item }}", content: "old\\n"}
      loop: [here, there]
    - lineinfile: {path: "{{ playbook_dir }}/here", line: new}
      register: here
    - lineinfile: {path: "{{ playbook_dir }}/there", line: new}
      register: there
      async: 20
      poll: 1
    - assert:
        that:
          - there is changed
          - there.diff[0].before == here.diff[0].before
          - there.diff[0].after == "old\\nnew\\n"
`,
      { hosts: 'h1\n' },
    );
    expect(told.summary.exitCode, JSON.stringify(told.events.slice(-4))).to.equal(0);
  });
});
