import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { loaderFor } from '../../../test/support/load-playbook.ts';
import { folderOf, startIn } from '../../../test/support/program.ts';
import { PACKAGE_ROOT } from '../../source/package-root.ts';
import { optionalGroups } from './cluster-groups.ts';

const OURS = join(PACKAGE_ROOT, 'playbooks');

describe('groups that need not be there', function () {
  this.timeout(60_000);

  it('are those that tasks make, and those that our own playbooks can do without', () => {
    const site = loaderFor().loadPlaybook([join(OURS, 'site.yml')]);
    expect([...optionalGroups(site, OURS)]).to.include.members(['polar_shut_out', 'balancers']);
    expect([...optionalGroups(site, '/elsewhere')]).not.to.include('balancers');
  });

  it('are no reason for a warning; a misspelt one is', async () => {
    const dir = folderOf({
      hosts: 'h1 ansible_connection=local\n',
      'site.yml': `
- hosts: all
  gather_facts: false
  tasks:
    - add_host: {name: h9, groups: [lost]}
      when: false
- hosts: all:!lost
  gather_facts: false
- hosts: all:!lsot
  gather_facts: false
- hosts: balancers
  gather_facts: false
`,
    });
    const { code, stdout } = await startIn(dir, ['site.yml', '-i', 'hosts']).ended;
    rmSync(dir, { recursive: true, force: true });
    expect(code, stdout).to.equal(0);
    expect(
      [...stdout.matchAll(/Could not match supplied host pattern, ignoring: (\w+)/g)].map(m => m[1]),
    ).to.deep.equal(['lsot', 'balancers']);
  });
});
