import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { parse } from 'yaml';
import { floorScript, type HostSet, runners } from './runners.ts';

type Args = { readonly dest?: string; readonly path?: string; readonly mode?: string };
type Task = { readonly [module in 'copy' | 'template' | 'file']?: Args };

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

  it('gives each file of the play one mode, or a second run changes it again', () => {
    const [play] = parse(readFileSync(join(playDir, 'play.yml'), 'utf8')) as [{ tasks: Task[] }];
    const modes = new Map<string, Set<string>>();
    for (const { copy, template, file } of play.tasks)
      for (const { dest, path = dest, mode } of [copy, template, file].filter(args => args !== undefined))
        if (path && mode) modes.set(path, (modes.get(path) ?? new Set()).add(mode));
    expect(modes.size).to.be.greaterThan(15);
    expect([...modes].filter(([, given]) => given.size > 1)).to.deep.equal([]);
  });

  it('puts the files of the play into the script', () => {
    const script = floorScript(playDir);
    expect(script).not.to.match(/^@/m);
    expect(script).to.contain('word-0400 ').and.to.contain('This machine belongs to a benchmark.');
  });
});
