import { expect } from 'chai';
import {
  finishedArguments,
  recordsText,
  replaySteps,
  testContext,
} from '../../../test/support/run-module.ts';
import type { Json } from '../../source/value.ts';
import type { ActionModule, Reply, Result } from '../kit/define.ts';
import { ModuleError } from '../kit/define.ts';
import { dnf } from './dnf.ts';
import { packages } from './package.ts';
import { kindOf, parseTransaction, queryScript } from './rpm-choice.ts';

/** Runs the module against prepared answers; gives its result and the commands it asked for. */
function replay(
  raw: Record<string, Json>,
  replies: readonly Partial<Reply>[],
  checkMode = false,
  module = dnf,
) {
  const ctx = testContext({ checkMode, facts: { pkg_mgr: 'dnf' } });
  const steps = (module as ActionModule).run(finishedArguments(module, raw) as never, ctx);
  const { value, requests } = replaySteps(steps, replies);
  const commands = requests.map(r => {
    const lines = r.kind === 'sh' ? r.script.split('\n') : [r.kind];
    return (lines.find(line => line.startsWith('$y ')) ?? lines.at(-1)!).replace(/'$/, '');
  });
  return { result: value as Result, commands };
}

const INSTALLED = `Dependencies resolved.
Transaction Summary
Install  2 Packages
Complete!

Installed:
  lzo-2.08-14.el8.x86_64               nbd-3.22-1.el8.x86_64

Complete!
`;
const NOTHING =
  'Package bash-4.4.20-4.el8_6.x86_64 is already installed.\nDependencies resolved.\nNothing to do.\nComplete!\n';
const DENIED = 'Dependencies resolved.\nTransaction Summary\nInstall  1 Package\n\nOperation aborted.\n';

describe('dnf', () => {
  it('asks rpm only when all is there', () => {
    const { result, commands } = replay({ name: ['bash', 'nbd'] }, [
      { stdout: recordsText({ yes: '0' }) + recordsText({ yes: '1' }) },
    ]);
    expect(commands).to.have.length(1);
    expect(result).to.deep.include({ changed: false, msg: 'Nothing to do' });
  });

  it('installs what is missing', () => {
    const { result, commands } = replay({ name: 'bash,nbd', enablerepo: 'epel', disable_gpg_check: true }, [
      { stdout: recordsText({ yes: '0' }) },
      { stdout: INSTALLED },
    ]);
    expect(commands[1]).to.equal('$y -y --enablerepo=epel --nogpgcheck install nbd');
    expect(result).to.deep.include({ changed: true, rc: 0 });
    expect(result.results).to.deep.equal([
      'Installed: lzo-2.08-14.el8.x86_64',
      'Installed: nbd-3.22-1.el8.x86_64',
    ]);
  });

  it('is ok when dnf has nothing to do', () => {
    expect(replay({ name: '@development' }, [{}, { stdout: NOTHING }]).result.changed).to.equal(false);
  });

  it('predicts by saying no', () => {
    const { result, commands } = replay({ name: 'nbd' }, [{}, { stdout: DENIED, rc: 1 }], true);
    expect(commands[1]).to.equal('$y --assumeno install nbd');
    expect(result.changed).to.equal(true);
  });

  it('gives the reason of a failure', () => {
    const failing = () =>
      replay({ name: 'nosuch' }, [{}, { rc: 1, stderr: 'Error: Unable to find a match: nosuch\n' }]);
    expect(failing).to.throw(ModuleError, 'Failed to install nosuch: Error: Unable to find a match: nosuch');
    expect(() => replay({ name: 'x' }, [{ rc: 96 }])).to.throw('this host has no rpm');
  });

  it('upgrades, removes and cleans up', () => {
    expect(replay({ name: '*', state: 'latest' }, [{ stdout: NOTHING }]).commands).to.deep.equal([
      '$y -y upgrade',
    ]);
    expect(
      replay({ name: '*', state: 'latest', security: true }, [{ stdout: NOTHING }]).commands,
    ).to.deep.equal(['$y -y upgrade --security']);
    expect(
      replay({ name: ['a', 'b'], state: 'latest' }, [
        { stdout: recordsText({ yes: '0' }) },
        { stdout: INSTALLED },
        { stdout: NOTHING },
      ]).commands.slice(1),
    ).to.deep.equal(['$y -y install b', '$y -y upgrade a']);
    expect(
      replay({ name: ['a', 'b'], state: 'absent' }, [
        { stdout: recordsText({ yes: '1' }) },
        { stdout: 'Removed:\n  b-1.x86_64\n' },
      ]).commands[1],
    ).to.equal('$y -y remove b');
    expect(replay({ autoremove: true }, [{ stdout: NOTHING }]).commands).to.deep.equal(['$y -y autoremove']);
    expect(replay({ update_cache: true }, [{}]).result).to.deep.include({
      changed: false,
      msg: 'Cache updated',
    });
  });

  it('goes back to an older version when allowed to', () => {
    const { commands } = replay({ name: 'a-1.0', allow_downgrade: true }, [
      {},
      { stdout: NOTHING },
      {},
      { stdout: 'Downgraded:\n  a-1.0-1.x86_64\n' },
    ]);
    expect(commands[3]).to.equal('$y -y downgrade a-1.0');
  });

  it('asks rpm about each kind of name in its way', () => {
    const kinds = ['bash', '@base', '/usr/bin/x', 'http://x/a.rpm', '/tmp/a.rpm', 'php-*', 'bash >= 4'].map(
      kindOf,
    );
    expect(kinds).to.deep.equal(['package', 'group', 'path', 'file', 'file', 'pattern', 'comparison']);
    expect(queryScript(["a'b"], '/')).to.include(`rpm -q 'a'\\''b'`);
    expect(queryScript(['@g'], '/mnt')).not.to.include('@g');
  });

  it('reads what yum says', () => {
    const yum =
      'Updated:\n  bash.x86_64 0:4.2.46-35.el7_9                    \n\nDependency Updated:\n  glibc.x86_64 0:2.17-326.el7_9    \n\nComplete!\n';
    expect(parseTransaction(yum).results).to.deep.equal([
      'Updated: bash.x86_64 0:4.2.46-35.el7_9',
      'Dependency Updated: glibc.x86_64 0:2.17-326.el7_9',
    ]);
    expect(parseTransaction('No packages marked for update\n').nothing).to.equal(true);
  });
});

describe('package', () => {
  it('hands over to the package manager the facts name', () => {
    const { commands } = replay(
      { name: 'nbd', state: 'installed' },
      [{}, { stdout: INSTALLED }],
      false,
      packages,
    );
    expect(commands[1]).to.equal('$y -y install nbd');
  });
  it('finds the package manager by itself, and says when it knows none', () => {
    const run = (stdout: string) => {
      const steps = (packages as ActionModule).run(
        finishedArguments(packages, { name: 'x' }) as never,
        testContext(),
      );
      return replaySteps(steps, [{ stdout }, { stdout: recordsText({ yes: '0' }) }]);
    };
    expect((run('dnf\n').value as Result).changed).to.equal(false);
    expect(() => run('apk\n')).to.throw('Could not find a module for apk.');
    expect(() => run('')).to.throw('Could not detect which package manager to use');
  });
});
