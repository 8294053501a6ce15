import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { folderOf, startIn } from '../support/program.ts';

const site = `- hosts: all
  gather_facts: false
  tasks:
    - lineinfile: {path: "{{ playbook_dir }}/list", line: "{{ who }} {{ item }}", create: true}
      loop: "{{ range(50) | list }}"
`;

describe('two runs at once', () => {
  it('that add 50 lines each to one file make 100', async () => {
    const dir = folderOf({ 'site.yml': site, hosts: 'h1 ansible_connection=local\n' });
    try {
      const run = (who: string) => startIn(dir, ['site.yml', '-i', 'hosts', '-e', `who=${who}`]).ended;
      const ends = await Promise.all([run('a'), run('b')]);
      expect(
        ends.map(end => [end.code, end.stderr]),
        ends.map(end => end.stdout).join(''),
      ).to.deep.equal([
        [0, ''],
        [0, ''],
      ]);
      const lines = readFileSync(join(dir, 'list'), 'utf8').split('\n').slice(0, -1);
      expect(new Set(lines).size).to.equal(100);
      expect(lines).to.have.length(100);
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });
});
