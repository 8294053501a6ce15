import { expect } from 'chai';
import { runWith } from '../support/program.ts';

/** A host whose programs answer nonsense: its PATH begins with a `stat` of its own. */
const files = {
  'bin/stat': '#!/bin/sh\nprintf "[[{\\n|||x\\0\\n"\n',
  hosts: 'evil ansible_connection=local\ngood ansible_connection=local\n',
  'site.yml': `- hosts: all
  gather_facts: false
  tasks:
    - name: ask
      stat: {path: /etc/passwd}
      environment: {PATH: "{{ playbook_dir ~ '/bin:' if inventory_hostname == 'evil' else '' }}/usr/bin:/bin"}
    - name: go on
      command: echo went on
`,
};
const RUN = ['site.yml', '-i', 'hosts'];

describe('a reply that nobody expects', () => {
  it('fails the host that gave it; the others go on, and the reports tell', async () => {
    const { code, stdout } = await runWith(files, [...RUN, '--format', 'json']);
    const report = JSON.parse(stdout);
    expect([code, report.exit_code]).to.deep.equal([2, 2]);
    const hostsOf = (task: { hosts: object }) => Object.keys(task.hosts).sort();
    expect(report.plays[0].tasks.map(hostsOf)).to.deep.equal([['evil', 'good'], ['good']]);
    expect([report.stats.evil.failures, report.stats.good.ok]).to.deep.equal([1, 2]);
  });

  it('is a failure in JUnit, and one sentence on the terminal', async () => {
    const { stdout: xml } = await runWith(files, [...RUN, '--format', 'junit']);
    expect(xml).to.match(/tests="3" failures="1"/);
    const { code, stdout } = await runWith(files, RUN);
    expect(code).to.equal(2);
    expect(stdout).to.match(/^fatal: \[evil\]: FAILED! => .*stat.*$/m);
    expect(stdout).to.match(/^good +: ok=2 /m);
  });
});

describe('a run that ends before its end', () => {
  const broken = {
    hosts: 'h1 ansible_connection=local\n',
    'site.yml':
      '- hosts: all\n  gather_facts: false\n  tasks:\n    - include_tasks: "{{ \'more\' }}.yml"\n    - debug:\n',
    'more.yml': '- nonsense: [\n',
  };

  it('says so in every report, with the exit code of the program', async () => {
    const json = await runWith(broken, [...RUN, '--format', 'json']);
    const report = JSON.parse(json.stdout);
    expect(report.exit_code).to.equal(json.code).and.to.be.greaterThan(0);
    expect(report.ended).to.be.a('string').and.not.empty;
    const junit = await runWith(broken, [...RUN, '--format', 'junit']);
    expect(junit.code).to.equal(json.code);
    expect(junit.stdout).to.match(/<testsuite name="run" tests="1" errors="1">[\s\S]*<error message="/);
  });
});
