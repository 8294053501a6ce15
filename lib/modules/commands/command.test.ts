import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import {
  commandCase,
  itAgreesWithAnsible,
  lineCase,
  type OracleCase,
} from '../../../test/support/ansible-module.ts';
import { runModule, withTemporaryDirectory } from '../../../test/support/run-module.ts';
import type { Json } from '../../source/value.ts';
import { command } from './command.ts';
import { deltaText, timeText } from './run-command.ts';
import { shell } from './shell.ts';

const COMMANDS: readonly OracleCase[] = [
  lineCase('prints', 'echo one two'),
  lineCase('splits as a shell would', `printf '%s|' "a b" c\\ d 'e"f' ""`),
  lineCase('does not expand globs or pipes', 'echo * | cat ; > x', {}, ': >a'),
  lineCase('expands variables and home', `printf '%s\\n' $HOME ~ \${HOME}/x $NOSUCH a~b '$HOME'`),
  commandCase('takes a list', { argv: ['echo', 'a b', "it's", ''] }),
  lineCase('fails with the code', 'sh -c "echo out; echo err >&2; exit 3"'),
  lineCase('does not find a program', 'no-such-program a b'),
  lineCase('does not find a path', '/no/such/program'),
  lineCase('may not run a file', '{dir}/f', {}, ': >f'),
  lineCase('may not run a directory', '{dir}'),
  lineCase('runs no builtin', 'cd /'),
  lineCase('runs a program that is a builtin, too', 'test -d /etc'),
  lineCase('changes the directory', 'pwd', { chdir: '{dir}/sub' }, 'mkdir sub'),
  lineCase('does not find the directory', 'pwd', { chdir: '{dir}/sub' }),
  lineCase('does not enter a file', 'pwd', { chdir: '{dir}/sub' }, ': >sub'),
  lineCase('does not run when it created', 'touch x', { creates: '{dir}/x' }),
  lineCase('knows globs in creates', 'touch x', { creates: '{dir}/*.y' }, ': >a.y'),
  lineCase('runs for a glob without match', 'true', { creates: '{dir}/*.y' }),
  lineCase('does not run without', 'rm x', { removes: '{dir}/x' }, ': >x'),
  lineCase('looks for creates where it runs', 'touch x', { creates: 'x', chdir: '{dir}' }),
  lineCase('takes stdin', 'cat', { stdin: 'text' }),
  lineCase('takes stdin as it is', 'cat', {
    stdin: 'text',
    stdin_add_newline: false,
    strip_empty_ends: false,
  }),
  lineCase('reads nothing without stdin', 'cat'),
  lineCase('keeps empty ends', 'printf "a\\n\\n"', { strip_empty_ends: false }),
  lineCase('strips empty ends', 'printf "\\n a \\n\\n\\n"'),
  lineCase('refuses nothing', '  '),
  commandCase('refuses both forms', { _raw_params: 'true', argv: ['true'] }),
  lineCase('keeps umlauts', 'echo größe'),
];

const FIELDS = ['cmd', 'rc', 'stdout', 'stderr', 'msg'];

describe('command', () => {
  itAgreesWithAnsible(command, { via: 'module', fields: FIELDS }, COMMANDS);

  for (const sh of ['bash', 'busybox'] as const) {
    it(`does the same under ${sh}`, () =>
      withTemporaryDirectory(async cwd => {
        const go = (cmd: string, more: Record<string, Json> = {}) =>
          runModule(command, { cmd, ...more }, { cwd, shell: sh });
        expect(await go('no-such-program')).to.include({
          rc: 2,
          msg: "[Errno 2] No such file or directory: b'no-such-program'",
          stderr: '',
        });
        expect(await go('/etc/passwd')).to.include({ rc: 13 });
        expect(await go("printf '%s|' a 'b c' $HOME")).to.include({ stdout: `a|b c|${process.env.HOME}|` });
        expect(await go('true', { creates: '/etc/pass*' })).to.include({ changed: false });
        expect(await go('true', { chdir: '/none' })).to.include({ failed: true });
        expect(await go('cat', { stdin: 'x' })).to.include({ stdout: 'x' });
      }));
  }

  it('lets creates and removes decide in check mode, and is skipped without', () =>
    withTemporaryDirectory(async dir => {
      const path = join(dir, 'x');
      const check = (args: Record<string, Json>) =>
        runModule(command, { cmd: `touch ${path}`, ...args }, { checkMode: true });
      // What Ansible makes up here (an exit code of 0, an empty output) would be a lie.
      expect(await check({})).to.deep.equal({ changed: false, skipped: true });
      expect(await check({ creates: path })).to.include({ changed: true });
      expect(await check({ removes: path })).to.include({
        changed: false,
        msg: `Would not run command since '${path}' does not exist`,
      });
      writeFileSync(path, '');
      expect(await check({ creates: path })).to.include({
        changed: false,
        stdout: `skipped, since ${path} exists`,
      });
    }));

  it('gives lines and times', async () => {
    const result = await runModule(command, { cmd: 'printf "a\\nb"' });
    expect(result.stdout_lines).to.deep.equal(['a', 'b']);
    expect(result.start).to.match(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}$/);
    expect(result.delta).to.match(/^0:00:0\d(\.\d{6})?$/);
    expect(deltaText(90_061_250)).to.equal('1 day, 1:01:01.250000');
    expect(deltaText(3000)).to.equal('0:00:03');
    expect(timeText(new Date(2026, 0, 2, 3, 4, 5, 6).getTime())).to.equal('2026-01-02 03:04:05.006000');
  });

  it('leaves words alone when told to', async () => {
    expect(await runModule(command, { cmd: 'echo $HOME', expand_argument_vars: false })).to.include({
      stdout: '$HOME',
    });
  });

  it('leaves the locale of the author alone', async () => {
    const options = { env: { LC_ALL: 'C.UTF-8' } };
    expect(await runModule(shell, { cmd: 'echo $LC_ALL' }, options)).to.include({ stdout: 'C.UTF-8' });
  });
});
