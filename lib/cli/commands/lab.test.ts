import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { UsageError } from '../../source/errors.ts';
import { runLab, splitRemote } from './lab.ts';

describe('polarplay lab', () => {
  let root: string;
  let printed: string;
  const stateDir = process.env.POLARPLAY_STATE_DIR;
  const io = {
    stdout: { write: (text: string) => (printed += text) },
    stderr: { write: (text: string) => (printed += text) },
  };

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'polarplay-lab-'));
    process.env.POLARPLAY_STATE_DIR = root;
    printed = '';
  });
  afterEach(async () => {
    if (stateDir === undefined) delete process.env.POLARPLAY_STATE_DIR;
    else process.env.POLARPLAY_STATE_DIR = stateDir;
    await rm(root, { recursive: true });
  });

  const mistakes: readonly (readonly [readonly string[], number, string])[] = [
    [['boil'], 5, 'no lab command "boil"'],
    [['up', '--host', 'a'], 5, '--host'],
    [['up', '--hosts', 'A'], 5, 'lower-case'],
    [['up', '--disk-kind', 'tape'], 5, 'loop or file'],
    [['up', '--kind', 'lxc'], 5, 'nspawn, uml or vm'],
    [['up', '--memory', '3G'], 5, '--kind uml or vm'],
    [['up', '--kind', 'uml', '--memory', 'much'], 5, '--memory: "much" is not a size'],
    [['up', '--kind', 'uml', '--memory', '64M'], 5, 'at least 512M'],
    [['up', '--release', '../13'], 5, 'a codename such as trixie'],
    [['status', '--name', '../x'], 5, 'lower-case'],
    [['ssh'], 5, 'needs a host'],
    [['kill'], 5, 'needs a host'],
    [['status'], 1, 'no lab "lab" on this machine'],
    [['ssh', 'rw1', '--version'], 1, 'no lab "lab" on this machine'],
    [['inventory', '--name', 'other'], 1, 'no lab "other"'],
  ];
  for (const [argv, exitCode, says] of mistakes) {
    it(`says what is wrong with: ${argv.join(' ')}`, async () => {
      const error = await runLab(argv, io).then(
        () => undefined,
        (e: unknown) => e,
      );
      expect(error).to.be.instanceOf(UsageError);
      expect((error as UsageError).message).to.contain(says);
      expect((error as UsageError).exitCode).to.equal(exitCode);
    });
  }

  it('explains itself', async () => {
    expect(await runLab(['--help'], io)).to.equal(0);
    expect(await runLab([], io)).to.equal(5);
    expect(printed).to.contain('kill HOST');
  });

  it('takes everything behind the host of ssh as the remote command', () => {
    const cases: readonly (readonly [string, string, string])[] = [
      ['ssh rw1 ls --name x', 'ssh rw1', 'ls --name x'],
      ['ssh --name x rw1 -v', 'ssh --name x rw1', '-v'],
      ['--name x ssh rw1 ls', '--name x ssh rw1', 'ls'],
      ['ssh rw1', 'ssh rw1', ''],
      ['reboot rw1 --name x', 'reboot rw1 --name x', ''],
    ];
    for (const [line, own, rest] of cases) {
      const split = splitRemote(line.split(' '));
      expect(split.own.join(' '), line).to.equal(own);
      expect(split.rest.join(' '), line).to.equal(rest);
    }
  });
});
