import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { contestants, type Field, floorScript } from './contestants.ts';

const playDir = fileURLToPath(new URL('play', import.meta.url));
const field: Field = {
  hosts: ['h1', 'h2'],
  inventory: 'hosts.yaml',
  sshConfig: 'ssh_config',
  playDir,
  workDir: '/tmp/none',
};
const by = (name: string) => contestants('dist/polarplay.js').find(c => c.name === name)!;

describe('runner bench: contestants', () => {
  it('reads the recap, and only a complete one', () => {
    const recap =
      'PLAY RECAP ***\nh1   : ok=32   changed=24   unreachable=0    failed=0\nh2   : ok=31   changed=0    unreachable=0    failed=0\n';
    expect(by('ansible').changedHosts(recap, field)).to.equal(1);
    expect(by('polarplay').changedHosts(recap.replace(/^h2.*\n/m, ''), field)).to.equal(undefined);
    expect(by('floor').changedHosts('h1 17.2\nh1 changed=1\nh2 changed=0\n', field)).to.equal(1);
    expect(by('floor').changedHosts('h1 changed=1\n', field)).to.equal(undefined);
  });

  it('puts the files of the play into the script', () => {
    const script = floorScript(playDir);
    expect(script).not.to.match(/^@/m);
    expect(script).to.contain('word-0400 ').and.to.contain('This machine belongs to a benchmark.');
  });
});
