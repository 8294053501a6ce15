import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { floorScript, type HostSet, runners } from './runners.ts';

const playDir = fileURLToPath(new URL('play', import.meta.url));
const hostSet: HostSet = {
  hosts: ['h1', 'h2'],
  inventory: 'hosts.yaml',
  sshConfig: 'ssh_config',
  playDir,
  workDir: '/tmp/none',
};
const by = (name: string) => runners('dist/polarplay.js').find(c => c.name === name)!;

describe('runner bench: runners', () => {
  it('reads the recap, and only a complete one', () => {
    const recap =
      'PLAY RECAP ***\nh1   : ok=32   changed=24   unreachable=0    failed=0\nh2   : ok=31   changed=0    unreachable=0    failed=0\n';
    expect(by('ansible').changedHosts(recap, hostSet)).to.equal(1);
    expect(by('polarplay').changedHosts(recap.replace(/^h2.*\n/m, ''), hostSet)).to.equal(undefined);
    expect(by('floor').changedHosts('h1 17.2\nh1 changed=1\nh2 changed=0\n', hostSet)).to.equal(1);
    expect(by('floor').changedHosts('h1 changed=1\n', hostSet)).to.equal(undefined);
  });

  it('puts the files of the play into the script', () => {
    const script = floorScript(playDir);
    expect(script).not.to.match(/^@/m);
    expect(script).to.contain('word-0400 ').and.to.contain('This machine belongs to a benchmark.');
  });
});
