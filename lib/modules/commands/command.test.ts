import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { itAgreesWithAnsible, type OracleCase } from '../../../test/support/ansible-module.ts';
import { runModule, withTemporaryDirectory } from '../../../test/support/run-module.ts';
import type { Json } from '../../source/value.ts';
import { command } from './command.ts';
import { deltaText, timeText } from './run-command.ts';
import { shell } from './shell.ts';

const run = (
  name: string,
  args: Record<string, Json>,
  setup = '',
  more: Partial<OracleCase> = {},
): OracleCase => ({
  name,
  setup,
  args,
  ...more,
});

const line = (name: string, cmd: string, args: Record<string, Json> = {}, setup = '') =>
  run(name, { _raw_params: cmd, ...args }, setup);

const COMMANDS: readonly OracleCase[] = [
  line('prints', 'echo one two'),
  line('splits as a shell would', `printf '%s|' "a b" c\\ d 'e"f' ""`),
  line('does not expand globs or pipes', 'echo * | cat ; > x', {}, ': >a'),
  line('expands variables and home', `printf '%s\\n' $HOME ~ \${HOME}/x $NOSUCH a~b '$HOME'`),
  run('takes a list', { argv: ['echo', 'a b', "it's", ''] }),
  line('fails with the code', 'sh -c "echo out; echo err >&2; exit 3"'),
  line('does not find a program', 'no-such-program a b'),
  line('does not find a path', '/no/such/program'),
  line('may not run a file', '{dir}/f', {}, ': >f'),
  line('may not run a directory', '{dir}'),
  line('runs no builtin', 'cd /'),
  line('runs a program that is a builtin, too', 'test -d /etc'),
  line('changes the directory', 'pwd', { chdir: '{dir}/sub' }, 'mkdir sub'),
  line('does not find the directory', 'pwd', { chdir: '{dir}/sub' }),
  line('does not enter a file', 'pwd', { chdir: '{dir}/sub' }, ': >sub'),
  line('does not run when it created', 'touch x', { creates: '{dir}/x' }),
  line('knows globs in creates', 'touch x', { creates: '{dir}/*.y' }, ': >a.y'),
  line('runs for a glob without match', 'true', { creates: '{dir}/*.y' }),
  line('does not run without', 'rm x', { removes: '{dir}/x' }, ': >x'),
  line('looks for creates where it runs', 'touch x', { creates: 'x', chdir: '{dir}' }),
  line('takes stdin', 'cat', { stdin: 'text' }),
  line('takes stdin as it is', 'cat', { stdin: 'text', stdin_add_newline: false, strip_empty_ends: false }),
  line('reads nothing without stdin', 'cat'),
  line('keeps empty ends', 'printf "a\\n\\n"', { strip_empty_ends: false }),
  line('strips empty ends', 'printf "\\n a \\n\\n\\n"'),
  line('refuses nothing', '  '),
  run('refuses both forms', { _raw_params: 'true', argv: ['true'] }),
  line('keeps umlauts', 'echo größe'),
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
