import { expect } from 'chai';
import { itPredictsTheRun, type OracleCase } from '../../../test/support/ansible-module.ts';
import { runModule, withTemporaryDirectory } from '../../../test/support/run-module.ts';
import { sudoers } from './sudoers.ts';

const rule = {
  sudoers_path: '{dir}',
  name: 'rule',
  user: 'bob',
  commands: ['/bin/ls'],
  validation: 'absent',
};
const LINE = 'bob ALL=NOPASSWD: /bin/ls\\n';

describe('sudoers', () => {
  const cases: readonly OracleCase[] = [
    { name: 'new', args: rule },
    { name: 'same', setup: `printf '${LINE}' >rule; chmod 440 rule`, args: rule },
    { name: 'another mode', setup: `printf '${LINE}' >rule; chmod 640 rule`, args: rule },
    { name: 'another rule', setup: `echo x >rule; chmod 440 rule`, args: rule },
    { name: 'gone', setup: 'echo x >rule', args: { ...rule, state: 'absent' } },
    { name: 'gone already', args: { ...rule, state: 'absent' } },
  ];
  itPredictsTheRun(sudoers, cases);

  const lines: readonly [Record<string, string | boolean | string[]>, string][] = [
    [{}, 'bob ALL=NOPASSWD: /bin/ls\n'],
    [{ commands: ['/bin/ls', '/bin/df'], nopassword: false }, 'bob ALL= /bin/ls, /bin/df\n'],
    [{ runas: 'al', host: 'h', setenv: true, noexec: true }, 'bob h=(al)NOEXEC:NOPASSWD:SETENV: /bin/ls\n'],
    [
      { user: 'al', defaults: ['!targetpw', 'env_reset'] },
      'Defaults:al !targetpw\nDefaults:al env_reset\nal ALL=NOPASSWD: /bin/ls\n',
    ],
  ];
  for (const [args, line] of lines) {
    it(`writes ${JSON.stringify(line)}`, () =>
      withTemporaryDirectory(async dir => {
        const result = await runModule(sudoers, { ...rule, sudoers_path: dir, ...args }, { diffMode: true });
        expect(result.diff).to.have.lengthOf(1);
        expect(result.diff![0]).to.include({ before: '', after: line });
      }));
  }

  it('names a group with a percent sign, and refuses a rule for nobody', () =>
    withTemporaryDirectory(async dir => {
      const { user: _, ...nobody } = { ...rule, sudoers_path: dir };
      const result = await runModule(sudoers, { ...nobody, group: 'ops' });
      expect(result.diff![0]!.after).to.equal('%ops ALL=NOPASSWD: /bin/ls\n');
      expect((await runModule(sudoers, nobody)).msg).to.match(/one of the following is required/);
    }));
});
