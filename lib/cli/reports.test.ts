import { readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { folderOf, startIn } from '../../test/support/program.ts';

describe('log_path', function () {
  this.timeout(60_000);

  it('has what the terminal shows, run after run, with the time of each line and no secret', async () => {
    const dir = folderOf({
      hosts: 'h1 ansible_connection=local\n',
      'ansible.cfg': '[defaults]\nlog_path = run.log\n',
      'site.yml': `
- hosts: all
  gather_facts: false
  tasks:
    - {name: 写入, debug: {msg: 你好}}
    - {name: quiet, command: echo hidden-word, no_log: true}
`,
    });
    try {
      for (const _ of [1, 2])
        expect((await startIn(dir, ['site.yml', '-i', 'hosts', '-v']).ended).code).to.equal(0);
      const log = join(dir, 'run.log');
      const lines = readFileSync(log, 'utf8').trimEnd().split('\n');
      expect(lines.filter(line => line.includes('TASK [写入]'))).to.have.length(2);
      for (const line of lines) expect(line).to.match(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \d+ \| /);
      expect(lines.join('\n')).to.include('你好').and.not.include('hidden-word').and.not.include('\u001b');
      expect(statSync(log).mode & 0o007).to.equal(0);
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });
});
